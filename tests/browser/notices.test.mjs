// Notices as the page reads and writes them: the same as Python's, and nothing that is not signed.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compress, decompress } from "../../gateway/web/src/compress.js";
import { concat, equal, hex, random, unhex } from "../../gateway/web/src/core.js";
import {
  bytesLeft, cleanText, decodeNotice, holds, isSigned, isTokenOf, noticeId, organiserOf, placeOf, signNotice, NEEDS, TYPES,
} from "../../gateway/web/src/board_notices.js";
import { cell, tableOf } from "../../gateway/web/src/table.js";

const { notices, certificate, cells } = JSON.parse(readFileSync(new URL("../vectors/notices.json", import.meta.url)));
const code = (action) => { try { action(); } catch (e) { return e.code || e; } return "taken"; };
const read = (parcel) => {
  const notice = decodeNotice(parcel, decompress);
  assert.ok(isSigned(parcel), "false signature");
  return notice;
};
const trusted = (parcel) => {
  try { return isSigned(parcel) && Boolean(decodeNotice(parcel, decompress)); } catch (e) { return e.code ? false : e; }
};

// What Python says of a notice, in the page's words.
const inOurs = (says) => ({
  type: TYPES[says.type], unixS: says.unix_s, device: unhex(says.device), name: says.name, text: says.text,
  need: NEEDS[says.need], place: says.place && says.place.map((d) => d / 1e6), battery: says.battery,
});

for (const vector of notices) {
  test(`what Python signs is read: ${vector.title}`, () => {
    const notice = read(unhex(vector.parcel));
    assert.deepEqual(notice, inOurs(vector.says));
    assert.equal(hex(noticeId(unhex(vector.token))), vector.mid);
    assert.ok(isTokenOf(unhex(vector.token), unhex(vector.mid)));
  });

  test(`the page signs the same: ${vector.title}`, () => {
    const [seed, token, parcel] = [vector.seed, vector.token, vector.parcel].map(unhex);
    const notice = inOurs(vector.says);
    const mine = signNotice(seed, notice, token, compress);
    assert.deepEqual(read(mine), notice);
    assert.equal(mine.length, 14 + 218 - bytesLeft(notice, compress));
    assert.ok(equal(mine.slice(0, 14), parcel.slice(0, 14)));
    if (!(parcel[15] & 5) && !(mine[15] & 5)) assert.equal(hex(mine), vector.parcel); // deflate has choices
  });

  test(`no bit of it can be changed, and nothing be left out: ${vector.title}`, () => {
    const parcel = unhex(vector.parcel);
    for (let at = 0; at < parcel.length; at++) {
      const bad = parcel.slice();
      bad[at] ^= 1 << (at % 8);
      assert.equal(trusted(bad), false, `byte ${at}`);
    }
    for (const cut of [14, 15, 50, 77, 78, parcel.length - 1]) assert.equal(trusted(parcel.slice(0, cut)), false, `${cut}`);
    assert.equal(trusted(concat(parcel, [0])), false);
  });
}

test("a notice cannot be put under another message id", () => {
  const [one, other] = notices.map((v) => unhex(v.parcel));
  assert.equal(trusted(concat(other.slice(0, 14), one.slice(14))), false);
  assert.ok(!isTokenOf(unhex(notices[1].token), unhex(notices[0].mid)));
  assert.ok(!isTokenOf(new Uint8Array(0), unhex(notices[0].mid)));
});

test("a later version or type is known as such, garbage is damaged", () => {
  const head = unhex(notices[0].parcel).slice(0, 14);
  for (const first of [0x21, 0x16, 0xf1]) {
    assert.equal(code(() => decodeNotice(concat(head, [first], new Uint8Array(120)), decompress)), "newer");
  }
  for (let n = 0; n < 300; n++) {
    const outcome = trusted(concat(head, [0x10 + (n % 6)], random(n % 230)));
    assert.equal(outcome, false);
  }
});

test("what does not fit one frame, or says nothing, is not signed; the counter says by how much", () => {
  const { seed, says } = notices[0];
  const notice = { ...inOurs(says), text: "" };
  const left = bytesLeft(notice, compress);
  const sign = (more) => code(() => signNotice(unhex(seed), { ...notice, ...more }, random(16), compress));
  const noise = hex(random(left)).slice(0, left); // hex packs by less than what is over below
  assert.equal(sign({ text: "" }), "taken");
  assert.equal(sign({ type: "looking", text: "" }), "text-empty");
  const over = hex(random(3 * left));
  assert.ok(bytesLeft({ ...notice, text: over }, compress) < 0);
  assert.equal(sign({ text: over }), "notice-long");
  assert.ok(bytesLeft({ ...notice, text: noise }, compress) >= 0);
});

test("texts and positions as people type them", () => {
  assert.equal(cleanText(" a\r\nb\r "), "a\nb");
  assert.equal(code(() => cleanText("a\u001b[2J")), "text-binary");
  assert.equal(code(() => cleanText("x".repeat(1001))), "notice-long");
  assert.deepEqual(placeOf(" 46.9481, -7.4474 "), [46.9481, -7.4474]);
  assert.deepEqual(placeOf("46.9481 7"), [46.9481, 7]);
  assert.equal(placeOf("  "), null);
  for (const bad of ["46", "91,0", "0,181", "a,b", "1,2,3", "46,9481, 7,4474"]) assert.equal(code(() => placeOf(bad)), "no-place", bad);
});

test("an organiser is whom the operator has certified, while it holds", () => {
  const [raw, operator] = [certificate.raw, certificate.operator].map(unhex);
  const said = organiserOf(raw, operator);
  assert.deepEqual([hex(said.device), said.name, said.startS, said.endS],
    [certificate.device, certificate.name, certificate.since_s, certificate.until_s]);
  assert.ok(holds(said, certificate.since_s - 86_000), "a clock may be behind by a day");
  assert.ok(!holds(said, certificate.since_s - 87_000));
  assert.ok(holds(said, certificate.until_s) && !holds(said, certificate.until_s + 1));
  assert.equal(organiserOf(raw, random(32)), null);
  for (let at = 0; at < raw.length; at++) {
    const bad = raw.slice();
    bad[at] ^= 1 << (at % 8);
    assert.equal(organiserOf(bad, operator), null, `byte ${at}`);
  }
});

test("no cell is a formula, here as in Python", () => {
  for (const [text, safe] of cells) assert.equal(cell(text), safe);
  const notice = { ...inOurs(notices[1].says), name: "=cmd|' /C calc'!A0", text: '"a"\n,b' };
  const board = { isTrue: (heard) => heard.state !== "forged", organiser: () => null };
  const heard = { state: "live", notice, sinceMs: 0, relays: 2 };
  const text = tableOf(board, [heard, { ...heard, state: "forged" }], 600_000);
  assert.equal(text.split("\r\n").length, 3);
  assert.ok(text.startsWith('\ufeff"kind","need"'));
  assert.ok(text.includes(`"sos","trapped","live","'=cmd|' /C calc'!A0"`));
  assert.ok(text.includes('"""a""\n,b"') && text.includes(',"10","46.948123","-7.4474","57","2"'));
});
