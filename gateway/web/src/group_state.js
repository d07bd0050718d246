// Who is in a group, signed by who made it, and the other things that groups say (SPEC.md 15.1).

import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesNumber, concat, equal, numberBytes, text, utf8 } from "./bytes.js";
import { Refused } from "./errors.js";
import { groupId } from "./group_keys.js";
import { NO_BOX_ROOT, cardBytes, cardFrom, cardOf, cleanName } from "./identity.js";

export const MEMBERS_MAX = 50;
export const GROUPS_MAX = 32;
export const GROUP = 5; // the body's type; the next byte says what it is:
export const KEY = 1; // from the maker to one member,
export const OUT = 2; // to one who is not in it any more;
export const ASK = 3; // to the maker: the keys do not work here
export const STATE = 16; // to all, in a message of the group
export const JOINED = 17;
export const LEFT = 18;

const VERSION = 1;
const HEAD = 1 + 16 + 4 + 16;
const SIGNATURE_LEN = 64;

// --- the state

// state: {salt, number, check, name, members: [card, the maker's first]} -> the record.
export function stateRecord(maker, { salt, number, check, name, members }) {
  const label = utf8(name);
  const cards = members.map((card) => cardBytes({ ...card, boxRoot: NO_BOX_ROOT }));
  const said = concat([VERSION], salt, numberBytes(number, 4), check, [label.length], label,
    [cards.length], ...cards.map((card) => concat([card.length], card)));
  return concat(said, ed25519.sign(signed(said), maker.signing));
}

// The record to {gid, salt, number, check, name, members}. Throws Refused "newer", "damaged" (also
// with more than 50 members, or one twice) or "false-state": its first member has not signed it.
export function readState(record) {
  if (record[0] > VERSION) throw new Refused("newer", "a group of a newer Heliograph");
  const end = record.length - SIGNATURE_LEN;
  let at = HEAD;
  const chunk = () => {
    const from = at + 1;
    at = from + record[at];
    if (!(at <= end)) throw new Refused("damaged", "the group's state is cut off");
    return record.slice(from, at);
  };
  const label = chunk();
  const count = record[at++];
  if (!(count >= 1 && count <= MEMBERS_MAX)) throw new Refused("damaged", "a group of nobody, or of too many");
  const members = [];
  for (let i = 0; i < count; i++) members.push(cardOfMember(chunk()));
  const number = bytesNumber(record.slice(17, 21));
  const name = groupName(text(label));
  if (at !== end || record[0] !== VERSION || !number || !equal(utf8(name), label)) {
    throw new Refused("damaged", "the group's state is damaged");
  }
  members.forEach((one, i) => {
    if (members.slice(i + 1).some((other) => equal(one.device, other.device))) {
      throw new Refused("damaged", "somebody is in the group twice");
    }
  });
  if (!verified(record.slice(end), signed(record.slice(0, end)), members[0].device)) {
    throw new Refused("false-state", "the group's maker has not signed this");
  }
  const salt = record.slice(1, 17);
  return { gid: groupId(members[0].device, salt), salt, number, check: record.slice(21, HEAD), name, members };
}

// A name as people's are. Throws Refused "name-empty" or "name-long".
export const groupName = (name) => cleanName(name);

function cardOfMember(raw) {
  try {
    return cardFrom(raw);
  } catch (refused) {
    throw new Refused("damaged", "a card in the group's state is damaged");
  }
}

const signed = (said) => concat(utf8("helio1/group-state\0"), said);

function verified(signature, said, device) {
  try {
    return ed25519.verify(signature, said, device, { zip215: false });
  } catch (noKey) {
    return false;
  }
}

// --- bodies

export const keyBody = (salt, number, secret) => concat([GROUP, KEY], salt, numberBytes(number, 4), secret);
export const outBody = (salt, number) => concat([GROUP, OUT], salt, numberBytes(number, 4));
export const askBody = (gid) => concat([GROUP, ASK], gid);
export const stateBody = (record) => concat([GROUP, STATE], record);
export const wordBody = (word) => Uint8Array.of(GROUP, word); // JOINED or LEFT

const LENGTHS = { [KEY]: 38, [OUT]: 22, [ASK]: 18, [JOINED]: 2, [LEFT]: 2 };

// What a body of type 5 says, {is: KEY and so on, ...}. Throws Refused "newer" or "damaged".
export function readGroupBody(body) {
  const is = body[1];
  if (is !== STATE && !(is in LENGTHS)) throw new Refused("newer", "of a newer Heliograph");
  if (is !== STATE && body.length !== LENGTHS[is]) throw new Refused("damaged", "not of its length");
  switch (is) {
    case KEY: return { is, salt: body.slice(2, 18), number: bytesNumber(body.slice(18, 22)), secret: body.slice(22) };
    case OUT: return { is, salt: body.slice(2, 18), number: bytesNumber(body.slice(18, 22)) };
    case ASK: return { is, gid: body.slice(2) };
    case STATE: return { is, record: body.slice(2) };
    default: return { is };
  }
}

// Our own card as the others have it.
export const memberCard = (identity) => ({ ...cardOf(identity), boxRoot: NO_BOX_ROOT });
