// Letters between phones over stand-in gateways: nothing lost, nothing twice, states that only rise.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { H, NO_BOX_ROOT, Refused, hex, random, seal, unb64 } from "../../gateway/web/src/core.js";

async function two() {
  const mesh = new Mesh();
  const gateways = [mesh.gateway("A"), mesh.gateway("B")];
  const ana = await TestPhone.make("Ana", gateways[0]);
  const bo = await TestPhone.make("Bo", gateways[1]);
  await ana.add(bo);
  await bo.add(ana);
  return { mesh, gateways, ana, bo, end: () => Promise.all([ana.leave(), bo.leave()]) };
}

const delivered = (phone) => phone.until(
  async () => (await phone.states()).flat().every((s) => s === "delivered"), "delivered");

test("a message arrives, and its sender learns that", async () => {
  const { ana, bo, end } = await two();
  await ana.write([bo], "Water at the school");
  await delivered(ana);
  assert.deepEqual(await bo.texts(), ["Water at the school"]);
  await end();
});

test("what is written while the gateway is away goes out when it is back, after a restart too", async () => {
  const { mesh, gateways, ana, bo, end } = await two();
  await ana.until(() => ana.link.info, "joined");
  mesh.away.add(gateways[0]);
  await ana.leave();
  await ana.write([bo], "while away");
  assert.deepEqual(await ana.states(), [["waiting"]]);
  await ana.wake();
  ana.join(gateways[0]);
  await ana.until(() => ana.link.why === "away", "out of reach");
  mesh.away.clear();
  ana.link.look();
  await delivered(ana);
  assert.deepEqual(await bo.texts(), ["while away"]);
  await end();
});

test("one message to several: each has a state of their own", async () => {
  const { mesh, ana, bo, end } = await two();
  const cy = await TestPhone.make("Cy"); // has met no gateway yet
  await ana.add(cy);
  await ana.write([bo, cy], "to both");
  await ana.until(async () => (await ana.states())[0].includes("delivered"), "one of two");
  assert.deepEqual((await ana.states())[0], ["delivered", "on_mesh"]);
  assert.equal((await ana.messages()).length, 1);
  assert.equal(mesh.gateways[0].posted.size, 2);
  await end();
});

test("a stranger's card comes along: it is asked about, and can be answered", async () => {
  const { gateways, bo, end } = await two();
  const eve = await TestPhone.make("Eve", gateways[0]);
  await eve.add(bo);
  await eve.write([bo], "Do you know me?");
  await delivered(eve);
  const person = await bo.store.get("people", eve.id);
  assert.equal(person.standing, "stranger");
  assert.equal(person.name, "Eve");
  await bo.people.accept(eve.id);
  await bo.write([eve], "Now I do.");
  await eve.until(async () => (await eve.texts()).length, "the answer");
  assert.deepEqual(await eve.texts(), ["Now I do."]);
  assert.equal((await eve.store.get("people", bo.id)).heard, true);
  await eve.leave();
  await end();
});

test("who is known from the directory only is reached, and their card is learned when it comes", async () => {
  const { gateways, bo, end } = await two();
  const eve = await TestPhone.make("Eve", gateways[0]);
  await eve.people.add({ ...bo.card, boxRoot: NO_BOX_ROOT });
  await eve.write([bo], "I found you by name.");
  await delivered(eve);
  assert.deepEqual(await bo.texts(), ["I found you by name."]);
  await bo.people.accept(eve.id);
  await bo.people.set(eve.id, { heard: false }); // as if restored: his card goes along
  await bo.write([eve], "Good.");
  await eve.until(async () => (await eve.texts()).length, "the answer");
  assert.deepEqual((await eve.store.get("people", bo.id)).card, bo.card);
  await eve.leave();
  await end();
});

test("who is blocked is not shown, and learns nothing of it", async () => {
  const { ana, bo, end } = await two();
  await bo.people.block(ana.id);
  await ana.write([bo], "hello?");
  await delivered(ana);
  assert.deepEqual(await bo.texts(), []);
  await end();
});

