// What a phone does by itself for its person's devices, while its gateway is there: new prekeys, and
// telling contacts and own devices of what has changed. Each is told once of each change.

import { knowsUs, onceOf } from "./account.js";
import { personOf, signDevice } from "./directory.js";
import { NO_BOX_ROOT, accountId, cardOf, deviceId } from "./identity.js";
import { peopleCopy, readCopy } from "./copies.js";
import { OWN, listKey } from "./lists.js";
import { devicesBody, prekeyBody } from "./quiet.js";
import { tellMarks } from "./read_marks.js";
import { rotateIfDue } from "./rotate.js";

const PEOPLE_AT_ONCE = 20;
const READ_EVERY_MS = 60_000; // people read on: what was read goes together
const SETTLED_MS = 20_000; // letters that wait may be sealed for a prekey that a new one replaces

// Contacts who have our card learn of a new prekey. sinceMs: since when we have it.
export async function tellPrekey(store, mail, sinceMs) {
  const me = await store.value("me");
  if (!me.previous) return;
  const people = (await store.all("people"))
    .filter((p) => knowsUs(p) && p.addedMs < sinceMs && p.toldPrekey !== me.prekeySeq);
  await mail.tell(people, prekeyBody(cardOf(me)), onceOf({ toldPrekey: me.prekeySeq }));
}

// They, and our other devices, learn which devices are ours. Contacts are not told of a device before
// it has said how mail for it is sealed, unless one was removed. Our own are told again with each new
// prekey: they tell others of us, and may have been restored from a kit.
export async function tellDevices(store, mail, lifetime) {
  const [me, own] = [await store.value("me"), (await store.value(OWN)) || {}];
  const list = own.payload ? personOf({ records: [own.payload] }) : null;
  if (!list) return;
  const all = await store.all("people");
  const mine = all.filter((p) => p.standing === "mine");
  const records = mine.filter((p) => !p.removed).map((row) => row.record).filter(Boolean);
  if (!mine.length && !own.told) return; // one device, and nobody has heard of others
  const version = `${list.sequence}/${records.length}`;
  const forOurs = `${version}/${me.prekeySeq}`;
  const ours = signDevice(me.signing, { ...cardOf(me), lifetime });
  const body = devicesBody(me.boxRoot, [own.payload, ours, ...records]);
  const others = mine.filter((p) => !p.removed && p.toldList !== forOurs);
  await mail.tell(others, body, onceOf({ toldList: forOurs }));
  const off = mine.filter((p) => p.removed && p.toldList !== version); // so that it stops; our mail it shall not know
  await mail.tell(off, devicesBody(NO_BOX_ROOT, [own.payload]), onceOf({ toldList: version }));
  if (records.length < list.devices.length - 1 && !own.urgent) return;
  const contacts = all.filter((p) => knowsUs(p) && p.standing !== "mine" && p.toldList !== version);
  await mail.tell(contacts, body, onceOf({ toldList: version }));
  if (!own.urgent && own.told) return;
  await store.write(["kv"], async (tx) => tx.keep(OWN, { ...(await tx.value(OWN)), urgent: false, told: true }));
}

// Our other devices learn whom we know, and what was read here.
export async function tellPeople(store, mail) {
  const all = await store.all("people");
  for (const device of all.filter((p) => p.standing === "mine" && !p.removed && p.record)) {
    const lacks = all.filter((p) => p.standing === "contact" && !p.removed && !(p.given || []).includes(device.id));
    for (let at = 0; at < lacks.length; at += PEOPLE_AT_ONCE) {
      const some = lacks.slice(at, at + PEOPLE_AT_ONCE);
      const told = [];
      for (const p of some) {
        const [list = null] = (await store.value(listKey(accountId(p.card)))) || [];
        told.push({ card: { ...p.card, name: p.name }, list });
      }
      await mail.tell([device], peopleCopy(told));
      await store.write(["people"], async (tx) => {
        for (const { id } of some) {
          const row = await tx.get("people", id);
          await tx.put("people", { ...row, given: [...(row.given || []), device.id] });
        }
      });
    }
  }
}

export async function tellRead(store, mail) {
  const all = await store.all("people");
  const mine = all.filter((p) => p.standing === "mine" && !p.removed);
  const ahead = all.filter((p) => p.standing === "contact" && p.read > (p.readTold || 0));
  if (!mine.length || !ahead.length) return;
  const messages = await store.all("messages");
  const newest = ahead.map((p) => messages.filter((m) => m.chats[0] === p.id && m.same && m.order <= p.read
    && m.order > (p.readTold || 0)).pop()).filter(Boolean);
  if (newest.length) await mail.tell(mine, readCopy(newest.map((m) => m.same.slice(1))));
  await store.write(["people"], async (tx) => {
    for (const { id, read } of ahead) await tx.put("people", { ...(await tx.get("people", id)), readTold: read });
  });
}

// All that is due. -> did our keys change?
export async function attendOnce(store, mail, lifetime, nowMs) {
  const renewed = await rotateIfDue(store, nowMs);
  if (renewed) mail.me = renewed;
  await tellPrekey(store, mail, (await store.value("prekeySince")) || 0);
  await (await mail.groups()).tellPrekey();
  await tellDevices(store, mail, lifetime);
  await tellPeople(store, mail);
  return Boolean(renewed);
}

// Look after it whenever the phone hears from its gateway.
export function attend(phone, lifetime, now = Date.now) {
  let sinceMs = 0;
  let readMs = 0;
  let busy = false;
  const look = async () => {
    if (!phone.info || phone.removed) sinceMs = 0;
    else if (!sinceMs) sinceMs = now();
    if (!sinceMs || busy || now() - sinceMs < SETTLED_MS) return;
    busy = true;
    try {
      const before = (await phone.store.all("outbox")).length;
      const renewed = await attendOnce(phone.store, phone.mail, lifetime, now());
      if (now() - readMs >= READ_EVERY_MS || now() < readMs) {
        readMs = now();
        await tellRead(phone.store, phone.mail);
        await tellMarks(phone.store, phone.mail);
      }
      if (renewed || (await phone.store.all("outbox")).length !== before) await phone.reload();
      if (phone.link) phone.link.kick();
    } catch (error) {
      console.error(error); // tried again at the next look
    }
    busy = false;
  };
  look();
  return phone.onChange(look);
}
