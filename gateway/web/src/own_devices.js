// Several devices of one person: how a new one joins the account, and how a lost one is taken off
// (SPEC.md 2.2).
//
// The new device makes its own keys and shows a request. One of the account signs a list with both, and
// shows an answer, sealed for the new one: who photographs it has nothing.

import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { bytesNumber, concat, equal, numberBytes, random, text, utf8 } from "./bytes.js";
import { commitment, personOf, signAccount } from "./directory.js";
import { Refused } from "./errors.js";
import { cardOf, checkedBytes, checkedText, cleanName, deviceId } from "./identity.js";
import { OWN, newRoot } from "./lists.js";
import { newPerson } from "./people.js";

const REQUEST = { scheme: "HELIOASK:", what: "request of a device", none: "not-a-request" };
const ANSWER = { scheme: "HELIODEVICE:", what: "answer for a device", none: "not-an-answer" };
const VERSION = 1;
const REQUEST_LEN = 1 + 32 + 32 + 4;
const ANSWER_HEAD = 1 + 32 + 32 + 16 + 32 + 32 + 4 + 1;
const DEVICES_MAX = 8;
const ASKING = "asking"; // in the store of a device that is nobody's yet: its keys
const LINK = /#(?:device|answer)\/(.+)$/i;

const info = (request) => concat(utf8("helio1/device-answer\0"), request);

// What was pasted or scanned: the text itself, or a link with it.
function pastedText(pasted) {
  const link = LINK.exec(pasted.trim());
  const found = link ? link[1] : pasted;
  try { return decodeURIComponent(found); } catch (notEncoded) { return found; }
}

export const requestLink = (request, origin) => `${origin}/#device/${request}`;
export const answerLink = (answer, origin) => `${origin}/#answer/${answer}`;

// --- the new device

// The text with which this device asks to belong to an account, the same until it does. Its keys are
// kept before they are shown. -> {request, id}
export async function ask(store) {
  const keys = await store.write(["kv"], async (tx) => {
    const made = (await tx.value(ASKING)) || { signing: random(32), prekey: random(32), prekeySeq: 1 };
    await tx.keep(ASKING, made);
    return made;
  });
  const raw = requestBytes(keys);
  return { request: checkedText(REQUEST.scheme, raw), id: readRequest(checkedText(REQUEST.scheme, raw)).id };
}

const requestBytes = ({ signing, prekey, prekeySeq }) => concat([VERSION], ed25519.getPublicKey(signing),
  x25519.getPublicKey(prekey), numberBytes(prekeySeq, 4));

// Be one of the account's devices, by the answer to our request. Durable when it resolves.
// Throws Refused "not-an-answer", "mistyped", "newer", "not-for-us" (another device's), "damaged".
export async function join(store, sealing, pasted) {
  const raw = checkedBytes(ANSWER, pastedText(pasted));
  const keys = await store.value(ASKING);
  if (!keys) throw new Refused("not-for-us", "this device has not asked");
  const { openBox } = await sealing();
  const answer = readAnswer(await openBox(keys.prekey, raw, info(requestBytes(keys))));
  const me = { account: answer.account, ...keys, boxRoot: answer.boxRoot, name: answer.name };
  const list = personOf({ records: [answer.payload] });
  const mine = cardOf(me);
  const ours = list && equal(list.account, mine.account) && list.devices.includes(deviceId(mine))
    && list.devices.includes(deviceId(answer.from));
  if (!ours) throw new Refused("damaged", "the list of devices in it does not fit");
  return store.write(["kv", "people"], async (tx) => {
    if (await tx.value("me")) throw new Refused("taken", "somebody lives here already");
    await tx.keep("me", me);
    await tx.keep(OWN, { nextSeed: answer.nextSeed, payload: answer.payload });
    await tx.put("people", ownRow({ ...answer.from, account: mine.account, boxRoot: me.boxRoot, name: me.name }));
    await tx.keep(ASKING, undefined);
  });
}

