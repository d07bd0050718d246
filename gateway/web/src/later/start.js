// The first thing a person sees: become somebody, with one tap and a name.

import { CodeField } from "./code/parts.js";
import { isLocked } from "../kit_text.js";
import { Later, Sun, Wrong, html, kitLink, load, parseKit, t, useAttempt, useState } from "../shared.js";

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

// given: from a link.
function Restore({ phone, given = "" }) {
  const [kit, setKit] = useState(given);
  const [phrase, setPhrase] = useState("");
  const [wrong, attempt, busy, setWrong] = useAttempt();
  const link = /#kit\/(.+)$/i.exec(kit.trim());
  const { kit: text, cards } = kitLink(link ? link[1] : kit.trim());
  const locked = isLocked(text);
  const restore = (event) => {
    event.preventDefault();
    attempt(async () => {
      const plain = locked ? await (await load("kit")).unlockedKit(text, phrase) : text;
      await phone.restore(plain, cards);
      if (given) goHome();
    });
  };
  return html`<form onSubmit=${restore} novalidate><p class="quiet">${t("kit_how")}</p>
    <${CodeField} id="kit" label=${t("kit_text")} hint="HELIOKIT:…" value=${kit} setValue=${setKit}
      wrong=${wrong} setWrong=${setWrong} />
    ${locked && html`<label for="phrase">${t("passphrase")}</label>
      <input id="phrase" type="password" autocomplete="off" value=${phrase} aria-describedby="kit-wrong" onInput=${(e) => setPhrase(e.target.value)} />`}
    <p><button type="submit" class="primary" aria-disabled=${busy}>${t("restore")}</button>
      <span class="said" role="status">${locked && busy ? t("locking") : ""}</span></p></form>`;
}

// The address held the keys.
function goHome() {
  history.replaceState(null, "", "#");
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

// A link that brings a kit. It is asked for: whoever made the link has the keys.
function FromLink({ phone, rest }) {
  const [wrong, attempt, busy] = useAttempt();
  const { kit, cards } = kitLink(rest);
  if (isLocked(kit)) return html`<${Restore} phone=${phone} given=${rest} />`;
  let name;
  try {
    ({ name } = parseKit(kit));
  } catch (refused) {
    return html`<${Wrong} id="kit-link">${t("no_" + refused.code)}<//><${Begin} phone=${phone} />`;
  }
  const take = () => attempt(async () => {
    await phone.restore(kit, cards);
    goHome();
  });
  return html`<p class="big">${t("use_kit", { name })}</p><p>${t("use_kit_why", { name })}</p>
    <p class="buttons"><button type="button" class="primary" aria-disabled=${busy} onClick=${take}>${t("use_it")}</button></p>
    <${Wrong} id="kit-link">${wrong}<//>`;
}
