// What the page says, in the language of the person. English is always there; the other tables
// come when they are asked for, as later-words-xx.js.

import { fetched } from "./place.js";
import EN from "./words-en.js";

export const LANGUAGES = {
  ar: "العربية", de: "Deutsch", en: "English", es: "Español", fr: "Français", hi: "हिन्दी",
  tr: "Türkçe", uk: "Українська",
};
const RIGHT_TO_LEFT = ["ar"];
const CHOSEN = "heliograph.language";

let table = EN;
let language = "en";

export const spoken = () => language;

// The language chosen here, else the first of the browser's that there is.
export function wanted() {
  const known = (code) => LANGUAGES[code] && code;
  let chosen = "";
  try { chosen = localStorage.getItem(CHOSEN) || ""; } catch (refused) { /* the browser's then */ }
  const theirs = (navigator.languages || [navigator.language || "en"]).map((l) => l.split("-")[0]);
  return known(chosen) || theirs.find(known) || "en";
}

// Speak this language from now on; what cannot be loaded changes nothing. load: for tests.
export async function speak(code, load = fetched) {
  if (code !== "en") {
    try {
      table = { ...EN, ...(await load(`./later-words-${code}.js`)).default };
    } catch (away) {
      return false;
    }
  } else table = EN;
  language = code;
  document.documentElement.lang = code;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(code) ? "rtl" : "ltr";
  return true;
}

export function choose(code) {
  try { localStorage.setItem(CHOSEN, code); } catch (refused) { /* until the tab closes */ }
  return speak(code);
}

// The words under this key, with {names} filled in; {n} chooses the plural.
export function t(key, values = {}) {
  let words = table[key];
  if (typeof words === "object") {
    const plural = window.Intl && Intl.PluralRules
      ? new Intl.PluralRules(language).select(values.n) : values.n === 1 ? "one" : "other";
    words = words[plural] || words.other;
  }
  return words.replace(/\{(\w+)\}/g, (_, name) =>
    typeof values[name] === "number" ? values[name].toLocaleString(language) : values[name]);
}

// The words for what was refused; those of the gateway itself if we have none for it.
export const why = (error) => (table["no_" + error.code] ? t("no_" + error.code) : error.message);

// When something was: the time today, else the day. "" where the clock was never set.
export function when(unixS, brief = false) {
  if (unixS < 1700000000) return ""; // 2023: older than this page
  const then = new Date(unixS * 1000);
  const time = then.toLocaleTimeString(language, { hour: "numeric", minute: "2-digit" });
  if (then.toDateString() === new Date().toDateString()) return time;
  const day = then.toLocaleDateString(language, { day: "numeric", month: "short" });
  return brief ? day : `${day}, ${time}`;
}

// A day, with its year.
export const day = (unixS) => new Date(unixS * 1000).toLocaleDateString(language, { dateStyle: "medium" });
