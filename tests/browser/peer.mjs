// The browser's core as a process, for tests that compare it with Python: a line of JSON in, a line
// out, until the input ends. Bytes are hex; identities are kits, people are the texts of cards.

import "./no_subtle.mjs";
import { createInterface } from "node:readline";
import {
  Refused, cardOf, cardText, hex, open, parseCard, parseKit, seal, unhex,
} from "../../gateway/web/src/core.js";

const plain = (value) => JSON.parse(JSON.stringify(
  value, (_, v) => (v instanceof Uint8Array ? hex(v) : v)));

async function sealed({ kit, card, body, options }) {
  const { way, myWay } = options;
  const ways = { way: way && unhex(way), myWay: myWay && unhex(myWay) };
  return plain(await seal(parseKit(kit), parseCard(card), unhex(body), { ...options, ...ways }));
}

async function opened({ kit, letter, cards }) {
  const bytes = { ...letter, head: unhex(letter.head), bundle: unhex(letter.bundle) };
  const { sender, card, ...rest } = await open(parseKit(kit), bytes, cards.map(parseCard));
  return plain({ ...rest, sender: cardText(sender), card: card && cardText(card) });
}

const facts = async ({ kit }) => ({ card: cardText(cardOf(parseKit(kit))) });

const ACTIONS = { seal: sealed, open: opened, card: facts };

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = await ACTIONS[asked.do](asked);
  } catch (e) {
    if (!(e instanceof Refused)) throw e; // nothing else is allowed: the test sees the process end
    answer = { refused: e.code, card: e.card && cardText(e.card) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
