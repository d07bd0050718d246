// Devices of one person: new prekeys, a second device, a lost one; and what others make of lists.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { attendOnce, tellPrekey } from "../../gateway/web/src/attend.js";
import { NO_BOX_ROOT, accountId, cardOf, deviceId, equal, hex, newIdentity, parseCard, random, unhex } from "../../gateway/web/src/core.js";
import { commitment, personOf, signAccount, signDevice } from "../../gateway/web/src/directory.js";
import * as sealing from "../../gateway/web/src/later/seal.js";
import { learn } from "../../gateway/web/src/lists.js";
import { admit, answerLink, ask, join, readRequest, remove, requestLink } from "../../gateway/web/src/own_devices.js";
import { devicesBody, prekeyBody, readDevices } from "../../gateway/web/src/quiet.js";
import { EVERY_MS, rotateIfDue } from "../../gateway/web/src/rotate.js";

const DAY_MS = 86_400_000;
const load = async () => sealing;

async function two() {
  const mesh = new Mesh();
  const gateways = [mesh.gateway("A"), mesh.gateway("B")];
  const ana = await TestPhone.make("Ana", gateways[0]);
  const bo = await TestPhone.make("Bo", gateways[1]);
  await ana.add(bo);
  await bo.add(ana);
  await ana.write([bo], "hello");
  await bo.until(async () => (await bo.texts()).length, "hello");
  await bo.write([ana], "hi");
  await ana.until(async () => (await ana.texts()).length, "hi");
  return { mesh, gateways, ana, bo, end: () => Promise.all([ana.leave(), bo.leave()]) };
}

const row = (phone, of) => phone.store.get("people", of.id);
const notes = async (phone) => (await phone.messages()).filter((m) => m.kind === "note").map((m) => m.note);
const heard = (phone, word) => phone.until(async () => (await phone.texts()).includes(word), word);
const quiet = (phone) => phone.until(async () => !(await phone.store.all("outbox")).length, "nothing under way");

// What the page does by itself; as phone.js, when keys change the gateway is told.
async function attend(phone, nowMs = Date.now()) {
  await attendOnce(phone.store, phone.mail, 10, nowMs);
  await phone.renewed();
}

test("what Python says of a prekey and of devices is the same bytes", () => {
  const { prekeys, devices } = JSON.parse(readFileSync(new URL("../vectors/quiet.json", import.meta.url)));
  for (const { card, body } of prekeys) assert.equal(hex(prekeyBody(parseCard(card))), body);
  const records = devices.records.map(unhex);
  assert.equal(hex(devicesBody(unhex(devices.box_root), records)), devices.body);
  assert.deepEqual(readDevices(unhex(devices.body)), { boxRoot: unhex(devices.box_root), records });
});

// --- prekeys

test("a prekey lives for a week, is kept for another, and a clock that is set loses nothing", async () => {
  const ana = await TestPhone.make("Ana");
  await ana.store.keep("me", ana.me);
  const t0 = 1_800_000_000_000;
  assert.equal(await rotateIfDue(ana.store, t0), null);
  assert.equal(await rotateIfDue(ana.store, t0 + EVERY_MS - 1), null);
  const once = await rotateIfDue(ana.store, t0 + EVERY_MS);
  assert.equal(once.prekeySeq, 2);
  assert.deepEqual(once.previous, { prekey: ana.me.prekey, prekeySeq: 1 });
  assert.equal(await rotateIfDue(ana.store, t0 - 30 * DAY_MS), null, "the clock went back: it counts anew");
  assert.equal(await rotateIfDue(ana.store, t0 - 30 * DAY_MS + EVERY_MS - 1), null);
  const twice = await rotateIfDue(ana.store, t0 - 30 * DAY_MS + EVERY_MS);
  assert.equal(twice.prekeySeq, 3);
  assert.deepEqual(twice.previous.prekey, once.prekey);
  assert.deepEqual(await ana.store.value("me"), twice);
});

