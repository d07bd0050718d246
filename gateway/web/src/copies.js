// What one of our devices tells the others (SPEC.md 6.2, type 9): what we sent, what we have read, whom we
// know. Taken from our own devices only.

import { bytesNumber, concat, equal, hex, numberBytes, text, unhex, utf8 } from "./bytes.js";
import { fileBody, read } from "./bodies.js";
import { Refused } from "./errors.js";
import { cardBytes, cardFrom, deviceId } from "./identity.js";
import { learn } from "./lists.js";
import { newPerson } from "./people.js";

const COPY = 9;
const [SENT, READ, PEOPLE] = [1, 2, 3];
const [TYPED, CUT] = [1, 2];
const ID_LEN = 8;
const HEAD = 2 + 4 + 1; // type, sort, time, how many chats
export const BODY_MAX = 4096; // bytes of a body that are copied: what is longer is cut

// A message that we sent: {chats: ids, body, unixS, typed, file: if it is one}.
export function sentCopy({ chats, body, unixS, typed, file }) {
  const cut = body.length > BODY_MAX;
  const told = !cut ? body : file ? fileBody({ ...file, bytes: new Uint8Array(0) }) : utf8(`${text(body.slice(0, BODY_MAX))}…`);
  return concat([COPY, SENT], numberBytes(unixS, 4), [chats.length], ...chats.map(unhex),
    [(typed && TYPED) | (cut && CUT)], told);
}

// The newest message that was read, of each chat: its `same`, in hex, which it has on each device.
export const readCopy = (sames) => concat([COPY, READ], ...sames.map((same) => unhex(same).slice(0, ID_LEN)));

// Contacts: [{card, list: the account's newest record, or null}].
export function peopleCopy(people) {
  return concat([COPY, PEOPLE], ...people.flatMap(({ card, list }) => {
    const raw = cardBytes(card);
    return [[raw.length], raw, [list ? list.length : 0], list || new Uint8Array(0)];
  }));
}

// Take such a body of our device, in a transaction.
export async function hearCopy(tx, me, from, body, nowMs) {
  if (from.standing !== "mine" || from.removed) return;
  if (body[1] === SENT) await keepSent(tx, body, nowMs);
  if (body[1] === READ) await markRead(tx, body.slice(2));
  if (body[1] === PEOPLE) await meet(tx, me, from, body.slice(2), nowMs);
}

async function keepSent(tx, body, nowMs) {
  const flags = HEAD + body[HEAD - 1] * ID_LEN;
  if (!(body.length > flags) || !body[HEAD - 1]) return;
  const chats = Array.from({ length: body[HEAD - 1] }, (_, i) => hex(body.slice(HEAD + i * ID_LEN, HEAD + (i + 1) * ID_LEN)));
  const inside = body.slice(flags + 1);
  const what = read({ body: inside, typed: Boolean(body[flags] & TYPED) });
  if (what.kind !== "text" && what.kind !== "file") return;
  const file = what.file && { name: what.file.name, mime: what.file.mime, size: what.file.bytes.length };
  const order = await tx.put("messages", {
    dir: "out", chats, kind: what.kind, text: what.text || "", file, unixS: bytesNumber(body.slice(2, 6)), atMs: nowMs,
    bytes: inside.length, mids: [], parts: chats.map((person) => ({ person, state: "elsewhere", mids: [] })),
  });
  if (what.file && !(body[flags] & CUT)) await tx.put("files", { order, bytes: what.file.bytes });
}

async function markRead(tx, raw) {
  const ids = new Set(Array.from({ length: raw.length / ID_LEN }, (_, i) => hex(raw.slice(i * ID_LEN, (i + 1) * ID_LEN))));
  const people = await tx.all("people");
  for (const message of await tx.all("messages")) {
    if (message.dir !== "in" || !message.same || !ids.has(message.same.slice(1, 1 + 2 * ID_LEN))) continue;
    const author = people.find((p) => p.id === message.chats[0]);
    if (!author) continue;
    for (const row of people.filter((p) => (p.joined || p.id) === (author.joined || author.id))) {
      if (row.read < message.order) {
        Object.assign(row, { read: message.order, readTold: message.order }); // no echo
        await tx.put("people", row);
      }
    }
  }
}

async function meet(tx, me, from, raw, nowMs) {
  for (let at = 0; at < raw.length;) {
    const end = at + 1 + raw[at];
    const next = end + 1 + raw[end];
    if (!(next <= raw.length)) return;
    await meetOne(tx, from, raw.slice(at + 1, end), nowMs);
    if (next > end + 1) await learn(tx, me, [raw.slice(end + 1, next)], { nowMs });
    at = next;
  }
}

async function meetOne(tx, from, raw, nowMs) {
  let card;
  try {
    card = cardFrom(raw);
  } catch (error) {
    if (error instanceof Refused) return;
    throw error;
  }
  if (equal(card.account, from.card.account)) return;
  const known = await tx.get("people", deviceId(card));
  if (known && known.standing !== "stranger") return;
  const person = known || newPerson(card, "contact", nowMs);
  await tx.put("people", { ...person, standing: "contact", given: [from.id] });
}
