"use strict";
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
