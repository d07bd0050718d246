// The page in one file: to take it from a gateway, and to tell it a gateway's address.

import * as place from "../shared.js";
import { Refused, Wrong, hex, html, sha256, t, useAttempt, useState } from "../shared.js";

const NAME = "heliograph.html";

// A button that fetches the file; what it is, by its SHA-256.
export function Save() {
  const [saved, setSaved] = useState(null);
  const [wrong, attempt, busy] = useAttempt();
  const save = () => attempt(async () => {
    const answer = await fetch(place.FILE).catch(() => { throw new Refused("away"); });
    if (!answer.ok) throw new Refused("away");
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const url = URL.createObjectURL(new Blob([bytes], { type: "text/html" }));
    setSaved({ url, hash: hex(sha256(bytes)) });
  });
  return html`<h3>${t("save_page")}</h3><p>${t("save_page_how")}</p>
    <p class="buttons">${saved ? html`<a class="button primary" href=${saved.url} download=${NAME}>${t("save_file", { name: NAME })}</a>`
      : html`<button type="button" aria-disabled=${busy} onClick=${save}>${t("save_page")}</button>`}</p>
    ${saved && html`<p class="quiet">SHA-256</p><p class="words" dir="ltr">${saved.hash}</p><p>${t("save_page_check")}</p>`}
    <${Wrong} id="save-wrong">${wrong}<//>`;
}

// In the saved page: whose gateway it speaks to.
export function Address({ phone }) {
  const [typed, setTyped] = useState(place.base() || "");
  const [wrong, attempt] = useAttempt();
  const take = (event) => {
    event.preventDefault();
    attempt(async () => {
      const address = place.setBase(typed);
      if (!address) throw new Refused("bad-address");
      setTyped(address);
      phone.moved();
    });
  };
  return html`<form class="address seek" onSubmit=${take} novalidate><label for="address">${t("address")}</label>
    <input id="address" type="text" dir="ltr" inputmode="url" autocapitalize="off" autocomplete="off" spellcheck="false"
      placeholder="192.168.4.1:8080" value=${typed} aria-describedby="address-wrong" onInput=${(e) => setTyped(e.target.value)} />
    <${Wrong} id="address-wrong">${wrong}<//>
    <p class="buttons"><button type="submit" class="small">${t("address_take")}</button></p></form>`;
}
