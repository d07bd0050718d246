// Cards as people paste them, and what is inside a message.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileBody, hereBody, read } from "../../gateway/web/src/bodies.js";
import { cardOf, cardText, kitText, newIdentity, parseKit, random, utf8 } from "../../gateway/web/src/core.js";
import { cardsIn } from "../../gateway/web/src/cards_in_text.js";
import { cardIn, cardLink, kitLink } from "../../gateway/web/src/people.js";
import { draw } from "../../gateway/web/src/later/qr-draw.js";
import { read as readQr } from "../../gateway/web/src/later/qr-read.js";

const me = newIdentity("Наталя 🌻");
const card = cardOf(me);

test("a card is found in what people paste", () => {
  const text = cardText(card);
  const link = cardLink(card, "http://gw.mesh");
  const wrapped = text.replace(/.{40}/g, "$&\n");
  for (const pasted of [text, ` ${text} `, text.toLowerCase(), wrapped, link, encodeURI(link), link.replace("HELIO:", "HELIO%3A")]) {
    assert.deepEqual(cardIn(pasted), card, pasted);
  }
});

test("words, quotes and line breaks around a card do not matter", () => {
  const text = cardText(card);
  const quoted = text.replace(/.{60}/g, "$&\n> > ");
  for (const pasted of [`${text} See you there`, `${text}\nAna`, `${text}.`, `My card: ${text}, bye`, `<${text}>`,
    `*${text}*`, `> ${quoted}\nSEE YOU AT SEVEN`, `${text.replace(/.{9}/g, "$&\u200b")} x`, `${cardLink(card, "http://gw")} add me`,
    `HELIO: is what I use.\n${text} ok`]) {
    assert.deepEqual(cardIn(pasted), card, pasted);
  }
});

test("several cards in one text, each once", () => {
  const others = ["Bo", "Cy"].map((name) => cardOf(newIdentity(name)));
  const all = [card, ...others];
  assert.deepEqual(cardsIn(all.map(cardText).join(" ")), all);
  assert.deepEqual(cardsIn(`Ours: ${all.map((c) => `${c.name}: ${cardText(c)}`).join("\n")} and again ${cardText(card)}`), all);
  assert.deepEqual(cardsIn(`${cardText(card).slice(0, 150)} (cut off) ${cardText(others[0])}`), [others[0]]);
});

test("what is no card is refused with a word", () => {
  const text = cardText(card);
  for (const [pasted, code] of [["", "not-a-card"], ["hello", "not-a-card"], [text.slice(0, -3), "mistyped"],
    ["HELIO:", "mistyped"], ["\u0000\ud800", "not-a-card"], ["😀".repeat(10_000), "not-a-card"], [kitText(me), "not-a-card"]]) {
    assert.throws(() => cardIn(pasted), { code }, pasted.slice(0, 20));
  }
});

test("a kit's link brings the kit and cards", () => {
  const other = cardOf(newIdentity("Bo"));
  const { kit, cards } = kitLink(`${kitText(me)}/${cardText(other)}`);
  assert.deepEqual(parseKit(kit), me);
  assert.deepEqual(cards.map(cardIn), [other]);
});

test("a code that is drawn is read", () => {
  const text = cardLink(card, "http://192.168.49.1:8080");
  const { size, path } = draw(text);
  const scale = 4;
  const side = (size + 8) * scale;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)/g)) {
    for (let i = 0; i < scale * scale; i++) {
      const at = ((Number(y) + 4) * scale + Math.floor(i / scale)) * side + (Number(x) + 4) * scale + (i % scale);
      data.set([0, 0, 0, 255], at * 4);
    }
  }
  assert.equal(readQr({ data, width: side, height: side }), text);
});

test("files, places and what is not known yet", () => {
  const file = { name: "brücke.jpg", mime: "image/jpeg", bytes: random(300) };
  assert.deepEqual(read({ body: fileBody(file), typed: true }), { kind: "file", file });
  assert.deepEqual(read({ body: hereBody(), typed: true }), { kind: "here" });
  assert.deepEqual(read({ body: utf8("hi"), typed: false }), { kind: "text", text: "hi" });
  for (const body of [[], [1], [1, 5, 65], [1, 1, 65, 9, 66], [2, 7], [200, 1]]) {
    const { kind, type } = read({ body: Uint8Array.from(body), typed: true });
    assert.deepEqual([kind, type], ["newer", body[0] || 0], `${body}`);
  }
});