test("a letter that comes twice is shown once", async () => {
  const { gateways, ana, bo, end } = await two();
  await ana.write([bo], "once");
  await delivered(ana);
  gateways[1].run = "2"; // a gateway that began anew: all its letters come again
  bo.link.look();
  await bo.until(() => bo.filed.filter((f) => f.is === "again").length === 1, "the letter again");
  assert.deepEqual(await bo.texts(), ["once"]);
  await bo.leave();
  await bo.mail.receiptsTaken(await bo.mail.receipts());
  const { seq, ...data } = gateways[1].news.find((n) => n.event === "letter").data;
  const letter = { ...data, seq, mid: unb64(data.mid), head: unb64(data.head), bundle: unb64(data.bundle) };
  assert.equal((await bo.mail.heardLetter(letter, "another gateway")).is, "again");
  assert.equal((await bo.mail.receipts()).length, 1, "that one has no token yet");
  await end();
});

test("what expired and is sealed once more is shown once", async () => {
  const { gateways, ana, bo, end } = await two();
  const message = await ana.write([bo], "once");
  await delivered(ana);
  await ana.store.write(["messages"], async (tx) => { // as if its time was up before the receipt came
    const row = await tx.get("messages", message.order);
    row.parts[0].state = "expired";
    await tx.put("messages", row);
  });
  await ana.mail.again(message.order, [bo.id]);
  ana.link.kick();
  await delivered(ana);
  assert.equal(gateways[0].posted.size, 2);
  assert.deepEqual(await bo.texts(), ["once"]);
  await end();
});

test("equal words in one second are two messages", async () => {
  const { ana, bo, end } = await two();
  await ana.write([bo], "ok");
  await ana.write([bo], "ok");
  await delivered(ana);
  assert.deepEqual(await bo.texts(), ["ok", "ok"]);
  await end();
});

test("two tabs file the same letter once", async () => {
  const { gateways, ana, bo, end } = await two();
  await bo.leave();
  await ana.write([bo], "one of you");
  await ana.until(async () => (await ana.states())[0][0] === "on_mesh", "on the mesh");
  const { data } = gateways[1].news.find((n) => n.event === "letter");
  const letter = { ...data, mid: unb64(data.mid), head: unb64(data.head), bundle: unb64(data.bundle) };
  const both = await Promise.all([bo.mail.heardLetter(letter, "B"), bo.mail.heardLetter(letter, "B")]);
  assert.deepEqual(both.map((o) => o.is).sort(), ["again", "new"]);
  assert.deepEqual(await bo.texts(), ["one of you"]);
  await end();
});

test("a receipt is owed from the moment that the letter is kept, until the gateway has it", async () => {
  const { mesh, gateways, ana, bo, end } = await two();
  let closed = true;
  gateways[1].refuse = (route) => closed && route === "POST /api/receipts";
  await ana.write([bo], "kept first");
  await bo.until(async () => (await bo.texts()).length, "kept");
  assert.equal((await bo.mail.receipts()).length, 1);
  closed = false;
  bo.link.look();
  await delivered(ana);
  await bo.until(async () => !(await bo.mail.receipts()).length, "paid");
  assert.ok(mesh);
  await end();
});

test("states never fall back, and delivered wants its proof", async () => {
  const ana = await TestPhone.make("Ana");
  const bo = await TestPhone.make("Bo");
  await ana.add(bo);
  const message = await ana.write([bo], "x");
  const [{ mid, sealed }] = await ana.store.all("outbox");
  const state = async () => (await ana.states())[0][0];
  await ana.mail.heardState({ seq: 1, mid: sealed.mid, state: "on_mesh" }, "A");
  await ana.mail.heardState({ seq: 2, mid: sealed.mid, state: "queued" }, "A");
  assert.equal(await state(), "on_mesh");
  await ana.mail.heardState({ seq: 3, mid: sealed.mid, state: "delivered" }, "A");
  await ana.mail.heardState({ seq: 4, mid: sealed.mid, state: "delivered", token: random(16) }, "A");
  assert.equal(await state(), "on_mesh", "without its token nobody is believed");
  await ana.mail.heardState({ seq: 5, mid: sealed.mid, state: "expired" }, "A");
  assert.equal(await state(), "expired");
  assert.equal(await ana.store.get("outbox", mid), undefined);
  const token = random(16); // of a message that this phone gave this id
  await ana.store.write(["messages"], async (tx) => {
    const row = await tx.get("messages", message.order);
    row.mids = row.parts[0].mids = [hex(H("mid", token).slice(0, 12))];
    await tx.put("messages", row);
  });
  await ana.mail.heardState({ seq: 6, mid: H("mid", token).slice(0, 12), state: "delivered", token }, "A");
  assert.equal(await state(), "delivered", "a receipt may come after the time was up");
});