test("contacts learn a new prekey by one frame, once, and mail for the former one still opens", async () => {
  const { gateways, ana, bo, end } = await two();
  await quiet(bo);
  await bo.leave();
  await bo.write([ana], "sealed before");
  const now = Date.now() + EVERY_MS + 1;
  await attend(ana, now - EVERY_MS);
  const before = gateways[0].posted.size;
  await attend(ana, now);
  await attend(ana, now + 1000);
  await ana.until(() => gateways[0].posted.size > before, "the notice");
  bo.join(gateways[1]);
  await heard(ana, "sealed before");
  await bo.until(async () => (await row(bo, ana)).card.prekeySeq === 2, "learned");
  assert.equal(gateways[0].posted.size, before + 1);
  assert.deepEqual((await row(bo, ana)).card, cardOf(ana.mail.me));
  assert.deepEqual(await bo.texts(), ["hello"]);
  await bo.write([ana], "sealed for the new one");
  await heard(ana, "sealed for the new one");
  await end();
});

test("what was sealed for a prekey that is gone is sealed once more", async () => {
  const { gateways, ana, bo, end } = await two();
  await quiet(bo);
  await ana.leave();
  gateways[0].boxes.clear();
  await bo.write([ana], "too late");
  await bo.until(async () => (await bo.states()).flat().includes("on_mesh"), "on the mesh");
  for (let week = 0; week <= 2; week++) await rotateIfDue(ana.store, Date.now() + week * EVERY_MS);
  ana.mail.me = await ana.store.value("me");
  assert.equal(ana.mail.me.prekeySeq, 3);
  gateways[0].news.length = 0; // what was for her lies where she cannot be told of it
  ana.renewed();
  ana.join(gateways[0]);
  await tellPrekey(ana.store, ana.mail, Date.now());
  ana.link.kick();
  await heard(ana, "too late");
  assert.equal((await ana.texts()).filter((text) => text === "too late").length, 1);
  await bo.until(async () => (await bo.states()).flat().every((s) => s === "delivered"), "delivered");
  await end();
});

test("an older notice of a prekey takes nothing back", async () => {
  const { ana, bo, end } = await two();
  const me = ana.mail.me;
  for (const prekeySeq of [5, 4]) {
    await ana.mail.tell([await row(ana, bo)], prekeyBody({ prekey: cardOf(me).prekey, prekeySeq }));
    ana.link.kick();
    await quiet(ana);
  }
  await bo.until(async () => (await row(bo, ana)).card.prekeySeq === 5, "the newer");
  await quiet(ana);
  assert.equal((await row(bo, ana)).card.prekeySeq, 5);
  await end();
});

// --- lists of devices

const commit = (seed) => commitment(cardOf({ ...newIdentity("x"), account: seed }).account);

// Somebody with several devices, as records say it.
function somebody(name, count = 2) {
  const first = newIdentity(name);
  const devices = Array.from({ length: count }, () => ({ ...newIdentity(name), account: first.account, boxRoot: first.boxRoot }));
  const nextSeed = random(32);
  const says = (sequence, which, account = first.account, called = name) => signAccount(account, {
    sequence, nextKey: commit(nextSeed), devices: which.map((i) => deviceId(cardOf(devices[i]))), name: called,
  });
  const device = (i, account = first.account) => signDevice(devices[i].signing,
    { ...cardOf({ ...devices[i], account }), lifetime: 10 });
  return { devices, says, device, nextSeed, card: (i) => cardOf(devices[i]), id: (i) => deviceId(cardOf(devices[i])) };
}

async function knowing(cards) {
  const bo = await TestPhone.make("Bo");
  for (const card of cards) await bo.people.add(card);
  const tell = (payloads, more = {}) => bo.store.write(["kv", "people", "messages"],
    (tx) => learn(tx, bo.me, payloads, { nowMs: 1_800_000_000_000, ...more }));
  const people = async () => Object.fromEntries((await bo.store.all("people")).map((p) => [p.id, p]));
  return { bo, tell, people };
}

