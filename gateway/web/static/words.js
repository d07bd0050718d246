"use strict";
// Heliograph's page: words.js (words, and what the page remembers), talk.js (with the gateway),
// page.js (what is drawn and done). No build, ES2017: it must run on an old phone that has no
// internet, over plain http, where crypto.subtle, the clipboard API and service workers do not
// exist. Truth lives on the gateway; this page keeps only drafts and what was read.

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
