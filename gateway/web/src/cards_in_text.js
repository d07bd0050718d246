// The contact cards in what somebody pasted or scanned: a card, a link, or a text around them, as
// mail programs wrap, quote and decorate it.

import { Refused } from "./errors.js";
import { deviceId, parseCard } from "./identity.js";

const SCHEME = /HELIO:/gi;
// Between the letters of a card: what is added where a line is broken, quoted or made bold.
const ADDED = /[\s>|*_`"'\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
const BASE32 = /[A-Z2-7]/i;
const LEAST = 196; // letters of a card with the shortest name,
const MOST = 400; // and of any that a newer page may make

// All of them, each once. Throws Refused as parseCard does if there is none that can be read.
export function cardsIn(pasted) {
  const text = decoded(pasted);
  const found = new Map();
  let refused = null;
  for (const { index } of text.matchAll(SCHEME)) {
    try {
      const card = cardAt(text.slice(index));
      found.set(deviceId(card), card);
    } catch (error) {
      refused = refused || error;
    }
  }
  if (!found.size) throw refused || new Refused("not-a-card", "that is no contact card");
  return Array.from(found.values());
}

// The card at the beginning of a text. Words may follow whose letters could be its own: where it
// ends, its checksum tells.
function cardAt(text) {
  let compact = text.slice(0, 6);
  let refused = null;
  for (const letter of text.slice(6)) {
    if (ADDED.test(letter)) continue;
    if (!BASE32.test(letter) || compact.length > MOST) break;
    compact += letter;
    if (compact.length < LEAST) continue;
    try {
      return parseCard(compact);
    } catch (error) {
      if (error.code !== "mistyped") refused = error; // whole, but not to be read by this page
    }
  }
  throw refused || new Refused("mistyped", "the contact card is incomplete or mistyped");
}

export function decoded(pasted) {
  try {
    return decodeURIComponent(pasted);
  } catch (notEncoded) {
    return pasted;
  }
}
