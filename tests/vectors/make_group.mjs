// Writes group.json beside it: a group's keys, its state and messages as the page's core makes them.
//
//     node tests/vectors/make_group.mjs        (after `npm ci` in gateway/web)
//
// The same every time: tokens, salts and seeds are hashes of what they are for.

import "../browser/no_subtle.mjs";
import { writeFileSync } from "node:fs";
import { hex, utf8, cardOf, deviceId } from "../../gateway/web/src/core.js";
import { sha256 } from "../../gateway/web/src/hashing.js";
import { ackToken, chainOf, epochKeys, groupId, nextOf, pairSecret, senderOf } from "../../gateway/web/src/group_keys.js";
import { sealForGroup } from "../../gateway/web/src/group_seal.js";
import { keyBody, memberCard, stateBody, stateRecord } from "../../gateway/web/src/group_state.js";

const drawn = (what, length = 32) => sha256(utf8(what)).slice(0, length);

const person = (name) => ({
  account: drawn(`${name} account`), signing: drawn(`${name} device`), prekey: drawn(`${name} prekey`),
  prekeySeq: 1, boxRoot: drawn(`${name} box`, 16), name,
});

const PEOPLE = ["Ana", "Bo", "أمينة"].map(person);
const SALT = drawn("salt", 16);
const SECRET = drawn("secret", 16);
const NUMBER = 3;
const UNIX_S = 1_800_000_000;
const LONG = new Uint8Array(1500).map((_, i) => drawn(`byte ${i >> 5}`)[i & 31]);

export function made() {
  const [ana, bo] = PEOPLE;
  const gid = groupId(cardOf(ana).device, SALT);
  const epoch = { gid, number: NUMBER, ...epochKeys(SECRET) };
  const record = stateRecord(ana, { salt: SALT, number: NUMBER, check: epoch.check, name: "البئر", members: PEOPLE.map(memberCard) });
  const bodies = [
    ["the state", ana, 0, stateBody(record), true], ["a word", bo, 0, utf8("at the well"), false],
    ["deflated", bo, 7, utf8("water ".repeat(20)), false], ["one frame, full", ana, 300, LONG.slice(0, 123), false],
    ["pieces", PEOPLE[2], 1, LONG, false],
  ];
  const messages = bodies.map(([name, from, counter, body, typed]) => {
    const { device } = cardOf(from);
    let key = chainOf(SECRET, device);
    for (let i = 0; i < counter; i++) key = nextOf(key);
    const sealed = sealForGroup(epoch, senderOf(SECRET, device), { key, counter }, from.signing, body,
      { unixS: UNIX_S, typed, lifetime: 10, token: drawn(`${name} token`, 16), salt: drawn(`${name} salt`, 16) });
    const pair = from === bo ? null : pairSecret(bo.signing, device, gid);
    return {
      name, from: hex(device), counter, typed, body: hex(body), token: hex(sealed.token),
      head: hex(Uint8Array.of(sealed.b0, sealed.b1, ...sealed.mid)), shape: sealed.shape, bundle: hex(sealed.bundle),
      salt: hex(drawn(`${name} salt`, 16)), hint: hex(sealed.hint), tag_key: sealed.tagKey && hex(sealed.tagKey),
      ack_of_bo: pair && hex(ackToken(pair, sealed.mid)),
    };
  });
  return {
    members: PEOPLE.map((one) => ({ name: one.name, seed: hex(one.signing), device: hex(cardOf(one).device), id: deviceId(cardOf(one)) })),
    salt: hex(SALT), secret: hex(SECRET), number: NUMBER, unix_s: UNIX_S, gid: hex(gid),
    box: hex(epoch.box), check: hex(epoch.check), senders: PEOPLE.map((one) => hex(senderOf(SECRET, cardOf(one).device))),
    key_body: hex(keyBody(SALT, NUMBER, SECRET)), record: hex(record), messages,
  };
}

if (process.argv[1].endsWith("make_group.mjs")) {
  writeFileSync(new URL("group.json", import.meta.url), JSON.stringify(made(), null, 1) + "\n");
}
