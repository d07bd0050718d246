// What only several parts together can get wrong: groups with people's devices, prekeys, receipts
// that move on, the honest word for how far something is.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, group, hears, said, say, standing, three, together } from "./group_scene.mjs";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { random, hex, cardOf, deviceId, newIdentity } from "../../gateway/web/src/core.js";
import { ALL } from "../../gateway/web/src/group_book.js";
import { prekeyBody } from "../../gateway/web/src/quiet.js";
import { attendOnce } from "../../gateway/web/src/attend.js";
import { learn } from "../../gateway/web/src/lists.js";
import { commitment, signAccount, signDevice } from "../../gateway/web/src/directory.js";
import { slowest } from "../../gateway/web/src/ladder.js";
import { EVERY_MS } from "../../gateway/web/src/rotate.js";

// Ana and Bo, and a message that Bo has.
async function two() {
  const mesh = new Mesh();
  const gateways = [mesh.gateway("A"), mesh.gateway("B")];
  const ana = await TestPhone.make("Ana", gateways[0]);
  const bo = await TestPhone.make("Bo", gateways[1]);
  await ana.add(bo);
  await bo.add(ana);
  const message = await ana.write([bo], "hello");
  await ana.until(async () => (await ana.states()).flat().every((s) => s === "delivered"), "delivered");
  return { gateways, ana, bo, message };
}

const quiet = (phone) => phone.until(async () => !(await phone.store.all("outbox")).length, "nothing under way");

// the account of `who` signs a list without this device (only another one)
async function removeDevice(at, who) {
  const nextKey = commitment(cardOf({ ...newIdentity("x"), account: random(32) }).account);
  const other = deviceId(cardOf(newIdentity("x")));
  const list = (sequence, devices) => signAccount(who.me.account, { sequence, nextKey, devices, name: who.me.name });
  for (const payload of [list(1, [who.id, other].sort()), list(2, [other])]) {
    await at.store.write(["kv", "people", "messages"], (tx) => learn(tx, at.me, [payload], { nowMs: Date.now() }));
  }
}

test("a removed device is not read in a group", async () => {
  const { ana, bo, cy, end } = await together();
  await removeDevice(cy, bo);
  assert.equal((await cy.store.get("people", bo.id)).removed, true);
  await say(bo, "from the thief");
  await hears(ana, "the thief"); // ana knows nothing
  await cy.until(async () => (await said(cy)).some((t) => t.endsWith("the thief")) || (await group(cy)).refused.removed, "either");
  const shown = (await said(cy)).filter((t) => t.endsWith("the thief"));
  await end();
  assert.deepEqual(shown, []);
});

test("a maker who knows of the removal makes new keys without it (look, send)", async () => {
  const { ana, bo, cy, end } = await together();
  await removeDevice(ana, bo);
  await ana.groups.look();
  const members = (await group(ana)).members.map((m) => m.card.name);
  await end();
  assert.deepEqual(members, ["Ana", "Cy"]);
});

test("a removed device is not asked into a group", async () => {
  const { ana, bo, cy, end } = await three();
  await removeDevice(ana, bo);
  await ana.groups.make("Well", [bo.id, cy.id]).catch(() => {});
  ana.link.kick();
  const g = await group(ana);
  await end();
  assert.ok(!g || !g.members.some((m) => m.id === bo.id), "the removed device got the group's secret");
});

test("a removed device cannot ask into a group", async () => {
  const { ana, bo, cy, end } = await three();
  await removeDevice(cy, bo);
  await bo.groups.make("Trap", [cy.id]);
  bo.link.kick();
  await becomes(cy, "invited").catch(() => {});
  const s = await standing(cy);
  await end();
  assert.equal(s, undefined);
});

