// The directory on the page: find somebody by name, and let oneself be found.

import { peopleOf, folded } from "../directory.js";
import { isFindable, wish } from "../findable.js";
import {
  LIFETIME, Refused, Wrong, accountId, cardOf, deviceId, equal, html, t, useAttempt, useEffect, useState, words,
} from "../shared.js";

export { stayFindable } from "../findable.js";

const MARKS = { // what a person must know, and whether it is a warning
  name_taken: ["mark_taken", true], name_shared: ["mark_shared", false], conflict: ["mark_conflict", true],
  key_changed: ["mark_changed", false], gone_on: ["mark_gone", true],
};

export function Find({ phone }) {
  const [name, setName] = useState("");
  const [found, setFound] = useState(null);
  const [added, setAdded] = useState(null);
  const [wrong, attempt, busy] = useAttempt();
  const find = (event) => {
    event.preventDefault();
    setFound(null);
    setAdded(null);
    attempt(async () => {
      if (!name.trim()) throw new Refused("name-empty");
      setFound(peopleOf(await asked(phone.gateway.directory(name.trim()))));
    });
  };
  const add = (card, person) => attempt(async () => {
    const one = await phone.addCard(card);
    await phone.learn([...person.lists, ...person.records.values()]); // its other devices are the same person's
    setAdded(phone.leader(one.id));
  });
  return html`<form onSubmit=${find} class="find" novalidate><h3>${t("find")}</h3><p>${t("find_how")}</p>
      <label for="find-name">${t("name")}</label>
      <input id="find-name" type="text" dir="auto" autocomplete="off" maxlength="32" value=${name}
        aria-describedby="find-wrong" aria-invalid=${Boolean(wrong)} onInput=${(e) => setName(e.target.value)} />
      <${Wrong} id="find-wrong">${wrong}<//>
      <p><button type="submit" aria-disabled=${busy}>${t("search")}</button></p></form>
    <div role="status">
      ${found && found.length === 0 && html`<p>${t("find_none")}</p>`}
      ${added && html`<p>${t("compare", { name: added.name })}</p><p class="words big" dir="ltr">${words(added.id)}</p>
        <p><a class="button primary" href=${"#c/" + added.id}>${t("find_write")}</a></p>`}
    </div>
    ${found && found.length > 0 && html`<ul class="found">${found.map((person) => html`
      <${Somebody} key=${person.id} phone=${phone} person=${person} add=${add} busy=${busy} />`)}</ul>`}`;
}

function Somebody({ phone, person, add, busy }) {
  const contacts = Array.from(phone.people.values()).filter((p) => p.standing === "contact");
  const namesake = contacts.some((p) => folded(p.name) === folded(person.name)
    && !equal(p.card.account, person.account));
  return html`<li>
    <p class="big"><bdi>${person.name}</bdi></p>
    <p><span class="quiet">${t("account_id")}:</span> <span class="words" dir="ltr">${words(person.id)}</span></p>
    ${person.marks.map((mark) => html`<p key=${mark} class=${MARKS[mark][1] ? "error" : "quiet"}>${t(MARKS[mark][0])}</p>`)}
    ${namesake && html`<p class="error">${t("same_name")}</p>`}
    ${person.refused > 0 && html`<p class="error">${t("find_bad", { n: person.refused })}</p>`}
    ${person.cards.length === 0 && html`<p class="quiet">${t("no_device_yet")}</p>`}
    ${person.cards.map((card) => html`<${Device} key=${deviceId(card)} phone=${phone} card=${card} add=${(one) => add(one, person)} busy=${busy} />`)}
  </li>`;
}

// One of somebody's devices: written to by itself.
function Device({ phone, card, add, busy }) {
  const id = deviceId(card);
  const known = phone.people.get(id);
  const label = `dev-${id}`;
  return html`<p><span id=${label}><span class="quiet">${t("device_id")}:</span> <span class="words" dir="ltr">${words(id)}</span></span></p>
    ${id === phone.id ? html`<p class="quiet">${t("no_own-card")}</p>`
      : known && known.standing === "contact"
        ? html`<p><a class="button" href=${"#c/" + id} aria-describedby=${label}>${t("find_write")}</a></p>`
        : html`<p><button type="button" class="primary" aria-disabled=${busy} aria-describedby=${label}
            onClick=${() => add(card)}>${t("find_add", { name: card.name })}</button></p>`}`;
}

// In the settings.
export function Findable({ phone }) {
  const [on, setOn] = useState(null); // not read yet
  const [said, setSaid] = useState("");
  const [wrong, attempt, busy] = useAttempt();
  useEffect(() => { isFindable(phone.store).then(setOn); }, []);
  const change = (event) => {
    const wished = event.target.checked;
    setOn(wished);
    setSaid("");
    attempt(async () => {
      try {
        setSaid(await wish(phone, wished, LIFETIME));
      } catch (refused) {
        setOn(false);
        throw refused;
      }
    });
  };
  return html`<h3>${t("findable_title")}</h3><p id="findable-how">${t("findable_how")}</p>
    <label class="choice"><input id="findable" type="checkbox" checked=${Boolean(on)} disabled=${on === null || busy}
      aria-describedby="findable-how findable-wrong" onChange=${change} />${t("findable")}</label>
    <${Wrong} id="findable-wrong">${wrong}<//>
    <p role="status">${said === "on" ? t("findable_on") : said === "off" ? t("findable_off")
      : said === "waits" ? t("findable_waits") : ""}</p>
    ${on && html`<p><span class="quiet">${t("account_id")}:</span> <span class="words" dir="ltr">${words(accountId(cardOf(phone.me)))}</span></p>`}`;
}

async function asked(answer) {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof Refused ? error : new Refused("away");
  }
}
