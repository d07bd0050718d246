// Language, the recovery kit, forgetting this phone; and what all this is worth.

import { Code } from "./code/parts.js";
import { wishMarks, wishesMarks } from "../read_marks.js";
import {
  Bar, LANGUAGES, Later, SAVED, Wrong, choose, html, kitText, load, spoken, t, useAttempt, useEffect, useState,
} from "../shared.js";

export function Settings({ phone }) {
  const [kit, setKit] = useState(false);
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("settings")} />
    <div class="sheet">
      <${Language} phone=${phone} />
      <h3>${t("my_kit")}</h3><p>${t("my_kit_how")}</p>
      ${kit ? html`<${Code} text=${kitText(phone.me)} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`
        : html`<p><button type="button" onClick=${() => setKit(true)}>${t("show_kit")}</button></p><${Locked} phone=${phone} />`}
      <h3>${t("my_devices")}</h3><p><a class="button" href="#device">${t("my_devices_show")}</a></p>
      <${Later} name="directory" part="Findable" phone=${phone} />
      <${ReadMarks} phone=${phone} />
      <${Later} name="kit" part="Lock" phone=${phone} />
      <${Later} name="badges" part="MyBadge" bare phone=${phone} />
      <${Forget} phone=${phone} />
    </div></section>`;
}

function ReadMarks({ phone }) {
  const [on, setOn] = useState(null); // not read yet
  useEffect(() => { wishesMarks(phone.store).then(setOn); }, []);
  const change = async (event) => {
    setOn(event.target.checked);
    await wishMarks(phone.store, event.target.checked);
  };
  return html`<h3>${t("read_marks_title")}</h3><p id="marks-how">${t("read_marks_how")}</p>
    <label class="choice"><input id="read-marks" type="checkbox" checked=${Boolean(on)} disabled=${on === null}
      aria-describedby="marks-how" onChange=${change} />${t("read_marks")}</label>`;
}

// The kit behind a passphrase.
function Locked({ phone }) {
  const [phrase, setPhrase] = useState("");
  const [kit, setKit] = useState("");
  const [wrong, attempt, busy] = useAttempt();
  const lock = (event) => {
    event.preventDefault();
    attempt(async () => setKit(await (await load("kit")).lockedKit(phone.me, phrase)));
  };
  if (kit) {
    return html`<p>${t("kit_locked")}</p><${Code} text=${kit} label=${t("kit_code")} fieldLabel=${t("kit_text")} />`;
  }
  return html`<form onSubmit=${lock} novalidate><p id="lock-how">${t("kit_lock_how")}</p>
    <label for="lock-phrase">${t("passphrase")}</label>
    <input id="lock-phrase" type="text" dir="auto" autocomplete="off" autocapitalize="off" spellcheck="false" value=${phrase}
      aria-describedby="lock-how lock-wrong" aria-invalid=${Boolean(wrong)} onInput=${(e) => setPhrase(e.target.value)} />
    <${Wrong} id="lock-wrong">${wrong}<//>
    <p><button type="submit" aria-disabled=${busy}>${t("kit_lock")}</button>
      <span class="said" role="status">${busy ? t("locking") : ""}</span></p></form>`;
}

export function Language({ phone }) {
  const change = async (event) => {
    await choose(event.target.value);
    phone.changed();
  };
  return html`<label for="language">${t("language")}</label>
    <select id="language" onChange=${change}>${Object.keys(LANGUAGES).map((code) => html`
      <option value=${code} lang=${code} selected=${code === spoken()}>${LANGUAGES[code]}</option>`)}</select>`;
}

function Forget({ phone }) {
  const [sure, setSure] = useState(false);
  const forget = async () => {
    await phone.forget();
    location.replace(location.pathname);
  };
  return html`<h3>${t("forget")}</h3><p>${t("forget_how")}</p>
    ${sure ? html`<p class="buttons"><button type="button" class="danger" onClick=${forget}>${t("forget_sure")}</button>
        <button type="button" onClick=${() => setSure(false)}>${t("keep_it")}</button></p>`
      : html`<p><button type="button" onClick=${() => setSure(true)}>${t("forget")}</button></p>`}`;
}

export function Safety() {
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("safety")} />
    <div class="sheet" role="region" tabindex="0" aria-labelledby="view-title">${["sealed", "gateway", "wifi", "phone", "words", "ways"].map((k) => html`<p key=${k}>${t("safe_" + k)}</p>`)}
      ${SAVED ? html`<p>${t("safe_saved")}</p>` : html`<${Later} name="saving" part="Save" />`}</div>
  </section>`;
}
