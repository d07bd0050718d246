// What kind of a recovery kit a text is, before it is opened: a locked one wants its passphrase.

import { checkedBytes } from "./identity.js";

export const KIT = { scheme: "HELIOKIT:", what: "identity kit", none: "not-a-kit" };
export const LOCKED = 2; // the first byte; 1 is one that is not

export function isLocked(typed) {
  try {
    return checkedBytes(KIT, typed)[0] === LOCKED;
  } catch (none) {
    return false;
  }
}
