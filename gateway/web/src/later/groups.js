// Groups, as they are seen: make one, who is in it, join, change and leave it.

import { Bar, Wrong, deviceId, cardOf, html, t, useAttempt, useState, words } from "../shared.js";

const contactsOf = (phone) => phone.chats().map((c) => c.person).filter((p) => p.standing === "contact");

export function NewGroup({ phone }) {
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState([]);
  const [wrong, attempt, busy, setWrong] = useAttempt();
  const choose = (ids) => { setChosen(ids); setWrong(""); };
  const make = (event) => {
    event.preventDefault();
    attempt(async () => { location.hash = "#c/" + await phone.inGroup("make", name, chosen); });
  };
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("new_group")} />
    <div class="sheet"><form onSubmit=${make} novalidate><p>${t("group_how")}</p>
      <label for="group-name">${t("group_name")}</label>
      <input id="group-name" type="text" dir="auto" autocomplete="off" value=${name} aria-describedby="group-wrong"
        aria-invalid=${Boolean(wrong)} onInput=${(e) => setName(e.target.value)} />
      <${Choice} people=${contactsOf(phone)} chosen=${chosen} setChosen=${choose} none=${t("nobody")} />
      <${Wrong} id="group-wrong">${wrong}<//>
      <p><button type="submit" class="primary" aria-disabled=${busy}>${t("make_group")}</button></p>
    </form></div></section>`;
}

function Choice({ people, chosen, setChosen, none }) {
  const toggle = (id) => setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : chosen.concat(id));
  return html`<fieldset><legend>${t("group_members")}</legend>
    ${people.length === 0 && html`<p class="quiet">${none}</p>`}
    ${people.map((p) => html`<label key=${p.id} class="choice"><input type="checkbox" checked=${chosen.includes(p.id)}
      onChange=${() => toggle(p.id)} /><bdi>${p.name}</bdi></label>`)}</fieldset>`;
}

// Below a conversation in which one does not write (yet).
export function GroupFoot({ phone, person: { group } }) {
  const [wrong, attempt, busy] = useAttempt();
  const act = (action) => attempt(() => phone.inGroup(action, group.id));
  if (group.standing !== "invited") {
    const said = group.standing === "ended" ? t("group_ended") : group.standing === "left" ? t("group_left")
      : group.standing === "out" ? t("group_out") : t("group_waits");
    return html`<div class="foot"><p>${said}</p></div>`;
  }
  const maker = group.members.find((m) => m.id === group.maker);
  return html`<div class="foot" role="group"><p dir="auto">${t("group_invited", { who: nameOf(phone, maker) })}</p>
    <p class="buttons"><button type="button" class="primary" aria-disabled=${busy} onClick=${() => act("accept")}>${t("accept")}</button>
      <button type="button" aria-disabled=${busy} onClick=${() => act("leave")}>${t("group_decline")}</button></p>
    <${Wrong} id="group-foot-wrong">${wrong}<//></div>`;
}

// Our own name for somebody, else what they call themselves.
function nameOf(phone, { id, card }) {
  const person = phone.people.get(id);
  return person && person.standing === "contact" ? person.name : card.name;
}

export function GroupDetails({ phone, person: { group } }) {
  const [wrong, attempt, busy] = useAttempt();
  const act = (action, ...rest) => attempt(() => phone.inGroup(action, group.id, ...rest));
  const mine = group.mine && group.standing === "in";
  const refused = Object.values(group.refused).reduce((sum, n) => sum + n, 0);
  return html`<details class="details"><summary class="quiet">${t("group_members")}: ${group.members.length}</summary>
    <ul class="members">${group.members.map((member) => html`<${Member} key=${member.id} phone=${phone} group=${group}
      member=${member} remove=${mine && (() => act("remove", member.id))} />`)}</ul>
    ${refused > 0 && html`<p class="error">${t("group_refused", { n: refused })}</p>`}
    ${mine && html`<${Change} phone=${phone} group=${group} act=${act} busy=${busy} />`}
    <${Wrong} id="group-details-wrong">${wrong}<//>
    ${group.standing === "in" && html`<${Sure} label=${t(group.mine ? "group_end" : "group_leave")}
      sure=${t(group.mine ? "group_end_sure" : "group_leave_sure")} act=${() => act("leave")} />`}
  </details>`;
}

function Member({ phone, group, member, remove }) {
  const name = nameOf(phone, member);
  const me = member.id === deviceId(cardOf(phone.me));
  const maker = member.id === group.maker;
  const tag = maker ? t("group_maker") : member.left ? t("group_has_left") : member.joined ? "" : t("group_not_yet");
  return html`<li><div><bdi>${name}</bdi>${me && html` <span class="quiet">(${t("group_you")})</span>`}${tag && html` <span class="tag">${tag}</span>`}</div>
    <div class="words quiet" dir="ltr">${words(member.id)}</div>
    ${remove && !me && html`<${Sure} label=${t("group_remove", { name })} sure=${t("group_remove_sure", { name })} act=${remove} />`}</li>`;
}

// What only its maker can do.
function Change({ phone, group, act, busy }) {
  const [name, setName] = useState(group.name);
  const [chosen, setChosen] = useState([]);
  const outside = contactsOf(phone).filter((p) => !group.members.some((m) => (phone.leader(m.id) || m).id === p.id));
  const rename = (event) => {
    event.preventDefault();
    act("rename", name);
  };
  const invite = () => {
    act("invite", chosen);
    setChosen([]);
  };
  return html`<form onSubmit=${rename} novalidate><label for="group-rename">${t("group_name")}</label>
      <input id="group-rename" type="text" dir="auto" autocomplete="off" value=${name} aria-describedby="group-details-wrong"
        onInput=${(e) => setName(e.target.value)} />
      <p><button type="submit" aria-disabled=${busy}>${t("save")}</button></p></form>
    ${outside.length > 0 && html`<${Choice} people=${outside} chosen=${chosen} setChosen=${setChosen} />
      <p><button type="button" aria-disabled=${busy || !chosen.length} onClick=${() => chosen.length && invite()}>${t("group_add")}</button></p>`}
    <p class="quiet">${t("group_renew_how")}</p>
    <p><button type="button" aria-disabled=${busy} onClick=${() => act("renew")}>${t("group_renew")}</button></p>`;
}

// A button, and the question whether it was meant.
function Sure({ label, sure, act }) {
  const [asked, setAsked] = useState(false);
  if (!asked) return html`<p><button type="button" class="small" onClick=${() => setAsked(true)}>${label}</button></p>`;
  return html`<p class="buttons"><button type="button" class="danger" onClick=${() => { setAsked(false); act(); }}>${sure}</button>
    <button type="button" onClick=${() => setAsked(false)}>${t("keep_it")}</button></p>`;
}
