// Between gateways, and with one that is not well: no receipt is forgotten, no letter passed over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { lockOf } from "../../gateway/web/src/hashing.js";
import { hex, random } from "../../gateway/web/src/core.js";

const DAY_MS = 86_400_000;

async function scene() {
  const mesh = new Mesh();
  const gateways = ["A", "B", "C"].map((name) => mesh.gateway(name));
  const [ana, bo] = [await TestPhone.make("Ana", gateways[0]), await TestPhone.make("Bo", gateways[1])];
  await ana.add(bo);
  await bo.add(ana);
  await bo.until(() => bo.link.info, "joined");
  return { mesh, gateways, ana, bo };
}

// Bo has read a letter at B and left before he could say so.
async function owing() {
  const all = await scene();
  const { gateways, ana, bo } = all;
  gateways[1].refuse = (route) => route === "POST /api/receipts" && 503;
  await ana.write([bo], "read at B");
  await bo.until(async () => (await bo.mail.receipts()).length === 1, "owed");
  await bo.leave();
  gateways[1].refuse = null;
  gateways[2].boxes.set = () => {}; // C never hears of Bo's letters
  return all;
}

const delivered = (phone) => phone.until(
  async () => (await phone.states()).flat().every((s) => s === "delivered"), "delivered");

test("a receipt goes out at the next gateway, if that takes it", async () => {
  const { gateways, ana, bo } = await owing();
  bo.join(gateways[2]);
  await delivered(ana);
  await bo.until(async () => !(await bo.mail.receipts()).length, "taken");
});

for (const old of [false, true]) {
  test(`a gateway that does not take a receipt${old ? ", and says only how many," : ""} leaves it to another`, async () => {
    const { gateways, ana, bo } = await owing();
    Object.assign(gateways[2], { carries: false, old });
    bo.join(gateways[2]);
    const asked = () => gateways[2].asked.filter((route) => route === "POST /api/receipts").length;
    await bo.until(() => bo.link.info, "joined");
    bo.link.look();
    await bo.until(() => gateways[2].asked.filter((route) => route === "GET /api/gateway").length > 2, "looked");
    await bo.leave();
    assert.equal(asked(), 1, "not again and again in one session");
    assert.equal((await bo.mail.receipts()).length, 1);
    bo.join(gateways[1]);
    await delivered(ana);
    await bo.until(async () => !(await bo.mail.receipts()).length, "taken");
  });
}

test("receipts that nobody takes come to an end", async () => {
  const bo = await TestPhone.make("Bo");
  let now = Date.now();
  await bo.wake(() => now);
  const row = (atMs) => ({ mid: hex(random(12)), token: random(16), atMs });
  const fresh = [row(now - 7 * DAY_MS), row(now)];
  const rows = [row(now - 9 * DAY_MS), ...fresh];
  for (const one of rows) await bo.store.put("receipts", one);
  await bo.mail.receiptsTaken(rows, rows.map((r) => lockOf(r.token)));
  assert.deepEqual(new Set((await bo.mail.receipts()).map((r) => r.mid)), new Set(fresh.map((r) => r.mid)));
  now -= 30 * DAY_MS; // a clock that was set back ends nothing
  await bo.mail.receiptsTaken(fresh, fresh.map((r) => lockOf(r.token)));
  assert.equal((await bo.mail.receipts()).length, 2);
  const many = Array.from({ length: 1100 }, (_, i) => (row(now - i)));
  await bo.store.write(["receipts"], async (tx) => { for (const one of many) await tx.put("receipts", one); });
  await bo.mail.receiptsTaken(many, many.map((r) => lockOf(r.token)));
  const left = await bo.mail.receipts();
  assert.equal(left.length, 1000);
  assert.ok(left.some((r) => r.mid === many[0].mid) && !left.some((r) => r.mid === many[1099].mid), "the oldest go");
});

test("a phone that had to give way, and registers again, misses nothing", async () => {
  const { gateways, ana, bo } = await scene();
  const B = gateways[1];
  for (const text of ["1", "2", "3", "4"]) await ana.write([bo], text);
  await bo.until(async () => (await bo.texts()).length === 4, "four");
  await delivered(ana);
  const register = B.boxes.set.bind(B.boxes);
  const late = [];
  B.boxes.set = (device, boxes) => { // what the gateway holds for a device is found when it comes
    register(device, boxes);
    late.splice(0).forEach((m) => B.arrive(m));
  };
  gateways[0].answer = ((answer) => function kept(method, path, key, body) {
    if (method === "POST" && path === "/api/post") late.push(...JSON.parse(new TextDecoder().decode(body)).messages);
    return answer.call(this, method, path, key, body);
  })(gateways[0].answer);
  B.refuse = () => 503; // while it is not to be had
  B.giveWay(bo.id);
  for (const text of ["5", "6", "7", "8", "9"]) await ana.write([bo], text);
  await ana.until(async () => (await ana.states()).flat().every((s) => s !== "waiting" && s !== "queued"), "posted");
  B.refuse = null;
  bo.link.look();
  await bo.until(async () => (await bo.texts()).length === 9, "all nine");
});

test("a gateway that says hello and then fails is asked ever more rarely", async () => {
  const mesh = new Mesh();
  const A = mesh.gateway("A");
  A.refuse = (route) => route === "POST /api/receipts" && 503;
  const ana = await TestPhone.make("Ana");
  await ana.store.put("receipts", { mid: "00", token: random(16), atMs: Date.now() });
  ana.join(A);
  const failed = () => A.asked.filter((route) => route === "POST /api/receipts").length;
  for (let turn = 1; turn <= 6; turn++) {
    await ana.until(() => failed() >= turn && !ana.link.info, "failed");
    assert.ok(ana.link.waitMs >= Math.min(1000 * 2 ** (turn - 1), 30_000), `${turn}: ${ana.link.waitMs}`);
    ana.link.look();
  }
});