test("two devices are one person only because a record of the account lists both", async () => {
  const ana = somebody("Ana");
  const { bo, tell, people } = await knowing([ana.card(0), ana.card(1)]);
  assert.equal((await people())[ana.id(1)].joined, undefined, "cards that name one account are claims");
  await tell([ana.says(1, [0]), ana.device(0)]);
  assert.equal((await people())[ana.id(1)].removed, true, "the account does not know that device");
  await tell([ana.says(2, [0, 1]), ana.device(0), ana.device(1)]);
  const rows = await people();
  const [lead] = Object.values(rows).filter((p) => !p.joined).map((p) => p.id); // they were added at once
  assert.deepEqual(Object.values(rows).map((p) => [p.joined || p.id, p.removed]), [[lead, false], [lead, false]]);
  assert.ok((await notes(bo)).includes("more_devices"));
  const message = await bo.mail.send([lead], { text: "to both" });
  assert.deepEqual(message.chats, [lead]);
  assert.deepEqual(message.parts.map((p) => p.person).sort(), [ana.id(0), ana.id(1)].sort());
});

test("a device that a list brings is known from then on, by the box root of the others", async () => {
  const ana = somebody("Ana");
  const { bo, tell, people } = await knowing([ana.card(0)]);
  await tell([ana.says(1, [0, 1]), ana.device(0), ana.device(1)]);
  const row = (await people())[ana.id(1)];
  assert.deepEqual(row.card, ana.card(1));
  assert.deepEqual([row.joined, row.standing, row.heard], [ana.id(0), "contact", false]);
  await bo.people.block(ana.id(0));
  assert.deepEqual(Object.values(await people()).map((p) => p.standing), ["blocked", "blocked"]);
});

test("an impostor whose card names another's account is put out by the account", async () => {
  const ana = somebody("Ana");
  const eve = { ...newIdentity("Ana"), account: ana.devices[0].account };
  const { bo, tell, people } = await knowing([cardOf(eve)]);
  await tell([ana.says(1, [0, 1]), ana.device(0), ana.device(1)]);
  const rows = await people();
  assert.deepEqual(Object.keys(rows), [deviceId(cardOf(eve))], "and nobody comes in by her card");
  assert.equal(rows[deviceId(cardOf(eve))].removed, true);
  await assert.rejects(bo.mail.send([deviceId(cardOf(eve))], { text: "x" }), { code: "no-device" });
});

test("a removed device gets no mail and comes back by no older list; that is said", async () => {
  const ana = somebody("Ana");
  const { bo, tell, people } = await knowing([ana.card(0)]);
  await tell([ana.says(4, [0, 1]), ana.device(0), ana.device(1)]);
  await tell([ana.says(5, [0])]);
  assert.equal((await people())[ana.id(1)].removed, true);
  await tell([ana.says(4, [0, 1]), ana.device(1)]);
  await tell([ana.says(3, [1])]);
  assert.equal((await people())[ana.id(1)].removed, true);
  assert.equal((await people())[ana.id(0)].removed, false);
  assert.deepEqual((await notes(bo)).sort(), ["more_devices", "old_list", "removed_device"]);
  const old = (await bo.messages()).find((m) => m.note === "old_list");
  assert.equal(old.n, 2, "the same within a day is counted, not said again");
  const message = await bo.mail.send([ana.id(0)], { text: "to the one that is left" });
  assert.deepEqual(message.parts.map((p) => p.person), [ana.id(0)]);
});

test("when the device that was known first is removed, its chat goes on with the others", async () => {
  const ana = somebody("Ana");
  const { bo, tell } = await knowing([ana.card(0)]);
  await tell([ana.says(1, [0, 1]), ana.device(0), ana.device(1)]);
  await tell([ana.says(2, [1])]);
  const message = await bo.mail.send([ana.id(0)], { text: "to the new phone" });
  assert.deepEqual([message.chats, message.parts.map((p) => p.person)], [[ana.id(0)], [ana.id(1)]]);
});

