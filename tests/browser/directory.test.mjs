// The directory as the page reads it: only what was signed counts, and nobody takes anybody's place.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { needed } from "./mesh.mjs";
import {
  NO_BOX_ROOT, accountId, cardOf, concat, deviceId, hex, newIdentity, renewPrekey, random, unhex,
} from "../../gateway/web/src/core.js";
import {
  commitment, ownRecords, peopleOf, personOf, readRecord, signAccount, signDevice,
} from "../../gateway/web/src/directory.js";
import { announce, isFindable, stayFindable, wish } from "../../gateway/web/src/findable.js";
import { Away, Refused } from "../../gateway/web/src/errors.js";
import { People } from "../../gateway/web/src/people.js";
import { Store } from "../../gateway/web/src/store.js";

const { IDBFactory } = needed("fake-indexeddb");
const VECTORS = JSON.parse(readFileSync(new URL("../vectors/directory.json", import.meta.url)));
const LIFETIME = 10;
const code = (action) => { try { action(); } catch (e) { return e.code || e; } return "taken"; };

// Somebody's records; more: what the account's says otherwise.
function says(me, more = {}) {
  const record = { sequence: 1, nextKey: new Uint8Array(16), devices: [deviceId(cardOf(me))], name: me.name, ...more };
  return signAccount(more.by || me.account, record);
}
const deviceSays = (me, more = {}) => signDevice(me.signing, { ...cardOf(me), lifetime: LIFETIME, ...more });
const told = (...records) => ({ records, marks: [] });

for (const vector of VECTORS) {
  test(`what Python signs is read: ${vector.title}`, () => {
    const record = readRecord(unhex(vector.payload));
    assert.equal(hex(record.account), vector.account);
    if (record.kind === "account") {
      assert.deepEqual([record.sequence, record.devices, record.name, hex(record.nextKey)],
        [vector.sequence, vector.devices, vector.name, vector.next_key]);
      assert.equal(hex(commitment(unhex(vector.next_account))), vector.next_key);
    } else {
      assert.deepEqual([hex(record.device), hex(record.prekey), record.prekeySeq, record.lifetime],
        [vector.device, vector.prekey, vector.prekey_seq, vector.lifetime]);
    }
  });

  test(`no bit of it can be changed, and nothing be left out: ${vector.title}`, () => {
    const payload = unhex(vector.payload);
    for (let at = 0; at < payload.length; at++) {
      const bad = payload.slice();
      bad[at] ^= 1 << (at % 8);
      assert.ok(["damaged", "newer", "false-signature"].includes(code(() => readRecord(bad))), `byte ${at}`);
    }
    for (const cut of [0, 1, 64, 65, 66, payload.length - 1]) {
      assert.ok(["damaged", "newer", "false-signature"].includes(code(() => readRecord(payload.slice(0, cut)))), `${cut}`);
    }
    assert.notEqual(code(() => readRecord(concat(payload, [0]))), "taken");
  });
}

test("what is signed but badly spelled is refused", () => {
  const me = newIdentity("Ana");
  const [a, b] = [hex(new Uint8Array(8).fill(1)), hex(new Uint8Array(8).fill(2))];
  assert.equal(code(() => readRecord(says(me, { devices: [b, a] }))), "taken"); // we put them in order
  assert.equal(code(() => readRecord(says(me, { devices: [a, a] }))), "damaged");
  assert.equal(code(() => readRecord(says(me, { sequence: 0 }))), "damaged");
  assert.equal(code(() => readRecord(says(me, { devices: Array.from({ length: 9 }, (_, i) => `0${i}`.repeat(8)) }))), "damaged");
  for (const name of ["", " Ana", "Ana ", "A\u200bna", "A\nna", "\ufeffAna", "x".repeat(33)]) {
    assert.equal(code(() => readRecord(says(me, { name }))), "damaged", JSON.stringify(name));
  }
  assert.equal(code(() => readRecord(says(me, { devices: [] }))), "damaged", "a tombstone has no name");
  assert.equal(code(() => readRecord(deviceSays(me, { lifetime: 16 }))), "damaged");
  assert.equal(code(() => readRecord(deviceSays(me, { prekey: new Uint8Array(32) }))), "damaged", "small order");
});

