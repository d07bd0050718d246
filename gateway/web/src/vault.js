// The keys in the browser's store behind a passphrase, for who wishes it: asked for when the page is opened.
// Messages and contacts are not in it.

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { concat, hex, random, text, unhex, utf8 } from "./bytes.js";
import { Refused } from "./errors.js";
import { checkPassphrase, derived, newHead } from "./kit_lock.js";
import { SECRETS } from "./store.js";

const NONCE_LEN = 12;
const HEAD = "vault"; // in the store: how the key follows from the passphrase
const TRIAL = "vaultTrial"; // closed: does the passphrase fit?

// Values with bytes in them, as text.
const packed = (value) => utf8(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? { hex: hex(v) } : v)));
const unpacked = (raw) => JSON.parse(text(raw), (_, v) => (v && typeof v.hex === "string" ? unhex(v.hex) : v));

// Synchronous, since a transaction of the store waits for nothing else.
function vaultOf(key) {
  return {
    close(value) {
      const nonce = random(NONCE_LEN);
      return concat(nonce, chacha20poly1305(key, nonce).encrypt(packed(value)));
    },
    open: (closed) => unpacked(chacha20poly1305(key, closed.slice(0, NONCE_LEN)).decrypt(closed.slice(NONCE_LEN))),
  };
}

// Lock the keys from now on. Throws Refused "passphrase-short".
export async function lock(store, passphrase) {
  checkPassphrase(passphrase);
  const head = newHead();
  const vault = vaultOf(await derived(head, passphrase));
  await rewritten(store, vault, async (tx) => {
    await tx.keep(HEAD, head);
    await tx.put("kv", { key: TRIAL, closed: vault.close("fits") });
  });
}

// Open them for as long as this page is open. Throws Refused "passphrase-wrong".
export async function unlock(store, passphrase) {
  const vault = vaultOf(await derived(await store.value(HEAD), passphrase));
  try {
    vault.open((await store.get("kv", TRIAL)).closed);
  } catch (otherKey) {
    throw new Refused("passphrase-wrong");
  }
  store.vault = vault;
}

// Locked no more.
export function unlockForGood(store) {
  return rewritten(store, null, async (tx) => {
    await tx.delete("kv", HEAD);
    await tx.delete("kv", TRIAL);
  });
}

// All secrets under another vault, in one transaction.
async function rewritten(store, vault, more) {
  await store.write(["kv"], async (tx) => {
    const values = [];
    for (const key of SECRETS) values.push([key, await tx.value(key)]);
    tx.vault = vault;
    for (const [key, value] of values) if (value !== undefined) await tx.keep(key, value);
    await more(tx);
  });
  store.vault = vault;
}
