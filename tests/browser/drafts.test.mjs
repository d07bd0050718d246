// What is typed is not lost, and not sent twice.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { draftOf, hearDraft, keepDraft, left, sentDraft } from "../../gateway/web/src/drafts.js";

const kept = new Map();
globalThis.localStorage = {
  getItem: (k) => (kept.has(k) ? kept.get(k) : null), setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k),
};
beforeEach(() => kept.clear());

test("what was sent goes, what was typed meanwhile stays", () => {
  keepDraft("bo", "hello");
  sentDraft("bo", "hello");
  assert.equal(draftOf("bo"), "");
  assert.equal(kept.size, 0);
  keepDraft("bo", "hello and more");
  sentDraft("bo", "hello");
  assert.equal(draftOf("bo"), "and more");
});

test("sending in one tab leaves what another one has typed", () => {
  keepDraft("bo", "a new thought of the other tab");
  sentDraft("bo", "hello");
  assert.equal(draftOf("bo"), "a new thought of the other tab");
  assert.equal(left("another text", "hello"), "another text");
});

test("a tab hears of its own chat's draft only", () => {
  const page = new EventTarget();
  globalThis.window = page;
  const heard = [];
  const stop = hearDraft("bo", (before, now) => heard.push([before, now]));
  const storage = (key, oldValue, newValue) => page.dispatchEvent(Object.assign(new Event("storage"), { key, oldValue, newValue }));
  storage("heliograph.draft.bo", "hello", null);
  storage("heliograph.draft.cy", null, "hi");
  stop();
  storage("heliograph.draft.bo", null, "x");
  assert.deepEqual(heard, [["hello", ""]]);
});

test("where nothing is kept, nothing breaks", () => {
  const { getItem } = localStorage;
  localStorage.getItem = localStorage.setItem = () => { throw new Error("refused"); };
  keepDraft("bo", "x");
  assert.equal(draftOf("bo"), "");
  localStorage.getItem = getItem;
});
