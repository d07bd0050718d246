// Sealing: what only the recipient's device can open, and what proves the sender (SPEC.md 6).
// The gateway cuts what comes out of seal() into parcels, and rebuilds what goes into open().

import { ed25519 } from "@noble/curves/ed25519.js";
import { AEAD_ChaCha20Poly1305, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 }
  from "@panva/hpke-noble";
import { CipherSuite } from "hpke";
import { bytesNumber, concat, equal, numberBytes, utf8 } from "./bytes.js";
import { COMPRESSION_FLAGS, compress, decompress } from "./compress.js";
import { Refused } from "./errors.js";
import { H, sha256 } from "./hashing.js";
import { cardBytes, cardFrom, cardOf, mailboxKey, senderId } from "./identity.js";

export const MESSAGE_MAX = 65536; // bytes of a body
const SUITE = [1];
const PIECE_PAYLOAD = 210;
const FRAME_PAYLOAD = 218; // of a parcel with a hint
const NEXT_LEN = 2; // of the next node's address, in a frame for one gateway
const BLOCK_PIECES_MAX = 128;
const ROUTE_LEN = 3;
const WAY_LEN = 6; // route and cell
const SIGNATURE_LEN = 64;
const INNER_HEAD = 9;
const OUTER = 48 + SIGNATURE_LEN; // HPKE's capsule and tag, and the signature
export const ONE_FRAME_BODY = FRAME_PAYLOAD - OUTER - INNER_HEAD - 1; // bytes, compressed

const WITH_CARD = 16;
const WITH_ROUTE = 32;
const WITH_CELL = 64;
const TYPED = 128;
const KNOWN_FLAGS = COMPRESSION_FLAGS | WITH_CARD | WITH_ROUTE | WITH_CELL | TYPED;

const hpke = new CipherSuite(
  KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_ChaCha20Poly1305);

// Seal a body (Uint8Array) for the device of a card.
//
// unixS: now. typed: the body begins with a type byte. withCard: our card goes along. priority: 0
// to 3. lifetime: the four-bit code. way: to the recipient's gateway, if known; used where the
// message fits one frame with it. myWay: to ours, for the answer, as far as there is room. plain:
// not compressed.
//
// Gives {mid, token, b0, b1, hint, bundle, shape, tagKey, way}: bundle is masked and shape [k, n,
// blocks] where there are pieces, else shape and tagKey are null. token never leaves the phone: a
// receipt is true if H("mid", token) begins with mid. Throws Refused "too-long", "bad-card".
export async function seal(identity, card, body, options) {
  const { unixS, typed = false, withCard = false, priority = 1, lifetime, plain } = options;
  if (body.length > MESSAGE_MAX) throw new Refused("too-long", "the message is too long");
  const squeezed = plain ? { flag: 0, packed: body } : compress(body);
  let packed = squeezed.packed;
  if (withCard) {
    const mine = cardBytes(cardOf(identity));
    packed = concat([mine.length], mine, packed);
  }
  const room = ONE_FRAME_BODY - packed.length;
  const shape = room >= 0 ? null : shapeFor(packed.length + OUTER + INNER_HEAD + 1);
  const way = fitting(options.way, room - NEXT_LEN);
  const length = shape
    ? shape[0] * shape[2] * PIECE_PAYLOAD
    : FRAME_PAYLOAD - (way.length && way.length + NEXT_LEN);
  const myWay = fitting(options.myWay, length - OUTER - INNER_HEAD - 1 - packed.length);

  const inner = new Uint8Array(length - OUTER);
  const flags = squeezed.flag | (withCard && WITH_CARD) | (typed && TYPED)
    | (myWay.length && WITH_ROUTE) | (myWay.length > ROUTE_LEN && WITH_CELL);
  const sender = senderId(cardOf(identity));
  inner.set(concat([flags], numberBytes(unixS, 4), sender, myWay, packed, [0x80]));
  const signature = ed25519.sign(signed(card, inner), identity.signing);
  const token = H("token", signature, inner).slice(0, 16);
  const mid = H("mid", token).slice(0, 12);

  const b0 = (priority << 1) | (shape ? 1 : 0);
  const b1 = (lifetime << 4) | (way.length && 8) | (way.length > ROUTE_LEN && 4) | 2;
  const head = concat([b0, b1], mid);
  const bundle = await encrypt(card, info(head, shape), concat(inner, signature));
  const box = mailboxKey(card);
  return {
    mid, token, b0, b1,
    hint: H("hint", box, mid).slice(0, 4),
    bundle: shape ? mask(mid, bundle) : bundle,
    shape,
    tagKey: shape ? H("piece-key", box, mid) : null,
    way,
  };
}

