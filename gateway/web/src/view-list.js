// The side: where we are, whom we write with, what can be done.

import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { Later } from "./loading.js";
import { noticeText } from "./notices.js";
import { Sun } from "./parts.js";
import { SAVED } from "./place.js";
import { t, when } from "./words.js";

const FOUND_MAX = 50; // messages of a search

export function Side({ phone, route }) {
  const [sought, setSought] = useState("");
  const chats = phone.chats();
  const words = sought.trim().toLocaleLowerCase();
  return html`<section id="side">
    <header class="bar"><${Sun} /><div class="grow"><h1>Heliograph</h1>
      <p class="quiet"><bdi>${phone.me.name}</bdi>${phone.info
        ? html` · <bdi>${t("at_gateway", { name: phone.info.name })}</bdi>` : ""}</p></div></header>
    ${SAVED && html`<${Later} name="saving" part="Address" bare phone=${phone} />`}
    <${Relay} link=${phone.link} />
    ${(chats.length > 0 || sought) && html`<div class="seek"><label for="search" class="unseen">${t("search")}</label>
      <input id="search" type="search" dir="auto" autocomplete="off" placeholder=${t("search")} value=${sought}
        onInput=${(e) => setSought(e.target.value)} /></div>`}
    <nav aria-label=${t("chats")}>
      ${words ? html`<${Found} phone=${phone} chats=${chats} words=${words} />`
        : html`<ul class="chats">${chats.map((c) => html`<${Row} key=${c.person.id} ...${c} open=${route.id === c.person.id} />`)}</ul>`}
      ${chats.length === 0 && html`<p class="quiet pad">${t("nobody")}</p>`}
      ${phone.underway.arriving().map(([mid, [n, all]]) => html`<p key=${mid} class="arriving quiet pad">${t("arriving", { n, all })}
        <progress max=${all} value=${n} aria-label=${t("arriving", { n, all })}></progress></p>`)}
      ${phone.shut > 0 && html`<p class="quiet pad">${t("shut", { n: phone.shut })}</p>`}
    </nav>
    <div class="actions">
      <a class="button primary" href="#add">${t("add")}</a><a class="button" href="#card">${t("my_card")}</a>
      <a class="button" href="#board">${t("board")}<${Calls} phone=${phone} /></a>
      <a class="button" href="#several">${t("several")}</a><a class="button" href="#group">${t("new_group")}</a><a class="button" href="#mesh">${t("mesh")}</a>
      <a class="button" href="#settings">${t("settings")}</a><a class="button" href="#safety">${t("safety")}</a>
    </div>
  </section>`;
}

function Calls({ phone }) {
  const n = phone.board ? phone.board.alarms().length : 0;
  return n > 0 && html` <span class="unread call" role="img" aria-label=${t("board_new", { n })}>${n}</span>`;
}

function Relay({ link }) {
  const { info, why } = link;
  const on = Boolean(info) && info.relay === "connected";
  const text = info ? (on ? t("relay_on", { n: info.neighbours || 0 }) : t("relay_off"))
    : why ? "" : t("connecting");
  return html`<p class=${on ? "relay on" : "relay"} role="status">${text}</p>`;
}

export const Face = ({ name }) => html`<span class="face" aria-hidden="true">${Array.from(name.trim() || "?")[0].toUpperCase()}</span>`;

export const preview = (m) => (m.kind === "text" ? m.text.slice(0, 120)
  : m.kind === "file" ? m.file.name : m.kind === "notice" ? noticeText(m.notice)
    : m.kind === "note" ? t("note") : t("needs_newer"));

function Row({ person, last, unread, open }) {
  return html`<li><a href=${"#c/" + person.id} aria-current=${open ? "page" : undefined}>
    <${Face} name=${person.name} />
    <div class="grow">
      <div class="line"><div class="name" dir="auto">${person.name}</div>
        ${person.group && person.group.standing === "invited" && html`<span class="tag">${t("group_invitation")}</span>`}
        ${person.standing === "stranger" && html`<span class="tag">${t("new_person")}</span>`}
        ${last && html`<time>${when(last.atMs / 1000, true)}</time>`}</div>
      <div class="line">${last && last.dir === "out" && html`<span class="you quiet">${t("you")}</span>`}
        <div class="last quiet" dir="auto">${last ? preview(last) : ""}</div>
        ${unread > 0 && html`<span class="unread" role="img" aria-label=${t("unread", { n: unread })}>${unread}</span>`}</div>
    </div></a></li>`;
}

function Found({ phone, chats, words }) {
  const has = (text) => text.toLocaleLowerCase().includes(words);
  const people = chats.filter((c) => has(c.person.name));
  const messages = phone.messages.filter((m) => has(m.kind === "file" ? m.file.name : m.text))
    .reverse().slice(0, FOUND_MAX);
  if (!people.length && !messages.length) return html`<p class="quiet pad" role="status">${t("nothing_found")}</p>`;
  return html`<ul class="chats">${people.map((c) => html`<${Row} key=${c.person.id} ...${c} />`)}
    ${messages.map((m) => {
      const person = phone.chat(m.chats[0]);
      return person && html`<li key=${"m" + m.order}><a href=${`#c/${person.id}/${m.order}`}><${Face} name=${person.name} />
        <div class="grow"><div class="line"><div class="name" dir="auto">${person.name}</div>
          <time>${when(m.atMs / 1000, true)}</time></div>
          <div class="last quiet" dir="auto">${around(m.kind === "file" ? m.file.name : m.text, words)}</div></div></a></li>`;
    })}</ul>`;
}

// The words found, with some before them.
function around(text, words) {
  const at = text.toLocaleLowerCase().indexOf(words);
  return at > 20 ? "…" + text.slice(at - 15) : text;
}
