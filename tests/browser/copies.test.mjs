// What our devices tell each other, and who has read what.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { attendOnce, tellRead } from "../../gateway/web/src/attend.js";
import { BODY_MAX, peopleCopy, readCopy, sentCopy } from "../../gateway/web/src/copies.js";
import { cardOf, deviceId, newIdentity, random, utf8 } from "../../gateway/web/src/core.js";
import * as sealing from "../../gateway/web/src/later/seal.js";
import { admit, ask, join } from "../../gateway/web/src/own_devices.js";
import { marksBody, tellMarks, wishMarks, wishesMarks } from "../../gateway/web/src/read_marks.js";

const load = async () => sealing;
const row = (phone, of) => phone.store.get("people", of.id);
const heard = (phone, word) => phone.until(async () => (await phone.texts()).includes(word), word);
const sent = async (phone) => (await phone.messages()).filter((m) => m.dir === "out");
const attend = async (phone) => {
  await attendOnce(phone.store, phone.mail, 10, Date.now());
  await phone.renewed();
  phone.link.kick();
};

// Ana with a phone and a tablet, and Bo, who knows both.
async function three() {
  const mesh = new Mesh();
  const gateways = [mesh.gateway("A"), mesh.gateway("B")];
  const ana = await TestPhone.make("Ana", gateways[0]);
  const bo = await TestPhone.make("Bo", gateways[1]);
  await ana.add(bo);
  await bo.add(ana);
  await ana.write([bo], "hello");
  await heard(bo, "hello");
  await bo.write([ana], "hi");
  await heard(ana, "hi");
  const tablet = await TestPhone.make("nobody yet");
  await tablet.store.write(["kv"], (tx) => tx.keep("me", undefined));
  await join(tablet.store, load, await admit(ana.store, load, (await ask(tablet.store)).request));
  await tablet.renewed();
  tablet.id = deviceId(cardOf(tablet.me));
  tablet.join(gateways[1]);
  await attend(tablet);
  await ana.until(async () => (await row(ana, tablet)).record, "the tablet's record");
  await attend(ana);
  await bo.until(() => row(bo, tablet), "Bo to hear of it");
  await tablet.until(() => row(tablet, bo), "the tablet to know Bo");
  return { gateways, ana, bo, tablet, end: () => Promise.all([ana, bo, tablet].map((phone) => phone.leave())) };
}

test("a new device learns whom we know, and is no stranger to them", async () => {
  const { ana, bo, tablet, end } = await three();
  const person = await row(tablet, bo);
  assert.deepEqual([person.standing, person.name, person.card], ["contact", "Bo", bo.card]);
  const cy = await TestPhone.make("Cy");
  await ana.add(cy);
  await ana.people.rename(cy.id, "Cy from the mill");
  await attend(ana);
  await tablet.until(() => row(tablet, cy), "and whom we add later");
  assert.equal((await row(tablet, cy)).name, "Cy from the mill");
  const before = (await ana.store.all("outbox")).length;
  await attend(ana);
  assert.equal((await ana.store.all("outbox")).length, before, "each once");
  await end();
});

test("what one device sends the other shows, once, and says from where", async () => {
  const { ana, bo, tablet, end } = await three();
  await ana.write([bo], "Brücke gesperrt");
  await tablet.until(async () => (await sent(tablet)).length, "the copy");
  const [copy] = await sent(tablet);
  const [, original] = await sent(ana);
  assert.deepEqual([copy.text, copy.kind, copy.chats, copy.unixS], ["Brücke gesperrt", "text", [bo.id], original.unixS]);
  assert.deepEqual(copy.parts.map((p) => p.state), ["elsewhere"]);
  await heard(bo, "Brücke gesperrt");
  assert.equal((await bo.texts()).filter((text) => text === "Brücke gesperrt").length, 1);
  await tablet.write([bo], "vom Tablet");
  await ana.until(async () => (await sent(ana)).some((m) => m.text === "vom Tablet"), "and back");
  await end();
});

test("a small file comes along, of a large one its name, of a long text the beginning", async () => {
  const { ana, bo, tablet, end } = await three();
  const [small, large] = [random(2000), random(9000)];
  await ana.mail.send([bo.id], { file: { name: "a.png", mime: "image/png", bytes: small } });
  await ana.mail.send([bo.id], { file: { name: "b.png", mime: "image/png", bytes: large } });
  await ana.mail.send([bo.id], { text: "äö".repeat(4000) });
  ana.link.kick();
  await tablet.until(async () => (await sent(tablet)).length === 3, "all three");
  const copies = await sent(tablet);
  const of = (name) => copies.find((m) => m.file && m.file.name === name);
  assert.deepEqual((await tablet.store.get("files", of("a.png").order)).bytes, small);
  assert.equal(await tablet.store.get("files", of("b.png").order), undefined);
  const long = copies.find((m) => m.kind === "text");
  assert.ok(long.text.endsWith("…") && long.text.startsWith("äöäö") && utf8(long.text).length <= BODY_MAX + 6);
  await end();
});

