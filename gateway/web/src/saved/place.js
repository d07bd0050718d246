// In place of ../place.js, in a page that was saved: all its code is in it, and it speaks to the
// gateway whose address somebody typed.

import PARTS from "parts";

const ADDRESS = "heliograph.gateway";

export const SAVED = true;
export const FILE = ""; // it is that file
export const origin = () => base();

// null until one was typed.
export function base() {
  try { return localStorage.getItem(ADDRESS); } catch (refused) { return null; }
}

// The address as typed; "" if it is none. Plain http, unless it says otherwise.
export function setBase(typed) {
  const words = typed.trim();
  let url;
  try {
    url = new URL(/^https?:\/\//i.test(words) ? words : "http://" + words);
  } catch (no) {
    return "";
  }
  if (url.username || !/^[\w.:[\]-]+$/.test(url.host)) return "";
  try { localStorage.setItem(ADDRESS, url.origin); } catch (refused) { return ""; }
  return url.origin;
}

export const fetched = (file) => PARTS[/later-([\w-]+)\.js/.exec(file)[1]]();
