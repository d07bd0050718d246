// Who somebody is: keys, contact card and identity kit (SPEC.md 2).
//
// identity: {account, signing, prekey, prekeySeq, boxRoot, name}; account, signing (Ed25519) and
// prekey (X25519) are 32-byte private keys. After renewPrekey also previous: {prekey, prekeySeq}; after
// a device was removed formerRoot: {boxRoot, sinceMs}.
// card: {account, device, prekey, prekeySeq, boxRoot, name} with public keys.

import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { base32, bytesNumber, concat, equal, hex, numberBytes, random, text, unbase32, utf8 }
  from "./bytes.js";
import { Refused } from "./errors.js";
import { H, sha256 } from "./hashing.js";

export const NAME_MAX = 32; // bytes of UTF-8
export const NO_BOX_ROOT = new Uint8Array(16); // of somebody known from the directory only
const CARD = { scheme: "HELIO:", version: 2, what: "contact card", none: "not-a-card" };
const KIT = { scheme: "HELIOKIT:", version: 1, what: "identity kit", none: "not-a-kit" };
const FIXED = 1 + 3 * 32 + 4 + 16;
const CHECK_LEN = 4;

const cards = new WeakMap(); // identity -> card: three scalar multiplications are slow on old phones

// A new account with one device. Throws Refused "name-empty" or "name-long".
export function newIdentity(name) {
  return {
    account: random(32),
    signing: random(32),
    prekey: random(32),
    prekeySeq: 1,
    boxRoot: random(16),
    name: cleanName(name),
  };
}

// The same person with a new prekey, of the next number or one above `above`. The former one goes on to open
// what is under way: renew it no sooner than the longest lifetime of a message, 7 days.
export function renewPrekey(identity, above = 0) {
  const previous = { prekey: identity.prekey, prekeySeq: identity.prekeySeq };
  const prekeySeq = Math.max(identity.prekeySeq, above) + 1;
  return { ...identity, prekey: random(32), prekeySeq, previous };
}

export function cardOf(identity) {
  let card = cards.get(identity);
  if (!card || card.name !== identity.name) {
    card = {
      account: ed25519.getPublicKey(identity.account),
      device: ed25519.getPublicKey(identity.signing),
      prekey: x25519.getPublicKey(identity.prekey),
      prekeySeq: identity.prekeySeq,
      boxRoot: identity.boxRoot,
      name: identity.name,
    };
    cards.set(identity, card);
  }
  return card;
}

export const deviceId = (card) => hex(sha256(card.device)).slice(0, 16);
export const accountId = (card) => hex(sha256(card.account)).slice(0, 16);

// An id in groups of four, to be read aloud.
export const words = (id) => id.match(/.{1,4}/g).join(" ");

// The device's UUID, version 8 (RFC 9562).
export function deviceUuid(card) {
  const raw = sha256(card.device).slice(0, 16);
  raw[6] = (raw[6] & 0x0f) | 0x80;
  raw[8] = (raw[8] & 0x3f) | 0x80;
  return hex(raw).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// Four bytes by which a sealed message names its sender to those who know the card.
export const senderId = (card) => H("sender", card.device).slice(0, 4);

// K_box: the key of the recipient hints under the card's prekey.
export function mailboxKey(card) {
  if (equal(card.boxRoot, NO_BOX_ROOT)) return publicMailboxKey(card);
  const root = H("device-box", card.boxRoot, card.device).slice(0, 16);
  return H("box", root, numberBytes(card.prekeySeq, 4)).slice(0, 16);
}

// K_box for whoever has no card of this device.
export const publicMailboxKey = (card) => H("box-public", card.device).slice(0, 16);

// What our gateway needs to know our letters by: current, former ones if there are any, public.
export function mailboxKeys(identity) {
  const card = cardOf(identity);
  const { previous, formerRoot } = identity;
  const numbers = previous ? [card.prekeySeq, previous.prekeySeq] : [card.prekeySeq];
  const roots = formerRoot ? [card.boxRoot, formerRoot.boxRoot] : [card.boxRoot];
  const keys = roots.flatMap((boxRoot) => numbers.map((prekeySeq) => mailboxKey({ ...card, boxRoot, prekeySeq })));
  return [...keys, publicMailboxKey(card)];
}

// A name without control characters. Throws Refused "name-empty" or "name-long".
export function cleanName(name) {
  const clean = name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}]+/gu, " ").trim();
  if (!clean) throw new Refused("name-empty", "a name is needed");
  if (utf8(clean).length > NAME_MAX) throw new Refused("name-long", "the name is too long");
  return clean;
}

// --- the contact card

export function cardBytes(card) {
  return packed(CARD, [card.account, card.device, card.prekey], card);
}

export const cardText = (card) => checkedText(CARD.scheme, cardBytes(card));

// Throws Refused "not-a-card", "mistyped", "older" or "newer".
export const parseCard = (typed) => cardFrom(checkedBytes(CARD, typed));

// The same from the bytes of a card, as they go along with a message.
export function cardFrom(raw) {
  const [account, device, prekey, rest] = unpacked(CARD, raw);
  return { account, device, prekey, ...rest };
}

// --- the identity kit: a secret

export function kitText(identity) {
  const keys = [identity.account, identity.signing, identity.prekey];
  return checkedText(KIT.scheme, packed(KIT, keys, identity));
}

// Throws Refused "not-a-kit", "mistyped", "older" or "newer".
export function parseKit(typed) {
  const [account, signing, prekey, rest] = unpacked(KIT, checkedBytes(KIT, typed));
  return { account, signing, prekey, ...rest };
}

function packed(kind, keys, { prekeySeq, boxRoot, name }) {
  return concat([kind.version], ...keys, numberBytes(prekeySeq, 4), boxRoot, utf8(name));
}

function unpacked(kind, raw) {
  if (raw[0] < kind.version) throw new Refused("older", `a ${kind.what} of an older Heliograph`);
  if (raw[0] > kind.version) throw new Refused("newer", `a ${kind.what} of a newer Heliograph`);
  let name;
  try {
    name = cleanName(text(raw.slice(FIXED)));
  } catch (e) {
    throw new Refused(kind.none, e.message);
  }
  if (raw.length < FIXED) throw new Refused(kind.none, `that is no ${kind.what}`);
  const keys = [1, 33, 65].map((at) => raw.slice(at, at + 32));
  const prekeySeq = bytesNumber(raw.slice(97, 101));
  return [...keys, { prekeySeq, boxRoot: raw.slice(101, FIXED), name }];
}

// Bytes as a text to be scanned, pasted or typed, with a check at its end.
export function checkedText(scheme, raw) {
  return scheme + base32(concat(raw, sha256(raw).slice(0, CHECK_LEN)));
}

// The inverse. kind: {scheme, what: for people, none: the code of what is none}.
export function checkedBytes(kind, typed) {
  const compact = String(typed).replace(/\s+/g, "").toUpperCase();
  if (!compact.startsWith(kind.scheme)) throw new Refused(kind.none, `that is no ${kind.what}`);
  const checked = unbase32(compact.slice(kind.scheme.length)) || new Uint8Array(0);
  const raw = checked.slice(0, -CHECK_LEN);
  if (!raw.length || !equal(sha256(raw).slice(0, CHECK_LEN), checked.slice(-CHECK_LEN))) {
    throw new Refused("mistyped", `the ${kind.what} is incomplete or mistyped`);
  }
  return raw;
}
