// A conversation: its head, the log, and who the other one is.

import { html } from "htm/preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { devicesOf } from "./account.js";
import { Bubble } from "./bubble.js";
import { Composer } from "./composer.js";
import { words } from "./identity.js";
import { Later } from "./loading.js";
import { Bar, Wrong, useAttempt } from "./parts.js";
import { t } from "./words.js";

const SHOWN = 200; // messages drawn at once: old phones
const END_PX = 60;
const coarse = () => Boolean(window.matchMedia && matchMedia("(pointer: coarse)").matches);

export function Chat({ phone, person, target }) {
  const all = phone.inChat(person.id);
  const [shown, setShown] = useState(SHOWN);
  const [news, setNews] = useState(false);
  const scroll = useRef();
  const atEnd = useRef(true);
  const newest = all.length ? all[all.length - 1].order : 0;
  const toEnd = () => {
    if (!scroll.current) return; // a picture came when the chat was left
    scroll.current.scrollTop = scroll.current.scrollHeight;
    atEnd.current = true;
    setNews(false);
  };
  const markRead = () => {
    if (newest > person.read && atEnd.current && !document.hidden) phone.read(person.id, newest);
  };
  const first = useRef(true);
  useLayoutEffect(() => { // a new message: to the end if we are there or wrote it, else say so
    const found = first.current && target && document.getElementById("m" + target);
    if (found) {
      found.scrollIntoView({ block: "center" });
      atEnd.current = false;
      found.focus();
    } else if (first.current || atEnd.current || (all.length && all[all.length - 1].dir === "out")) toEnd();
    else setNews(true);
    first.current = false;
    markRead();
  }, [newest]);
  useEffect(() => {
    const seen = () => markRead();
    const resized = () => { if (atEnd.current) toEnd(); }; // the keyboard came
    document.addEventListener("visibilitychange", seen);
    window.addEventListener("resize", resized);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      window.removeEventListener("resize", resized);
    };
  });
  const scrolled = () => {
    const box = scroll.current;
    if (!box) return;
    atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
    if (atEnd.current && news) setNews(false);
    if (atEnd.current) markRead();
  };
  const earlier = () => {
    const fromEnd = scroll.current.scrollHeight - scroll.current.scrollTop;
    setShown(shown + SHOWN);
    setTimeout(() => { scroll.current.scrollTop = scroll.current.scrollHeight - fromEnd; });
  };
  const long = target && all.findIndex((m) => m.order === target);
  const from = Math.max(0, Math.min(all.length - shown, long >= 0 && target ? long - 20 : Infinity));
  return html`<section class="view" aria-labelledby="view-title">
    <${Bar} title=${person.name} steal=${coarse() && !target}>${person.group
      ? html`<${Later} name="groups" part="GroupDetails" phone=${phone} person=${person} />`
      : html`${person.badge && html`<${Later} name="badges" part="Theirs" bare phone=${phone} person=${person} />`}
        <${Details} phone=${phone} person=${person} />`}<//>
    <div id="scroll" ref=${scroll} role="region" tabindex="0" aria-label=${t("conversation")} onScroll=${scrolled}
      onLoadCapture=${() => { if (atEnd.current) toEnd(); /* a picture came */ }}>
      ${from > 0 && html`<button type="button" class="small earlier" onClick=${earlier}>${t("earlier")}</button>`}
      <div class="log" role="log" aria-live="polite" aria-relevant="additions" aria-labelledby="view-title">
        ${all.slice(from).map((m) => html`<${Bubble} key=${m.order} phone=${phone} message=${m} person=${person} />`)}
      </div>
      ${all.length === 0 && html`<p class="quiet silence">${t("silence")}</p>`}
    </div>
    ${news && html`<button type="button" class="small newer" onClick=${toEnd}>${t("newer")}</button>`}
    <${Foot} phone=${phone} person=${person} target=${target} />
  </section>`;
}

// Where one writes; for a stranger, the question whether one wants to.
function Foot({ phone, person, target }) {
  if (person.group && person.group.standing !== "in") {
    return html`<${Later} name="groups" part="GroupFoot" phone=${phone} person=${person} />`;
  }
  if (person.group || person.standing === "contact") {
    return html`<${Composer} phone=${phone} to=${[person.id]} draft=${person.id} focus=${!coarse() && !target} />`;
  }
  const blocked = person.standing === "blocked";
  return html`<div class="foot" role="group">
    <p dir="auto">${t(blocked ? "blocked" : "stranger", { name: person.name })}</p>
    <p class="buttons"><button type="button" class="primary" onClick=${() => phone.accept(person.id)}>${t(blocked ? "unblock" : "accept")}</button>
      ${!blocked && html`<button type="button" onClick=${() => phone.block(person.id)}>${t("block")}</button>`}</p>
  </div>`;
}

function Details({ phone, person }) {
  const [name, setName] = useState(person.name);
  const [wrong, attempt] = useAttempt();
  const twin = Array.from(phone.people.values()).some((p) =>
    p.id !== person.id && !p.joined && p.standing !== "mine" && p.standing !== "blocked" && p.name.toLocaleLowerCase() === person.name.toLocaleLowerCase());
  const rename = (event) => {
    event.preventDefault();
    attempt(() => phone.rename(person.id, name));
  };
  return html`<details class="details"><summary class="quiet">${t("details")}</summary>
    ${devicesOf(Array.from(phone.people.values()), person.id).filter((p) => !p.removed).map((p) => html`
      <p key=${p.id} class="words" dir="ltr">${words(p.id)}</p>`)}
    <p class="quiet">${t("compare", { name: person.name })}</p>
    ${person.badge && html`<p class="quiet">${t("badge_worth")}</p>`}
    ${twin && html`<p class="error">${t("same_name")}</p>`}
    <form onSubmit=${rename} novalidate><label for="rename">${t("name")}</label>
      <input id="rename" type="text" dir="auto" autocomplete="off" value=${name} aria-describedby="rename-wrong"
        onInput=${(e) => setName(e.target.value)} />
      <${Wrong} id="rename-wrong">${wrong}<//>
      <p class="buttons"><button type="submit">${t("save")}</button>
        ${person.standing === "contact" && html`<button type="button" onClick=${() => phone.block(person.id)}>${t("block")}</button>`}</p>
    </form></details>`;
}
