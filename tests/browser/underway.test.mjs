// How far long messages are: told, drawn away when they are there, and bounded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { b64, hex, random } from "../../gateway/web/src/core.js";
import { Underway } from "../../gateway/web/src/underway.js";

test("the newest count of each message; what stands still goes", () => {
  let now = 0;
  const underway = new Underway(() => now);
  underway.note({ mid: "aa", way: "in", pieces: [1, 10] });
  underway.note({ mid: "aa", way: "in", pieces: [3, 10] });
  underway.note({ mid: "bb", way: "out", pieces: [2, 5] });
  assert.deepEqual(underway.arriving(), [["aa", [3, 10]]]);
  assert.deepEqual([underway.sent("bb"), underway.sent("aa"), underway.sent("cc")], [[2, 5], null, null]);
  now += 600_000;
  assert.deepEqual(underway.arriving(), []);
  for (let i = 0; i < 100; i++) underway.note({ mid: "x" + i, way: "in", pieces: [1, 2] });
  assert.equal(underway.arriving().length, 50);
  underway.ended("x99");
  assert.equal(underway.arriving().length, 49);
});

test("the gateway's counts reach the page; strange ones are a strange answer", async () => {
  const mesh = new Mesh();
  const B = mesh.gateway("B");
  const bo = await TestPhone.make("Bo");
  const counts = [];
  bo.join(B, (note) => counts.push(note));
  await bo.until(() => bo.link.info, "joined");
  const mid = random(12);
  B.tell(bo.id, "pieces", { mid: b64(mid), way: "in", pieces: [3, 10] });
  await bo.until(() => counts.length === 1, "counted");
  assert.deepEqual(counts, [{ mid: hex(mid), way: "in", pieces: [3, 10] }]);
  assert.equal(await bo.store.value("cursor." + bo.link.at), undefined);
  B.tell(bo.id, "pieces", { mid: b64(mid), way: "in", pieces: ["x"] });
  await bo.until(() => bo.link.why === "strange-answer", "refused");
});
