// What once went wrong between a phone and its gateways.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { fileBody, read } from "../../gateway/web/src/bodies.js";
import { Refused, hex, newIdentity, random, seal, unhex, utf8 } from "../../gateway/web/src/core.js";

async function pair() {
  const [ana, bo] = [await TestPhone.make("Ana"), await TestPhone.make("Bo")];
  await ana.add(bo);
  await bo.add(ana);
  return { ana, bo };
}

test("a letter that could not be kept is not passed over by the next one", async () => {
  const mesh = new Mesh();
  const [A, B] = [mesh.gateway("A"), mesh.gateway("B")];
  const { ana, bo } = await pair();
  bo.join(B);
  await bo.until(() => bo.link.info, "joined");
  await bo.leave();
  ana.join(A);
  await ana.write([bo], "one");
  await ana.write([bo], "two");
  await ana.until(async () => (await ana.states()).flat().every((s) => s === "on_mesh"), "posted");
  const sealing = bo.mail.sealing;
  let asked = 0;
  bo.mail.sealing = () => (asked++ ? sealing() : Promise.reject(new Refused("not-loaded")));
  bo.join(B);
  await bo.until(async () => (await bo.texts()).length === 2, "both");
  assert.deepEqual(await bo.texts(), ["one", "two"]);
  await ana.leave();
  await bo.leave();
});

const letterOf = (sealed, seq) => ({
  seq, mid: sealed.mid, head: Uint8Array.of(sealed.b0, sealed.b1, ...sealed.mid), shape: sealed.shape,
  bundle: sealed.bundle, relays: 1,
});
const partOf = async (phone) => (await phone.messages()).find((m) => m.dir === "out").parts[0];
const says = (phone, text) => ({ seq: 1, mid: unhex(text), state: "expired" });

test("what expired is sealed anew with another id, however often", async () => {
  const { ana, bo } = await pair();
  await ana.mail.arrived(Uint8Array.of(1, 2, 3));
  const { order, mids } = await ana.mail.send([bo.id], { text: "hello, this is my first message" });
  await ana.mail.heardState(says(ana, mids[0]), "A");
  const options = { unixS: 1_800_000_000, withCard: true, lifetime: 10 };
  await ana.mail.heardLetter(letterOf(await seal(bo.me, ana.card, utf8("hi"), options), 2), "A");
  assert.notEqual((await partOf(ana)).mids[0], (await partOf(ana)).mids[1], "sent again by itself");
  for (let turn = 0; turn < 4; turn++) {
    await ana.mail.heardState(says(ana, (await partOf(ana)).mids.at(-1)), "A");
    await ana.mail.again(order, [bo.id]);
  }
  const all = (await partOf(ana)).mids;
  assert.equal(new Set(all).size, all.length);
  assert.equal(all.length, 6);
});

test("an earlier sending that expired says nothing of the one under way", async () => {
  const { ana, bo } = await pair();
  const { order, mids } = await ana.mail.send([bo.id], { text: "hello" });
  await ana.mail.heardState(says(ana, mids[0]), "A/1");
  await ana.mail.again(order, [bo.id]);
  const mid = unhex((await partOf(ana)).mids[1]);
  await ana.mail.heardState({ seq: 2, mid, state: "on_mesh" }, "A/1");
  await ana.mail.heardState(says(ana, mids[0]), "A/2"); // another life of the gateway tells it again
  assert.equal((await partOf(ana)).state, "on_mesh");
});

test("a letter that a gateway puts under another's id is dropped", async () => {
  const { ana, bo } = await pair();
  const options = { unixS: 1_800_000_000, withCard: true, lifetime: 10 };
  const good = await seal(bo.me, ana.card, utf8("real"), options);
  const junk = await seal(newIdentity("Eve"), ana.card, utf8("junk"), options);
  assert.equal((await ana.mail.heardLetter({ ...letterOf(junk, 1), mid: good.mid }, "E")).is, "dropped");
  assert.equal((await ana.mail.heardLetter(letterOf(good, 1), "H")).is, "new");
  assert.deepEqual(await ana.texts(), ["real"]);
});

test("a state that gateways do not have changes nothing", async () => {
  const { ana, bo } = await pair();
  const { mids } = await ana.mail.send([bo.id], { text: "x" });
  await ana.mail.heardState({ seq: 1, mid: unhex(mids[0]), state: "refused" }, "A");
  assert.equal((await ana.store.all("outbox")).length, 1);
  assert.equal(hex(unhex(mids[0])), (await partOf(ana)).mids[0]);
});

test("a message for which there is no room lets smaller ones pass", async () => {
  const mesh = new Mesh();
  const [A, B] = [mesh.gateway("A"), mesh.gateway("B")];
  A.refuse = (route, value) => route === "POST /api/post"
    && value.messages.some((m) => m.bundle.length > 20_000) && 507;
  const { ana, bo } = await pair();
  ana.join(A);
  bo.join(B);
  await ana.mail.send([bo.id], { file: { name: "p.jpg", mime: "image/jpeg", bytes: random(40_000) } });
  await ana.write([bo], "help");
  await bo.until(async () => (await bo.texts()).includes("help"), "the small one");
  assert.equal((await ana.states())[0][0], "waiting");
  await ana.leave();
  await bo.leave();
});

test("a file's name cannot turn its letters round", async () => {
  const body = fileBody({ name: "holiday\u202egpj.exe", mime: "text/plain", bytes: utf8("x") });
  assert.equal(read({ typed: true, body }).file.name, "holidaygpj.exe");
});
