// Our devices: which there are, a new one, a lost one; and on the new one, joining.

import { Code, CodeField } from "./code/parts.js";
import { admit, answerLink, ask, join, readRequest, remove, requestLink } from "../own_devices.js";
import { Bar, html, load, origin, t, useAttempt, useEffect, useState, words } from "../shared.js";

export { attend } from "../attend.js";

const sealing = () => load("seal");

// asked: from a link, "" if the request is to be pasted.
export function Devices({ phone, asked = "" }) {
  const others = Array.from(phone.people.values()).filter((p) => p.standing === "mine" && !p.removed);
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("my_devices")} />
    <div class="sheet"><p>${t("devices_how")}</p>
      <ul class="found"><li><p>${t("this_device")} <span class="words" dir="ltr">${words(phone.id)}</span></p></li>
        ${others.map((p) => html`<${Other} key=${p.id} phone=${phone} device=${p} />`)}</ul>
      <${Admit} phone=${phone} asked=${asked} />
    </div></section>`;
}

function Other({ phone, device }) {
  const [sure, setSure] = useState(false);
  const [wrong, attempt, busy] = useAttempt();
  const take = () => attempt(async () => {
    await remove(phone.store, device.id, Date.now());
    await phone.changedMe();
  });
  return html`<li><p><span class="words" dir="ltr">${words(device.id)}</span>
      ${!device.record && html` <span class="quiet">${t("device_pending")}</span>`}</p>
    ${sure ? html`<p>${t("remove_how")}</p><p class="buttons">
        <button type="button" class="danger" aria-disabled=${busy} onClick=${take}>${t("remove_sure")}</button>
        <button type="button" onClick=${() => setSure(false)}>${t("keep_it")}</button></p>
        <p class="error" role="alert">${wrong}</p>`
      : html`<p><button type="button" class="small" onClick=${() => setSure(true)}>${t("remove_device")}</button></p>`}
  </li>`;
}

function Admit({ phone, asked }) {
  const [pasted, setPasted] = useState(asked);
  const [answer, setAnswer] = useState("");
  const [wrong, attempt, busy, setWrong] = useAttempt();
  const give = (event) => {
    event.preventDefault();
    attempt(async () => {
      setAnswer(await admit(phone.store, sealing, pasted));
      await phone.changedMe();
    });
  };
  let theirs = null;
  try { theirs = readRequest(pasted).id; } catch (notYet) { /* said when it is sent */ }
  if (answer) {
    return html`<h3>${t("add_device")}</h3><p>${t("answer_how")}</p>
      <${Code} text=${answer} codeText=${origin() ? answerLink(answer, origin()) : answer} label=${t("answer_code")} fieldLabel=${t("answer_text")} />`;
  }
  return html`<form class="card-form" onSubmit=${give} novalidate><h3>${t("add_device")}</h3><p>${t("add_device_how")}</p>
    <${CodeField} id="request" label=${t("request_field")} hint="HELIOASK:…" value=${pasted}
      setValue=${(v) => { setPasted(v); setWrong(""); }} wrong=${wrong} setWrong=${setWrong} />
    ${theirs && html`<p role="status">${t("admit_this")} <span class="words big" dir="ltr">${words(theirs)}</span></p>`}
    <p><button type="submit" class="primary" aria-disabled=${busy}>${t("admit")}</button></p></form>`;
}

// On a phone that is nobody's yet. answered: from a link.
export function Join({ phone, answered = "" }) {
  const [mine, setMine] = useState(null);
  const [pasted, setPasted] = useState(answered);
  const [wrong, attempt, busy, setWrong] = useAttempt();
  useEffect(() => { attempt(async () => setMine(await ask(phone.store))); }, []);
  const enter = (event) => {
    event.preventDefault();
    attempt(async () => {
      await join(phone.store, sealing, pasted);
      history.replaceState(null, "", "#");
      window.dispatchEvent(new HashChangeEvent("hashchange"));
      await phone.changedMe();
    });
  };
  return html`<p>${t("join_how")}</p>
    ${mine && html`<${Code} text=${mine.request} codeText=${origin() ? requestLink(mine.request, origin()) : mine.request}
        label=${t("request_code")} fieldLabel=${t("request_text")} />
      <p><span class="quiet">${t("my_words")}:</span> <span class="words" dir="ltr">${words(mine.id)}</span></p>`}
    <form onSubmit=${enter} novalidate><${CodeField} id="answer" label=${t("answer_field")} hint="HELIODEVICE:…" value=${pasted}
        setValue=${(v) => { setPasted(v); setWrong(""); }} wrong=${wrong} setWrong=${setWrong} />
      <p><button type="submit" class="primary" aria-disabled=${busy}>${t("join")}</button></p></form>`;
}