function readAnswer(plain) {
  if (plain[0] > VERSION) throw new Refused("newer", "an answer of a newer Heliograph");
  const end = ANSWER_HEAD + plain[ANSWER_HEAD - 1];
  if (plain[0] !== VERSION || !(plain.length > end)) throw new Refused("damaged", "the answer is damaged");
  const at = (from, length) => plain.slice(from, from + length);
  return {
    account: at(1, 32), nextSeed: at(33, 32), boxRoot: at(65, 16),
    from: { device: at(81, 32), prekey: at(113, 32), prekeySeq: bytesNumber(at(145, 4)) },
    payload: plain.slice(ANSWER_HEAD, end), name: cleanName(text(plain.slice(end))),
  };
}

const ownRow = (card) => ({ ...newPerson(card, "mine", 0), member: true, heard: true });

// --- a device of the account

// -> {device, prekey, prekeySeq, id, raw}. Throws Refused "not-a-request", "mistyped", "newer".
export function readRequest(pasted) {
  const raw = checkedBytes(REQUEST, pastedText(pasted));
  if (raw[0] > VERSION) throw new Refused("newer", "a request of a newer Heliograph");
  if (raw[0] !== VERSION || raw.length !== REQUEST_LEN) throw new Refused("not-a-request", "that is no request");
  const device = raw.slice(1, 33);
  return { device, prekey: raw.slice(33, 65), prekeySeq: bytesNumber(raw.slice(65)), id: deviceId({ device }), raw };
}

// Take a device into the account: the list with it is signed and kept, then the answer is given as text.
// Throws Refused "devices-full", "own-device", "damaged"; and what readRequest does.
export async function admit(store, sealing, pasted) {
  const asked = readRequest(pasted);
  const { sealBox } = await sealing();
  await sealBox(asked.prekey, new Uint8Array(1), info(asked.raw)); // its key is one, or nothing is signed
  const { me, own } = await store.write(["kv", "people"], async (tx) => {
    const we = await tx.value("me");
    if (asked.id === deviceId(cardOf(we))) throw new Refused("own-device", "that is this device");
    const kept = await signedList(tx, we, (devices) => new Set([...devices, asked.id]));
    const card = { ...cardOf(we), device: asked.device, prekey: asked.prekey, prekeySeq: asked.prekeySeq };
    const known = await tx.get("people", asked.id);
    await tx.put("people", known && known.standing === "mine" ? { ...known, removed: false } : ownRow(card));
    return { me: we, own: kept };
  });
  const { device, prekey, prekeySeq } = cardOf(me);
  const plain = concat([VERSION], me.account, own.nextSeed, me.boxRoot, device, prekey, numberBytes(prekeySeq, 4),
    [own.payload.length], own.payload, utf8(me.name));
  return checkedText(ANSWER.scheme, await sealBox(asked.prekey, plain, info(asked.raw)));
}

// Take a device off the account: a list without it, and a new box root, which the others are told by
// attend.js. Mail under the former root still comes for a week.
export function remove(store, id, nowMs) {
  return store.write(["kv", "people"], async (tx) => {
    const me = await tx.value("me");
    if (id === deviceId(cardOf(me))) throw new Refused("own-device", "that is this device");
    const own = await signedList(tx, me, (devices) => new Set([...devices].filter((one) => one !== id)));
    await tx.keep(OWN, { ...own, urgent: true });
    const renewed = newRoot(me, random(16), nowMs);
    await tx.keep("me", renewed);
    for (const row of (await tx.all("people")).filter((one) => one.standing === "mine")) {
      const removed = row.removed || row.id === id;
      await tx.put("people", { ...row, removed, card: removed ? row.card : { ...row.card, boxRoot: renewed.boxRoot } });
    }
  });
}

// Sign and keep a list whose devices are changed so -> what is kept; its number is the next one.
async function signedList(tx, me, change) {
  const own = (await tx.value(OWN)) || {};
  const before = own.payload ? personOf({ records: [own.payload] }) : null;
  const devices = change(new Set([...(before ? before.devices : []), deviceId(cardOf(me))]));
  if (devices.size > DEVICES_MAX) throw new Refused("devices-full", "the account has eight devices");
  const nextSeed = own.nextSeed || random(32);
  const nextKey = commitment(ed25519.getPublicKey(nextSeed));
  const sequence = (before ? before.sequence : 0) + 1;
  const payload = signAccount(me.account, { sequence, nextKey, devices: [...devices], name: me.name });
  const kept = { ...own, nextSeed, payload };
  await tx.keep(OWN, kept);
  return kept;
}
