// The page: opens what the phone keeps, then draws the view that the address names.

import { html } from "htm/preact";
import { render } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import { Later, load } from "./loading.js";
import { LIFETIME } from "./mail.js";
import { Phone } from "./phone.js";
import { whyNoKeysHere } from "./store.js";
import { Chat } from "./view-chat.js";
import { Side } from "./view-list.js";
import { speak, t, wanted } from "./words.js";

export * from "./shared.js"; // for what is loaded later

const SOON = ["people", "groups", "settings", "mesh", "board"]; // fetched soon, while the gateway is there
const SOON_MS = 2000;
const AGAIN_MS = 60_000;

// "#c/ID/ORDER", "#card/HELIO:…", "#kit/HELIOKIT:…", "#add" and so on.
function routeOf(hash) {
  const [view, ...rest] = hash.slice(1).split("/");
  if (view === "c") return { view: "chat", id: rest[0], target: Number(rest[1]) || 0 };
  if (view === "card" && rest.length) return { view: "add", rest: rest.join("/") };
  return { view: view || "list", rest: rest.join("/") };
}

function App({ phone, noKeys }) {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  const [, redraw] = useReducer((n) => n + 1, 0);
  useEffect(() => {
    const moved = () => setRoute(routeOf(location.hash));
    const look = () => { if (!document.hidden && phone.link) phone.link.look(); };
    window.addEventListener("hashchange", moved);
    window.addEventListener("online", look);
    document.addEventListener("visibilitychange", look);
    return phone.onChange(redraw);
  }, []);
  const unread = phone.me ? phone.chats().reduce((n, c) => n + c.unread, 0) : 0;
  useEffect(() => { document.title = (unread ? `(${unread}) ` : "") + "Heliograph"; }, [unread]);
  if (phone.locked) return html`<${Later} name="kit" part="Unlock" phone=${phone} />`;
  if (!phone.me) return html`<${Later} name="start" part="Start" phone=${phone} route=${route} noKeys=${noKeys} />`;
  const view = viewOf(phone, route);
  return html`<${Banner} phone=${phone} /><${Alarm} phone=${phone} route=${route} />
    <div id="panes" class=${view ? "one" : ""}><${Side} phone=${phone} route=${route} />
      <main id="main">${view || html`<div class="blank"><p class="quiet">${t("choose")}</p></div>`}</main></div>`;
}

function viewOf(phone, route) {
  const person = route.view === "chat" && phone.chat(route.id);
  if (person) return html`<${Chat} key=${person.id + route.target} phone=${phone} person=${person} target=${route.target} />`;
  const later = (name, part, more) => html`<${Later} key=${part + route.rest} name=${name} part=${part} phone=${phone} ...${more} />`;
  switch (route.view) {
    case "add": return later("people", "Add", { card: route.rest });
    case "card": return later("people", "MyCard");
    case "group": return later("groups", "NewGroup");
    case "several": return later("people", "Several");
    case "nearby": return later("nearby", "Nearby");
    case "board": return later("board", "BoardView");
    case "mesh": return later("mesh", "Mesh");
    case "device": return later("devices", "Devices", { asked: route.rest });
    case "settings": return later("settings", "Settings");
    case "safety": return later("settings", "Safety");
    case "kit": return html`<section class="view"><p class="pad" role="alert">${t("kit_taken", { name: phone.me.name })}</p></section>`;
    default: return null;
  }
}

// What is wrong now, for everybody to see; empty while nothing is.
function Banner({ phone }) {
  const { why } = phone.link;
  const text = phone.removed ? t("no_removed") : !why ? "" : why === "away" ? t("out_of_reach")
    : why === "storage-full" ? t("storage_full") : t("refused_here", { why });
  return html`<p class=${text ? "banner" : "banner none"} role="alert">${text}</p>`;
}

// A call for help that nobody has looked at here, whatever else is on the screen.
function Alarm({ phone, route }) {
  const [call] = phone.board && route.view !== "board" ? phone.board.alarms() : [];
  return html`<p class=${call ? "banner call" : "banner none"} role="alert">${call
    && html`<a href="#board">${t("sos_from", { name: call.notice.name })}</a>`}</p>`;
}

// What goes on by itself: who wished to be found by name is announced at each start; prekeys are
// renewed, contacts told of our devices.
function goOn(phone, name, part) {
  load(name).then((code) => code[part](phone, LIFETIME), () => setTimeout(() => goOn(phone, name, part), AGAIN_MS));
}

async function start() {
  const place = document.getElementById("page");
  const code = wanted();
  const [noKeys] = await Promise.all([
    whyNoKeysHere(window.indexedDB, navigator.userAgent),
    code === "en" || speak(code),
  ]);
  let phone = null;
  try {
    phone = noKeys ? null : await Phone.open(window.indexedDB, () => load("seal"));
  } catch (refused) { /* said below */ }
  const nowhere = { me: null, onChange: () => () => {} };
  load("seal").catch(() => { /* asked for again when there is something to seal */ });
  setTimeout(() => SOON.forEach((name) => load(name).catch(() => {})), SOON_MS);
  if (phone) {
    setTimeout(() => {
      goOn(phone, "directory", "stayFindable");
      goOn(phone, "devices", "attend");
      goOn(phone, "board", "watch"); // somebody may call for help
    }, SOON_MS);
  }
  render(html`<${App} phone=${phone || nowhere} noKeys=${noKeys || (phone ? "" : "nothing-kept")} />`, place);
}

start();
