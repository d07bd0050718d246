// "Read": told to who wrote, if the person wishes it (SPEC.md 6.2, type 6); off unless switched on.

import { concat, hex, unhex } from "./bytes.js";
import { knowsUs, onceOf } from "./account.js";
import { better } from "./ladder.js";

const MARKS = 6;
const MID_LEN = 12;
const MOST = 64; // marks of one message; seven are one frame
export const WISH = "readMarks"; // in the store: the order of the last message before it was wished, or false

export const marksBody = (mids) => concat([MARKS], ...mids.map(unhex));

// Wish it from now on, or not any more.
export function wishMarks(store, on) {
  return store.write(["kv", "messages"], async (tx) => {
    const last = on ? (await tx.all("messages")).reduce((most, m) => Math.max(most, m.order), 0) : false;
    await tx.keep(WISH, last);
  });
}

export const wishesMarks = async (store) => ![undefined, false].includes(await store.value(WISH));

// Tell of what was read since: one message for each device that wrote.
export async function tellMarks(store, mail) {
  const from = await store.value(WISH);
  if (from === undefined || from === false) return;
  const messages = (await store.all("messages")).filter((m) => m.dir === "in" && m.mids.length && m.order > from && !m.group);
  for (const person of (await store.all("people")).filter(knowsUs)) {
    const read = messages.filter((m) => m.chats[0] === person.id && m.order <= person.read && m.order > (person.marked || 0))
      .slice(0, MOST);
    if (person.standing === "mine" || !read.length) continue;
    const marked = read[read.length - 1].order;
    await mail.tell([person], marksBody(read.map((m) => m.mids[0])), onceOf({ marked }));
  }
}

// Somebody has read these; what was not sent to that very device is not believed.
export async function hearMarks(tx, person, body) {
  for (let at = 1; at + MID_LEN <= body.length && at <= 1 + MOST * MID_LEN; at += MID_LEN) {
    const mid = hex(body.slice(at, at + MID_LEN));
    const message = await tx.withMid(mid);
    const part = message && message.parts && message.parts.find((p) => p.person === person.id && p.mids.includes(mid));
    if (!part || !better("read", part.state)) continue;
    part.state = "read";
    await tx.put("messages", message);
  }
}