// Open a letter {head: b0 b1 mid, shape: null or [k, n, blocks], bundle: masked if pieces}; `cards`
// are those of everybody we know.
//
// Gives {sender, unixS, body, typed, token, way, card}: sender is one of `cards`; card is what came
// along of the same device, perhaps newer, else null. Throws Refused "not-for-us", "damaged",
// "newer", "false-signature", or "unknown-sender": then with the stranger's card, if it came along
// and the signature holds under it. What that card says of the account is the device's claim.
export async function open(identity, letter, cards) {
  const { head, shape } = letter;
  checkForm(letter);
  const mid = head.slice(2);
  const bundle = shape ? mask(mid, letter.bundle) : letter.bundle;
  const { plain, me } = await decrypt(identity, info(head, shape), bundle);
  const inner = plain.subarray(0, -SIGNATURE_LEN);
  const signature = plain.subarray(-SIGNATURE_LEN);
  const token = H("token", signature, inner).slice(0, 16);
  if (!equal(H("mid", token).slice(0, 12), mid)) {
    throw new Refused("damaged", "the message id does not belong to this message");
  }
  const { flags, way, card, packed } = parts(inner);
  const sender = verified(me, inner, signature, cards, card);
  const body = decompress(flags & COMPRESSION_FLAGS, packed, MESSAGE_MAX);
  const unixS = bytesNumber(inner.subarray(1, 5));
  return { sender, unixS, body, typed: Boolean(flags & TYPED), token, way, card };
}

// [k, n, blocks] for a bundle of at least so many bytes.
export function shapeFor(length) {
  let total = Math.max(2, Math.ceil(length / PIECE_PAYLOAD));
  if (total >= 8) {
    const step = 1 << (total.toString(2).length - 4);
    total = Math.ceil(total / step) * step;
  }
  const blocks = Math.ceil(total / BLOCK_PIECES_MAX);
  const k = Math.ceil(total / blocks);
  return [k, Math.min(255, k + Math.max(1, Math.ceil(k / 3))), blocks];
}

// As much of a way as there is room for.
function fitting(way, room) {
  const size = [WAY_LEN, ROUTE_LEN].find((n) => way && way.length >= n && n <= room) || 0;
  return way ? way.slice(0, size) : new Uint8Array(0);
}

function checkForm({ head, shape, bundle }) {
  const well = head instanceof Uint8Array && head.length === 14 && bundle instanceof Uint8Array
    && bundle.length > OUTER + INNER_HEAD
    && (shape === null || (Array.isArray(shape) && shape.length === 3
      && shape.every((n) => Number.isInteger(n) && n > 0 && n < 256)));
  if (!well) throw new Refused("damaged", "that is no letter");
}

function info(head, shape) {
  return concat(utf8("helio1/seal\0"), SUITE, head, shape || []);
}

function signed(to, inner) {
  return concat(utf8("helio1/msg\0"), SUITE, to.device, to.prekey, sha256(inner));
}

// All or nothing: HPKE's key capsule is hidden by the hash of the rest (its own inverse).
export function mask(mid, bundle) {
  const out = bundle.slice();
  H("mask", mid, bundle.subarray(32)).forEach((byte, i) => { out[i] ^= byte; });
  return out;
}

async function encrypt(card, info, plain) {
  try {
    const to = await hpke.DeserializePublicKey(card.prekey);
    const { encapsulatedSecret, ciphertext } = await hpke.Seal(to, plain, { info });
    return concat(encapsulatedSecret, ciphertext);
  } catch (e) {
    throw new Refused("bad-card", `the card's key is none: ${e.message}`);
  }
}

// With the prekey of today, else the one before. `me` is our card as the sender knew it.
async function decrypt(identity, info, bundle) {
  const capsule = bundle.subarray(0, 32);
  for (const keys of [identity, { ...identity, ...identity.previous }]) {
    try {
      const prekey = await hpke.DeserializePrivateKey(keys.prekey);
      const plain = await hpke.Open(prekey, capsule, bundle.subarray(32), { info });
      return { plain, me: cardOf(keys) };
    } catch {
      if (!identity.previous) break;
    }
  }
  throw new Refused("not-for-us", "not sealed for this device, or altered");
}

function parts(inner) {
  const flags = inner[0];
  let end = inner.length - 1;
  while (end > INNER_HEAD && inner[end] === 0) end--;
  const wayLen = flags & WITH_ROUTE ? (flags & WITH_CELL ? WAY_LEN : ROUTE_LEN) : 0;
  let at = INNER_HEAD + wayLen;
  const cellAlone = (flags & WITH_CELL) && !(flags & WITH_ROUTE);
  if (flags & ~KNOWN_FLAGS || cellAlone || end < at || inner[end] !== 0x80) {
    throw new Refused("newer", "the message comes from a newer Heliograph");
  }
  const way = inner.slice(INNER_HEAD, at);
  let card = null;
  if (flags & WITH_CARD) {
    const start = at + 1;
    at = start + inner[at];
    if (at > end) throw new Refused("damaged", "the card in the message is damaged");
    card = cardFrom(inner.slice(start, at));
    if (!equal(senderId(card), inner.subarray(5, 9))) {
      throw new Refused("damaged", "the card in the message is somebody else's");
    }
  }
  return { flags, way, card, packed: inner.slice(at, end) };
}

function verified(me, inner, signature, cards, along) {
  const message = signed(me, inner);
  const named = cards.filter((card) => equal(senderId(card), inner.subarray(5, 9)));
  const sender = named.find((card) => signedBy(card, message, signature));
  if (sender) return sender;
  const stranger = along && signedBy(along, message, signature) ? along : null;
  if (!stranger && (named.length || along)) {
    throw new Refused("false-signature", "the signature is false");
  }
  throw new Refused("unknown-sender", "the sender is not among the contacts", stranger);
}

// By RFC 8032, as Python's library does it.
function signedBy(card, message, signature) {
  try {
    return ed25519.verify(signature, message, card.device, { zip215: false });
  } catch {
    return false; // the card's key is no point of the curve
  }
}
