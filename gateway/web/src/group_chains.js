// The chains of a group's senders, in the shelf "kv": of each only what is still needed. A key that
// was used, or has become the next one, is gone (SPEC.md 15.2).

import { chainOf, nextOf, seedOf } from "./group_keys.js";

const AHEAD_MAX = 2000; // messages that may be missing before one that opens
const SKIPPED_MAX = 200; // of which keys are kept for when they come; the oldest give way
export const GRACE_MS = 8 * 86_400_000; // a message's lifetime, and a day

const chainKey = (gid, number, id) => `chain.${gid}.${number}.${id}`;

export async function startChains(tx, gid, number, secret, cards) {
  for (const [id, device] of cards) {
    await tx.keep(chainKey(gid, number, id), { key: chainOf(secret, device), counter: 0, skipped: [] });
  }
}

export async function dropChains(tx, gid, number, ids) {
  for (const id of ids) await tx.delete("kv", chainKey(gid, number, id));
}

// Our own next place, {key, counter}; it is used up with this transaction.
export async function nextPlace(tx, gid, number, id) {
  const chain = await tx.value(chainKey(gid, number, id));
  await tx.keep(chainKey(gid, number, id), { ...chain, key: nextOf(chain.key), counter: chain.counter + 1 });
  return { key: chain.key, counter: chain.counter };
}

// The seed of somebody's message: {seed, used()}, or {why: "used" | "far"}. used(), once it has
// opened: it will not open again.
export async function seedAt(tx, gid, number, id, counter, nowMs) {
  const at = chainKey(gid, number, id);
  const chain = await tx.value(at);
  if (!chain) return { why: "used" };
  const fresh = chain.skipped.filter((one) => nowMs - one.atMs < GRACE_MS);
  if (counter < chain.counter) {
    const found = fresh.find((one) => one.counter === counter);
    if (!found) return { why: "used" };
    const skipped = fresh.filter((one) => one !== found);
    return { seed: found.seed, used: () => tx.keep(at, { ...chain, skipped }) };
  }
  if (counter - chain.counter > AHEAD_MAX) return { why: "far" };
  let { key } = chain;
  const skipped = fresh;
  for (let n = chain.counter; n < counter; n++) {
    if (counter - n <= SKIPPED_MAX) skipped.push({ counter: n, seed: seedOf(key), atMs: nowMs });
    key = nextOf(key);
  }
  const kept = { key: nextOf(key), counter: counter + 1, skipped: skipped.slice(-SKIPPED_MAX) };
  return { seed: seedOf(key), used: () => tx.keep(at, kept) };
}
