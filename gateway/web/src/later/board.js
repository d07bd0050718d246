// The board: what is told to the whole network, calls for help first; and telling it.

import { Board } from "../board.js";
import { TYPES, cleanText, placeOf } from "../board_notices.js";
import { tableOf } from "../table.js";
import {
  Bar, Wrong, cardOf, deviceId, html, t, useAttempt, useEffect, useRef, useState, utf8, words,
} from "../shared.js";

const SHOWN = 40; // notices drawn at once
const NEEDS = {
  medical: "need_medical", water: "need_water", trapped: "need_trapped", fire: "need_fire", other: "need_other",
};
const KINDS = { sos: "sos_calls", safe: "safe", looking: "looking", announcement: "announcement" };
const MINUTE_MS = 60_000;
const DRAFT = "heliograph.draft.board";

// There is one board for a page; it follows the gateway from the first time on.
export function watch(phone) {
  if (!phone.board) {
    phone.board = new Board(phone);
    phone.board.start();
  }
  return phone.board;
}

export function BoardView({ phone }) {
  const board = watch(phone);
  const [form, setForm] = useState(""); // the kind that is being written
  const [said, setSaid] = useState(false);
  useEffect(() => { board.open(); }, []);
  const [news, setNews] = useState(""); // said aloud
  useEffect(() => {
    const [call] = board.alarms();
    if (!call || document.hidden) return;
    setNews(t("sos_from", { name: call.notice.name }));
    board.seen();
  });
  const certified = board.organiser(cardOf(phone.me).device);
  const opened = (kind) => () => {
    setSaid(false);
    setForm(form === kind ? "" : kind);
  };
  const told = () => {
    setForm("");
    setSaid(true);
  };
  const kinds = ["safe", "looking", ...(certified ? ["announcement"] : [])];
  return html`<section class="view" aria-labelledby="view-title"><${Bar} title=${t("board")} />
    <div class="sheet board">
      <p class="unseen" role="alert">${news}</p><p>${t("board_how")}</p>
      <p class="buttons"><button type="button" class="danger" aria-expanded=${form === "sos"} onClick=${opened("sos")}>${t("sos")}</button>
        ${kinds.map((kind) => html`<button key=${kind} type="button" aria-expanded=${form === kind} onClick=${opened(kind)}>${t(KINDS[kind])}</button>`)}</p>
      ${form && html`<${Form} key=${form} board=${board} kind=${form} told=${told} leave=${opened(form)} />`}
      <p role="status">${said ? t("told") : ""}</p>
      <${Mine} board=${board} />
      <${List} phone=${phone} board=${board} />
    </div></section>`;
}

// --- telling

