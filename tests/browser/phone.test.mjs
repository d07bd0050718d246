// All that the page knows and does, with no gateway in reach.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { needed } from "./mesh.mjs";
import { cardOf, cardText, deviceId, kitText, newIdentity, seal } from "../../gateway/web/src/core.js";
import { signAccount } from "../../gateway/web/src/directory.js";
import { lock, unlock } from "../../gateway/web/src/vault.js";
import { Phone } from "../../gateway/web/src/phone.js";

const { IDBFactory } = needed("fake-indexeddb");
const phones = [];
let kept;

before(() => {
  kept = new Map();
  globalThis.window = { fetch: () => Promise.reject(new TypeError("away")), addEventListener: () => {} };
  globalThis.localStorage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), clear: () => kept.clear() };
});
after(() => Promise.all(phones.map((phone) => phone.link && phone.link.stop())));

async function opened(idb = new IDBFactory()) {
  const phone = await Phone.open(idb, () => import("../../gateway/web/src/later/seal.js"));
  phones.push(phone);
  return phone;
}

async function letterTo(me, from, text, seq) {
  const sealed = await seal(from, cardOf(me), new TextEncoder().encode(text), { unixS: 1.8e9 + seq, withCard: true, lifetime: 10 });
  const head = Uint8Array.of(sealed.b0, sealed.b1, ...sealed.mid);
  return { seq, mid: sealed.mid, head, shape: sealed.shape, bundle: sealed.bundle, relays: 1 };
}

test("a name is all that is needed to begin, and it must be one", async () => {
  const phone = await opened();
  for (const [name, code] of [["", "name-empty"], [" \u200b", "name-empty"], ["😀".repeat(10_000), "name-long"]]) {
    await assert.rejects(phone.begin(name), { code });
  }
  assert.equal(phone.me, null);
  await phone.begin("Ana");
  assert.equal(phone.me.name, "Ana");
});

test("two tabs that begin at once are one person", async () => {
  const idb = new IDBFactory();
  const [one, two] = [await opened(idb), await opened(idb)];
  await Promise.all([one.begin("Ana"), two.begin("Ana")]);
  assert.equal(one.id, two.id);
});

test("a kit brings the person and the cards; a bad one changes nothing", async () => {
  const [ana, bo] = [newIdentity("Ana"), newIdentity("Bo")];
  const phone = await opened();
  await assert.rejects(phone.restore(kitText(ana), ["HELIO:ABC"]), { code: "mistyped" });
  assert.equal(phone.me, null);
  await phone.restore(kitText(ana), [cardText(cardOf(bo)), cardText(cardOf(ana))]);
  const { account, signing, boxRoot, previous, prekeySeq } = phone.me;
  assert.deepEqual([account, signing, boxRoot, previous], [ana.account, ana.signing, ana.boxRoot, { prekey: ana.prekey, prekeySeq: 1 }]);
  assert.ok(prekeySeq > Date.now() / 1000 - 60, "above all that contacts may have heard of since");
  assert.deepEqual(phone.chats().map((c) => c.person.name), ["Bo"]);
  await assert.rejects(phone.add(cardText(cardOf(ana)), ""), { code: "own-card" });
});

test("all whose cards are in one text are added, and oneself is not", async () => {
  const [bo, cy] = [newIdentity("Bo"), newIdentity("Cy")];
  const phone = await opened();
  await phone.begin("Ana");
  const cards = [cardOf(phone.me), cardOf(bo), cardOf(cy)].map(cardText);
  assert.equal((await phone.add(cards.join("\n"), "one name for two")).name, "Bo");
  assert.deepEqual(phone.chats().map((c) => c.person.name).sort(), ["Bo", "Cy"]);
});

test("chats stand by the last word, count what is unread, and go on after a restart", async () => {
  const idb = new IDBFactory();
  const [bo, cy] = [newIdentity("Bo"), newIdentity("Cy")];
  const phone = await opened(idb);
  await phone.begin("Ana");
  const person = await phone.add(cardText(cardOf(bo)), "Bo from next door");
  await phone.send([person.id], { text: "hello" });
  for (let i = 1; i <= 3; i++) await phone.mail.heardLetter(await letterTo(phone.me, cy, `word ${i}`, i), "A");
  await Promise.all([phone.reload(), phone.reload(), phone.reload()]);
  const shown = (p) => p.chats().map((c) => [c.person.name, c.person.standing, c.unread, c.last.text]);
  const expected = [["Cy", "stranger", 3, "word 3"], ["Bo from next door", "contact", 0, "hello"]];
  assert.deepEqual(shown(phone), expected);
  const again = await opened(idb);
  assert.deepEqual(shown(again), expected);
  const [{ person: stranger, last }] = again.chats();
  await again.read(stranger.id, last.order - 1);
  await again.read(stranger.id, last.order - 2); // an older tab scrolls: it does not become unread again
  assert.equal(again.chats()[0].unread, 1);
  await again.block(stranger.id);
  await again.mail.heardLetter(await letterTo(phone.me, cy, "word 4", 4), "A");
  await again.reload();
  assert.equal(again.inChat(stranger.id).length, 3);
});