test("what expired on its way to a lost device goes to the one that is left", async () => {
  const ana = somebody("Ana");
  const { bo, tell } = await knowing([ana.card(0)]);
  const { order } = await bo.mail.send([ana.id(0)], { text: "x" });
  await tell([ana.says(1, [0, 1]), ana.device(0), ana.device(1)]);
  await tell([ana.says(2, [1])]);
  await bo.mail.again(order, [ana.id(0)]);
  const message = await bo.store.get("messages", order);
  assert.deepEqual(message.parts.map((p) => [p.person, p.mids.length]), [[ana.id(0), 1], [ana.id(1), 1]]);
  await bo.mail.again(order, [ana.id(0)]);
  assert.deepEqual((await bo.store.get("messages", order)).parts.map((p) => p.mids.length), [1, 1], "once");
});

test("two lists with one number: only the devices of both count", async () => {
  const ana = somebody("Ana", 3);
  const { bo, tell, people } = await knowing([ana.card(0)]);
  await tell([ana.says(1, [0, 1]), ana.device(0), ana.device(1)]);
  await tell([ana.says(1, [0, 2]), ana.device(2)]);
  await tell([ana.says(1, [0, 1])]);
  const rows = await people();
  assert.deepEqual([rows[ana.id(1)].removed, rows[ana.id(2)]], [true, undefined]);
  assert.ok((await notes(bo)).includes("two_lists"));
});

test("a key that the former one had announced is followed, any other is not", async () => {
  const ana = somebody("Ana");
  const { bo, tell, people } = await knowing([ana.card(0)]);
  await tell([ana.says(3, [0, 1]), ana.device(0), ana.device(1)]);
  const strange = random(32);
  const sender = (await people())[ana.id(0)];
  await tell([ana.says(1, [0, 1], strange), ana.device(0, strange)], { sender });
  assert.ok(equal((await people())[ana.id(0)].card.account, ana.card(0).account));
  await tell([ana.says(1, [0, 1], ana.nextSeed, "Anna")], { sender });
  assert.ok(equal((await people())[ana.id(0)].card.account, ana.card(0).account), "another name is another person");
  await tell([ana.says(1, [0], ana.nextSeed), ana.device(0, ana.nextSeed)]);
  const rows = await people();
  assert.equal(accountId(rows[ana.id(0)].card), accountId(cardOf({ ...ana.devices[0], account: ana.nextSeed })));
  assert.equal(rows[ana.id(1)].removed, true);
  assert.deepEqual((await notes(bo)).filter((n) => /key/.test(n)).sort(), ["key_followed", "strange_key"]);
});

test("a box root counts from a device that counts, with the list that counts", async () => {
  const ana = somebody("Ana");
  const { tell, people } = await knowing([ana.card(0)]);
  await tell([ana.says(2, [0, 1]), ana.device(0), ana.device(1)]);
  const [root, other] = [random(16), random(16)];
  const from = async (i) => (await people())[ana.id(i)];
  await tell([ana.says(3, [0])], { sender: await from(0), boxRoot: root });
  await tell([ana.says(3, [0])], { sender: await from(1), boxRoot: other });
  await tell([ana.says(2, [0, 1])], { sender: await from(0), boxRoot: other });
  await tell([ana.says(3, [0])], { sender: await from(0), boxRoot: NO_BOX_ROOT });
  assert.deepEqual((await from(0)).card.boxRoot, root);
});

test("an account that was ended gets no mail", async () => {
  const ana = somebody("Ana");
  const { bo, tell } = await knowing([ana.card(0)]);
  await tell([ana.says(7, [0])]);
  await tell([signAccount(ana.devices[0].account, { sequence: 1, nextKey: random(16), devices: [], name: "" })]);
  await tell([ana.says(8, [0])]);
  await assert.rejects(bo.mail.send([ana.id(0)], { text: "x" }), { code: "no-device" });
});

