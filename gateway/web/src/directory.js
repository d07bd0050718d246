// Who has which devices, signed by themselves: the records of the directory (SPEC.md 14).
//
// A record travels with a type byte in front. Read, it is
//   {kind: "account", account, sequence, nextKey, devices: [id], name}: no devices make a tombstone
//   {kind: "device", account, device, prekey, prekeySeq, lifetime}
// with keys as bytes. A device's id is the hash of its key that the account's record lists.

import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { bytesNumber, concat, equal, hex, numberBytes, random, unhex, utf8 } from "./bytes.js";
import { Refused } from "./errors.js";
import { H } from "./hashing.js";
import { NO_BOX_ROOT, accountId, cardOf, cleanName, deviceId } from "./identity.js";

const ACCOUNT = 1;
const DEVICE = 2;
const VERSION = 1;
const DEVICES_MAX = 8;
const SEQUENCE_MAX = 2 ** 32 - 1;
const HASH_LEN = 8;
const SIGNATURE_LEN = 64;
const ACCOUNT_HEAD = 1 + 32 + 4 + 16 + 1; // version, account, sequence, next key, how many devices
const DEVICE_BODY = 1 + 32 + 32 + 32 + 4 + 1;
const DOMAINS = { [ACCOUNT]: utf8("helio1/account\0"), [DEVICE]: utf8("helio1/device\0") };

// What a record says now of the account key (Ed25519, public) that may follow: 16 bytes.
export const commitment = (nextAccount) => H("next-key", nextAccount).slice(0, 16);

// Names that are equal so are the same name to people.
export const folded = (name) => name.normalize("NFKC").toLowerCase().normalize("NFKC");

// A record as it travels. seed: the account's private key. record: as read, without account and kind.
export function signAccount(seed, { sequence, nextKey, devices, name }) {
  const listed = [...devices].sort().map(unhex);
  const raw = utf8(name);
  return signed(ACCOUNT, seed, concat([VERSION], ed25519.getPublicKey(seed),
    numberBytes(sequence, 4), nextKey, [listed.length], ...listed, [raw.length], raw));
}

// The same of a device; seed: the device's private key.
export function signDevice(seed, { account, prekey, prekeySeq, lifetime }) {
  return signed(DEVICE, seed, concat([VERSION], account, ed25519.getPublicKey(seed), prekey,
    numberBytes(prekeySeq, 4), [lifetime]));
}

function signed(kind, seed, body) {
  return concat([kind], body, ed25519.sign(concat(DOMAINS[kind], body), seed));
}

// A record as it travels -> what it says, its signature checked. Strict: of what a record says there
// is one spelling only. Throws Refused "damaged", "newer", "false-signature".
export function readRecord(payload) {
  if (payload.length <= 1 + SIGNATURE_LEN) throw damaged("too short");
  const kind = payload[0];
  const body = payload.slice(1, -SIGNATURE_LEN);
  if (!DOMAINS[kind] || body[0] !== VERSION) throw new Refused("newer", "a record of a newer Heliograph");
  const record = kind === ACCOUNT ? accountOf(body) : deviceOf(body);
  const key = kind === ACCOUNT ? record.account : record.device;
  if (!verifies(payload.slice(-SIGNATURE_LEN), concat(DOMAINS[kind], body), key)) {
    throw new Refused("false-signature", "the record's signature is false");
  }
  if (kind === DEVICE) checkPrekey(record.prekey);
  return record;
}

const damaged = (why) => new Refused("damaged", `no record: ${why}`);

function accountOf(body) {
  if (body.length < ACCOUNT_HEAD + 1) throw damaged("too short");
  const count = body[ACCOUNT_HEAD - 1];
  const end = ACCOUNT_HEAD + count * HASH_LEN;
  if (count > DEVICES_MAX || body.length <= end || body.length !== end + 1 + body[end]) throw damaged("lengths");
  const devices = Array.from({ length: count }, (_, i) =>
    hex(body.slice(ACCOUNT_HEAD + i * HASH_LEN, ACCOUNT_HEAD + (i + 1) * HASH_LEN)));
  const sequence = bytesNumber(body.slice(33, 37));
  if (!sequence || devices.some((id, i) => i && id <= devices[i - 1])) throw damaged("out of order");
  return {
    kind: "account", account: body.slice(1, 33), sequence, nextKey: body.slice(37, 53), devices,
    name: nameOf(body.slice(end + 1), count === 0),
  };
}

function nameOf(raw, deleted) {
  if (deleted && !raw.length) return "";
  let name;
  try {
    name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
    if (!deleted && cleanName(name) === name) return name;
  } catch (noText) { /* said below */ }
  throw damaged("its name is none");
}

function deviceOf(body) {
  if (body.length !== DEVICE_BODY) throw damaged("lengths");
  const lifetime = body[DEVICE_BODY - 1];
  if (lifetime > 15) throw damaged("its lifetime is none");
  const [account, device, prekey] = [1, 33, 65].map((at) => body.slice(at, at + 32));
  return { kind: "device", account, device, prekey, prekeySeq: bytesNumber(body.slice(97, 101)), lifetime };
}