test("a person is what their keys say: forged and unlisted devices do not count", () => {
  const ana = newIdentity("Ana");
  const stranger = newIdentity("Ana");
  const unlisted = { ...stranger, account: ana.account }; // a device that names her account
  const person = personOf(told(says(ana), deviceSays(ana), deviceSays(unlisted), says(stranger), random(166)));
  assert.equal(person.id, accountId(cardOf(ana)));
  assert.deepEqual(person.cards.map(deviceId), [deviceId(cardOf(ana))]);
  assert.deepEqual(person.cards[0].boxRoot, NO_BOX_ROOT);
  assert.equal(person.refused, 3);
  assert.equal(personOf(told(deviceSays(ana))), null);
  const forged = says(ana);
  forged[forged.length - 1] ^= 1;
  assert.equal(personOf(told(forged, deviceSays(ana))), null);
});

test("the highest number counts; two of one number leave what both list", () => {
  const ana = newIdentity("Ana");
  const other = { ...newIdentity("Ana"), account: ana.account };
  const [one, two] = [ana, other].map((d) => deviceId(cardOf(d)));
  const devices = [deviceSays(ana), deviceSays(other)];
  const later = personOf(told(says(ana, { devices: [one, two] }), says(ana, { sequence: 2 }), ...devices));
  assert.deepEqual([later.sequence, later.cards.map(deviceId), later.rival], [2, [one], false]);
  const [split] = peopleOf([told(says(ana, { devices: [one, two] }), says(ana), ...devices)]);
  assert.deepEqual([split.cards.map(deviceId), split.marks], [[one], ["conflict"]]);
  const newer = personOf(told(says(ana), deviceSays(ana), deviceSays(ana, { prekeySeq: 2 })));
  assert.deepEqual(newer.cards.map((c) => c.prekeySeq), [2]);
  assert.deepEqual(peopleOf([told(says(ana), says(ana, { sequence: 1, devices: [], name: "" }))]), [], "deleted");
});

test("both of a name are shown and marked, whatever the gateway leaves out", () => {
  const [first, second] = [newIdentity("Ana"), newIdentity("ＡＮＡ")];
  const silent = peopleOf([told(says(first)), told(says(second))]);
  assert.deepEqual(silent.map((p) => p.marks), [["name_taken"], ["name_taken"]]);
  const honest = peopleOf([{ ...told(says(first)), marks: ["name_shared"] }, { ...told(says(second)), marks: ["name_taken"] }]);
  assert.deepEqual(honest.map((p) => p.marks), [["name_shared"], ["name_taken"]]);
});

test("a changed key is believed if the former one announced it", () => {
  const [old, young] = [newIdentity("Ana"), newIdentity("Ana")];
  const next = says(young);
  const promise = says(old, { nextKey: commitment(cardOf(young).account) });
  const marks = (former) => peopleOf([told(former), { ...told(next), marks: ["key_changed"] }]).map((p) => p.marks);
  assert.deepEqual(marks(promise), [["gone_on"], ["key_changed"]]);
  assert.deepEqual(marks(says(old)), [["name_taken"], ["name_taken"]]);
});

test("our number only rises, and the same is said once", () => {
  const me = newIdentity("Ana");
  const first = ownRecords(me, {}, null, LIFETIME);
  const record = readRecord(first.records[0]);
  assert.deepEqual([record.sequence, record.devices, record.name], [1, [deviceId(cardOf(me))], "Ana"]);
  assert.equal(personOf(told(...first.records)).cards.length, 1);
  assert.deepEqual(ownRecords(me, first.kept, null, LIFETIME), first);
  assert.deepEqual(ownRecords(me, first.kept, personOf(told(...first.records)), LIFETIME), first);
  const renamed = ownRecords({ ...me, name: "Anna" }, first.kept, null, LIFETIME);
  assert.equal(readRecord(renamed.records[0]).sequence, 2);
  // a phone that was restored knows no number of its own: it counts on from what is known
  const known = personOf(told(says(me, { sequence: 41 })));
  assert.equal(readRecord(ownRecords(me, {}, known, LIFETIME).records[0]).sequence, 42);
});

