// Recovery kits behind a passphrase: the locking takes memory and seconds, and its code is seldom needed.

export { lockedKit, unlockedKit } from "../kit_lock.js";
