// Letters that wait for something, and contacts whose card is bad: nobody else suffers by them.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { needed } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { Phone } from "../../gateway/web/src/phone.js";
import { cardOf, deviceId, hex, newIdentity, seal, utf8 } from "../../gateway/web/src/core.js";

const { IDBFactory } = needed("fake-indexeddb");
const kept = new Map();
globalThis.localStorage = { setItem: (k, v) => kept.set(k, v), getItem: (k) => kept.get(k), clear: () => kept.clear() };
globalThis.window = { addEventListener() {}, fetch: async () => { throw new TypeError("no gateway"); } };
globalThis.location = { reload() {} };

const sealing = () => import("../../gateway/web/src/seal.js");
let seq = 0;

async function letter(from, to, text, options = {}) {
  seq += 1;
  const s = await seal(from, to, utf8(text), { unixS: 1.8e9 + seq, withCard: true, lifetime: 10, ...options });
  return { seq, mid: s.mid, head: Uint8Array.of(s.b0, s.b1, ...s.mid), shape: s.shape, bundle: s.bundle, relays: 1 };
}

const open = new Set();
afterEach(() => Promise.all(Array.from(open, close))); // what a failed test has left

// A page that is open, and whose promises can be waited for.
async function page(idb = new IDBFactory(), name = "") {
  const phone = await Phone.open(idb, sealing);
  open.add(phone);
  if (name) await phone.begin(name);
  phone.shows = (condition) => new Promise((resolve) => {
    const check = () => condition() && resolve();
    phone.onChange(check);
    check();
  });
  return phone;
}

const close = async (phone) => {
  open.delete(phone);
  await phone.link.stop();
  phone.store.close();
};

test("what did not fit among the strangers is opened when one is accepted or blocked", async () => {
  const bo = await page(new IDBFactory(), "Bo");
  const me = cardOf(bo.me);
  const strangers = Array.from({ length: 42 }, (_, i) => newIdentity(`Stranger ${i}`));
  for (const one of strangers) await bo.mail.heardLetter(await letter(one, me, `from ${one.name}`), "B");
  await bo.reload();
  assert.equal(bo.messages.length, 40);
  await bo.accept(deviceId(cardOf(strangers[0])));
  assert.deepEqual([bo.messages.length, bo.shut], [41, 1]);
  await bo.block(deviceId(cardOf(strangers[1])));
  assert.deepEqual([bo.messages.length, bo.shut], [42, 0]);
  await close(bo);
});

test("a page that can read more opens what was shut away when it starts", async () => {
  const idb = new IDBFactory();
  const bo = await page(idb, "Bo");
  const eve = newIdentity("Eve");
  const newer = await letter(eve, cardOf(bo.me), "of the future");
  await bo.mail.store.put("shut", { mid: hex(newer.mid), letter: newer, why: "newer", atMs: 1 });
  await close(bo);
  const again = await page(idb);
  await again.shows(() => again.messages.length === 1 && again.shut === 0);
  assert.equal(again.messages[0].text, "of the future");
  await close(again);
});

test("a card that comes along opens what its sender wrote before", async () => {
  const bo = await TestPhone.make("Bo");
  const eve = newIdentity("Eve");
  const first = await letter(eve, bo.card, "without my card", { withCard: false });
  assert.equal((await bo.mail.heardLetter(first, "B")).is, "shut");
  assert.equal((await bo.mail.heardLetter(await letter(eve, bo.card, "with it"), "B")).is, "new");
  assert.deepEqual((await bo.texts()).sort(), ["with it", "without my card"]);
  assert.equal((await bo.store.all("shut")).length, 0);
  assert.equal((await bo.mail.receipts()).length, 2);
});

// --- bad cards

async function withBadContact() {
  const ana = await TestPhone.make("Ana");
  const [zero, cy] = [newIdentity("Zero"), newIdentity("Cy")];
  const bad = { ...cardOf(zero), prekey: new Uint8Array(32) };
  await ana.people.add(bad);
  await ana.people.add(cardOf(cy));
  const ids = [deviceId(bad), deviceId(cardOf(cy))];
  return { ana, zero, ids };
}

test("one contact with a bad card does not keep the others from hearing where we are", async () => {
  const { ana, ids } = await withBadContact();
  for (const id of ids) await ana.people.set(id, { heard: true });
  await ana.mail.arrived(Uint8Array.of(1, 2, 3));
  await ana.store.write(["kv"], (tx) => tx.keep("here", { way: "040506", ms: 0 }));
  await ana.mail.arrived(Uint8Array.of(1, 2, 3));
  assert.equal((await ana.store.all("outbox")).length, 1);
});

test("to several, it goes to those for whom it can be sealed, and says whose card is bad", async () => {
  const { ana, zero, ids } = await withBadContact();
  const message = await ana.mail.send(ids, { text: "to both" });
  assert.deepEqual(message.parts.map(({ state, why }) => [state, why]), [["refused", "bad-card"], ["waiting", undefined]]);
  assert.equal((await ana.store.all("outbox")).length, 1);
  await assert.rejects(ana.mail.send([ids[0]], { text: "to the bad one alone" }), { code: "bad-card" });
  assert.equal((await ana.messages()).length, 1);
  await ana.people.add({ ...cardOf(zero), prekeySeq: 2 });
  await ana.mail.again(message.order, [ids[0]]);
  assert.deepEqual((await ana.messages())[0].parts.map(({ state, why }) => [state, why]), [["waiting", undefined], ["waiting", undefined]]);
  assert.equal((await ana.store.all("outbox")).length, 2);
});

test("a letter from somebody with a bad card is filed, though nothing can be sent to them again", async () => {
  const { ana, zero, ids } = await withBadContact();
  const message = await ana.mail.send(ids, { text: "x" });
  await ana.store.write(["messages"], async (tx) => {
    message.parts[0].state = "expired";
    await tx.put("messages", message);
  });
  const sealed = await letter(zero, ana.card, "hi", { withCard: false });
  assert.equal((await ana.mail.heardLetter(sealed, "A")).is, "new");
  assert.equal(await ana.store.value("dropped"), undefined);
});