test("what is read on one device is read on the other, without an echo", async () => {
  const { ana, bo, tablet, end } = await three();
  await bo.write([ana], "to both");
  await heard(ana, "to both");
  await heard(tablet, "to both");
  const at = async (phone) => (await phone.messages()).find((m) => m.text === "to both").order;
  await ana.people.read(bo.id, await at(ana));
  await tellRead(ana.store, ana.mail);
  ana.link.kick();
  const order = await at(tablet);
  await tablet.until(async () => (await row(tablet, bo)).read === order, "read");
  const before = (await tablet.store.all("outbox")).length;
  await tellRead(tablet.store, tablet.mail);
  await tellRead(ana.store, ana.mail);
  assert.equal((await tablet.store.all("outbox")).length, before);
  await end();
});

test("a copy counts from our own devices only, and garbage changes nothing", async () => {
  const { ana, bo, tablet, end } = await three();
  const body = sentCopy({ chats: [ana.id], body: utf8("I never wrote this"), unixS: 1, typed: false, file: null });
  const eve = cardOf(newIdentity("Eve"));
  for (const false_ of [body, peopleCopy([{ card: eve, list: null }]), readCopy(["ab".repeat(32)])]) {
    await bo.mail.tell([await row(bo, ana)], false_);
  }
  const mine = await row(tablet, ana);
  const bodies = [[9], [9, 1], [9, 1, 0, 0, 0, 1, 9, 1], [9, 1, 0, 0, 0, 1, 0, 0], [9, 2, 1, 2], [9, 3, 200, 1], [9, 3, 1, 2, 0],
    [9, 99, 1], body.slice(0, 15), [6], [6, 1, 2], [3], [10]];
  for (const one of bodies) await tablet.mail.tell([mine], Uint8Array.from(one));
  bo.link.kick();
  tablet.link.kick();
  const before = [await ana.messages(), (await ana.store.all("people")).length];
  await bo.write([ana], "after the garbage");
  await tablet.write([bo], "and this");
  await heard(ana, "after the garbage");
  await ana.until(async () => (await sent(ana)).some((m) => m.text === "and this"), "the copy");
  assert.equal((await ana.messages()).length, before[0].length + 2);
  assert.equal((await ana.store.all("people")).length, before[1]);
  await end();
});

test("nobody is told what is read, unless it is wished, and then of what comes from then on", async () => {
  const { ana, bo, tablet, end } = await three();
  assert.equal(await wishesMarks(bo.store), false);
  const read = async () => {
    const orders = (await bo.messages()).map((m) => m.order);
    await bo.people.read(ana.id, Math.max(...orders));
    await tellMarks(bo.store, bo.mail);
    bo.link.kick();
  };
  await read();
  assert.deepEqual((await bo.store.all("outbox")).filter((r) => r.order === null), []);
  await wishMarks(bo.store, true);
  await read();
  for (const text of ["one", "two"]) await ana.write([bo], text);
  await tablet.write([bo], "three");
  for (const text of ["one", "two", "three"]) await heard(bo, text);
  await read();
  const states = async (phone) => Object.fromEntries((await sent(phone)).map((m) => [m.text, m.parts[0].state]));
  await ana.until(async () => (await states(ana)).two === "read", "two");
  assert.deepEqual(await states(ana), { hello: "delivered", one: "read", two: "read", three: "elsewhere" });
  await tablet.until(async () => (await states(tablet)).three === "read", "by the device that wrote it");
  await wishMarks(bo.store, false);
  await ana.write([bo], "four");
  await heard(bo, "four");
  await read();
  await ana.write([bo], "five");
  await heard(bo, "five");
  await ana.until(async () => (await states(ana)).five === "delivered", "five");
  assert.equal((await states(ana)).four, "delivered");
  await end();
});

test("a read mark counts from the device that the message was for", async () => {
  const { ana, bo, tablet, end } = await three();
  const cy = await TestPhone.make("Cy", null);
  await ana.add(cy);
  const message = await ana.write([cy], "for Cy");
  await ana.until(async () => (await ana.store.get("messages", message.order)).parts[0].state === "on_mesh", "under way");
  await bo.mail.tell([await row(bo, ana)], marksBody([message.mids[0], "00".repeat(12)]));
  await bo.write([ana], "after the lie");
  await heard(ana, "after the lie");
  assert.equal((await ana.store.get("messages", message.order)).parts[0].state, "on_mesh");
  assert.ok(tablet);
  await end();
});
