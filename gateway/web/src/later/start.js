// The first thing a person sees: become somebody, with one tap and a name.

import { CodeField } from "./code/parts.js";
import { Later, Sun, Wrong, html, kitLink, parseKit, t, useAttempt, useState } from "../shared.js";

// noKeys: "", or why none can be made here.
export function Start({ phone, route, noKeys }) {
  if (noKeys) return html`<${Elsewhere} why=${noKeys} />`;
  return html`<main class="start">
    <div class="sheet">
      <${Sun} /><h1>Heliograph</h1>
      ${route.view === "kit" && route.rest
        ? html`<${FromLink} phone=${phone} rest=${route.rest} />`
        : route.view === "answer" && route.rest ? html`<${Later} name="devices" part="Join" phone=${phone} answered=${route.rest} />`
        : html`<${Begin} phone=${phone} />`}
    </div>
  </main>`;
}

function Elsewhere({ why }) {
  return html`<main class="start"><div class="sheet"><${Sun} />
    <h1>${why === "captive" ? t("captive") : "Heliograph"}</h1>
    <p>${why === "captive" ? t("captive_how") : t("nothing_kept")}</p>
    <p class="big" dir="ltr">${location.origin}</p></div></main>`;
}

function Begin({ phone }) {
  const [name, setName] = useState("");
  const [wrong, attempt, busy] = useAttempt();
  const [other, setOther] = useState(false); // its code and its keys come when it is wanted
  const begin = (event) => {
    event.preventDefault();
    attempt(() => phone.begin(name));
  };
  const any = () => setName(t("guest", { n: String(1000 + Math.floor(Math.random() * 9000)) }));
  return html`
    <p class="big">${t("welcome")}</p><p>${t("welcome_how")}</p>
    <form onSubmit=${begin} novalidate>
      <label for="my-name">${t("your_name")}</label>
      <input id="my-name" type="text" dir="auto" autocomplete="nickname" value=${name}
        aria-describedby="my-name-wrong" aria-invalid=${Boolean(wrong)}
        onInput=${(e) => setName(e.target.value)} />
      <${Wrong} id="my-name-wrong">${wrong}<//>
      <p class="buttons"><button type="submit" class="primary" aria-disabled=${busy}>${t("begin")}</button>
        <button type="button" onClick=${any}>${t("any_name")}</button></p>
      <p class="quiet">${t("begin_keys")}</p>
    </form>
    <details><summary>${t("have_kit")}</summary><${Restore} phone=${phone} /></details>
    <details onToggle=${(e) => setOther(e.target.open)}><summary>${t("join_other")}</summary>
      ${other && html`<${Later} name="devices" part="Join" phone=${phone} />`}</details>`;
}

function Restore({ phone }) {
  const [kit, setKit] = useState("");
  const [wrong, attempt, , setWrong] = useAttempt();
  const restore = (event) => {
    event.preventDefault();
    const link = /#kit\/(.+)$/i.exec(kit.trim());
    const { kit: text, cards } = kitLink(link ? link[1] : kit.trim());
    attempt(() => phone.restore(text, cards));
  };
  return html`<form onSubmit=${restore} novalidate><p class="quiet">${t("kit_how")}</p>
    <${CodeField} id="kit" label=${t("kit_text")} hint="HELIOKIT:…" value=${kit} setValue=${setKit}
      wrong=${wrong} setWrong=${setWrong} />
    <p><button type="submit" class="primary">${t("restore")}</button></p></form>`;
}

// A link that brings a kit. It is asked for: whoever made the link has the keys.
function FromLink({ phone, rest }) {
  const [wrong, attempt, busy] = useAttempt();
  const { kit, cards } = kitLink(rest);
  let name;
  try {
    ({ name } = parseKit(kit));
  } catch (refused) {
    return html`<${Wrong} id="kit-link">${t("no_" + refused.code)}<//><${Begin} phone=${phone} />`;
  }
  const take = () => attempt(async () => {
    await phone.restore(kit, cards);
    history.replaceState(null, "", "#"); // the address held the keys
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  });
  return html`<p class="big">${t("use_kit", { name })}</p><p>${t("use_kit_why", { name })}</p>
    <p class="buttons"><button type="button" class="primary" aria-disabled=${busy} onClick=${take}>${t("use_it")}</button></p>
    <${Wrong} id="kit-link">${wrong}<//>`;
}
