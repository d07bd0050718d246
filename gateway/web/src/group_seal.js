// Messages of a group: sealed once for all members, signed by the device that wrote (SPEC.md 15.3).

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesNumber, concat, hex, numberBytes, random, utf8 } from "./bytes.js";
import { COMPRESSION_FLAGS, compress, decompress } from "./compress.js";
import { Refused } from "./errors.js";
import { seedOf } from "./group_keys.js";
import { H, sha256 } from "./hashing.js";
import { MESSAGE_MAX, mask, shapeFor } from "./seal.js";

const SUITE = 2;
const FRAME_PAYLOAD = 218;
const PIECE_PAYLOAD = 210;
const HEAD_LEN = 9; // suite, sender, counter
const SALT_LEN = 16; // beside them where there are pieces
const SIGNATURE_LEN = 64;
const TAG_LEN = 16;
const INNER_HEAD = 5;
const OVERHEAD = HEAD_LEN + TAG_LEN + SIGNATURE_LEN + INNER_HEAD + 1;
const TYPED = 128;
const NONCE = new Uint8Array(12); // a key seals one message
const NONE = new Uint8Array(0);

// Seal a body under one key of the sender's chain.
//
// epoch: {gid, number, box, head}. sender: 4 bytes. chain: {key, counter}, never used again after
// this. signing: the device's seed. Gives what seal() of seal.js does; the token is random, the
// author's alone. Throws Refused "too-long".
export function sealForGroup(epoch, sender, chain, signing, body, options) {
  const { unixS, typed = false, priority = 1, lifetime, token = random(16), salt = random(SALT_LEN) } = options;
  if (body.length > MESSAGE_MAX) throw new Refused("too-long", "the message is too long");
  const { flag, packed } = compress(body);
  const shape = packed.length + OVERHEAD <= FRAME_PAYLOAD ? null : shapeFor(packed.length + OVERHEAD + SALT_LEN);
  const along = shape ? salt : NONE;
  const length = shape ? shape[0] * shape[2] * PIECE_PAYLOAD : FRAME_PAYLOAD;
  const inner = new Uint8Array(length - HEAD_LEN - along.length - TAG_LEN - SIGNATURE_LEN);
  inner.set(concat([flag | (typed ? TYPED : 0)], numberBytes(unixS, 4), packed, [0x80]));
  const mid = H("mid", token).slice(0, 12);
  const b0 = (priority << 1) | (shape ? 1 : 0);
  const b1 = (lifetime << 4) | 2;
  const head = concat([b0, b1], mid);
  const counter = numberBytes(chain.counter, 4);
  const signature = ed25519.sign(signed(epoch, sender, counter, head, inner, shape), signing);
  const key = messageKey(seedOf(chain.key), mid, along);
  const sealed = chacha20poly1305(key, NONCE, about(head, shape)).encrypt(concat(inner, signature));
  const bundle = concat(hidden(epoch, mid, concat([SUITE], sender, counter)), along, sealed);
  return {
    mid, token, b0, b1, shape, way: NONE,
    hint: H("hint", epoch.box, mid).slice(0, 4),
    bundle: shape ? mask(mid, bundle) : bundle,
    tagKey: shape ? H("piece-key", epoch.box, mid) : null,
  };
}

// Is a letter one of a group's? `epochs` are those whose keys we have, senders: {hex of the 4 bytes:
// whoever}. -> {epoch, sender, from: whoever, counter, along, sealed}, or null.
export function whoseIsIt(letter, epochs) {
  const { head, shape } = letter;
  const bundle = shape ? mask(head.slice(2), letter.bundle) : letter.bundle;
  const start = HEAD_LEN + (shape ? SALT_LEN : 0);
  if (bundle.length < start + TAG_LEN + SIGNATURE_LEN + INNER_HEAD + 1) return null;
  for (const epoch of epochs) {
    const open = hidden(epoch, head.slice(2), bundle.slice(0, HEAD_LEN));
    const sender = open.slice(1, 5);
    const from = epoch.senders[hex(sender)];
    if (open[0] === SUITE && from) {
      return { epoch, sender, from, counter: bytesNumber(open.slice(5)), along: bundle.slice(HEAD_LEN, start),
        sealed: bundle.slice(start) };
    }
  }
  return null;
}

// Open what whoseIsIt() has recognised, with the seed of its place in the chain and the sender's
// Ed25519 key -> {unixS, body, typed}. Throws Refused "damaged", "false-signature" or "newer".
export function openForGroup(letter, found, seed, device) {
  const { head, shape } = letter;
  let plain;
  try {
    plain = chacha20poly1305(messageKey(seed, head.slice(2), found.along), NONCE, about(head, shape)).decrypt(found.sealed);
  } catch (wrongKey) {
    throw new Refused("damaged", "not sealed with this key, or altered");
  }
  const inner = plain.slice(0, -SIGNATURE_LEN);
  const said = signed(found.epoch, found.sender, numberBytes(found.counter, 4), head, inner, shape);
  if (!verified(plain.slice(-SIGNATURE_LEN), said, device)) {
    throw new Refused("false-signature", "the signature is false");
  }
  let end = inner.length - 1;
  while (end > INNER_HEAD && inner[end] === 0) end--;
  const flags = inner[0];
  if (flags & ~(COMPRESSION_FLAGS | TYPED) || inner[end] !== 0x80) {
    throw new Refused("newer", "the message comes from a newer Heliograph");
  }
  const body = decompress(flags & COMPRESSION_FLAGS, inner.slice(INNER_HEAD, end), MESSAGE_MAX);
  return { unixS: bytesNumber(inner.slice(1, 5)), body, typed: Boolean(flags & TYPED) };
}

// With the id, should two phones of one kit be at the same place of the chain. With pieces the key
// needs what is masked: fewer than k of them are of no use even to who gets the chain later.
const messageKey = (seed, mid, along) => H("group-key", seed, mid, along);

const about = (head, shape) => concat(utf8("helio1/group-seal\0"), head, shape || []);

const signed = ({ gid, number }, sender, counter, head, inner, shape) => concat(
  utf8("helio1/group\0"), gid, numberBytes(number, 4), sender, counter, head, sha256(inner), shape || []);

// Its own inverse. Whoever does not know the group's secret cannot tell who of it wrote.
function hidden(epoch, mid, open) {
  const pad = H("group-header", epoch.head, mid);
  return open.map((byte, i) => byte ^ pad[i]);
}

function verified(signature, said, device) {
  try {
    return ed25519.verify(signature, said, device, { zip215: false });
  } catch (noKey) {
    return false;
  }
}
