// What devices tell each other without anybody reading it: typed bodies (SPEC.md 6.2) that change what
// is known of a person. Also what has to be said about it: notes, shown in the chat.

import { bytesNumber, concat, numberBytes } from "./bytes.js";
import { hearCopy } from "./copies.js";
import { learn } from "./lists.js";
import { hearMarks } from "./read_marks.js";

const DEVICES = 3;
const MARKS = 6;
const COPY = 9;
const PREKEY = 10;
const PREKEY_LEN = 1 + 32 + 4;
const BOX_ROOT_LEN = 16;
const RECORDS_MAX = 9; // an account's and those of eight devices

// "This is my prekey from now on": 37 bytes, one frame.
export const prekeyBody = (card) => concat([PREKEY], card.prekey, numberBytes(card.prekeySeq, 4));

// The inverse -> {prekey, prekeySeq}; null if it is none.
export const readPrekey = (body) => (body[0] === PREKEY && body.length === PREKEY_LEN
  ? { prekey: body.slice(1, 33), prekeySeq: bytesNumber(body.slice(33)) } : null);

// "These are my devices": records as they travel, the account's first, and the box root of today.
export function devicesBody(boxRoot, records) {
  return concat([DEVICES], boxRoot, ...records.flatMap((record) => [[record.length], record]));
}

// The inverse -> {boxRoot, records}; null if it is none.
export function readDevices(body) {
  if (body.length < 1 + BOX_ROOT_LEN) return null;
  const records = [];
  let at = 1 + BOX_ROOT_LEN;
  while (at < body.length) {
    const end = at + 1 + body[at];
    if (end > body.length || records.length === RECORDS_MAX) return null;
    records.push(body.slice(at + 1, end));
    at = end;
  }
  return { boxRoot: body.slice(1, 1 + BOX_ROOT_LEN), records };
}

// Take such a body of a person's device, in a transaction. What is not well-formed changes nothing.
export async function hear(tx, me, person, { body }, nowMs) {
  if (body[0] === PREKEY) await newPrekey(tx, person, body);
  if (body[0] === MARKS) await hearMarks(tx, person, body);
  if (body[0] === COPY) await hearCopy(tx, me, person, body, nowMs);
  const told = body[0] === DEVICES && readDevices(body);
  if (told) await learn(tx, me, told.records, { nowMs, sender: person, boxRoot: told.boxRoot });
}

async function newPrekey(tx, person, body) {
  const told = readPrekey(body);
  if (!told || told.prekeySeq <= person.card.prekeySeq) return; // it was passed on late
  person.card = { ...person.card, ...told };
  await tx.put("people", person);
}
