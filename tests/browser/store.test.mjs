// What the phone keeps, and where it keeps nothing.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { needed } from "./mesh.mjs";
import { Store, whyNoKeysHere } from "../../gateway/web/src/store.js";

const { IDBFactory } = needed("fake-indexeddb");
const CHROME = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36";
const SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 Version/15.0 Mobile/15E148 Safari/604.1";
const SHEET = "Mozilla/5.0 (iPhone; CPU iPhone OS 15_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";

beforeEach(() => {
  const kept = new Map();
  globalThis.localStorage = {
    getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => { kept.set(k, v); },
  };
});

test("a transaction that fails leaves nothing behind", async () => {
  const store = await Store.open(new IDBFactory());
  await assert.rejects(store.write(["kv", "people"], async (tx) => {
    await tx.keep("a", 1);
    await tx.put("people", { id: "x" });
    throw new Error("power cut");
  }), /power cut/);
  assert.equal(await store.value("a"), undefined);
  assert.deepEqual(await store.all("people"), []);
});

test("two tabs that change the same thing take turns", async () => {
  const idb = new IDBFactory();
  const tabs = [await Store.open(idb), await Store.open(idb)];
  const count = (tab) => tab.write(["kv"], async (tx) => tx.keep("n", ((await tx.value("n")) || 0) + 1));
  await Promise.all(Array.from({ length: 20 }, (_, i) => count(tabs[i % 2])));
  assert.equal(await tabs[0].value("n"), 20);
});

test("forgetting closes the other tab's store and leaves nothing", async () => {
  const idb = new IDBFactory();
  const [here, there] = [await Store.open(idb), await Store.open(idb)];
  await there.keep("me", "keys");
  await here.destroy();
  const again = await Store.open(idb);
  assert.equal(await again.value("me"), undefined);
});

test("keys are made where a write survives", async () => {
  for (const agent of [CHROME, SAFARI]) assert.equal(await whyNoKeysHere(new IDBFactory(), agent), "");
});

test("tabs that start at once do not disturb each other's try", async () => {
  const idb = new IDBFactory();
  const tries = Array.from({ length: 20 }, () => whyNoKeysHere(idb, CHROME));
  assert.deepEqual(new Set(await Promise.all(tries)), new Set([""]));
});

test("no keys in Apple's captive window, nor where nothing is kept", async () => {
  assert.equal(await whyNoKeysHere(new IDBFactory(), SHEET), "captive");
  assert.equal(await whyNoKeysHere(new IDBFactory(), "CaptiveNetworkSupport-428.60.4 wispr"), "captive");
  const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
  const android = "Mozilla/5.0 (Linux; Android 14; Pixel 7 Build/AP2A; wv) AppleWebKit/537.36 (KHTML, "
    + "like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36";
  for (const agent of [mac, android]) assert.equal(await whyNoKeysHere(new IDBFactory(), agent), "captive");
  assert.equal(await whyNoKeysHere(null, CHROME), "nothing-kept");
  globalThis.localStorage = { setItem: () => { throw new Error("denied"); }, getItem: () => null };
  assert.equal(await whyNoKeysHere(new IDBFactory(), CHROME), "nothing-kept");
  globalThis.localStorage = { setItem: () => {}, getItem: () => null };
  assert.equal(await whyNoKeysHere(new IDBFactory(), CHROME), "nothing-kept");
});
