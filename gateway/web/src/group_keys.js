// The keys of a group (SPEC.md 15.2): all of them follow from the secret of its present state, and
// from there only forwards, so that whoever takes a phone cannot read what was written before.

import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { H } from "./hashing.js";

export const groupId = (maker, salt) => H("group", maker, salt).slice(0, 16);

// What a secret gives besides chains: {box: K_box, head: hides who wrote, check: is in the state}.
export const epochKeys = (secret) => ({
  box: H("group-box", secret).slice(0, 16),
  head: H("group-head", secret).slice(0, 16),
  check: H("group-secret", secret).slice(0, 16),
});

// How a message names its sender to those who know the secret, and its first chain key.
export const senderOf = (secret, device) => H("group-sender", secret, device).slice(0, 4);
export const chainOf = (secret, device) => H("group-chain", secret, device);

// A chain key to the seed of its message, and to the next one.
export const seedOf = (chain) => H("group-message", chain);
export const nextOf = (chain) => H("group-next", chain);

// What two members share, so that each can tell the other that a message has come; null if the
// other's key is none.
export function pairSecret(signing, device, gid) {
  try {
    const mine = ed25519.utils.toMontgomerySecret(signing);
    const shared = x25519.getSharedSecret(mine, ed25519.utils.toMontgomery(device));
    return H("group-pair", shared, gid).slice(0, 16);
  } catch (noKey) {
    return null;
  }
}

// The token by which one reader acknowledges a message.
export const ackToken = (pair, mid) => H("ack", pair, mid).slice(0, 16);