test("what is no list changes nothing", async () => {
  const ana = somebody("Ana");
  const { bo, tell, people } = await knowing([ana.card(0)]);
  const before = await people();
  const forged = ana.says(9, [1]);
  forged[60] ^= 1;
  for (const payloads of [[], [random(5)], [random(200)], [forged], [ana.device(0)], [new Uint8Array(0)]]) await tell(payloads);
  assert.deepEqual(await people(), before);
  assert.deepEqual(await bo.messages(), []);
  for (const body of [[3], [3, 1, 2], [3, ...random(16), 9, 1]]) assert.equal(readDevices(Uint8Array.from(body)), null);
  const whole = { boxRoot: random(16), records: [random(216), random(167)] };
  assert.deepEqual(readDevices(devicesBody(whole.boxRoot, whole.records)), whole);
  assert.equal(readDevices(devicesBody(whole.boxRoot, whole.records).slice(0, -1)), null);
});

// --- a second device, and a lost one

// Ana's second phone, admitted by the first one.
async function second(ana, gateway) {
  const phone = await TestPhone.make("nobody yet");
  await phone.store.write(["kv"], (tx) => tx.keep("me", undefined));
  const { request } = await ask(phone.store);
  const answer = await admit(ana.store, load, requestLink(request, "http://gw.mesh"));
  await join(phone.store, load, answerLink(answer, "http://gw.mesh"));
  await phone.renewed();
  phone.id = deviceId(cardOf(phone.me));
  phone.join(gateway);
  return phone;
}

test("a second phone joins, contacts write to both, and each says what it has", async () => {
  const { gateways, ana, bo, end } = await two();
  const tablet = await second(ana, gateways[1]);
  assert.equal(tablet.me.name, "Ana");
  assert.deepEqual(accountId(cardOf(tablet.me)), accountId(ana.card));
  await attend(tablet);
  tablet.link.kick();
  await ana.until(async () => (await row(ana, tablet)).record, "how mail for the tablet is sealed");
  await attend(ana);
  ana.link.kick();
  await bo.until(async () => (await row(bo, tablet)) !== undefined, "Bo to hear of it");
  assert.equal((await row(bo, tablet)).joined, ana.id);
  await quiet(ana);
  await attend(ana);
  assert.deepEqual(await ana.store.all("outbox"), [], "each is told once");
  const message = await bo.write([ana], "to all that you have");
  await heard(ana, "to all that you have");
  await heard(tablet, "to all that you have");
  await tablet.add(bo);
  await bo.until(async () => (await bo.store.get("messages", message.order)).parts.every((p) => p.state === "delivered"), "both");
  await tablet.write([bo], "from the tablet");
  await heard(bo, "from the tablet");
  assert.equal((await row(bo, tablet)).standing, "contact", "no stranger");
  await tablet.leave();
  await end();
});

test("a lost device is taken off: it stops, its mail is refused and said, hints go by another root", async () => {
  const { gateways, ana, bo, end } = await two();
  const tablet = await second(ana, gateways[1]);
  await tablet.add(bo);
  await attend(tablet);
  tablet.link.kick();
  await ana.until(async () => (await row(ana, tablet)).record, "the tablet's record");
  await attend(ana);
  ana.link.kick();
  await bo.until(async () => (await row(bo, tablet)) !== undefined, "Bo to hear of it");
  await quiet(ana);
  await remove(ana.store, tablet.id, Date.now());
  const roots = [ana.me.boxRoot, (await ana.store.value("me")).boxRoot];
  assert.ok(!equal(...roots));
  await attend(ana);
  ana.link.kick();
  await bo.until(async () => (await row(bo, tablet)).removed, "Bo to hear of the removal");
  assert.deepEqual((await row(bo, ana)).card.boxRoot, roots[1]);
  await tablet.until(() => tablet.store.value("removed"), "the tablet to hear of it");
  assert.deepEqual(tablet.me.boxRoot, roots[0]);
  await tablet.write([bo], "still me");
  await bo.until(async () => (await notes(bo)).includes("removed_mail"), "said");
  assert.ok(!(await bo.texts()).includes("still me"));
  const message = await bo.write([ana], "only you");
  assert.deepEqual(message.parts.map((p) => p.person), [ana.id]);
  await heard(ana, "only you");
  await tablet.leave();
  await end();
});

