// Notices: what somebody tells the whole network, signed and in one frame (SPEC.md 16). The same as
// gateway/notices.py; and the certificates of organisers, as gateway/certificate.py has them.
//
// notice: {type, unixS, device, name, text, need, place, battery}; type "sos", "safe", "looking" or
// "announcement"; need: a word of NEEDS; place: null or [north, east] in degrees; battery: null or %.

import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesNumber, concat, equal, numberBytes, utf8 } from "./bytes.js";
import { Refused } from "./errors.js";
import { H, sha256 } from "./hashing.js";
import { NAME_MAX } from "./identity.js";

export const TYPES = ["", "sos", "safe", "looking", "announcement"];
export const NEEDS = ["", "medical", "water", "trapped", "fire", "other"];
const CERTIFICATE = 5;
const VERSION = 1;
const KIND = 4; // of the parcel
const FRAME_PAYLOAD = 218;
const HEAD_LEN = 14; // b0, b1, mid
const SIGNATURE_LEN = 64;
const FIXED = 1 + 1 + 4 + 32 + 1; // type, flags, time, device, length of the name
const TEXT_MAX = 1000; // bytes, unpacked
const PACKED = 1 | 4;
const PLACE = 2;
const BATTERY = 8;
const DEGREE = 1e6; // places are in millionths
const CODES = { sos: 7 }; // lifetimes: two days,
const CODE = 8; // three,
const CODE_MAX = 10; // and seven at most
const DOMAIN = utf8("helio1/notice\0");
const DAY_S = 86_400;
const CERTIFICATE_DAYS_MAX = 366;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

const refused = (why) => new Refused("damaged", `no notice: ${why}`);

// A text as a notice has it. Throws Refused "text-binary" or "text-long".
export function cleanText(typed) {
  const clean = typed.replace(/\r\n?/g, "\n").trim();
  if (CONTROLS.test(clean)) throw new Refused("text-binary");
  if (utf8(clean).length > TEXT_MAX) throw new Refused("notice-long");
  return clean;
}

// "46.9481, 7.4474" to [north, east]; null for nothing. Throws Refused "no-place".
export function placeOf(typed) {
  if (!typed.trim()) return null;
  const found = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,;\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(typed);
  const [north, east] = found ? [Number(found[1]), Number(found[2])] : [91, 0];
  if (Math.abs(north) > 90 || Math.abs(east) > 180) throw new Refused("no-place");
  return [north, east];
}

// What is signed of a notice, behind the parcel's head. pack: compress() of compress.js.
function bodyOf(notice, pack) {
  const { flag, packed } = pack(utf8(notice.text));
  const name = utf8(notice.name);
  let flags = flag | (NEEDS.indexOf(notice.need) << 4);
  const more = [];
  if (notice.place) {
    flags |= PLACE;
    more.push(...notice.place.map((degrees) => numberBytes(Math.round(degrees * DEGREE) + (degrees < 0 ? 2 ** 32 : 0), 4)));
  }
  if (notice.battery !== null) {
    flags |= BATTERY;
    more.push([notice.battery]);
  }
  return concat([(VERSION << 4) | TYPES.indexOf(notice.type), flags], numberBytes(notice.unixS, 4),
    notice.device, [name.length], name, ...more, packed);
}

// How many bytes one frame has left; below zero it does not fit.
export const bytesLeft = (notice, pack) => FRAME_PAYLOAD - SIGNATURE_LEN - bodyOf(notice, pack).length;

// The parcel (its immutable part) of a notice; the token, 16 random bytes, cancels it. seed: the
// device's private key. Throws Refused "text-empty" or "notice-long".
export function signNotice(seed, notice, token, pack) {
  if (!notice.text && /^[la]/.test(notice.type)) throw new Refused("text-empty");
  if (bytesLeft(notice, pack) < 0) throw new Refused("notice-long");
  const sos = notice.type === "sos";
  const b0 = (KIND << 3) | ((sos ? 3 : 1) << 1);
  const head = concat([b0, (CODES[notice.type] || CODE) << 4], noticeId(token));
  const body = concat(head, bodyOf(notice, pack));
  return concat(body, ed25519.sign(concat(DOMAIN, body), seed));
}

// The message id that a token unlocks.
export const noticeId = (token) => H("mid", token).slice(0, 12);

