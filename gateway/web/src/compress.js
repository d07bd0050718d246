// Bodies made smaller before they are sealed (SPEC.md 6.1): by deflate, or with the dictionary's
// help. The same as gateway/compression.py; each opens what the other packed.

import { deflateSync } from "fflate";
import { VERSION } from "./dictionary-1.js";
import { pages } from "./dictionary.js";
import { Refused } from "./errors.js";
import { inflate } from "./inflate.js";

// Flags of the seal: raw deflate (RFC 1951); a page's bytes, deflated, behind version and page.
const DEFLATED = 1;
const PAGED = 4;
const PAGED_MOST = 8192; // bytes of a body; a longer one brings enough words of its own
const SAMPLE = 256; // characters in which a page must prove the best
export const COMPRESSION_FLAGS = DEFLATED | PAGED; // those that decompress() knows

// A body to {flag, packed}: flag is 0, DEFLATED or PAGED; packed is never longer than the body.
export function compress(bytes) {
  const packed = [
    { flag: 0, packed: bytes },
    { flag: DEFLATED, packed: deflateSync(bytes, { level: 9 }) },
  ];
  const text = textOf(bytes);
  if (text !== null) {
    const sample = Array.from(text).slice(0, SAMPLE).join("");
    const sizes = pages().map((_, number) => byPage(number, sample).length);
    packed.push({ flag: PAGED, packed: byPage(sizes.indexOf(Math.min(...sizes)), text) });
  }
  return packed.reduce((best, one) => (one.packed.length < best.packed.length ? one : best));
}

// The body, at most max bytes. Throws Refused: "damaged", or "newer" for another dictionary.
export function decompress(flag, packed, max) {
  if (flag === PAGED) {
    const [version, number] = [packed[0] >> 4, packed[0] & 15];
    if (version !== VERSION || number >= pages().length) {
      throw new Refused("newer", "the text was packed with a dictionary that is not here");
    }
    const page = pages()[number];
    const most = 2 * max; // an escape takes two bytes for one
    return page.read(opened(packed.subarray(1), page.phrases, most), max);
  }
  if (flag === DEFLATED) return opened(packed, new Uint8Array(0), max);
  if (flag || packed.length > max) throw new Refused("damaged", "the text is longer than allowed");
  return packed.slice();
}

// What pages are tried on: text that is not long, else null.
function textOf(bytes) {
  if (bytes.length > PAGED_MOST) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function byPage(number, text) {
  const page = pages()[number];
  const deflated = deflateSync(page.write(text), { level: 9, dictionary: page.phrases });
  const packed = new Uint8Array(1 + deflated.length);
  packed[0] = (VERSION << 4) | number;
  packed.set(deflated, 1);
  return packed;
}

function opened(packed, dictionary, max) {
  const body = inflate(packed, dictionary, max);
  if (body === null) throw new Refused("damaged", "the text is damaged, or longer than allowed");
  return body;
}
