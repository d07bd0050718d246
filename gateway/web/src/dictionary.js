// The dictionary for short texts, one page a language: text in fewer bytes before deflate
// (SPEC.md 6.1). The same as gateway/dictionary.py, which explains it.

import { PAGES } from "./dictionary-1.js";
import { Refused } from "./errors.js";

const ESCAPE = 0;
const WIDE_LEAD = 0xad; // U+3000..30FF in two bytes; the next ones U+4E00..9FFF
const LOW = range(1, 32).filter((b) => b !== 9 && b !== 10 && b !== 13).concat(127);
const NARROW_BYTES = LOW.concat(range(0x80, 0xc2), range(0xf5, 0x100));
const WIDE_BYTES = LOW.concat(range(0x80, WIDE_LEAD));
const utf8 = new TextEncoder();

class Page {
  constructor({ wide, strings, phrases }) {
    this.wide = wide;
    this.phrases = Uint8Array.from(atob(phrases), (c) => c.charCodeAt(0));
    this.codes = new Map(); // string: [byte]
    this.meanings = new Map(); // byte: UTF-8 of its string
    const places = wide ? WIDE_BYTES : NARROW_BYTES;
    strings.split("|").forEach((string, i) => {
      this.codes.set(string, [places[i]]);
      this.meanings.set(places[i], utf8.encode(string));
    });
    this.longest = Math.max(...[...this.codes.keys()].map((s) => Array.from(s).length));
  }

  // Text in bytes of this page: of all ways the one whose fixed Huffman codes are shortest.
  write(text) {
    const letters = Array.from(text);
    const size = letters.length;
    const cost = new Array(size + 1).fill(0);
    const best = new Array(size);
    for (let i = size - 1; i >= 0; i--) {
      const code = this.codes.get(letters[i]) || letter(letters[i], this.wide);
      cost[i] = bits(code) + cost[i + 1];
      best[i] = [code, 1];
      let string = letters[i];
      for (let n = 2; n <= this.longest && i + n <= size; n++) {
        string += letters[i + n - 1];
        const short = this.codes.get(string);
        if (short && bits(short) + cost[i + n] <= cost[i]) {
          cost[i] = bits(short) + cost[i + n];
          best[i] = [short, n];
        }
      }
    }
    const written = [];
    for (let i = 0; i < size; i += best[i][1]) written.push(...best[i][0]);
    return Uint8Array.from(written);
  }

  // The text again, in UTF-8. Throws Refused if it breaks off or is longer than most bytes.
  read(written, most) {
    const text = new Uint8Array(most);
    let size = 0;
    const add = (bytes) => {
      if (size + bytes.length > most) throw new Refused("damaged", "the text is too long");
      text.set(bytes, size);
      size += bytes.length;
    };
    for (let i = 0; i < written.length; ) {
      const first = written[i];
      if (this.meanings.has(first)) {
        add(this.meanings.get(first));
        i += 1;
      } else if (this.wide && first >= WIDE_LEAD) {
        const block = first === WIDE_LEAD ? 0x3000 : 0x4e00 + (first - WIDE_LEAD - 1) * 256;
        add(utf8.encode(String.fromCharCode(block + part(written, i + 1, 1)[0])));
        i += 2;
      } else {
        if (first === ESCAPE) i += 1;
        const character = part(written, i, length(part(written, i, 1)[0]));
        add(character);
        i += character.length;
      }
    }
    return text.slice(0, size);
  }
}

let opened = null;

// The dictionary of this version, unpacked when it is first needed.
export function pages() {
  if (!opened) opened = PAGES.map((page) => new Page(page));
  return opened;
}

// A character for which a page has no byte: itself, two bytes in a wide page, or escaped.
function letter(character, wide) {
  const point = character.codePointAt(0);
  if (wide && point >= 0x3000 && point < 0x3100) return [WIDE_LEAD, point - 0x3000];
  if (wide && point >= 0x4e00 && point < 0xa000) {
    return [WIDE_LEAD + 1 + ((point - 0x4e00) >> 8), point & 255];
  }
  const code = Array.from(utf8.encode(character));
  const escaped = code[0] === ESCAPE || LOW.includes(code[0]) || (wide && point >= 0x80);
  return escaped ? [ESCAPE, ...code] : code;
}

// What bytes cost in deflate's fixed Huffman codes (RFC 1951, 3.2.6).
function bits(code) {
  return code.reduce((sum, b) => sum + (b < 144 ? 8 : 9), 0);
}

// Bytes of a UTF-8 character by its first one.
function length(first) {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) throw new Refused("damaged", "the text is damaged");
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

function part(written, start, size) {
  if (start + size > written.length) throw new Refused("damaged", "the text is damaged");
  return written.subarray(start, start + size);
}

function range(from, to) {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