function verifies(signature, message, key) {
  try {
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch (noPoint) {
    return false;
  }
}

// A key of small order would make every seal for it readable.
function checkPrekey(prekey) {
  try {
    x25519.getSharedSecret(random(32), prekey);
  } catch (smallOrder) {
    throw damaged("its prekey is no key");
  }
}

// --- people

// What is to be believed of one account that the gateway told: {records, marks}. Only what its keys
// have signed counts; the gateway may hold back, but not forge.
// -> {id, account, name, sequence, nextKey, devices: [ids that count], rival: bool, cards, payload,
//     lists: [it, and one that contradicts it], records: Map of id -> device record, marks, refused: how many records did
//     not count}; null if there is no account record.
export function personOf({ records, marks = [] }) {
  const read = [];
  let refused = 0;
  for (const payload of records) {
    try {
      read.push({ ...readRecord(payload), payload });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused += 1;
    }
  }
  const first = read.find((r) => r.kind === "account");
  if (!first) return null;
  const mine = read.filter((r) => equal(r.account, first.account));
  const lists = mine.filter((r) => r.kind === "account").sort((a, b) => b.sequence - a.sequence);
  const newest = lists.find((r) => !r.devices.length) || lists[0]; // a tombstone ends all
  const rivals = lists.filter((r) => r.sequence === newest.sequence && !same(r.payload, newest.payload));
  const devices = newest.devices.filter((id) => rivals.every((r) => r.devices.includes(id)));
  const cards = new Map();
  const counted = new Map();
  for (const r of mine.filter((one) => one.kind === "device")) {
    const card = {
      account: r.account, device: r.device, prekey: r.prekey, prekeySeq: r.prekeySeq,
      boxRoot: NO_BOX_ROOT, name: newest.name,
    };
    const id = deviceId(card);
    const known = cards.get(id);
    if (!devices.includes(id)) refused += 1;
    else if (!known || card.prekeySeq > known.prekeySeq) {
      cards.set(id, card);
      counted.set(id, r.payload);
    }
  }
  return {
    listings: [newest, ...rivals].map((r) => r.devices), // before they are weighed
    id: accountId(newest), account: newest.account, name: newest.name, sequence: newest.sequence,
    nextKey: newest.nextKey, devices, rival: rivals.length > 0, cards: [...cards.values()],
    payload: newest.payload, lists: [newest, ...rivals].slice(0, 2).map((r) => r.payload),
    records: counted, marks, refused: refused + read.length - mine.length,
  };
}

const same = (a, b) => equal(a.slice(0, -SIGNATURE_LEN), b.slice(0, -SIGNATURE_LEN));

// All that were found, each with what a person must know before writing, in `marks`:
// name_taken, name_shared: as the gateway tells, who alone knows which came first; but if it tells
// neither of two of a name, both are name_taken. conflict: seen in the records. key_changed: only if the
// former record, among those found, has committed to this key; else it is name_taken. gone_on likewise.
export function peopleOf(answer) {
  const people = answer.map(personOf).filter((p) => p && p.name);
  return people.map((person) => {
    const others = people.filter((p) => p.id !== person.id && folded(p.name) === folded(person.name));
    const changed = others.some((former) => equal(former.nextKey, commitment(person.account)));
    const goneOn = others.some((later) => equal(person.nextKey, commitment(later.account)));
    const told = person.marks;
    const strangers = others.filter((p) => !equal(p.nextKey, commitment(person.account))
      && !equal(person.nextKey, commitment(p.account)));
    const marks = [];
    const doubtful = told.includes("name_taken") || (told.includes("key_changed") && !changed)
      || (strangers.length > 0 && !told.includes("name_shared"));
    if (doubtful) marks.push("name_taken");
    else if (told.includes("name_shared")) marks.push("name_shared");
    if (person.rival) marks.push("conflict");
    if (changed) marks.push("key_changed");
    if (goneOn) marks.push("gone_on");
    return { ...person, marks };
  });
}

// --- what we say of ourselves

// Our account's record and our device's, to announce. kept: {nextSeed, payload, said} of the last time, or
// {}; found: what personOf() made of us from the directory, or null. -> {kept, records}; kept must be
// on disk before the records leave, so that no two of one number ever do.
//
// A list of our last one's number that lacks this device was made by who had not heard of us: the next
// one has what all of them have. A higher one is a removal. Of a name only what is changed here is new.
// Throws Refused "removed" if another device of ours has taken this one off, "devices-full".
export function ownRecords(me, kept, found, lifetime) {
  const card = cardOf(me);
  const mine = deviceId(card);
  const nextSeed = kept.nextSeed || random(32);
  const nextKey = commitment(ed25519.getPublicKey(nextSeed));
  const last = kept.payload ? personOf({ records: [kept.payload] }) : null;
  const lists = [found, last].filter((p) => p && p.sequence >= Math.max(found ? found.sequence : 0, last ? last.sequence : 0))
    .reduce((all, p) => all.concat(p.listings), []);
  const listed = lists.filter((devices) => devices.includes(mine)).length;
  const higher = Boolean(found && last && found.sequence > last.sequence);
  if (higher && !listed) {
    throw new Refused("removed", "another device of yours has removed this one");
  }
  const base = found && (!last || found.sequence >= last.sequence) ? found : last;
  const split = Boolean(base) && (base.rival || Boolean(last && base.sequence === last.sequence
    && !same(base.payload, last.payload)));
  const renamed = base && me.name !== (kept.said || base.name);
  const alone = base && base.devices.length === 1; // of several each has drawn a next key: one may stay
  const says = base && !split && !renamed && listed && (!alone || equal(base.nextKey, nextKey));
  let { said } = kept;
  let payload = (says || (higher && split && listed && listed < lists.length)) && base.payload;
  if (!payload) {
    const others = [...new Set([].concat(...lists))].filter((id) => id !== mine);
    if (others.length >= DEVICES_MAX) throw new Refused("devices-full", "the account has eight devices");
    const sequence = Math.min(Math.max(found ? found.sequence : 0, last ? last.sequence : 0) + 1, SEQUENCE_MAX);
    payload = signAccount(me.account, { sequence, nextKey, devices: [...others, mine], name: me.name });
    said = me.name;
  }
  const device = signDevice(me.signing, { ...card, lifetime });
  return { kept: { nextSeed, payload, said }, records: [payload, device] };
}
