"use strict";
// Heliograph's page. One file, no build, ES2017: it must run on an old phone that has no internet,
// over plain http, where crypto.subtle, the clipboard API and service workers do not exist.
// Truth lives on the gateway; this page keeps only drafts and what was read.

// Every word a person sees. To translate: replace this table, and set lang and dir on <html>.
const WORDS = {
  contacts: "Contacts",
  nobody: "No contacts yet. Give someone your card, and add theirs here.",
  choose: "Choose a contact to read and write.",
  add: "Add contact",
  add_how: "Ask the other person for their card: a line of text that begins with “helio:”. Paste it here.",
  card: "Their card",
  name: "Name (as you like to see it; may stay empty)",
  not_added: "Not added; your text is still here. {why}",
  my_card: "My card",
  card_how: "Give this text to people who want to write to you. It is not a secret.",
  copy: "Copy",
  copied: "Copied.",
  copy_refused: "Copying was refused: the text is marked, copy it by hand.",
  back: "Back to contacts",
  words: "Compare words",
  words_why: "Read these aloud to each other. If both see the same, nobody stands in between.",
  my_words: "Your words: {words}",
  conversation: "Conversation",
  silence: "Nothing here yet. What you write waits on the gateway until a relay carries it.",
  earlier: "Show earlier messages",
  newer: "New message ↓",
  message: "Message",
  send: "Send",
  sending: "Sending…",
  count: "{n} bytes",
  count_near: "{n} of {most} bytes",
  count_over: "{n} of {most} bytes: too long to send",
  unsent: "Not sent; your text is still here. {why}",
  unsure: "The gateway did not answer, so it is not certain that it took this. Your text is still here.",
  no_answer: "The gateway did not answer.",
  strange_answer: "The gateway answered in a way this page does not understand ({status}).",
  out_of_reach: "The gateway is out of reach. What you write stays here.",
  busy: "No live news from the gateway; trying again.",
  relay_on: { one: "Relay connected · {n} neighbour", other: "Relay connected · {n} neighbours" },
  relay_off: "No relay: messages wait here",
  relay_unknown: "Relay: not known now",
  connecting: "Asking the gateway…",
  unread: { one: "{n} unread message", other: "{n} unread messages" },
  stranger: "Unknown {id}",
  you: "You:",
  show_all: "Show all ({n} bytes)",
  show_less: "Show less",
  queued: "Waiting for a relay",
  on_mesh: "On the mesh",
  delivered: "Delivered ✓✓",
  expired: "Expired, not confirmed",
  still_trying: "{state} · not confirmed yet, still trying",
  relays_none: "heard directly",
  relays: { one: "over {n} relay", other: "over {n} relays" },
  plain_http: "This page comes from the gateway over plain http. Whoever runs the gateway could change it.",
  plain_http_readers: "Between your phone and the gateway nothing is sealed: someone listening on this Wi-Fi can read along, and everyone who can open this page sees the same messages.",
  plain_http_gateway: "The gateway reads what you write and what you get, and it keeps the keys.",
  plain_http_advice: "Use a gateway of someone you trust, on a Wi-Fi with a password.",
};

const LOOK_EVERY_MS = 10000;
const LOOK_AGAIN_MS = 3000; // while out of reach
const ANSWER_MS = 8000; // a gateway on the same Wi-Fi that needs longer is out of reach
const WAIT_S = 25; // long poll, for browsers without EventSource
const STILL_TRYING_S = 600; // after ten minutes a person wonders
const ROWS = 500; // messages per request, the gateway's most
const SHOWN = 200; // messages drawn at once: old phones
const LONG_CHARS = 1500; // longer messages collapse to SHORT_CHARS
const LONG_LINES = 24;
const SHORT_CHARS = 600;
const SHORT_LINES = 10;
const COUNT_FROM = 200; // bytes
const CLOCK_SET_S = 1700000000; // a gateway clock before 2023 was never set: show no times

const $ = (id) => document.getElementById(id);

function t(key, values) {
  let text = WORDS[key];
  if (typeof text === "object") {
    const one = window.Intl && Intl.PluralRules
      ? new Intl.PluralRules(document.documentElement.lang).select(values.n)
      : values.n === 1 ? "one" : "other";
    text = text[one] || text.other;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? values[name].toLocaleString() : values[name]);
}

