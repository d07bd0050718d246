// What comes from groups: each letter is opened once, by whom it may be, or refused and counted
// (SPEC.md 15).

import { equal, hex, numberBytes, unhex } from "./bytes.js";
import { read } from "./bodies.js";
import { Refused } from "./errors.js";
import { ALL, OVER, newGroup } from "./group_book.js";
import { nextPlace, seedAt } from "./group_chains.js";
import { chainOf, epochKeys, groupId, seedOf, senderOf } from "./group_keys.js";
import { groupKey, groupsIn } from "./group_rows.js";
import { openForGroup, whoseIsIt } from "./group_seal.js";
import * as say from "./group_state.js";
import { H } from "./hashing.js";
import { deviceId } from "./identity.js";
import { readPrekey } from "./quiet.js";

const WAITING_MAX = 2; // states to come, of one group
const STRANGERS_MAX = 4; // invitations of people who are no contacts, unanswered
const HOUR_MS = 3_600_000;

export class GroupLetters {
  constructor(book) {
    Object.assign(this, { book, store: book.store, tools: book.tools, id: book.id, now: book.now });
  }

  // A letter. -> as Mail.heardLetter, or null if it is none of a group's that we know.
  async heard(letter, mid, at) {
    const groups = await this.store.read(["kv"], groupsIn);
    const found = whoseIsIt(letter, groups.flatMap((g) => g.epochs.concat(g.waiting)));
    if (!found) return null;
    return this.store.write(ALL, (tx) => this.#hear(tx, found, letter, mid, at));
  }

  async #hear(tx, found, letter, mid, at) {
    const group = await tx.value(groupKey(hex(found.epoch.gid)));
    const sender = found.from;
    const drop = (why) => this.book.refuse(tx, group, why, sender, letter, at);
    await this.tools.moveOn(tx, at, letter.seq);
    if (!group || OVER.includes(group.standing)) return { is: "dropped", why: "over" };
    if (await tx.get("seen", mid)) return { is: "again" };
    if (sender.id === this.id) { // ours, back from the mesh
      await tx.put("seen", { mid });
      return { is: "again" };
    }
    try {
      const waits = group.waiting.find((one) => equal(one.head, found.epoch.head));
      if (waits) return await this.#hearState(tx, group, waits, found, letter, mid);
      if (group.standing === "invited") return { is: "shut", why: "invited" };
      const place = await seedAt(tx, group.id, found.epoch.number, sender.id, found.counter, this.now());
      if (place.why) return place.why === "used" ? { is: "dropped", why: "used" } : await drop(place.why);
      const opened = openForGroup(letter, found, place.seed, sender.device);
      const said = opened.typed && opened.body[0] === say.GROUP ? say.readGroupBody(opened.body) : null;
      await place.used(); // not before all of it could be read: a newer page may
      const row = await tx.get("people", sender.id);
      const member = !(row && row.removed) && group.members.find((m) => m.id === sender.id && !m.left);
      if (member) return await this.#file(tx, group, member, found, opened, said, letter, mid);
      await tx.put("seen", { mid }); // it is theirs, and stays refused
      return await drop("removed");
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      return refused.code === "newer" ? { is: "shut", why: "newer" } : drop("false");
    }
  }

