// Bytes as text, cards and kits: what Python says of the same people, and what is refused.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  Refused, accountId, b64, base32, cardOf, cardText, cleanName, compress, decompress,
  deviceId, deviceUuid, equal, hex, hmac, kitText, newIdentity, parseCard, parseKit, random,
  senderId, unb64, unbase32, unhex, utf8, words,
} from "../../gateway/web/src/core.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url)));
const code = (action) => {
  try {
    action();
    return "taken";
  } catch (e) {
    assert.ok(e instanceof Refused, e.stack);
    return e.code;
  }
};

test("bytes come back from every way of writing them", () => {
  for (let n = 0; n < 100; n++) {
    const bytes = random(n);
    assert.ok(equal(unhex(hex(bytes)), bytes));
    assert.ok(equal(unb64(b64(bytes)), bytes));
    assert.ok(equal(unbase32(base32(bytes)), bytes));
    assert.equal(b64(bytes), Buffer.from(bytes).toString("base64url"));
  }
  assert.equal(base32(utf8("foobar")), "MZXW6YTBOI");
});

test("what is no writing of bytes is refused", () => {
  for (const bad of ["a", "ä===", "a b", null, 7]) assert.equal(code(() => unb64(bad)), "damaged");
  for (const bad of ["a", "xy", null]) assert.equal(code(() => unhex(bad)), "damaged");
  for (const bad of ["A", "MZX", "M1", "m"]) assert.equal(unbase32(bad), null);
});

test("hmac is RFC 2104", () => {
  for (const v of read("hashing.json").filter((row) => row.hmac_key)) {
    assert.equal(hex(hmac(unhex(v.hmac_key), unhex(v.data))), v.bytes);
  }
});

for (const person of read("seal.json").people) {
  test(`${person.name} is who Python says`, () => {
    const identity = parseKit(person.kit);
    const card = cardOf(identity);
    assert.equal(cardText(card), person.card);
    assert.equal(kitText(identity), person.kit);
    assert.equal(deviceId(card), person.device_id);
    assert.equal(accountId(card), person.account_id);
    assert.equal(deviceUuid(card), person.uuid);
    assert.equal(hex(senderId(card)), person.sender_id);
  });
}

test("a card survives being typed, and refuses mistakes", () => {
  const card = cardOf(newIdentity("Bo"));
  const written = cardText(card);
  assert.deepEqual(parseCard(written.toLowerCase()), card);
  assert.deepEqual(parseCard(written.replace(/(.{7})/g, "$1 \n")), card);
  const other = written[20] === "2" ? "3" : "2";
  const wrong = written.slice(0, 20) + other + written.slice(21);
  for (const bad of ["HELIO:", "HELIO:1", written.slice(0, -1), wrong]) {
    assert.equal(code(() => parseCard(bad)), "mistyped");
  }
  for (const bad of ["", "hello", kitText(newIdentity("Bo")), "HELIONET:AA"]) {
    assert.equal(code(() => parseCard(bad)), "not-a-card");
  }
  assert.equal(code(() => parseKit(written)), "not-a-kit");
});

test("cards of other versions, and damaged ones, are told apart", () => {
  const versions = read("seal.json").other_versions;
  assert.equal(code(() => parseCard(versions.older)), "older");
  assert.equal(code(() => parseCard(versions.newer)), "newer");
  assert.equal(code(() => parseCard(versions.short)), "not-a-card");
  assert.equal(code(() => parseCard(versions.nameless)), "not-a-card");
});

test("names are cleaned, and have a length", () => {
  assert.equal(cleanName("  Ana\u0000\n Maria\u202e "), "Ana Maria");
  assert.equal(code(() => cleanName(" \n")), "name-empty");
  assert.equal(cleanName("é".repeat(16)), "é".repeat(16));
  assert.equal(code(() => cleanName("é".repeat(17))), "name-long");
});

test("two people are never the same, and are read in groups", () => {
  const [one, two] = [newIdentity("Ana"), newIdentity("Ana")];
  assert.notEqual(deviceId(cardOf(one)), deviceId(cardOf(two)));
  assert.equal(words("0123456789abcdef"), "0123 4567 89ab cdef");
  assert.equal(cardOf({ ...one, name: "Noor" }).name, "Noor");
});

test("a body never grows, and comes back whatever it is", () => {
  for (const body of [utf8(""), utf8("ha ".repeat(500)), random(300), utf8("né"), random(60000)]) {
    const { flag, packed } = compress(body);
    assert.ok(packed.length <= body.length);
    assert.ok(equal(decompress(flag, packed, 65536), body));
  }
  assert.equal(code(() => decompress(1, compress(new Uint8Array(65537)).packed, 65536)), "damaged");
  assert.equal(code(() => decompress(0, new Uint8Array(11), 10)), "damaged");
  const whole = compress(utf8("water ".repeat(40))).packed;
  assert.equal(code(() => decompress(1, whole.slice(0, -3), 65536)), "damaged");
});
