// Sealing in the browser: what opens, what must not, and what Python sealed (tests/vectors).

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  H, MESSAGE_MAX, ONE_FRAME_BODY, Refused, cardOf, concat, equal, hex, mailboxKeys, newIdentity,
  open, parseCard, parseKit, random, renewPrekey, seal, shapeFor, unhex, utf8,
} from "../../gateway/web/src/core.js";

const [ana, bo, eve] = ["Ana", "Bo", "Eve"].map(newIdentity);
const OPTIONS = { unixS: 1_800_000_000, priority: 1, lifetime: 8 };
const WAY = unhex("aabbcc123456");
const vectors = JSON.parse(readFileSync(new URL("../vectors/seal.json", import.meta.url)));

const letterOf = (s) => ({
  head: concat([s.b0, s.b1], s.mid), shape: s.shape, bundle: s.bundle,
});
const refusal = (promise) => promise.then(() => "opened", (e) => {
  assert.ok(e instanceof Refused, `${e.stack}`);
  return e.code;
});
const randomBody = (n) => concat(...Array.from({ length: Math.ceil(n / 65536) }, () => random(n)));

test("there is no crypto.subtle here", () => {
  assert.equal(globalThis.crypto.subtle, undefined);
});

for (const size of [0, 1, ONE_FRAME_BODY, ONE_FRAME_BODY + 1, 5000, MESSAGE_MAX]) {
  test(`${size} random bytes come out as they went in`, async () => {
    const body = randomBody(size);
    const sealed = await seal(ana, cardOf(bo), body, { ...OPTIONS, way: WAY, myWay: WAY });
    const opened = await open(bo, letterOf(sealed), [cardOf(eve), cardOf(ana)]);
    assert.ok(equal(opened.body, body));
    assert.equal(opened.sender, cardOf(ana));
    assert.equal(opened.unixS, OPTIONS.unixS);
    assert.equal(opened.typed, false);
    assert.ok(equal(opened.token, sealed.token));
    assert.ok(equal(H("mid", sealed.token).slice(0, 12), sealed.mid));
    assert.equal(sealed.shape === null, size <= ONE_FRAME_BODY);
    assert.equal(sealed.tagKey === null, sealed.shape === null);
    const whole = sealed.shape ? 210 * sealed.shape[0] * sealed.shape[2] : 218;
    const taken = sealed.way.length && sealed.way.length + 2;
    assert.equal(sealed.bundle.length, whole - taken, "frames and pieces are full");
  });
}

for (const [size, way, kept] of [[1, 6, 6], [88, 6, 6], [89, 6, 3], [91, 6, 3], [92, 6, 0],
  [91, 3, 3], [92, 3, 0], [3000, 6, 0], [5, 0, 0]]) {
  test(`${size} bytes keep ${kept} of ${way} bytes of a way`, async () => {
    const options = { ...OPTIONS, way: WAY.slice(0, way) };
    const sealed = await seal(ana, cardOf(bo), randomBody(size), options);
    assert.equal(hex(sealed.way), hex(WAY.slice(0, kept)));
    assert.equal(sealed.b1 & 12, { 0: 0, 3: 8, 6: 12 }[kept]);
  });
}

for (const [size, said] of [[1, 6], [90, 6], [91, 3], [93, 3], [94, 0], [96, 0]]) {
  test(`beside ${size} bytes there is room for ${said} of our own way`, async () => {
    const sealed = await seal(ana, cardOf(bo), randomBody(size), { ...OPTIONS, myWay: WAY });
    assert.equal(sealed.shape, null);
    const opened = await open(bo, letterOf(sealed), [cardOf(ana)]);
    assert.equal(hex(opened.way), hex(WAY.slice(0, said)));
  });
}

test("what Python says of people is what we say", () => {
  for (const person of vectors.people) {
    const identity = parseKit(person.kit);
    assert.deepEqual(mailboxKeys(identity).map(hex), [person.box, person.box_public]);
    assert.deepEqual(cardOf(identity), parseCard(person.card));
  }
});

for (const v of vectors.sealed) {
  test(`a vector opens: ${v.name}, sealed by ${v.by}`, async () => {
    const [from, to] = [v.from, v.to].map((n) => vectors.people.find((p) => p.name === n));
    const letter = { head: unhex(v.head), shape: v.shape, bundle: unhex(v.bundle) };
    const opened = await open(parseKit(to.kit), letter, [parseCard(from.card)]);
    const { sender, card, ...rest } = opened;
    assert.deepEqual(
      { ...rest, body: hex(rest.body), token: hex(rest.token), way: hex(rest.way) },
      { unixS: v.unix_s, body: v.body, typed: v.typed, token: v.token, way: v.my_way });
    assert.deepEqual(sender, parseCard(from.card));
    assert.deepEqual(card, v.with_card ? parseCard(from.card) : null);
  });
}