test("our other devices stay listed; one that was removed does not come back", () => {
  const me = newIdentity("Ana");
  const mine = deviceId(cardOf(me));
  const other = "ab".repeat(8);
  const joined = ownRecords(me, {}, personOf(told(says(me, { sequence: 3, devices: [other] }))), LIFETIME);
  assert.deepEqual(readRecord(joined.records[0]).devices, [mine, other].sort());
  const without = personOf(told(says(me, { sequence: 9, devices: [other] })));
  assert.equal(code(() => ownRecords(me, joined.kept, without, LIFETIME)), "removed");
  const eight = Array.from({ length: 8 }, (_, i) => `0${i}`.repeat(8));
  assert.equal(code(() => ownRecords(me, {}, personOf(told(says(me, { devices: eight }))), LIFETIME)), "devices-full");
  const rival = personOf(told(says(me, { sequence: 4, devices: [mine] }), says(me, { sequence: 4, devices: [mine, other] })));
  assert.equal(readRecord(ownRecords(me, joined.kept, rival, LIFETIME).records[0]).sequence, 5, "a conflict is ended");
});

test("two devices of an account that announce at once end with one list of both, and no quarrel", () => {
  const one = newIdentity("Ana");
  const two = { ...newIdentity("Anna"), account: one.account };
  const ids = [one, two].map((d) => deviceId(cardOf(d))).sort();
  const first = ownRecords(one, {}, null, LIFETIME);
  const second = ownRecords(two, {}, null, LIFETIME);
  const heard = (...of) => personOf(told(...of.map((r) => r.records[0])));
  const merged = ownRecords(one, first.kept, heard(first, second), LIFETIME);
  assert.deepEqual(readRecord(merged.records[0]).devices, ids);
  const content = ownRecords(two, second.kept, heard(merged), LIFETIME);
  assert.deepEqual(content.records[0], merged.records[0], "listed, so nothing is new");
  assert.deepEqual(ownRecords(two, content.kept, heard(merged), LIFETIME), content, "nor later");
  const both = ownRecords(two, second.kept, heard(second, first), LIFETIME); // at the same moment
  const ended = ownRecords(one, merged.kept, heard(merged, both), LIFETIME);
  assert.deepEqual([readRecord(ended.records[0]).sequence, readRecord(ended.records[0]).devices], [3, ids]);
});

test("whose list it is not leaves it to those who signed two", () => {
  const me = newIdentity("Ana");
  const mine = deviceId(cardOf(me));
  const [other, third] = ["ab", "cd"].map((h) => h.repeat(8));
  const { kept } = ownRecords(me, {}, null, LIFETIME);
  const lists = [says(me, { sequence: 5, devices: [other] }), says(me, { sequence: 5, devices: [mine, third] })];
  const split = personOf(told(...lists));
  assert.deepEqual(ownRecords(me, kept, split, LIFETIME).records[0], split.payload);
});

test("the key that may follow does not follow from the account's", () => {
  const me = newIdentity("Ana");
  const keys = [1, 2].map(() => hex(readRecord(ownRecords(me, {}, null, LIFETIME).records[0]).nextKey));
  assert.notEqual(keys[0], keys[1]);
});

// A phone as findable.js knows it, at a gateway that remembers.
async function phoneAt(store, me, gateway) {
  const listeners = new Set();
  return {
    store, me, gateway, info: { run: "1" },
    onChange: (f) => { listeners.add(f); return () => listeners.delete(f); },
    changed: () => Promise.all([...listeners].map((f) => f())),
  };
}
function fakeGateway() {
  const gateway = { out: [], refuse: null };
  gateway.directory = async () => {
    if (gateway.refuse) throw gateway.refuse;
    return gateway.out.length ? [told(...gateway.out[gateway.out.length - 1])] : [];
  };
  gateway.announce = async (records) => { gateway.out.push(records); };
  return gateway;
}

