// New prekeys, every seven days: what was sealed for one that is gone nobody can open any more, whoever
// takes the phone (SPEC.md 2.1). The former one stays until the next is drawn.

import { renewPrekey } from "./identity.js";

export const EVERY_MS = 7 * 86_400_000; // at least the longest lifetime of a message
const SINCE = "prekeySince"; // in the store: since when we have this prekey
const SLACK_MS = 86_400_000;

// Draw a new one if it is time -> the identity with it, kept; else null. A phone's clock may be set: when
// it went back, the time counts from now.
export function rotateIfDue(store, nowMs) {
  return store.write(["kv"], async (tx) => {
    const me = await tx.value("me");
    const since = await tx.value(SINCE);
    if (since === undefined || nowMs < since - SLACK_MS) {
      await tx.keep(SINCE, nowMs);
      return null;
    }
    if (nowMs - since < EVERY_MS) return null;
    const renewed = renewPrekey(me);
    if (me.formerRoot && nowMs - me.formerRoot.sinceMs >= EVERY_MS) delete renewed.formerRoot;
    await tx.keep("me", renewed);
    await tx.keep(SINCE, nowMs);
    return renewed;
  });
}