function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function show(id, text) { // an empty text hides the element
  $(id).textContent = text;
  $(id).hidden = !text;
}

// What the page knows.

let me = null;
let contacts = [];
let relay = null; // the last /api/status, null while out of reach
let reached = null; // null: not tried yet
let lastSeq = 0;
let clockAhead_s = 0; // the gateway's clock minus the phone's
let atEnd = true; // the conversation is scrolled to its newest message, and stays there
let open = null; // the contact whose conversation is shown
let shown = SHOWN;
let stream = null;
const sending = new Set(); // contacts whose message is on its way to the gateway
const problems = new Map(); // contact -> why its message was not sent
let unsure = null; // {contact, text, seq}: sent, but the answer was lost
const messages = new Map(); // contact -> Map(id -> message)
const drawn = new Map(); // message id -> its bubble
const memory = {}; // stands in where the browser refuses storage

function keep(key, value) {
  memory[key] = value;
  try {
    if (value) localStorage.setItem("heliograph." + key, value);
    else localStorage.removeItem("heliograph." + key);
  } catch (refused) { /* private windows and captive pages: memory holds it until the tab closes */ }
}

function kept(key) {
  if (key in memory) return memory[key];
  try {
    return localStorage.getItem("heliograph." + key) || "";
  } catch (refused) {
    return "";
  }
}

function utf8Length(text) {
  let bytes = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

// The gateway. `ask` resolves to parsed JSON, or rejects with {sentence, status}; status 0 is no
// answer at all. XMLHttpRequest because it has a timeout on every phone.

function ask(path, body, timeout_ms) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(body === undefined ? "GET" : "POST", path);
    request.timeout = timeout_ms || ANSWER_MS;
    request.onerror = request.ontimeout = request.onabort = () => {
      setReached(false);
      reject({ status: 0, sentence: t("no_answer") });
    };
    request.onload = () => {
      const date = Date.parse(request.getResponseHeader("Date"));
      if (date) clockAhead_s = (date - Date.now()) / 1000;
      let answer = null;
      try { answer = JSON.parse(request.responseText); } catch (notJson) { /* said below */ }
      if (answer !== null && request.status < 300) return resolve(answer);
      const sentence = (answer && answer.error) || t("strange_answer", { status: String(request.status) });
      reject({ status: request.status, sentence: sentence });
    };
    if (body !== undefined) request.setRequestHeader("Content-Type", "application/json");
    request.send(body === undefined ? null : JSON.stringify(body));
  });
}

function setReached(now) {
  if (reached === now) return;
  reached = now;
  if (!now) {
    relay = null;
    stopListening();
  }
  show("banner", now ? "" : t("out_of_reach"));
  drawRelay();
}

// Every ten seconds, and whenever the person looks: is the gateway there, is a relay? A stream
// whose Wi-Fi is gone looks alive to the browser, so this question also decides that.
let looking = false;
let nextLook = 0;
async function look() {
  if (looking) return;
  looking = true;
  clearTimeout(nextLook);
  try {
    const status = await ask("/api/status");
    if (!stream) await catchUp();
    setReached(true);
    relay = status;
    drawRelay();
    if (stream) show("banner", "");
    else listen();
  } catch (failure) {
    if (failure.status === undefined) throw failure; // a mistake in this page
    if (failure.status) show("banner", failure.sentence);
  } finally {
    looking = false;
    nextLook = setTimeout(look, reached ? LOOK_EVERY_MS : LOOK_AGAIN_MS);
  }
  if (open) for (const message of of(open).values()) drawState(message); // some have grown old
}

async function catchUp() {
  const now = await ask("/api/me");
  if (me && me.id !== now.id) return location.reload(); // another gateway, or a new beginning
  const first = !me || me.run !== now.run;
  if (first) { // a gateway that lost power may have lost its last rows: take nothing for granted
    messages.clear();
    lastSeq = 0;
    unsure = null;
  }
  contacts = await ask("/api/contacts");
  let rows;
  do {
    rows = await ask("/api/messages?limit=" + ROWS + "&after=" + lastSeq);
    if (first) rows.forEach(take);
    else heard(rows);
  } while (rows.length === ROWS);
  me = now;
  drawMe();
  if (first || !open) route(); // the address may name a contact that is only known now
}