function Form({ board, kind, told, leave }) {
  const sos = kind === "sos";
  const [text, setText] = useState(() => draft(kind));
  const [where, setWhere] = useState("");
  const [need, setNeed] = useState("other");
  const [battery, setBattery] = useState(null);
  const [wrong, attempt, busy, setWrong] = useAttempt();
  const first = useRef();
  useEffect(() => {
    first.current.focus(); // of a call the need: no keyboard jumps up over the question
    if (sos && navigator.getBattery) { // only some browsers, and not over plain http
      navigator.getBattery().then((b) => setBattery(Math.round(b.level * 100)), () => {});
    }
  }, []);
  const typed = (event) => {
    setText(event.target.value);
    setWrong("");
    draft(kind, event.target.value);
  };
  const send = (event) => {
    event.preventDefault();
    attempt(async () => {
      await board.tell({ type: kind, text: cleanText(text), need: sos ? need : "", place: placeOf(where), battery });
      draft(kind, "");
      told();
    });
  };
  const left = bytesLeft(board, { type: kind, text, need: sos ? need : "", battery }, where);
  return html`<form class=${sos ? "tell call" : "tell"} onSubmit=${send} novalidate aria-label=${t(sos ? "sos_sure" : KINDS[kind])}>
    ${sos && html`<h3>${t("sos_sure")}</h3><p>${t("sos_how")}</p>
      <fieldset><legend>${t("need")}</legend>${Object.keys(NEEDS).map((one) => html`
        <label key=${one} class="choice"><input type="radio" name="need" value=${one} checked=${need === one}
          ref=${one === "other" ? first : undefined}
          onChange=${() => setNeed(one)} />${t(NEEDS[one])}</label>`)}</fieldset>`}
    <label for="notice-text">${t(kind === "looking" || kind === "announcement" ? "message" : "board_text")}</label>
    <textarea id="notice-text" ref=${sos ? undefined : first} rows="3" dir="auto" value=${text} aria-describedby="notice-left notice-wrong"
      aria-invalid=${Boolean(wrong)} onInput=${typed}></textarea>
    <p id="notice-left" class=${left < 0 ? "error" : "quiet"}>${left === null ? ""
      : left < 0 ? t("bytes_too_many", { n: -left }) : t("bytes_left", { n: left })}</p>
    <label for="notice-place">${t("place")}</label>
    <input id="notice-place" type="text" dir="ltr" autocomplete="off" placeholder="46.9481, 7.4474" value=${where}
      onInput=${(e) => { setWhere(e.target.value); setWrong(""); }} aria-describedby="notice-wrong" />
    ${battery !== null && html`<p class="quiet">${t("phone_battery", { n: battery })}</p>`}
    <${Wrong} id="notice-wrong">${wrong}<//>
    <p class="buttons"><button type="submit" class=${sos ? "danger" : "primary"} aria-disabled=${busy}>${t(sos ? "sos_send" : "tell")}</button>
      <button type="button" onClick=${leave}>${t("not_now")}</button></p>
  </form>`;
}

// What one frame has left, as far as what is typed can be told at all.
function bytesLeft(board, what, where) {
  try {
    return board.left({ ...what, place: placeOf(where) });
  } catch (refused) {
    if (refused.code === "no-place") return bytesLeft(board, what, "");
    if (refused.code !== "notice-long") return null;
    return bytesLeft(board, { ...what, text: "" }, "") - utf8(what.text).length; // a whole book
  }
}

function draft(kind, text) {
  try {
    if (text === undefined) return localStorage.getItem(`${DRAFT}.${kind}`) || "";
    if (text) localStorage.setItem(`${DRAFT}.${kind}`, text);
    else localStorage.removeItem(`${DRAFT}.${kind}`);
  } catch (refused) { /* the field still has it */ }
  return "";
}

// --- ours

function Mine({ board }) {
  const own = board.own();
  const [wrong, attempt, busy] = useAttempt();
  if (!own.length) return null;
  return html`<h3>${t("yours")}</h3><${Wrong} id="mine-wrong">${wrong}<//>
    <ul class="notices">${own.map((one) => html`<li key=${one.id} class=${one.notice && one.notice.type === "sos" ? "call" : ""}>
      <p><b>${one.notice && t(KINDS[one.notice.type])}</b> <span class="quiet">${stateOf(one)}</span></p>
      ${one.notice && one.notice.text && html`<p class="said" dir="auto">${one.notice.text}</p>`}
      ${one.state !== "ending" && html`<p><button type="button" class="small" aria-disabled=${busy}
        onClick=${() => attempt(() => board.cancel(one.id))}>${t("take_back")}</button></p>`}</li>`)}</ul>`;
}

function stateOf({ state, why, way }) {
  if (state === "ending") return t("taking_back");
  if (state === "refused") return `${t("refused")}: ${why}`;
  if (state === "waiting") return t("waiting");
  return t(way === 2 ? "on_mesh" : "queued");
}

// --- everybody's