test("account: the removed leader is asked in, the good device is not", async () => {
  const { ana, bo, cy, end } = await three();
  // Bo has two devices: bo (leader, then lost), and bo2
  const bo2 = { ...newIdentity("Bo"), account: bo.me.account, boxRoot: bo.me.boxRoot };
  const id2 = deviceId(cardOf(bo2));
  const nextKey = commitment(cardOf({ ...newIdentity("x"), account: random(32) }).account);
  const list = (sequence, devices) => signAccount(bo.me.account, { sequence, nextKey, devices, name: "Bo" });
  const rec = signDevice(bo2.signing, { ...cardOf(bo2), lifetime: 10 });
  const tell = (records) => ana.store.write(["kv", "people", "messages"], (tx) => learn(tx, ana.me, records, { nowMs: Date.now() }));
  await tell([list(1, [bo.id, id2].sort()), rec]);
  await tell([list(2, [id2]), rec]);
  const rows = await ana.store.all("people");
  const lead = rows.find((r) => r.name === "Bo" && !r.joined);
  await ana.groups.make("Well", [lead.id]).catch(() => {});
  const g = await group(ana);
  await end();
  assert.deepEqual(g && g.members.slice(1).map((m) => m.id), [id2]);
});

test("an acknowledgement outlasts gateways that do not take it: the phone moves to a gateway whose budget is used up, then to one that has it", async () => {
  const { mesh, gateways, ana, bo, cy, end } = await together();
  await quiet(ana);
  gateways[1].refuse = (route) => route === "POST /api/receipts" && 503;
  await say(ana, "read at B");
  await hears(bo, "read at B");
  await bo.leave();
  gateways[1].refuse = null;
  const D = mesh.gateway("D"); D.carries = false; D.boxes.set = () => {};
  bo.join(D);
  for (let i = 0; i < 300 && !D.asked.includes("POST /api/receipts"); i++) await new Promise((r) => setTimeout(r, 10));
  await new Promise((r) => setTimeout(r, 50));
  await bo.leave();
  const left = (await bo.mail.receipts()).length;
  await ana.leave(); await cy.leave();
  assert.ok(left > 0, "the acknowledgement was thrown away: the author never sees delivered");
});

test("a message to a group that nobody else is in is not delivered", async () => {
  const { ana, bo, cy, end } = await together();
  const id = (await group(ana)).id;
  await bo.groups.leave(id); await cy.groups.leave(id);
  bo.link.kick(); cy.link.kick();
  await ana.until(async () => (await group(ana)).members.filter((m) => !m.left).length === 1, "alone");
  await say(ana, "anybody?");
  const m = (await ana.messages()).find((one) => one.text === "anybody?");
  await end();
  assert.notEqual(slowest(m.parts), "delivered");
});

test("what was read is not sent again", async () => {
  const { gateways, ana, bo, message: m } = await two();
  await quiet(ana);
  await ana.store.write(["messages"], async (tx) => { const now = await tx.get("messages", m.order); now.parts[0].state = "read"; await tx.put("messages", now); });
  const before = gateways[0].posted.size;
  await bo.mail.tell([await bo.store.get("people", ana.id)], prekeyBody({ prekey: cardOf(bo.me).prekey, prekeySeq: 3 }));
  bo.link.kick();
  await ana.until(async () => (await ana.store.get("people", bo.id)).card.prekeySeq === 3, "learned");
  await ana.link.letters;
  const now = (await ana.messages()).find((one) => one.order === m.order);
  await Promise.all([ana.leave(), bo.leave()]);
  assert.equal(now.parts[0].mids.length, 1, "sent again though read");
});

test("what devices tell each other unseen is not shown in a group", async () => {
  const { ana, bo, cy, id, end } = await together();
  await bo.store.write(ALL, async (tx) => {
    const g = await bo.groups.book.within(tx, id);
    const sealed = await bo.groups.book.sealed(tx, g, prekeyBody(cardOf(bo.me)), true, Math.floor(Date.now() / 1000));
    await bo.groups.book.save(tx, g);
    await tx.put("outbox", { mid: hex(sealed.mid), sealed: { ...sealed, token: null }, order: null, at: null });
  });
  bo.link.kick();
  await say(bo, "after");
  await hears(ana, "after");
  const kinds = (await ana.messages()).filter((m) => m.group && m.dir === "in").map((m) => m.kind);
  await end();
  assert.deepEqual(kinds, ["text"]);
});