function listen() {
  stopListening();
  if (!window.EventSource) {
    show("banner", "");
    return poll();
  }
  const source = new EventSource("/api/events?after=" + lastSeq);
  stream = { stop: () => source.close() };
  source.addEventListener("message", (event) => heard([JSON.parse(event.data)]));
  source.onopen = () => show("banner", "");
  source.onerror = () => { // look() begins a new stream, after asking whether the gateway restarted
    const refused = source.readyState === EventSource.CLOSED;
    stopListening();
    if (refused) show("banner", t("busy"));
    else setTimeout(look, 1000);
  };
}

async function poll() {
  const mine = stream = { stop: () => {} };
  try {
    while (stream === mine) {
      const path = "/api/messages?limit=" + ROWS + "&wait=" + WAIT_S + "&after=" + lastSeq;
      heard(await ask(path, undefined, WAIT_S * 1000 + ANSWER_MS));
    }
  } catch (failure) {
    if (failure.status === undefined) throw failure;
    if (stream === mine) stopListening();
  }
}

function stopListening() {
  if (stream) stream.stop();
  stream = null;
}

// Messages come in: `take` files one, `heard` also draws.

function of(contact) {
  if (!messages.has(contact)) messages.set(contact, new Map());
  return messages.get(contact);
}

function take(message) {
  lastSeq = Math.max(lastSeq, message.seq);
  const before = of(message.contact).get(message.id);
  if (before && before.seq >= message.seq) return false;
  of(message.contact).set(message.id, message);
  if (!before && unsure && message.direction === "out" && message.contact === unsure.contact
      && message.text === unsure.text && message.seq > unsure.seq) {
    sent(unsure.contact, unsure.text); // the answer was lost, the message was not
  }
  return true;
}

async function heard(rows) {
  const fresh = rows.filter(take);
  const strangers = fresh.some((m) => !contacts.some((c) => c.id === m.contact));
  const here = fresh.filter((m) => m.contact === open);
  if (here.length) {
    here.forEach(drawMessage);
    $("silence").hidden = true;
    if (atEnd || here.some((m) => m === newest(open) && m.direction === "out" && sending.has(open))) toEnd();
    else if (here.some((m) => m.direction === "in")) $("newer").hidden = false;
    markRead();
  }
  if (strangers) {
    try { contacts = await ask("/api/contacts"); } catch (later) { /* the next look asks again */ }
  }
  drawContacts();
}

function newest(contact) {
  let last = null;
  for (const message of of(contact).values()) if (!last || message.id > last.id) last = message;
  return last;
}

function unreadOf(contact) {
  const read = Number(kept("read." + contact));
  let count = 0;
  for (const m of of(contact).values()) if (m.direction === "in" && m.id > read) count++;
  return count;
}

function markRead() {
  const last = open && newest(open);
  if (!last || document.hidden || !atEnd) return;
  $("newer").hidden = true;
  if (last.id > Number(kept("read." + open))) keep("read." + open, String(last.id));
}

// Drawing.

function nameOf(contact) {
  const known = contacts.find((c) => c.id === contact);
  return known ? known.name : t("stranger", { id: contact.slice(0, 8) });
}

function timeOf(unix_s, brief) {
  if (unix_s < CLOCK_SET_S) return "";
  const when = new Date(unix_s * 1000);
  const now = new Date(Date.now() + clockAhead_s * 1000);
  const time = when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
  if (when.toDateString() === now.toDateString()) return time;
  const day = when.toLocaleDateString([], { day: "numeric", month: "short" });
  return brief ? day : day + ", " + time;
}

function drawMe() {
  show("gateway", me.gateway);
  show("my-name", me.name);
  show("my-words", me.words ? t("my_words", { words: me.words }) : "");
  $("my-card").value = me.card;
}