test("being found: off until it is wished, announced at each start, off again", async () => {
  const idb = new IDBFactory();
  const me = newIdentity("Ana");
  const gateway = fakeGateway();
  const store = await Store.open(idb);
  const phone = await phoneAt(store, me, gateway);
  let nowMs = 1e12;
  const stop = stayFindable(phone, LIFETIME, () => nowMs);
  await phone.changed();
  assert.equal(gateway.out.length, 0, "nothing is announced unasked");
  assert.equal(await wish(phone, true, LIFETIME), "on");
  assert.equal(gateway.out.length, 1);
  assert.ok(await isFindable(store));
  await phone.changed();
  await phone.changed();
  assert.equal(gateway.out.length, 2, "once for this run of the gateway");
  phone.info = { run: "2" };
  await phone.changed();
  assert.equal(gateway.out.length, 3, "it began anew");
  nowMs += 13 * 3_600_000;
  await phone.changed();
  assert.equal(gateway.out.length, 4, "half a day later");
  assert.ok(gateway.out.every((records) => hex(records[0]) === hex(gateway.out[0][0])), "the same record");
  assert.equal(await wish(phone, false, LIFETIME), "off");
  phone.info = { run: "3" };
  await phone.changed();
  assert.equal(gateway.out.length, 4);
  stop();
});

test("a new prekey or device is announced at once, and a removal that the directory knows is kept", async () => {
  const me = newIdentity("Ana");
  const gateway = fakeGateway();
  const store = await Store.open(new IDBFactory());
  const phone = await phoneAt(store, me, gateway);
  let reloads = 0;
  phone.reload = async () => { reloads += 1; };
  await store.keep("findable", true);
  const stop = stayFindable(phone, LIFETIME, () => 1e12);
  const until = async (so) => { // looks overlap: one that is under way is not begun twice
    while (!so()) await phone.changed().then(() => new Promise(setImmediate));
  };
  await until(() => gateway.out.length === 1);
  for (let i = 0; i < 20; i++) await phone.changed().then(() => new Promise(setImmediate));
  assert.equal(gateway.out.length, 1, "once");
  phone.me = renewPrekey(me);
  await until(() => gateway.out.length === 2);
  phone.people = new Map([["x", { id: "x", standing: "mine" }]]);
  await until(() => gateway.out.length === 3);
  const other = deviceId(cardOf(newIdentity("Ana")));
  gateway.out.push([says(me, { sequence: 9, devices: [other] })]);
  phone.info = { run: "2" };
  await until(() => reloads);
  assert.deepEqual([gateway.out.length, await store.value("removed")], [4, true], "it announces nothing more");
  stop();
});

test("a gateway that is away is waited for, one that refuses ends the wish", async () => {
  const store = await Store.open(new IDBFactory());
  const gateway = fakeGateway();
  const phone = await phoneAt(store, newIdentity("Ana"), gateway);
  gateway.refuse = new Away("gone");
  assert.equal(await wish(phone, true, LIFETIME), "waits");
  assert.ok(await isFindable(store));
  gateway.refuse = new Refused("http-400", "this account was deleted");
  await assert.rejects(wish(phone, true, LIFETIME), /deleted/);
  assert.equal(await isFindable(store), false);
});

test("what leaves was kept before", async () => {
  const store = await Store.open(new IDBFactory());
  const gateway = fakeGateway();
  gateway.announce = async (records) => {
    assert.equal(hex((await store.value("ownRecord")).payload), hex(records[0]));
    throw new Away("cut off");
  };
  await assert.rejects(announce({ store, me: newIdentity("Ana"), gateway }, LIFETIME), Away);
  assert.ok(await store.value("ownRecord"));
});

test("a card out of the directory takes nothing away that a shown one gave", async () => {
  const people = new People(await Store.open(new IDBFactory()));
  const ana = newIdentity("Ana");
  const [listed] = personOf(told(says(ana), deviceSays(ana, { prekeySeq: 2 }))).cards;
  await people.add(cardOf(ana), "Mum");
  const person = await people.add(listed);
  assert.deepEqual([person.name, person.card.prekeySeq, hex(person.card.boxRoot)], ["Mum", 2, hex(ana.boxRoot)]);
  const other = { ...ana, account: random(32) };
  const [claimed] = personOf(told(says(other), deviceSays(other))).cards;
  await assert.rejects(people.add(claimed), { code: "other-account" });
});