  // The state that belongs to a secret that we have: the first message of its maker.
  async #hearState(tx, group, waits, found, letter, mid) {
    if (found.counter !== 0) return { is: "shut", why: "keys" };
    const opened = openForGroup(letter, found, seedOf(chainOf(waits.secret, found.from.device)), found.from.device);
    const said = opened.typed && opened.body[0] === say.GROUP ? say.readGroupBody(opened.body) : {};
    if (said.is !== say.STATE) throw new Refused("damaged", "no state");
    const state = say.readState(said.record);
    const fits = equal(state.gid, group.gid) && state.number === waits.number
      && equal(state.check, epochKeys(waits.secret).check) && state.members.some((card) => deviceId(card) === this.id);
    if (!fits) throw new Refused("false-state", "the state of another group, or number");
    const note = await this.book.adopt(tx, group, waits, state);
    await nextPlace(tx, group.id, waits.number, found.from.id); // the state was its first
    await this.book.acknowledge(tx, group.members.find((m) => m.id === group.maker), mid);
    await this.book.note(tx, group, note, mid);
    await this.book.save(tx, group);
    return { is: "new", retry: true };
  }

  // said: what it says about the group itself, else null.
  async #file(tx, group, member, found, opened, said, letter, mid) {
    const outcome = { is: "new" };
    if (said && said.is === say.STATE) throw new Refused("false-state", "a state under an older one's keys");
    await this.book.acknowledge(tx, member, mid);
    if (said) {
      if (said.is === say.JOINED && !member.joined) await this.book.note(tx, group, { what: "joined", who: member.card.name }, mid);
      if (said.is === say.LEFT) {
        member.left = true;
        await this.book.note(tx, group, { what: "left", who: member.card.name }, mid);
        if (member.id === group.maker) group.standing = "ended";
        if (group.mine) outcome.renew = group.id;
      }
    } else await this.#show(tx, group, member, opened, letter, mid);
    member.joined = true;
    const [newest] = group.epochs; // who still writes under old keys has not got the new ones
    if (group.mine && found.epoch.number < newest.number && this.now() - newest.sinceMs > 24 * HOUR_MS) outcome.renew = group.id;
    await this.book.save(tx, group);
    return outcome;
  }

  async #show(tx, group, member, opened, letter, mid) {
    const what = read(opened);
    const same = "=" + hex(H("same", group.gid, unhex(member.id), numberBytes(opened.unixS, 4), opened.body));
    const author = await tx.get("people", member.id);
    const blocked = author && author.standing === "blocked";
    if (what.kind === "quiet") newPrekey(group, member, opened.body);
    if (["here", "quiet", "badge"].includes(what.kind) || blocked || (await tx.get("seen", same))) return;
    await tx.put("seen", { mid: same });
    const order = await tx.put("messages", {
      dir: "in", group: group.id, chats: [group.id], from: member.id, fromName: member.card.name,
      kind: what.kind, text: what.text || "", unixS: opened.unixS, atMs: this.now(), bytes: opened.body.length,
      mids: [mid], relays: letter.relays,
      file: what.file && { name: what.file.name, mime: what.file.mime, size: what.file.bytes.length },
    });
    if (what.file) await tx.put("files", { order, bytes: what.file.bytes });
    if (what.kind === "newer") await tx.put("files", { order, bytes: opened.body });
  }

  // Sealed for us alone, and about a group: from its maker, or to it.
  async told(opened, letter, mid, at) {
    const said = say.readGroupBody(opened.body);
    const from = deviceId(opened.sender);
    return this.store.write(ALL, async (tx) => {
      await this.tools.moveOn(tx, at, letter.seq);
      if (await tx.get("seen", mid)) return { is: "again" };
      const person = await tx.get("people", from);
      if (person && person.removed) throw Object.assign(new Refused("removed-device"), { person });
      const gid = said.gid || (said.salt && groupId(opened.sender.device, said.salt));
      if (!gid) throw new Refused("damaged", "not for one alone");
      let group = await tx.value(groupKey(hex(gid)));
      if (said.is === say.KEY && !group && !(person && person.standing === "blocked")) {
        if (await this.#isFull(tx, person)) return { is: "shut", why: "full" };
        group = newGroup(hex(gid), gid, said.salt, from, this.now());
      }
      await tx.put("seen", { mid, token: opened.token });
      await tx.put("receipts", { mid, token: opened.token, atMs: this.now() });
      if (!group) return { is: "again" };
      return this.#toldOf(tx, group, said, opened.sender, letter, at);
    });
  }

  // Is there no room for another group? Strangers have little of it.
  async #isFull(tx, maker) {
    const running = (await groupsIn(tx)).filter((g) => !OVER.includes(g.standing));
    if (running.length >= say.GROUPS_MAX) return true;
    if (maker && maker.standing === "contact") return false;
    const contacts = new Set((await tx.all("people")).filter((p) => p.standing === "contact").map((p) => p.id));
    return running.filter((g) => g.standing !== "in" && !contacts.has(g.maker)).length >= STRANGERS_MAX;
  }

  async #toldOf(tx, group, said, sender, letter, at) {
    const from = { id: deviceId(sender), device: sender.device, name: sender.name };
    const { number } = said;
    if (said.is === say.ASK) {
      const may = group.mine && group.members.some((m) => m.id === from.id && !m.left)
        && this.now() - (group.renewedMs || 0) > HOUR_MS;
      return may ? { is: "again", renew: group.id } : { is: "again" };
    }
    if (said.is === say.OUT) {
      if (number <= group.number) return this.book.refuse(tx, group, "older", from, letter, at);
      Object.assign(group, { standing: "out", number, waiting: [] });
      await this.book.note(tx, group, { what: "you_out" });
      await this.book.save(tx, group);
      return { is: "new" };
    }
    const keys = epochKeys(said.secret);
    const known = group.epochs.concat(group.waiting).find((one) => one.number === number);
    if (known && equal(known.head, keys.head)) return { is: "again" };
    if (known) return this.book.refuse(tx, group, "conflict", from, letter, at);
    if (number <= group.number) return this.book.refuse(tx, group, "older", from, letter, at);
    const senders = { [hex(senderOf(said.secret, sender.device))]: from };
    group.makerCard = sender;
    if (OVER.includes(group.standing)) group.standing = "pending"; // asked in again
    group.waiting = [{ number, gid: group.gid, ...keys, secret: said.secret, senders, sinceMs: this.now() }, ...group.waiting]
      .sort((a, b) => b.number - a.number).slice(0, WAITING_MAX);
    await this.book.save(tx, group);
    return { is: "again", retry: true };
  }
}

// A member has a new prekey, which is for the maker's and its own letters to one of them.
function newPrekey(group, member, body) {
  const told = readPrekey(body);
  if (!told || told.prekeySeq <= member.card.prekeySeq) return;
  member.card = { ...member.card, ...told };
  if (member.id === group.maker && group.makerCard) group.makerCard = { ...group.makerCard, ...told };
}