// Is this token of the notice with this message id?
export const isTokenOf = (token, mid) => token.length === 16 && equal(noticeId(token), mid);

// A notice's parcel to what it says, without the signature: isSigned() checks that. Strict, throws
// Refused "damaged" or "newer". unpack: decompress() of compress.js.
export function decodeNotice(parcel, unpack) {
  const type = typeOf(parcel);
  const body = parcel.slice(HEAD_LEN, -SIGNATURE_LEN);
  if (type === CERTIFICATE || body.length < FIXED) throw refused("its lengths");
  const flags = body[1];
  if ((((parcel[0] >> 1) & 3) === 3) !== (TYPES[type] === "sos")) throw refused("its priority");
  let at = FIXED + body[FIXED - 1];
  const name = textOf(body.slice(FIXED, at));
  if (at > body.length || at === FIXED || at > FIXED + NAME_MAX || CONTROLS.test(name) || name.includes("\n")) throw refused("its name");
  let place = null;
  let battery = null;
  if (flags & PLACE) {
    const [north, east] = [at, at + 4].map((from) => signed(body.slice(from, from + 4)) / DEGREE);
    at += 8;
    if (at > body.length || Math.abs(north) > 90 || Math.abs(east) > 180) throw refused("its place");
    place = [north, east];
  }
  if (flags & BATTERY) {
    battery = body[at];
    at += 1;
    if (!(battery <= 100)) throw refused("its battery");
  }
  const need = NEEDS[flags >> 4];
  if (need === undefined || Boolean(need) !== (TYPES[type] === "sos")) throw refused("its need");
  const text = textOf(unpack(flags & PACKED, body.slice(at), TEXT_MAX));
  if (CONTROLS.test(text) || (!text && type > 2)) throw refused("its text");
  return { type: TYPES[type], unixS: bytesNumber(body.slice(2, 6)), device: body.slice(6, 38), name, text, need, place, battery };
}

// Has the device that a parcel names signed it, under this very message id?
export function isSigned(parcel) {
  const at = parcel.length - SIGNATURE_LEN;
  return verifies(parcel.slice(at), concat(DOMAIN, parcel.slice(0, at)), parcel.slice(HEAD_LEN + 6, HEAD_LEN + 38));
}

function typeOf(parcel) {
  const payload = parcel.slice(HEAD_LEN);
  if (parcel[0] >> 3 !== KIND || parcel[0] & 1 || parcel[1] & 15) throw refused("another parcel");
  if (!payload.length || payload.length > FRAME_PAYLOAD || parcel[1] >> 4 > CODE_MAX) throw refused("its lengths");
  const type = payload[0] & 15;
  if (payload[0] >> 4 !== VERSION || type > CERTIFICATE) throw new Refused("newer", "a later notice");
  if (!type) throw refused("its type");
  return type;
}

// A certificate of an organiser -> {device, name, startS, endS}, if the operator with this public
// key gave it, else null. Whether it holds now: holds().
export function organiserOf(raw, operator) {
  const label = raw.length - SIGNATURE_LEN;
  if (raw.length < 46 + 1 + SIGNATURE_LEN || raw[0] !== 1 || raw[1] !== 3) return null;
  const [startS, endS] = [38, 42].map((at) => bytesNumber(raw.slice(at, at + 4)));
  const span = endS - startS;
  if (!equal(raw.slice(2, 6), sha256(operator).slice(0, 4)) || !(span > 0 && span <= CERTIFICATE_DAYS_MAX * DAY_S)) return null;
  if (!verifies(raw.slice(label), H("organiser-certificate", raw.slice(0, label)), operator)) return null;
  try {
    return { device: raw.slice(6, 38), name: textOf(raw.slice(46, label)), startS, endS };
  } catch (noText) {
    return null;
  }
}

// Clocks may be behind by a day.
export const holds = ({ startS, endS }, nowS) => nowS <= endS && nowS >= startS - DAY_S;

function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (noText) {
    throw refused("its text is none");
  }
}

const signed = (bytes) => bytesNumber(bytes) - (bytes[0] & 128 ? 2 ** 32 : 0);

function verifies(signature, message, key) {
  try {
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch (noPoint) {
    return false;
  }
}