function List({ phone, board }) {
  const [sought, setSought] = useState("");
  const [kind, setKind] = useState("");
  const [most, setMost] = useState(SHOWN);
  const wanted = sought.trim().toLocaleLowerCase().split(/\s+/);
  const all = board.all();
  const found = all.filter(({ notice }) => (!kind || notice.type === kind) && has(notice, wanted));
  const drawn = [];
  for (const heard of found) { // signatures take time: no more of them than are drawn
    if (drawn.length >= most) break;
    if (board.isTrue(heard)) drawn.push(heard);
  }
  return html`<div class="seek-board">
      <label for="board-search" class="unseen">${t("search")}</label>
      <input id="board-search" type="search" dir="auto" autocomplete="off" placeholder=${t("search")} value=${sought}
        onInput=${(e) => setSought(e.target.value)} />
      <label for="board-kind" class="unseen">${t("show_kinds")}</label>
      <select id="board-kind" onChange=${(e) => setKind(e.target.value)}>
        <option value="" selected=${!kind}>${t("all_kinds")}</option>
        ${TYPES.slice(1).map((type) => html`<option key=${type} value=${type} selected=${kind === type}>${t(KINDS[type])}</option>`)}</select></div>
    <ul class="notices">${drawn.map((heard) => html`<${Notice} key=${heard.id} phone=${phone} board=${board} heard=${heard} />`)}</ul>
    ${drawn.length === 0 && html`<p class="quiet" role="status">${t(!all.length ? "board_empty" : "nothing_found")}</p>`}
    ${found.length > most && html`<p><button type="button" onClick=${() => setMost(most + SHOWN)}>${t("earlier")}</button></p>`}
    ${found.length > 0 && html`<p><button type="button" onClick=${() => save(board, found)}>${t("export_csv")}</button></p>`}`;
}

const has = ({ name, text, need, type }, wanted) => {
  const words = `${name} ${text} ${t(KINDS[type])} ${need ? t(NEEDS[need]) : ""}`.toLocaleLowerCase();
  return wanted.every((word) => words.includes(word));
};

function Notice({ phone, board, heard }) {
  const { notice, state, relays, way } = heard;
  const known = phone.people.get(deviceId(notice));
  const over = state !== "live";
  const sos = notice.type === "sos";
  const organiser = notice.type === "announcement" ? board.organiser(notice.device) : null;
  const head = sos ? `${t("sos_calls")}: ${t(NEEDS[notice.need])}`
    : notice.type === "announcement" && !organiser ? t("board_note") : t(KINDS[notice.type]);
  return html`<li class=${over ? "over" : sos ? "call" : organiser ? "official" : ""}>
    <p class="head"><b>${head}</b> <span class="quiet">${over ? t("cancelled") : ago(heard.sinceMs)}</span></p>
    <p><bdi class="name">${notice.name}</bdi> <span class="words quiet" dir="ltr">${words(deviceId(notice))}</span>
      ${known && known.standing === "contact" && html` <span class="tag">${t("your_contact", { name: known.name })}</span>`}</p>
    ${!over && html`${notice.text && html`<p class="said" dir="auto">${notice.text}</p>`}
      ${notice.place && html`<p>${t("place_is")} <span class="words" dir="ltr">${notice.place.join(", ")}</span></p>`}
      ${notice.battery !== null && html`<p class="quiet">${t("phone_battery", { n: notice.battery })}</p>`}
      ${notice.type === "announcement" && html`<p class="quiet">${organiser ? t("certified", { name: organiser.name }) : t("uncertified")}</p>`}
      <p class="quiet">${way ? t("posted_here") : relays ? t("relays", { n: relays }) : t("relays_none")}</p>`}</li>`;
}

// How long ago, by this phone's clock and those on the way, which only count.
function ago(sinceMs) {
  const minutes = Math.max(0, Math.round((Date.now() - sinceMs) / MINUTE_MS));
  if (minutes < 60) return t("ago_min", { n: minutes });
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? t("ago_h", { n: hours }) : t("ago_d", { n: Math.floor(hours / 24) });
}

function save(board, found) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([tableOf(board, found, Date.now())], { type: "text/csv" }));
  link.download = "board.csv";
  document.body.appendChild(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), MINUTE_MS);
}
