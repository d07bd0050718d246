// Recovery kits, and this page's keys, behind a passphrase: locking takes memory and seconds, and its code is
// seldom needed.

import { lock, unlock, unlockForGood } from "../vault.js";
import { Sun, Wrong, html, t, useAttempt, useState } from "../shared.js";

export { lockedKit, unlockedKit } from "../kit_lock.js";

function Passphrase({ id, value, setValue, wrong, shown = false }) {
  return html`<label for=${id}>${t("passphrase")}</label>
    <input id=${id} type=${shown ? "text" : "password"} dir="auto" autocomplete="off" autocapitalize="off" spellcheck="false"
      value=${value} aria-describedby=${id + "-wrong"} aria-invalid=${Boolean(wrong)} onInput=${(e) => setValue(e.target.value)} />
    <${Wrong} id=${id + "-wrong"}>${wrong}<//>`;
}

// Before anything else, while the keys are locked.
export function Unlock({ phone }) {
  const [phrase, setPhrase] = useState("");
  const [sure, setSure] = useState(false);
  const [wrong, attempt, busy] = useAttempt();
  const open = (event) => {
    event.preventDefault();
    attempt(async () => {
      await unlock(phone.store, phrase);
      await phone.reload();
    });
  };
  const forget = async () => {
    await phone.forget();
    location.replace(location.pathname);
  };
  return html`<main class="start"><div class="sheet"><${Sun} /><h1>Heliograph</h1><p>${t("locked_how")}</p>
    <form onSubmit=${open} novalidate><${Passphrase} id="unlock" value=${phrase} setValue=${setPhrase} wrong=${wrong} />
      <p><button type="submit" class="primary" aria-disabled=${busy}>${t("unlock")}</button>
        <span class="said" role="status">${busy ? t("locking") : ""}</span></p></form>
    ${sure ? html`<p>${t("forget_how")}</p><p class="buttons"><button type="button" class="danger" onClick=${forget}>${t("forget_sure")}</button>
        <button type="button" onClick=${() => setSure(false)}>${t("keep_it")}</button></p>`
      : html`<p><button type="button" class="small" onClick=${() => setSure(true)}>${t("forget")}</button></p>`}
  </div></main>`;
}

// In the settings.
export function Lock({ phone }) {
  const [phrase, setPhrase] = useState("");
  const [on, setOn] = useState(Boolean(phone.store.vault));
  const [wrong, attempt, busy] = useAttempt();
  const change = (event) => {
    event.preventDefault();
    attempt(async () => {
      await (on ? unlockForGood(phone.store) : lock(phone.store, phrase));
      setPhrase("");
      setOn(!on);
    });
  };
  return html`<h3>${t("lock_title")}</h3><p>${t("lock_how")}</p>
    <form onSubmit=${change} novalidate>
      ${!on && html`<${Passphrase} id="lock" value=${phrase} setValue=${setPhrase} wrong=${wrong} shown />`}
      <p><button type="submit" id="lock-change" aria-disabled=${busy}>${t(on ? "lock_off" : "lock_on")}</button>
        <span class="said" role="status">${busy ? t("locking") : ""}</span></p></form>`;
}
