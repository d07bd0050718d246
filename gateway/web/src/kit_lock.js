// A recovery kit behind a passphrase (SPEC.md 2.3): Argon2id, then ChaCha20-Poly1305. The same bytes as
// gateway/kit.py.

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { argon2idAsync } from "@noble/hashes/argon2.js";
import { concat, random, utf8 } from "./bytes.js";
import { Refused } from "./errors.js";
import { checkedBytes, checkedText, kitText } from "./identity.js";
import { KIT, LOCKED } from "./kit_text.js";

const PASSPHRASE_MIN = 10; // characters
const MEMORY_LOG2 = 15; // of KiB: 32 MB, which a phone of 2016 can spare
const PASSES = 3;
const MEMORY_LOG2_MAX = 17; // a kit that asks for more shall not stop the phone
const PASSES_MAX = 16;
const SALT_LEN = 16;
const HEAD_LEN = 3 + SALT_LEN;
const LEAST = 1 + 3 * 32 + 4 + 16 + 16; // a kit without a name, and the tag
const NONCE = new Uint8Array(12); // each key locks one kit

// The kit's text. onProgress(part of 1). Throws Refused "passphrase-short".
export async function lockedKit(identity, passphrase, { salt = random(SALT_LEN), onProgress } = {}) {
  checkPassphrase(passphrase);
  const head = concat([LOCKED, MEMORY_LOG2, PASSES], salt);
  const plain = checkedBytes(KIT, kitText(identity));
  return checkedText(KIT.scheme, concat(head, (await cipher(head, passphrase, onProgress)).encrypt(plain)));
}

// The text of the kit inside. Throws Refused "passphrase-wrong", "newer", and what checkedBytes does.
export async function unlockedKit(typed, passphrase, onProgress) {
  const raw = checkedBytes(KIT, typed);
  const head = raw.slice(0, HEAD_LEN);
  const fits = head[0] === LOCKED && head[1] >= 3 && head[1] <= MEMORY_LOG2_MAX && head[2] >= 1 && head[2] <= PASSES_MAX;
  if (!fits || raw.length < HEAD_LEN + LEAST) throw new Refused("newer", "a kit of a newer Heliograph");
  const open = await cipher(head, passphrase, onProgress);
  try {
    return checkedText(KIT.scheme, open.decrypt(raw.slice(HEAD_LEN)));
  } catch (otherKey) {
    throw new Refused("passphrase-wrong");
  }
}

// Is it long enough? Throws Refused "passphrase-short".
export function checkPassphrase(passphrase) {
  if (Array.from(normal(passphrase)).length < PASSPHRASE_MIN) throw new Refused("passphrase-short");
}

// However it is typed: composed or not, wide or narrow, with spaces around it.
const normal = (passphrase) => passphrase.normalize("NFKC").replace(/^ +| +$/g, "");

async function cipher(head, passphrase, onProgress) {
  return chacha20poly1305(await derived(head, passphrase, onProgress), NONCE, head);
}

// A key of 32 bytes by Argon2id. head: anything 1, memory 1, passes 1, salt 16.
export function derived(head, passphrase, onProgress) {
  const options = { m: 2 ** head[1], t: head[2], p: 1, dkLen: 32, asyncTick: 20, onProgress };
  return argon2idAsync(utf8(normal(passphrase)), head.slice(3), options);
}

// What a new lock is made with.
export const newHead = () => concat([LOCKED, MEMORY_LOG2, PASSES], random(SALT_LEN));
