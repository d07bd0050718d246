// Recovery kits behind a passphrase, the same bytes as in Python.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { kitText, newIdentity, parseKit, unhex } from "../../gateway/web/src/core.js";
import { lockedKit, unlockedKit } from "../../gateway/web/src/kit_lock.js";
import { isLocked } from "../../gateway/web/src/kit_text.js";

const VECTORS = JSON.parse(readFileSync(new URL("../vectors/kit.json", import.meta.url)));
const PHRASE = "correct horse battery";
const me = newIdentity("Ana");

for (const { title, kit, passphrase, typed, salt, locked } of VECTORS) {
  test(`what Python locks, and what it would: ${title}`, async () => {
    assert.equal(await lockedKit(parseKit(kit), passphrase, { salt: unhex(salt) }), locked);
    assert.equal(await unlockedKit(locked, typed), kit);
  });
}

test("a locked kit says so, and opens with its passphrase alone", async () => {
  const parts = [];
  const locked = await lockedKit(me, PHRASE, { onProgress: (part) => parts.push(part) });
  assert.deepEqual([isLocked(locked), isLocked(kitText(me)), isLocked("x"), isLocked("")], [true, false, false, false]);
  assert.ok(parts.length > 1 && parts[parts.length - 1] === 1);
  assert.equal(await unlockedKit(locked.toLowerCase(), PHRASE), kitText(me));
  assert.throws(() => parseKit(locked), { code: "newer" });
  await assert.rejects(unlockedKit(locked, PHRASE + "!"), { code: "passphrase-wrong" });
  await assert.rejects(unlockedKit(locked.slice(0, -9), PHRASE), { code: "mistyped" });
  await assert.rejects(unlockedKit(kitText(me), PHRASE), { code: "newer" });
});

test("a passphrase that can be guessed is not taken", async () => {
  for (const short of ["", "123456789", "   123456789   ", "😀".repeat(9)]) {
    await assert.rejects(lockedKit(me, short), { code: "passphrase-short" });
  }
});