test("a member who is no contact of the maker's can be reached after two new prekeys", async () => {
  const { ana, bo, cy, end, id } = await together();
  // Bo lost Ana as one who knows him: Ana has no row of Bo (asked in by card only)
  await ana.store.delete("people", bo.id);
  await bo.store.delete("people", ana.id);
  for (let week = 0; week <= 2; week++) await attendOnce(bo.store, bo.mail, 10, Date.now() + week * EVERY_MS).then(() => bo.renewed());
  bo.link.kick();
  await new Promise((r) => setTimeout(r, 100));
  await say(bo, "still here"); await hears(ana, "still here");
  await ana.groups.rename(id, "Well two");
  ana.link.kick();
  await cy.until(async () => (await group(cy)).name === "Well two", "Cy hears");
  await bo.until(async () => (await group(bo)).name === "Well two", "Bo hears").catch(() => {});
  const name = (await group(bo)).name;
  await end();
  assert.equal(name, "Well two");
});


test("what one gateway calls expired may still arrive from the next one", async () => {
  const ana = await TestPhone.make("Ana");
  const bo = await TestPhone.make("Bo");
  await ana.add(bo);
  await ana.mail.send([bo.id], { text: "hi" });
  for (const at of ["n/A/1/1", "n/B/1/1"]) {
    const rows = await ana.mail.toPost(at);
    assert.equal(rows.length, 1);
    await ana.mail.posted(at, rows, rows.map(() => ({ state: "queued" })));
  }
  const [row] = await ana.store.all("outbox");
  await ana.mail.heardState({ seq: 1, mid: row.sealed.mid, state: "expired" }, "n/A/1/1");
  assert.deepEqual(await ana.states(), [["queued"]]);
  assert.equal((await ana.store.all("outbox")).length, 1, "and no further gateway would get it");
});

// A removed device of a contact tells something unseen; something of ours for it has expired.
test("a quiet letter of a removed device does not end as 'dropped', nor stops what waits behind it", async () => {
  const { ana, bo, message: m } = await two();
  await ana.store.write(["messages"], async (tx) => { const now = await tx.get("messages", m.order); now.parts[0].state = "expired"; await tx.put("messages", now); });
  const other = deviceId(cardOf(newIdentity("x")));
  const nextKey = commitment(cardOf({ ...newIdentity("x"), account: random(32) }).account);
  for (const [n, d] of [[1, [bo.id, other].sort()], [2, [other]]]) {
    const payload = signAccount(bo.me.account, { sequence: n, nextKey, devices: d, name: "Bo" });
    await ana.store.write(["kv", "people", "messages"], (tx) => learn(tx, ana.me, [payload], { nowMs: Date.now() }));
  }
  await bo.mail.tell([await bo.store.get("people", ana.id)], prekeyBody({ prekey: cardOf(bo.me).prekey, prekeySeq: 2 }));
  const n = ana.filed.length;
  bo.link.kick();
  for (let i = 0; i < 300 && ana.filed.length === n; i++) await new Promise((r) => setTimeout(r, 10));
  const got = ana.filed.slice(n).map((o) => o.is + " " + (o.why || ""));
  await Promise.all([ana.leave(), bo.leave()]);
  assert.ok(!got.some((g) => g.startsWith("dropped")), got.join());
});

globalThis.window = globalThis.window || { Intl };
const { Bubble } = await import("../../gateway/web/src/bubble.js");
const { Underway } = await import("../../gateway/web/src/underway.js");

for (const state of ["waiting", "queued", "on_mesh", "delivered"]) {
  test(`a message to a group is drawn while it is ${state}`, () => {
    const phone = { underway: new Underway(), leader: () => null, partsFor: () => [] };
    const message = {
      dir: "out", kind: "text", group: "aa", chats: ["aa"], text: "hi", atMs: Date.now(), unixS: 0, order: 1, mids: ["00", "01"],
      sent: [{ mid: "00", token: new Uint8Array(16) }], parts: [{ person: "p", name: "Bo", state, mids: ["01"] }],
    };
    assert.ok(Bubble({ phone, message, person: { id: "aa", name: "G", group: {} } }));
  });
}