test("pieces have the shapes of the specification", () => {
  const shapes = [[1, [2, 3, 1]], [421, [3, 4, 1]], [1471, [8, 11, 1]], [3361, [18, 24, 1]],
    [26880, [128, 171, 1]], [26881, [72, 96, 2]]];
  for (const [length, shape] of shapes) assert.deepEqual(shapeFor(length), shape);
});

test("a stranger's card comes along", async () => {
  const sealed = await seal(ana, cardOf(bo), utf8("I am Ana"), { ...OPTIONS, withCard: true });
  const error = await open(bo, letterOf(sealed), [cardOf(eve)]).catch((e) => e);
  assert.equal(error.code, "unknown-sender");
  assert.deepEqual(error.card, cardOf(ana));
  const opened = await open(bo, letterOf(sealed), [cardOf(ana)]);
  assert.deepEqual(opened.card, cardOf(ana));

  const bare = await seal(eve, cardOf(bo), utf8("x"), OPTIONS);
  const without = await open(bo, letterOf(bare), [cardOf(ana)]).catch((e) => e);
  assert.equal(without.code, "unknown-sender");
  assert.equal(without.card, null);
});

test("nobody else opens it, nor under another head", async () => {
  const letter = letterOf(await seal(ana, cardOf(bo), utf8("meet at the well"), OPTIONS));
  assert.equal(await refusal(open(eve, letter, [cardOf(ana)])), "not-for-us");
  const head = letter.head.slice();
  head[5] ^= 1;
  assert.equal(await refusal(open(bo, { ...letter, head }, [cardOf(ana)])), "not-for-us");
  const cut = { ...letter, shape: [2, 3, 1] };
  assert.equal(await refusal(open(bo, cut, [cardOf(ana)])), "not-for-us");
});

test("what was signed for another device is refused", async () => {
  const mixed = { ...cardOf(bo), device: cardOf(eve).device }; // Eve's, sealed for Bo's prekey
  const letter = letterOf(await seal(ana, mixed, utf8("I owe you ten litres"), OPTIONS));
  assert.equal(await refusal(open(bo, letter, [cardOf(ana)])), "false-signature");
});

test("after a new prekey the former one goes on to open what is under way", async () => {
  const letter = letterOf(await seal(ana, cardOf(bo), utf8("old"), OPTIONS));
  const later = renewPrekey(bo);
  assert.equal(await refusal(open(later, letter, [cardOf(ana)])), "opened");
  assert.equal(await refusal(open(renewPrekey(later), letter, [cardOf(ana)])), "not-for-us");
  const fresh = letterOf(await seal(ana, cardOf(later), utf8("new"), OPTIONS));
  assert.equal(await refusal(open(later, fresh, [cardOf(ana)])), "opened");
  assert.equal(mailboxKeys(later).length, 3);
  assert.equal(hex(mailboxKeys(later)[1]), hex(mailboxKeys(bo)[0]));
});

test("what cannot be sealed is said", async () => {
  const long = new Uint8Array(MESSAGE_MAX + 1);
  assert.equal(await refusal(seal(ana, cardOf(bo), long, OPTIONS)), "too-long");
  const bad = { ...cardOf(bo), prekey: new Uint8Array(32) };
  assert.equal(await refusal(seal(ana, bad, utf8("x"), OPTIONS)), "bad-card");
});

test("1,000 mutated letters are refused, and nothing else is thrown", async () => {
  const cards = [cardOf(ana)];
  const letters = [];
  for (const size of [10, 700]) {
    letters.push(letterOf(await seal(ana, cardOf(bo), randomBody(size), OPTIONS)));
  }
  let state = 12345;
  const dice = (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  const ways = [
    (l) => { l.bundle[dice(l.bundle.length)] ^= 1 << dice(8); },
    (l) => { l.head[dice(14)] ^= 1 << dice(8); },
    (l) => { l.bundle = l.bundle.slice(0, dice(l.bundle.length)); },
    (l) => { l.bundle = concat(l.bundle, random(1 + dice(9))); },
    (l) => { l.bundle = random(dice(500)); },
    (l) => { l.head = random(dice(20)); },
    (l) => { l.shape = [[1, 1, 1], [0, 0, 0], [2], "x", {}, [300, 2, 1], undefined][dice(7)]; },
    (l) => { l.bundle = ["", null, undefined, 7, {}][dice(5)]; },
  ];
  for (let i = 0; i < 1000; i++) {
    const { head, shape, bundle } = letters[i % 2];
    const letter = { head: head.slice(), shape, bundle: bundle.slice() };
    ways[dice(ways.length)](letter);
    assert.notEqual(await refusal(open(bo, letter, cards)), "opened");
  }
});
