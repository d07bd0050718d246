// Keys behind a passphrase in the browser's store.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { needed } from "./mesh.mjs";
import { hex, newIdentity, random, renewPrekey } from "../../gateway/web/src/core.js";
import { Store } from "../../gateway/web/src/store.js";
import { lock, unlock, unlockForGood } from "../../gateway/web/src/vault.js";

const { IDBFactory } = needed("fake-indexeddb");
const PHRASE = "five words that nobody expects";

// All that lies on the disk, as text.
async function disk(store) {
  const rows = await store.all("kv");
  return JSON.stringify(rows, (_, v) => (v instanceof Uint8Array ? hex(v) : v));
}

test("locked keys are not on the disk, and come back with the passphrase alone", async () => {
  const idb = new IDBFactory();
  const store = await Store.open(idb);
  const me = renewPrekey(newIdentity("Наталя"));
  const own = { nextSeed: random(32), payload: random(200), told: true };
  await store.keep("me", me);
  await store.keep("ownRecord", own);
  await store.keep("lastUnixS", 5);
  await assert.rejects(lock(store, "too short"), { code: "passphrase-short" });
  assert.ok((await disk(store)).includes(hex(me.signing)));
  await lock(store, PHRASE);
  assert.deepEqual(await store.value("me"), me, "as long as the page is open");
  for (const secret of [me.account, me.signing, me.prekey, me.previous.prekey, me.boxRoot, own.nextSeed]) {
    assert.ok(!(await disk(store)).includes(hex(secret)));
  }
  store.close();
  const again = await Store.open(idb);
  await assert.rejects(again.value("me"), { code: "locked" });
  assert.equal(await again.value("lastUnixS"), 5);
  await assert.rejects(unlock(again, PHRASE + " "+ "x"), { code: "passphrase-wrong" });
  await assert.rejects(again.value("me"), { code: "locked" });
  await unlock(again, ` ${PHRASE}`);
  assert.deepEqual([await again.value("me"), await again.value("ownRecord")], [me, own]);
});

test("keys that change while they are locked stay locked", async () => {
  const store = await Store.open(new IDBFactory());
  await store.keep("me", newIdentity("Ana"));
  await lock(store, PHRASE);
  const renewed = await store.write(["kv"], async (tx) => {
    const next = renewPrekey(await tx.value("me"));
    await tx.keep("me", next);
    return next;
  });
  assert.ok(!(await disk(store)).includes(hex(renewed.prekey)));
  assert.deepEqual(await store.value("me"), renewed);
  await unlockForGood(store);
  assert.ok((await disk(store)).includes(hex(renewed.prekey)));
  store.vault = null;
  assert.deepEqual(await store.value("me"), renewed);
});

test("where the keys are locked nobody else begins", async () => {
  const store = await Store.open(new IDBFactory());
  await store.keep("me", newIdentity("Ana"));
  await lock(store, PHRASE);
  store.vault = null; // another tab
  await assert.rejects(store.write(["kv"], async (tx) => {
    if (!(await tx.value("me"))) await tx.keep("me", newIdentity("Eve"));
  }), { code: "locked" });
  await unlock(store, PHRASE);
  assert.equal((await store.value("me")).name, "Ana");
});
