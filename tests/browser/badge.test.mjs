// Badges: read as Python wrote them, no bit of them changed, and only of whom they are.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { checkBadge, isProven, parseBadge, proofOf } from "../../gateway/web/src/badge.js";
import { badgeBody, read } from "../../gateway/web/src/bodies.js";
import { cardOf, hex, newIdentity, random, unhex } from "../../gateway/web/src/core.js";

const VECTORS = JSON.parse(readFileSync(new URL("../vectors/badge.json", import.meta.url)));
const OPERATOR = unhex(VECTORS.operator);
const DAY_S = 86_400;

for (const one of VECTORS.badges) {
  test(`a badge of Python's: ${one.title}`, () => {
    const raw = parseBadge(one.text);
    assert.equal(hex(raw), one.badge);
    const { gateway, issuer, username, account, until, expired } = checkBadge(raw, OPERATOR, one.now_s);
    assert.deepEqual({ gateway, issuer, username, account: hex(account), until, expired },
      { gateway: one.gateway, issuer: one.issuer, username: one.username, account: one.account, until: one.until_s, expired: false });
    assert.equal(checkBadge(raw, OPERATOR, one.until_s + 1).expired, true);
    assert.throws(() => checkBadge(raw, OPERATOR, one.now_s - DAY_S - 1), { code: "badge-false" }, "of tomorrow");
    assert.throws(() => checkBadge(raw, random(32), one.now_s), { code: "badge-false" }, "of another network");
  });
}

test("no byte of a badge can be changed, nor garbage be one", () => {
  const { badge, now_s: nowS, text } = VECTORS.badges[0];
  for (let at = 0; at < badge.length / 2; at += 3) {
    const altered = unhex(badge);
    altered[at] ^= 1 << (at % 8);
    assert.throws(() => checkBadge(altered, OPERATOR, nowS), { code: "badge-false" }, String(at));
  }
  for (const length of [0, 1, 60, 300]) assert.throws(() => checkBadge(random(length), OPERATOR, nowS), { code: "badge-false" });
  for (const typed of ["", "HELIOBADGE:", text.slice(0, -2), `x${text}`, "HELIO:AAAA"]) {
    assert.throws(() => parseBadge(typed), { code: "badge-false" });
  }
});

test("a device shows the badge of an account that has signed for it", () => {
  const card = { account: unhex(VECTORS.account), device: unhex(VECTORS.device) };
  assert.ok(isProven(card, unhex(VECTORS.proof)));
  const [ana, eve] = [newIdentity("Ana"), newIdentity("Eve")];
  assert.ok(isProven(cardOf(ana), proofOf(ana)));
  const pretends = { ...cardOf(eve), account: cardOf(ana).account };
  assert.equal(isProven(pretends, proofOf(ana)), false, "another device's proof");
  assert.equal(isProven(pretends, proofOf(eve)), false, "another account's");
  assert.equal(isProven(cardOf(ana), random(64)), false);
});

test("a badge travels as a body, makes no bubble, and stays with its person", async () => {
  const mesh = new Mesh();
  const [A, B] = [mesh.gateway("A"), mesh.gateway("B")];
  const [ana, bo] = [await TestPhone.make("Ana", A), await TestPhone.make("Bo", B)];
  await ana.add(bo);
  await bo.add(ana);
  const mine = { proof: proofOf(ana.me), badge: unhex(VECTORS.badges[0].badge) };
  await bo.until(() => bo.link.info, "joined");
  await ana.mail.tell(await ana.people.all(), badgeBody(mine));
  ana.link.kick();
  await bo.until(async () => (await bo.store.get("people", ana.id)).badge, "the badge");
  assert.deepEqual((await bo.store.get("people", ana.id)).badge, mine);
  assert.deepEqual(await bo.messages(), []);
  await bo.people.rename(ana.id, "Ana from school");
  assert.deepEqual((await bo.store.get("people", ana.id)).badge, mine);
  for (const body of [[11], [11, ...random(64)], [11, ...random(64 + 475)]]) {
    assert.equal(read({ body: Uint8Array.from(body), typed: true }).kind, "newer");
  }
});