function drawRelay() {
  const on = Boolean(relay) && relay.relay === "connected";
  const text = relay ? (on ? t("relay_on", { n: Number(relay.neighbours) || 0 }) : t("relay_off"))
    : t(reached === null ? "connecting" : "relay_unknown");
  if ($("relay").textContent !== text) $("relay").textContent = text; // said once, not every 10 s
  $("relay").className = on ? "on" : "";
}

function drawContacts() {
  const strangers = Array.from(messages.keys())
    .filter((id) => of(id).size && !contacts.some((c) => c.id === id));
  const order = contacts.map((c) => c.id).concat(strangers)
    .map((id) => ({ id: id, last: newest(id) }))
    .sort((a, b) => (b.last ? b.last.id : 0) - (a.last ? a.last.id : 0));
  const focused = document.activeElement && document.activeElement.hash;
  const list = document.createDocumentFragment();
  let total = 0;
  for (const { id, last } of order) {
    const unread = unreadOf(id);
    total += unread;
    list.appendChild(contactRow(id, last, unread));
  }
  $("contacts").textContent = "";
  $("contacts").appendChild(list);
  $("nobody").hidden = !me || order.length > 0;
  document.title = (total ? "(" + total + ") " : "") + "Heliograph";
  if (focused) { // redrawing must not take the keyboard's place away
    const again = $("contacts").querySelector('a[href="' + focused + '"]');
    if (again) again.focus({ preventScroll: true });
  }
}

function contactRow(id, last, unread) {
  const link = node("a");
  link.href = "#c/" + id;
  if (id === open) link.setAttribute("aria-current", "page");
  const face = node("span", "face", Array.from(nameOf(id).trim() || "?")[0].toUpperCase());
  face.setAttribute("aria-hidden", "true");
  const body = node("div", "grow");
  const top = node("div", "line");
  const name = node("div", "name", nameOf(id));
  name.dir = "auto";
  top.appendChild(name);
  if (last) top.appendChild(node("time", "", timeOf(last.unix_s, true)));
  body.appendChild(top);
  const under = node("div", "line");
  if (last && last.direction === "out") under.appendChild(node("span", "you quiet", t("you")));
  const preview = node("div", "last quiet", last ? last.text.slice(0, 120) : "");
  preview.dir = "auto";
  under.appendChild(preview);
  if (unread) {
    const badge = node("span", "unread", String(unread));
    badge.setAttribute("aria-label", t("unread", { n: unread }));
    badge.setAttribute("role", "img");
    under.appendChild(badge);
  }
  body.appendChild(under);
  link.appendChild(face);
  link.appendChild(body);
  const row = node("li");
  row.appendChild(link);
  return row;
}

// The log is built apart and then put in place, so that screen readers announce only what is new.
function drawConversation() {
  const all = Array.from(of(open).values()).sort((a, b) => a.id - b.id);
  const log = node("div", "log");
  log.id = "log";
  log.setAttribute("role", "log");
  log.setAttribute("aria-live", "polite");
  log.setAttribute("aria-relevant", "additions");
  log.setAttribute("aria-labelledby", "chat-name");
  drawn.clear();
  for (const message of all.slice(-shown)) log.appendChild(bubble(message));
  $("log-place").textContent = "";
  $("log-place").appendChild(log);
  $("earlier").hidden = all.length <= shown;
  $("silence").hidden = all.length > 0;
  $("newer").hidden = true;
}

function drawMessage(message) {
  if (drawn.has(message.id)) return drawState(message);
  const log = $("log");
  let before = null; // ids grow, so this is nearly always the end
  for (const [id, made] of drawn) {
    if (id > message.id && (!before || id < Number(before.dataset.id))) before = made;
  }
  const hidden = drawn.size >= shown && before === log.firstChild; // behind "show earlier"
  if (!hidden) log.insertBefore(bubble(message), before);
}

function bubble(message) {
  const made = node("article", "bubble");
  made.dataset.id = message.id;
  const words = node("p", "said", message.text);
  words.dir = "auto";
  made.appendChild(words);
  const brief = shorten(message.text);
  if (brief !== message.text) made.appendChild(moreButton(message, words, brief));
  const meta = node("p", "meta");
  const time = timeOf(message.unix_s, false);
  if (time) meta.appendChild(node("time", "", time));
  meta.appendChild(node("span", "gap", ""));
  meta.appendChild(node("span", "state", ""));
  made.appendChild(meta);
  drawn.set(message.id, made);
  drawState(message);
  return made;
}