test("mail by the former box root still comes, for a week at least", async () => {
  const { gateways, ana, bo, end } = await two();
  await remove(ana.store, "0".repeat(16), Date.now());
  await ana.renewed();
  while (gateways[0].boxes.get(ana.id).length < 3) await new Promise(setImmediate);
  await bo.write([ana], "by the former root");
  await heard(ana, "by the former root");
  const t0 = Date.now();
  const keep = async (ms) => ana.store.keep("prekeySince", ms);
  await keep(t0 - EVERY_MS);
  assert.ok((await rotateIfDue(ana.store, t0 + DAY_MS)).formerRoot);
  await keep(t0);
  assert.equal((await rotateIfDue(ana.store, t0 + EVERY_MS + 1000)).formerRoot, undefined);
  await end();
});

test("an answer is for the one who asked, and whole", async () => {
  const { ana, end } = await two();
  const [one, other] = [await TestPhone.make("x"), await TestPhone.make("y")];
  for (const phone of [one, other]) await phone.store.write(["kv"], (tx) => tx.keep("me", undefined));
  const { request, id } = await ask(one.store);
  assert.equal((await ask(one.store)).request, request, "also after a reload");
  assert.equal(readRequest(request).id, id);
  await ask(other.store);
  const answer = await admit(ana.store, load, request);
  await assert.rejects(join(other.store, load, answer), { code: "not-for-us" });
  await assert.rejects(join(one.store, load, answer.slice(0, -4)), { code: "mistyped" });
  await assert.rejects(join(one.store, load, request), { code: "not-an-answer" });
  await assert.rejects(admit(ana.store, load, answer), { code: "not-a-request" });
  await assert.rejects(admit(ana.store, load, "😀".repeat(10_000)), { code: "not-a-request" });
  await join(one.store, load, answer);
  await assert.rejects(join(one.store, load, answer), { code: "not-for-us" });
  const again = await admit(ana.store, load, request);
  assert.notEqual(again, answer);
  await end();
});

test("an account has eight devices at most, and keeps the one it speaks from", async () => {
  const ana = await TestPhone.make("Ana");
  const list = async () => personOf({ records: [(await ana.store.value("ownRecord")).payload] });
  for (let i = 0; i < 7; i++) {
    const phone = await TestPhone.make("x");
    await admit(ana.store, load, (await ask(phone.store)).request);
  }
  assert.deepEqual([(await list()).devices.length, (await list()).sequence], [8, 7]);
  const ninth = await TestPhone.make("x");
  await assert.rejects(admit(ana.store, load, (await ask(ninth.store)).request), { code: "devices-full" });
  await assert.rejects(remove(ana.store, ana.id, Date.now()), { code: "own-device" });
  assert.equal((await list()).sequence, 7);
});

test("a device that was restored from its kit learns of the others with their next prekey", async () => {
  const { gateways, ana, end } = await two();
  const tablet = await second(ana, gateways[1]);
  await attend(tablet);
  tablet.link.kick();
  await ana.until(async () => (await row(ana, tablet)).record, "the tablet's record");
  await tablet.leave();
  const back = await TestPhone.make("nobody yet");
  Object.assign(back, { me: { ...tablet.me }, id: tablet.id });
  await back.store.keep("me", back.me);
  back.mail.me = back.me;
  back.join(gateways[1]);
  await attend(ana, Date.now());
  await attend(ana, Date.now() + EVERY_MS + 1000);
  ana.link.kick();
  await back.until(async () => ((await row(back, ana)) || {}).standing === "mine", "the phone");
  assert.equal(personOf({ records: [(await back.store.value("ownRecord")).payload] }).devices.length, 2);
  await back.leave();
  await end();
});
