// Being found by name: our signed records, handed to the gateway at each start while it is wished.

import { Refused } from "./errors.js";
import { accountId, cardOf } from "./identity.js";
import { ownRecords, personOf } from "./directory.js";

const WISH = "findable"; // in the store: is it wished?
const OWN = "ownRecord"; // and {nextSeed, payload}: what was announced last
const REMOVED = "removed"; // in the store, and the code of it: our account has removed this device
const EVERY_MS = 12 * 3_600_000; // a gateway announces those who were here within two days
const AGAIN_MS = 60_000; // after it did not work

export const isFindable = async (store) => Boolean(await store.value(WISH));

// Announce us. What goes out is on the disk before, and its number only rises.
export async function announce({ store, me, gateway }, lifetime) {
  const id = accountId(cardOf(me));
  const found = (await gateway.directory(id)).map(personOf).find((p) => p && p.id === id) || null;
  const sign = async (tx) => {
    const before = (await tx.value(OWN)) || {};
    const own = ownRecords(me, before, found, lifetime);
    await tx.keep(OWN, { ...before, ...own.kept });
    return own.records;
  };
  let records;
  try {
    records = await store.write(["kv"], sign);
  } catch (error) {
    if (error.code === REMOVED) await store.keep(REMOVED, true); // the page says so and stops
    throw error;
  }
  await gateway.announce(records);
}

// Wish to be found, or not any more. -> "on", "off", or "waits" for a gateway that is away. What the
// gateway refuses for good is thrown, and the wish is off.
export async function wish(phone, on, lifetime) {
  await phone.store.keep(WISH, on);
  if (!on) return "off";
  try {
    await announce(phone, lifetime);
    return "on";
  } catch (error) {
    if (!(error instanceof Refused)) return "waits";
    await phone.store.keep(WISH, false);
    throw error;
  }
}

// What was announced, and where: of this run of a gateway, with these devices and this prekey.
function what({ info, me, people = new Map() }) {
  const others = Array.from(people.values()).filter((p) => p.standing === "mine" && !p.removed).map((p) => p.id);
  return [info.run, me.prekeySeq, ...others].join();
}

// While it is wished: announce at each start, of the page and of the gateway, and twice a day.
export function stayFindable(phone, lifetime, now = Date.now) {
  let done = { run: null, ms: 0 };
  let notBeforeMs = 0;
  let busy = false;
  const look = async () => {
    const run = phone.info && what(phone);
    const fresh = run === done.run && now() - done.ms < EVERY_MS;
    if (busy || !run || fresh || now() < notBeforeMs) return;
    busy = true;
    try {
      if (await isFindable(phone.store)) {
        await announce(phone, lifetime);
        done = { run, ms: now() };
      }
    } catch (later) {
      if (later.code === REMOVED) await phone.reload();
      notBeforeMs = now() + AGAIN_MS;
    }
    busy = false;
  };
  look();
  return phone.onChange(look);
}