test("a phone that was taken off its account sends nothing more", async () => {
  const idb = new IDBFactory();
  const phone = await opened(idb);
  await phone.begin("Ana");
  const bo = await phone.add(cardText(cardOf(newIdentity("Bo"))), "");
  await phone.store.keep("removed", true);
  await phone.reload();
  assert.ok(phone.removed && phone.link.stopped);
  await assert.rejects(phone.send([bo.id], { text: "x" }), { code: "removed" });
  const again = await opened(idb);
  assert.ok(again.removed && !again.link.running, "also when the page is opened again");
});

test("a phone whose keys are locked is nobody until it is unlocked, and then who it was", async () => {
  const idb = new IDBFactory();
  const phone = await opened(idb);
  await phone.begin("Ana");
  await lock(phone.store, "five words that nobody expects");
  const again = await opened(idb);
  assert.deepEqual([again.locked, again.me, again.link], [true, null, null]);
  await assert.rejects(again.begin("Eve"), { code: "locked" });
  await unlock(again.store, "five words that nobody expects");
  await again.reload();
  assert.deepEqual([again.locked, again.id], [false, phone.id]);
});

test("what is learned of somebody's devices joins their chats; what was read stays read", async () => {
  const phone = await opened();
  await phone.begin("Ana");
  const first = newIdentity("Bo");
  const second = { ...newIdentity("Bo"), account: first.account };
  const ids = [first, second].map((one) => deviceId(cardOf(one)));
  for (const one of [first, second]) {
    await phone.add(cardText(cardOf(one)), "");
    await phone.mail.heardLetter(await letterTo(phone.me, one, "from one of two", phone.messages.length + 1), "A");
    await phone.reload();
  }
  assert.equal(phone.chats().length, 2);
  const list = signAccount(first.account, { sequence: 1, nextKey: new Uint8Array(16), devices: ids, name: "Bo" });
  await phone.learn([list]);
  const [{ person, unread }, ...none] = phone.chats();
  assert.deepEqual([none.length, unread, phone.inChat(person.id).filter((m) => m.kind === "text").length], [0, 3, 2]);
  await phone.read(person.id, Math.max(...phone.messages.map((m) => m.order)));
  assert.equal(phone.chats()[0].unread, 0);
  assert.deepEqual(ids.map((id) => phone.leader(id).id), [person.id, person.id]);
  const message = await phone.send([person.id], { text: "to both" });
  assert.equal(phone.partsFor(message, person.id).length, 2);
  await phone.block(person.id);
  assert.deepEqual(ids.map((id) => phone.people.get(id).standing), ["blocked", "blocked"]);
});

test("what is kept counts as sent, though it could not be drawn", async () => {
  const phone = await opened();
  await phone.begin("Ana");
  const { id } = await phone.add(cardText(cardOf(newIdentity("Bo"))));
  phone.reload = async () => { throw new Error("the reading failed"); };
  const { error } = console;
  console.error = () => {};
  await phone.send([id], { text: "once" }).finally(() => {
    console.error = error;
    delete phone.reload;
  });
  await phone.reload();
  assert.equal(phone.messages.length, 1);
});

test("a group is a chat: it stands by its last word, counts what is unread, is found and read", async () => {
  const phone = await opened();
  await phone.begin("Ana");
  const bo = await phone.add(cardText(cardOf(newIdentity("Bo"))), "");
  await assert.rejects(phone.inGroup("make", "Well", []), { code: "group-nobody" });
  await assert.rejects(phone.inGroup("make", " ", [bo.id]), { code: "name-empty" });
  await assert.rejects(phone.inGroup("make", "Well", ["0".repeat(16)]), { code: "unknown-person" });
  assert.equal(phone.groups.size, 0);
  const id = await phone.inGroup("make", "Well", [bo.id]);
  const message = await phone.send([id], { text: "hello, all" });
  assert.deepEqual(phone.chats().map((c) => [c.person.name, c.unread, c.last && c.last.text]), [["Well", 0, "hello, all"], ["Bo", 0, null]]);
  assert.equal(phone.chat(id).group.members.length, 2);
  const { order: mine, parts, ...rest } = message;
  const order = await phone.store.put("messages", { ...rest, dir: "in", from: bo.id, mids: [] });
  assert.deepEqual([order > mine, parts.length], [true, 1]);
  await phone.reload();
  assert.equal(phone.chats()[0].unread, 1);
  await phone.read(id, order);
  assert.equal(phone.chats()[0].unread, 0);
  await phone.read(id, order - 1);
  assert.equal(phone.chat(id).read, order);
});

test("forgetting leaves neither keys nor drafts", async () => {
  const idb = new IDBFactory();
  const phone = await opened(idb);
  await phone.begin("Ana");
  kept.set("heliograph.draft.x", "secret");
  await phone.forget();
  assert.equal(kept.size, 0);
  assert.equal((await opened(idb)).me, null);
});
