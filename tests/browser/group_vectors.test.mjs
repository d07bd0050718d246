// tests/vectors/group.json: the bytes of a group, held by Python too (tests/gateway/test_group_vectors.py).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { made } from "../vectors/make_group.mjs";
import { concat, hex, newIdentity, random, unhex, utf8 } from "../../gateway/web/src/core.js";
import { chainOf, epochKeys, nextOf, pairSecret, seedOf } from "../../gateway/web/src/group_keys.js";
import { openForGroup, sealForGroup, whoseIsIt } from "../../gateway/web/src/group_seal.js";
import { memberCard, readGroupBody, readState, stateRecord } from "../../gateway/web/src/group_state.js";

const VECTORS = JSON.parse(readFileSync(new URL("../vectors/group.json", import.meta.url), "utf8"));
const SECRET = unhex(VECTORS.secret);
const EPOCH = {
  gid: unhex(VECTORS.gid), number: VECTORS.number, ...epochKeys(SECRET),
  senders: Object.fromEntries(VECTORS.members.map((m, i) => [VECTORS.senders[i], { id: m.id, device: unhex(m.device) }])),
};
const letterOf = (v) => ({ head: unhex(v.head), shape: v.shape, bundle: unhex(v.bundle) });

function seedAt(device, counter) {
  let key = chainOf(SECRET, device);
  for (let i = 0; i < counter; i++) key = nextOf(key);
  return seedOf(key);
}

test("today's code makes the same bytes", () => {
  assert.deepEqual(made(), VECTORS);
});

for (const v of VECTORS.messages) {
  test(`${v.name} opens`, () => {
    const letter = letterOf(v);
    const found = whoseIsIt(letter, [EPOCH]);
    assert.deepEqual([hex(found.from.device), found.counter], [v.from, v.counter]);
    const seed = seedAt(found.from.device, v.counter);
    const opened = openForGroup(letter, found, seed, found.from.device);
    assert.deepEqual([hex(opened.body), opened.typed, opened.unixS], [v.body, v.typed, VECTORS.unix_s]);
    for (const at of [10, 40, letter.bundle.length - 1]) {
      const bundle = letter.bundle.slice();
      bundle[at] ^= 1;
      const other = whoseIsIt({ ...letter, bundle }, [EPOCH]);
      if (other) assert.throws(() => openForGroup({ ...letter, bundle }, other, seed, found.from.device), { code: "damaged" });
    }
    assert.throws(() => openForGroup(letter, found, seed, unhex(VECTORS.members.find((m) => m.device !== v.from).device)),
      { code: "false-signature" });
    assert.throws(() => openForGroup(letter, { ...found, epoch: { ...EPOCH, number: 4 } }, seed, found.from.device),
      { code: "false-signature" });
    const another = { ...EPOCH, ...epochKeys(random(16)) };
    assert.equal(whoseIsIt(letter, [another]), null);
  });
}

test("fewer than all pieces are of no use to who has the key", () => {
  const v = VECTORS.messages.find((m) => m.name === "pieces");
  const letter = letterOf(v);
  letter.bundle[letter.bundle.length - 1] ^= 1; // any byte that is missing
  assert.equal(whoseIsIt(letter, [EPOCH]), null, "not even who wrote it can be seen");
});

test("a state is what it says, or is refused", () => {
  const state = readState(unhex(VECTORS.record));
  assert.deepEqual([hex(state.gid), state.number, hex(state.check), state.name], [VECTORS.gid, 3, VECTORS.check, "البئر"]);
  assert.deepEqual(state.members.map((m) => hex(m.device)), VECTORS.members.map((m) => m.device));
  const record = unhex(VECTORS.record);
  const refusals = new Set();
  for (let at = 0; at < record.length; at++) {
    const altered = record.slice();
    altered[at] ^= 1;
    try {
      readState(altered);
      assert.fail(`byte ${at} does not count`);
    } catch (error) {
      refusals.add(error.code);
    }
  }
  for (const code of refusals) assert.ok(["damaged", "false-state", "newer"].includes(code), code);
  for (let n = 0; n < record.length; n++) assert.throws(() => readState(record.slice(0, n)), { name: "Refused" });
  assert.throws(() => readState(concat(record, [0])), { name: "Refused" });
});

test("who is in it: between one and fifty, each once", () => {
  const maker = newIdentity("Ana");
  const state = (members, name = "x", number = 1) => readState(stateRecord(maker, { salt: random(16), number, check: random(16), name, members }));
  const many = Array.from({ length: 50 }, () => memberCard(newIdentity("Somebody with a longer name")));
  assert.equal(state([memberCard(maker), ...many.slice(1)]).members.length, 50);
  assert.throws(() => state([memberCard(maker), ...many]), { code: "damaged" });
  assert.throws(() => state([memberCard(maker), many[0], many[0]]), { code: "damaged" });
  assert.throws(() => state([many[0], memberCard(maker)]), { code: "false-state" });
  assert.throws(() => state([memberCard(maker)], "x", 0), { code: "damaged" });
  assert.throws(() => state([memberCard(maker)], "x".repeat(33)), { name: "Refused" });
});

test("bodies of a group are of their length, or refused", () => {
  assert.deepEqual(readGroupBody(Uint8Array.of(5, 17)), { is: 17 });
  for (const body of [[5], [5, 0], [5, 4], [5, 99]]) assert.throws(() => readGroupBody(Uint8Array.from(body)), { code: "newer" });
  for (const body of [[5, 1], [5, 2, 0], [5, 17, 0], [5, 3, 1]]) assert.throws(() => readGroupBody(Uint8Array.from(body)), { code: "damaged" });
  const key = readGroupBody(unhex(VECTORS.key_body));
  assert.deepEqual([hex(key.salt), key.number, hex(key.secret)], [VECTORS.salt, 3, VECTORS.secret]);
});

test("a device key that is none gives no pair", () => {
  assert.equal(pairSecret(random(32), new Uint8Array(32), random(16)), null);
  assert.equal(pairSecret(random(32), Uint8Array.of(1, ...new Uint8Array(31)), random(16)), null);
});

test("any body of any length comes back", () => {
  const chain = { key: random(32), counter: 9 };
  const me = newIdentity("Bo");
  const epoch = { gid: random(16), number: 1, ...epochKeys(SECRET), senders: { "01020304": { id: "x" } } };
  for (let n = 0; n < 300; n += 7) {
    const body = n % 2 ? random(n) : utf8("مرحبا ".repeat(n / 7 + 1));
    const sealed = sealForGroup(epoch, Uint8Array.of(1, 2, 3, 4), chain, me.signing, body, { unixS: n, lifetime: 3, priority: 3 });
    const letter = { head: concat([sealed.b0, sealed.b1], sealed.mid), shape: sealed.shape, bundle: sealed.bundle };
    assert.equal(sealed.bundle.length, sealed.shape ? sealed.shape[0] * sealed.shape[2] * 210 : 218);
    const found = whoseIsIt(letter, [epoch]);
    assert.equal(found.counter, 9);
    const opened = openForGroup(letter, found, seedOf(chain.key), memberCard(me).device);
    assert.deepEqual([hex(opened.body), opened.unixS], [hex(body), n]);
  }
  assert.throws(() => sealForGroup(epoch, new Uint8Array(4), chain, me.signing, new Uint8Array(65537), { unixS: 1, lifetime: 3 }), { code: "too-long" });
});
