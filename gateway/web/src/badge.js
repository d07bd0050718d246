// Badges: what a provider calls the owner of an account, said by a gateway that the operator of the
// network has certified (SPEC.md 13). Checked here, against the operator's key.

import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesNumber, equal, unbase32 } from "./bytes.js";
import { Refused } from "./errors.js";
import { H, sha256 } from "./hashing.js";
import { cardOf } from "./identity.js";

const SCHEME = "HELIOBADGE:";
const CHECK_LEN = 4;
const [VERSION, GATEWAY, ACCOUNT] = [1, 1, 2];
const HEAD_LEN = 46; // version, kind, whose, key, from, until
const SUBJECT_LEN = 12;
const SIGNATURE_LEN = 64;
const DAY_S = 86_400;
const DAYS_MAX = { [GATEWAY]: 366, [ACCOUNT]: 90 };

// What the account says of the device that shows its badge. A card's account is only a claim.
export const proofOf = (me) => ed25519.sign(H("login-account", cardOf(me).device), me.account);
export const isProven = (card, proof) => verify(card.account, proof, H("login-account", card.device));

// The bytes of a badge's text. Throws Refused "badge-false".
export function parseBadge(text) {
  const compact = String(text).replace(/\s+/g, "").toUpperCase();
  const checked = compact.startsWith(SCHEME) ? unbase32(compact.slice(SCHEME.length)) : null;
  const raw = (checked || new Uint8Array(0)).slice(0, -CHECK_LEN);
  if (!raw.length || !equal(sha256(raw).slice(0, CHECK_LEN), checked.slice(-CHECK_LEN))) throw no();
  return raw;
}

// A badge whose chain leads to this operator (public key, bytes) -> {gateway: its name, issuer,
// username, account, until, expired}. Throws Refused "badge-false".
export function checkBadge(raw, operator, nowS) {
  const length = raw[0] || 0;
  const gateway = certificate(raw.slice(1, 1 + length), GATEWAY, operator, "gateway-certificate", nowS);
  const account = certificate(raw.slice(1 + length), ACCOUNT, gateway.key, "account-certificate", nowS);
  const said = account.rest.subarray(SUBJECT_LEN);
  const end = 1 + said[0];
  if (!(end < said.length)) throw no();
  const issuer = words(said.subarray(1, end));
  const until = Math.min(gateway.until, account.until);
  return {
    gateway: words(gateway.rest), issuer: /:\/\//.test(issuer) ? issuer : "https://" + issuer,
    username: words(said.subarray(end)), account: account.key, until, expired: nowS > until,
  };
}

function certificate(raw, kind, by, label, nowS) {
  const body = raw.slice(0, -SIGNATURE_LEN);
  if (body.length <= HEAD_LEN || raw[0] !== VERSION || raw[1] !== kind) throw no();
  if (!equal(raw.slice(2, 6), sha256(by).slice(0, 4))) throw no();
  if (!verify(by, raw.slice(-SIGNATURE_LEN), H(label, body))) throw no();
  const [sinceS, until] = [bytesNumber(raw.slice(38, 42)), bytesNumber(raw.slice(42, 46))];
  const lasts = until - sinceS;
  if (!(lasts > 0 && lasts <= DAYS_MAX[kind] * DAY_S) || nowS < sinceS - DAY_S) throw no();
  return { key: raw.slice(6, 38), until, rest: body.subarray(HEAD_LEN) };
}

function verify(key, signature, message) {
  try {
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    return false;
  }
}

function words(raw) {
  let said;
  try {
    said = new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    throw no();
  }
  const clean = said.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}]+/gu, " ").trim();
  if (!clean) throw no();
  return clean;
}

const no = () => new Refused("badge-false", "this badge does not hold");
