// One message, and how far it is.

import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { best } from "./account.js";
import { isPicture } from "./bodies.js";
import { slowest } from "./ladder.js";
import { noticeText } from "./notices.js";
import { dataUrl } from "./pictures.js";
import { t, when } from "./words.js";

const LONG_CHARS = 1500; // longer messages are folded
const LONG_LINES = 24;
const SHORT_CHARS = 600;
const SHORT_LINES = 10;
const STILL_TRYING_MS = 600_000; // after ten minutes a person wonders
const NOTES = { // of notes.js
  removed_mail: "note_removed_mail", removed_device: "note_removed_device", more_devices: "note_more_devices",
  old_list: "note_old_list", two_lists: "note_two_lists", key_followed: "note_key_followed",
  strange_key: "note_strange_key",
};

export function Bubble({ phone, message, person }) {
  const out = message.dir === "out";
  if (message.kind === "notice") return html`<${Notice} message=${message} />`;
  const part = out && (message.group ? { state: stateOfAll(message), mids: message.sent.map((one) => one.mid) } : best(phone.partsFor(message, person.id)));
  const time = when(out ? message.atMs / 1000 : sane(message));
  const about = out ? stateText(part, message) : relaysText(message);
  const pieces = out && part.state === "queued" && phone.underway.sent(part.mids[part.mids.length - 1]);
  return html`<article id=${"m" + message.order} tabindex="-1" class=${"bubble " + (out ? "out " + part.state : "in")}>
    ${message.from && html`<p class="from" dir="auto">${nameOf(phone, message.from, message.fromName)}</p>`}
    <${Content} phone=${phone} message=${message} person=${person} />
    <p class="meta">${time && html`<time>${time}</time>`}${time && about ? " · " : ""}<span class="state">${about}</span></p>
    ${pieces && html`<p class="meta"><progress max=${pieces[1]} value=${pieces[0]} aria-label=${about}></progress> ${t("pieces", { n: pieces[0], all: pieces[1] })}</p>`}
    ${out && part.state === "waiting" && message.kind === "file" && html`<progress aria-label=${about}></progress>`}
    ${out && message.parts.length > 1 && html`<${Others} phone=${phone} message=${message} />`}
    ${out && (part.state === "expired" || part.state === "refused") && html`<button type="button" class="small"
      onClick=${() => phone.again(message.order, [person.id]).catch(() => { /* it says why */ })}>${t("again")}</button>`}
  </article>`;
}

function nameOf(phone, id, said) {
  const person = phone.leader(id);
  return person ? person.name : said || id;
}

const Notice = ({ message }) => html`<p id=${"m" + message.order} tabindex="-1" class="notice" dir="auto">${noticeText(message.notice)}</p>`;

function Content({ phone, message, person }) {
  if (message.kind === "note") {
    return html`<p class="said quiet" dir="auto">${t(NOTES[message.note], { name: person.name, n: message.n })}</p>`;
  }
  if (message.kind === "file") return html`<${File} phone=${phone} message=${message} />`;
  if (message.kind === "newer") return html`<p class="said quiet">${t("needs_newer")}</p>`;
  return html`<${Words} text=${message.text} />`;
}

function Words({ text }) {
  const [folded, setFolded] = useState(true);
  const brief = shorten(text);
  return html`<p class="said" dir="auto">${folded ? brief : text}</p>
    ${brief !== text && html`<button type="button" class="small more" aria-expanded=${!folded}
      onClick=${() => setFolded(!folded)}>${t(folded ? "show_all" : "show_less")}</button>`}`;
}

function shorten(text) {
  const lines = text.split("\n");
  if (text.length <= LONG_CHARS && lines.length <= LONG_LINES) return text;
  const brief = lines.slice(0, SHORT_LINES).join("\n").slice(0, SHORT_CHARS);
  return brief.replace(/[\ud800-\udbff]$/, "") + "…"; // never half an emoji
}

function File({ phone, message }) {
  const [url, setUrl] = useState("");
  const { name, mime } = message.file;
  const picture = isPicture(mime);
  useEffect(() => {
    phone.file(message.order).then((file) => {
      // what is no picture is never opened as a page of this origin
      if (file) setUrl(dataUrl(picture ? mime : "application/octet-stream", file.bytes));
    });
  }, [message.order]);
  return html`${picture && url && html`<img class="picture" src=${url} alt=${t("picture", { name })} />`}
    <p class="said"><a href=${url || undefined} download=${name}><bdi>${t("save_file", { name })}</bdi></a>
      <span class="quiet"> ${t("bytes", { n: message.file.size })}</span></p>`;
}

// Each device that a message to several is for.
function Others({ phone, message }) {
  const has = (p) => p.state === "delivered" || p.state === "read";
  const done = message.parts.filter(has).length;
  return html`<details class="others" open=${message.parts.some((p) => p.why)}><summary>${t("of_several", { n: done, all: message.parts.length })}</summary>
    <ul>${message.parts.map((p) => {
      const person = phone.leader(p.person);
      const device = person && phone.partsFor(message, person.id).length > 1 && p.person.slice(0, 4);
      return html`<li key=${p.person}><bdi>${nameOf(phone, p.person, p.name)}</bdi>${device && html` <span class="words" dir="ltr">${device}</span>`}: <span class="state">${stateText(p, message)}</span></li>`;
    })}</ul></details>`;
}

export const stateOfAll = (message) => slowest(message.parts);

function stateText({ state, why }, message) {
  if (why) return t("no_" + why);
  const open = state === "queued" || state === "on_mesh" || state === "waiting";
  const old = Date.now() - message.atMs > STILL_TRYING_MS;
  return open && old ? t("still_trying", { state: t(state) }) : t(state);
}

function relaysText({ relays }) {
  if (relays === null || relays === undefined) return "";
  return relays ? t("relays", { n: relays }) : t("relays_none");
}

// The sender's clock, unless it is far from when the message came.
function sane({ unixS, atMs }) {
  return unixS > atMs / 1000 + 3600 || unixS < atMs / 1000 - 45 * 86_400 ? atMs / 1000 : unixS;
}