test("one message that the gateway refuses does not hold up the others", async () => {
  const { gateways, ana, bo, end } = await two();
  await ana.until(() => ana.link.info, "joined");
  const first = await ana.mail.send([bo.id], { text: "bad" });
  const mid = first.mids[0];
  await ana.mail.send([bo.id], { text: "good" });
  gateways[0].refuse = (route, value) => route === "POST /api/post"
    && value.messages.some((m) => hex(unb64(m.mid)) === mid);
  ana.link.kick();
  await ana.until(async () => (await ana.states()).flat().join() === "refused,delivered", "told apart");
  assert.deepEqual(await bo.texts(), ["good"]);
  await end();
});

test("a gateway without room for what we write still brings what others write", async () => {
  const { gateways, ana, bo, end } = await two();
  let full = true;
  gateways[0].refuse = (route) => full && route === "POST /api/post" && 507;
  await ana.write([bo], "later");
  await bo.write([ana], "now");
  await ana.until(async () => (await ana.texts()).length, "heard");
  assert.deepEqual(await ana.states(), [["waiting"]]);
  full = false;
  await delivered(ana);
  assert.deepEqual(await bo.texts(), ["later"]);
  await end();
});

test("letters of unknown senders wait until their sender is added", async () => {
  const { gateways, ana, bo, end } = await two();
  const eve = await TestPhone.make("Eve", gateways[0]);
  await eve.add(bo);
  await eve.people.set(bo.id, { heard: true }); // she believes that he has her card
  await eve.write([bo], "it is me");
  await bo.until(() => bo.filed.some((f) => f.is === "shut"), "shut");
  assert.equal((await bo.mail.receipts()).length, 0);
  await bo.add(eve);
  bo.link.kick();
  await delivered(eve);
  assert.deepEqual(await bo.texts(), ["it is me"]);
  assert.ok(ana);
  await eve.leave();
  await end();
});

test("garbage is dropped and counted, and the next letter still comes", async () => {
  const { gateways, ana, bo, end } = await two();
  await bo.until(() => bo.link.info, "joined");
  const b64 = (await import("../../gateway/web/src/core.js")).b64;
  const mid = b64(random(12));
  gateways[1].tell(bo.id, "letter", { mid, head: b64(random(14)), shape: null, bundle: b64(random(218)) });
  await bo.until(() => bo.filed.some((f) => f.is === "dropped"), "dropped");
  await ana.write([bo], "after the garbage");
  await delivered(ana);
  assert.deepEqual(await bo.texts(), ["after the garbage"]);
  assert.equal(await bo.store.value("dropped"), 1);
  await end();
});

test("a letter that comes before the code that opens it is not lost", async () => {
  const { ana, bo, end } = await two();
  const { sealing } = bo.mail;
  let tries = 0;
  bo.mail.sealing = () => (++tries < 2 ? Promise.reject(new Refused("not-loaded")) : sealing());
  await ana.write([bo], "patience");
  await bo.until(() => bo.link.why === "away", "seen as away");
  bo.link.look();
  await delivered(ana);
  assert.deepEqual(await bo.texts(), ["patience"]);
  await end();
});

test("a picture arrives byte for byte; a type of the future is kept and said", async () => {
  const { ana, bo, end } = await two();
  const bytes = random(40_000);
  await ana.mail.send([bo.id], { file: { name: "brücke.jpg", mime: "image/jpeg", bytes } });
  ana.link.kick();
  await delivered(ana);
  const [row] = await bo.messages();
  assert.deepEqual(row.file, { name: "brücke.jpg", mime: "image/jpeg", size: 40_000 });
  assert.deepEqual((await bo.store.get("files", row.order)).bytes, bytes);
  const future = await seal(ana.me, bo.card, Uint8Array.of(77, 1, 2), { unixS: 1, typed: true, lifetime: 10 });
  const head = Uint8Array.of(future.b0, future.b1, ...future.mid);
  const outcome = await bo.mail.heardLetter({ seq: 99, mid: future.mid, head, shape: null, bundle: future.bundle }, "B");
  assert.equal(outcome.message.kind, "newer");
  await end();
});