function shorten(text) {
  const lines = text.split("\n");
  if (text.length <= LONG_CHARS && lines.length <= LONG_LINES) return text;
  const brief = lines.slice(0, SHORT_LINES).join("\n").slice(0, SHORT_CHARS);
  return brief.replace(/[\ud800-\udbff]$/, "") + "…"; // never half an emoji
}

function moreButton(message, words, brief) {
  const more = node("button", "more small");
  more.type = "button";
  const fold = (folded) => {
    words.textContent = folded ? brief : message.text;
    more.textContent = folded ? t("show_all", { n: message.bytes }) : t("show_less");
    more.setAttribute("aria-expanded", String(!folded));
  };
  more.onclick = () => fold(more.getAttribute("aria-expanded") === "true");
  fold(true);
  return more;
}

function drawState(message) {
  const made = drawn.get(message.id);
  if (!made) return;
  const text = stateText(message);
  made.className = "bubble " + message.direction + " " + message.state;
  const state = made.querySelector(".state");
  if (state.textContent !== text) state.textContent = text;
  made.querySelector(".gap").textContent = text && made.querySelector("time") ? " · " : "";
}

function stateText(message) {
  if (message.direction === "in") {
    if (message.relays === null || message.relays === undefined) return "";
    return message.relays ? t("relays", { n: message.relays }) : t("relays_none");
  }
  const state = t(message.state);
  const age_s = Date.now() / 1000 + clockAhead_s - message.unix_s;
  const waiting = message.state === "queued" || message.state === "on_mesh";
  return waiting && age_s > STILL_TRYING_S ? t("still_trying", { state: state }) : state;
}

