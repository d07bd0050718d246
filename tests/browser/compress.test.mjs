// Compression in the browser: it opens what Python packed, refuses what Python does, never grows.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { deflateSync } from "../../gateway/web/node_modules/fflate/esm/browser.js";
import { compress, decompress } from "../../gateway/web/src/compress.js";
import { VERSION } from "../../gateway/web/src/dictionary-1.js";
import { pages } from "../../gateway/web/src/dictionary.js";

const MOST = 65536;
const TEXTS = new URL("../gateway/texts/", import.meta.url);
const ROWS = JSON.parse(readFileSync(new URL("../vectors/compress.json", import.meta.url)));
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (body) => Buffer.from(body).toString("hex");
const utf8 = (text) => new TextEncoder().encode(text);
const refused = (code) => (e) => e.name === "Refused" && (!code || e.code === code);
const samples = readdirSync(TEXTS).flatMap((name) =>
  readFileSync(new URL(name, TEXTS), "utf8").split("\n").filter(Boolean).map(utf8),
);

function holds(body) {
  const { flag, packed } = compress(body);
  assert.ok(packed.length <= body.length, "it grew");
  assert.equal(hex(decompress(flag, packed, body.length)), hex(body));
  return packed.length;
}

// A small generator of bytes that repeats itself from its seed.
function dice(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("what Python opens and what it refuses, the browser does too", () => {
  assert.ok(ROWS.filter((row) => row.body === null).length > 300);
  assert.ok(ROWS.filter((row) => row.body !== null).length > 300);
  for (const { flag, packed, body } of ROWS) {
    const open = () => hex(decompress(flag, bytes(packed), MOST));
    if (body === null) assert.throws(open, refused(), packed);
    else assert.equal(open(), body, packed);
  }
});

test("a text that breaks off anywhere is refused", () => {
  for (const body of samples) {
    const { flag, packed } = compress(body);
    assert.equal(flag, 4);
    for (let size = 0; size < packed.length; size++) {
      assert.throws(() => decompress(flag, packed.subarray(0, size), MOST), refused());
    }
    const deflated = deflateSync(body);
    for (let size = 0; size < deflated.length; size++) {
      assert.throws(() => decompress(1, deflated.subarray(0, size), MOST), refused("damaged"));
    }
  }
});

test("the samples shrink to 70 % and come back", () => {
  const raw = samples.reduce((sum, body) => sum + body.length, 0);
  const packed = samples.reduce((sum, body) => sum + holds(body), 0);
  assert.ok(packed <= 0.7 * raw, `${packed} of ${raw}`);
});

test("any bytes and any text come back", () => {
  const roll = dice(6);
  const blocks = [0, 0x20, 0x80, 0x400, 0x600, 0x900, 0x3000, 0x4e00, 0x9f80, 0xff00, 0x1f600];
  for (let i = 0; i < 300; i++) {
    holds(Uint8Array.from({ length: roll(80) }, () => roll(256)));
    const letters = Array.from({ length: roll(60) }, () => blocks[roll(blocks.length)] + roll(128));
    holds(utf8(String.fromCodePoint(...letters)));
  }
  for (const body of ["", "\ufeffmark", "\0\x01\t\r\n\x7f", "\x01".repeat(300)]) holds(utf8(body));
});

test("no page inflates to more than is allowed", () => {
  const bomb = deflateSync(new Uint8Array(1 << 20));
  assert.throws(() => decompress(1, bomb, MOST), refused("damaged"));
  for (let number = 0; number < pages().length; number++) {
    const packed = Uint8Array.from([(VERSION << 4) | number, ...bomb]);
    assert.throws(() => decompress(4, packed, MOST), refused("damaged"));
    const strings = deflateSync(new Uint8Array(MOST).fill(0x1f)); // four letters each, or more
    const long = Uint8Array.from([(VERSION << 4) | number, ...strings]);
    assert.throws(() => decompress(4, long, 40_000), refused("damaged"));
  }
  assert.throws(() => decompress(0, new Uint8Array(11), 10), refused("damaged"));
});

test("a text may be longer in a page than it is", () => {
  const written = pages()[0].write("\x01".repeat(100));
  const deflated = deflateSync(written, { dictionary: pages()[0].phrases });
  const packed = Uint8Array.from([VERSION << 4, ...deflated]);
  assert.equal(hex(decompress(4, packed, 100)), "01".repeat(100));
});

test("another dictionary is named as newer, flags that do not exist are refused", () => {
  const packed = compress(samples[0]).packed.slice();
  packed[0] += 16;
  assert.throws(() => decompress(4, packed, MOST), refused("newer"));
  assert.throws(() => decompress(5, packed, MOST), refused("damaged"));
});