function isAtEnd() {
  const box = $("scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 60;
}

function toEnd() {
  $("scroll").scrollTop = $("scroll").scrollHeight;
  atEnd = true;
}

// Views follow the address, so that the phone's back button works.

function route() {
  const hash = location.hash.slice(1);
  const contact = hash.startsWith("c/") ? hash.slice(2) : null;
  const known = contact && (contacts.some((c) => c.id === contact) || of(contact).size);
  const view = known ? "chat" : hash === "add" || hash === "card" ? hash : "list";
  const moved = document.body.dataset.view !== view || open !== (known ? contact : null);
  document.body.dataset.view = view;
  open = known ? contact : null;
  if (open) enterChat(moved);
  else if (moved && view !== "list") $(view + "-title").focus();
  drawContacts();
}

function enterChat(moved) {
  const contact = contacts.find((c) => c.id === open);
  $("chat-name").textContent = nameOf(open);
  $("chat-words").textContent = contact ? contact.words : "";
  $("words").hidden = !contact;
  const stay = !moved && !atEnd;
  if (moved) {
    shown = SHOWN;
    $("words").open = false;
    $("text").value = kept("draft." + open);
    show("send-error", problems.get(open) || "");
    drawSending();
  }
  const top = $("scroll").scrollTop;
  drawConversation();
  if (stay) $("scroll").scrollTop = top;
  else toEnd();
  markRead();
  if (moved) { // no keyboard popping up over the conversation on a phone
    const touch = window.matchMedia && matchMedia("(pointer: coarse)").matches;
    $(touch ? "chat-title" : "text").focus({ preventScroll: true });
  }
}

// Writing.

function typed() {
  const box = $("text");
  box.style.height = "auto";
  box.style.height = box.scrollHeight + 2 + "px";
  if (atEnd) toEnd();
  const bytes = utf8Length(box.value);
  const most = me ? me.message_max : Infinity;
  const key = bytes > most ? "count_over" : bytes > most * 0.9 ? "count_near" : "count";
  show("count", bytes > COUNT_FROM ? t(key, { n: bytes, most: most }) : "");
  $("count").className = bytes > most ? "over" : "quiet";
}

function drawSending() {
  const here = sending.has(open);
  const button = $("send-form").querySelector("button");
  $("text").readOnly = here;
  button.textContent = t(here ? "sending" : "send");
  button.setAttribute("aria-disabled", String(here));
  typed();
}

function sent(contact, text) {
  if (unsure && unsure.contact === contact) unsure = null;
  problems.delete(contact);
  if (kept("draft." + contact) === text) keep("draft." + contact, "");
  if (contact !== open) return;
  if ($("text").value === text) $("text").value = "";
  show("send-error", "");
  typed();
}

async function send() {
  const attempt = { contact: open, text: $("text").value, seq: lastSeq };
  if (!open || sending.has(open) || !attempt.text.trim()) return;
  keep("draft." + attempt.contact, attempt.text);
  if (reached === false) {
    look();
    return show("send-error", t("unsent", { why: t("no_answer") }));
  }
  sending.add(attempt.contact);
  problems.delete(attempt.contact);
  show("send-error", "");
  drawSending();
  try {
    const message = await ask("/api/messages", { contact: attempt.contact, text: attempt.text });
    seen(message);
    sent(attempt.contact, attempt.text);
  } catch (failure) {
    if (failure.status === undefined) throw failure;
    if (!failure.status) unsure = attempt;
    problems.set(attempt.contact, failure.status ? t("unsent", { why: failure.sentence }) : t("unsure"));
  } finally {
    sending.delete(attempt.contact);
    drawSending();
  }
  if (attempt.contact === open) show("send-error", problems.get(open) || "");
  if (atEnd) toEnd();
}

// Our own message, from the answer to the POST. It may hold changes that the stream has not told
// yet in between, so it must not move lastSeq.
function seen(message) {
  const before = lastSeq;
  heard([message]);
  lastSeq = before;
}

async function addContact() {
  const form = { card: $("add-card").value, name: $("add-name").value };
  show("add-error", "");
  try {
    const contact = await ask("/api/contacts", form);
    contacts = contacts.filter((c) => c.id !== contact.id).concat([contact]);
    $("add-card").value = $("add-name").value = "";
    location.hash = "#c/" + contact.id;
  } catch (failure) {
    if (failure.status === undefined) throw failure;
    show("add-error", t("not_added", { why: failure.sentence }));
    $("add-card").focus();
  }
}

function copyCard() {
  const box = $("my-card");
  box.focus();
  box.setSelectionRange(0, box.value.length);
  let done = false;
  try { done = document.execCommand("copy"); } catch (refused) { /* said below */ }
  $("copied").textContent = t(done ? "copied" : "copy_refused");
}

function start() {
  for (const [attribute, put] of [
    ["data-t", (e, text) => { e.textContent = text; }],
    ["data-t-label", (e, text) => e.setAttribute("aria-label", text)],
    ["data-t-hint", (e, text) => e.setAttribute("placeholder", text)],
  ]) {
    for (const e of Array.from(document.querySelectorAll("[" + attribute + "]"))) put(e, t(e.getAttribute(attribute)));
  }
  const submit = (id, action) => $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
  submit("send-form", send);
  submit("add-form", addContact);
  $("copy").onclick = copyCard;
  $("text").addEventListener("input", () => {
    if (open) keep("draft." + open, $("text").value);
    if (!unsure || unsure.contact !== open) { // the sentence spoke of another text
      problems.delete(open);
      show("send-error", "");
    }
    typed();
  });
  $("text").addEventListener("keydown", (event) => {
    const composing = event.isComposing || event.keyCode === 229; // Enter that picks a character
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    send();
  });
  $("scroll").addEventListener("scroll", () => {
    atEnd = isAtEnd();
    if (!open || !atEnd) return;
    const unread = unreadOf(open);
    markRead();
    if (unread) drawContacts();
  });
  $("newer").onclick = toEnd;
  $("earlier").onclick = () => {
    const fromEnd = $("scroll").scrollHeight - $("scroll").scrollTop;
    shown += SHOWN;
    drawConversation();
    $("scroll").scrollTop = $("scroll").scrollHeight - fromEnd;
  };
  window.addEventListener("hashchange", route);
  window.addEventListener("resize", () => { if (open && atEnd) toEnd(); }); // the keyboard came
  window.addEventListener("online", look);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    look();
    markRead();
    drawContacts();
  });
  drawRelay();
  route();
  look();
}

start();
