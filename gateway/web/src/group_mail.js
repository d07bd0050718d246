// What is done with groups on this phone: made, changed, written to, left (SPEC.md 15). Loaded with
// the sealing.

import { hex, random, utf8 } from "./bytes.js";
import { fileBody } from "./bodies.js";
import { devicesOf } from "./account.js";
import { Refused } from "./errors.js";
import { ALL, GroupBook, LIFETIME, OVER, newGroup } from "./group_book.js";
import { epochKeys, groupId } from "./group_keys.js";
import { GroupLetters } from "./group_letters.js";
import { groupKey, groupsIn } from "./group_rows.js";
import * as say from "./group_state.js";
import { cardOf, deviceId } from "./identity.js";
import { prekeyBody } from "./quiet.js";
import { seal } from "./seal.js";

const NORMAL = 1;
const HOUR_MS = 3_600_000;

export class GroupMail {
  constructor(mail, tools) {
    this.book = new GroupBook(mail, tools);
    this.letters = new GroupLetters(this.book);
    Object.assign(this, { mail, tools, store: mail.store, me: mail.me, now: mail.now, id: this.book.id });
  }

  // --- what comes

  // A letter, if it is a group's that we know -> as Mail.heardLetter; else null.
  heard(letter, mid, at) { return this.#answer(this.letters.heard(letter, mid, at)); }

  // Opened, sealed for us alone, and about a group.
  told(opened, letter, mid, at) { return this.#answer(this.letters.told(opened, letter, mid, at)); }

  // retry: letters that could not be opened may be readable now. renew: members lack keys.
  async #answer(heard) {
    const outcome = await heard;
    if (outcome && outcome.retry) await this.mail.retryShut();
    if (outcome && outcome.renew) await this.#renewIfPossible(outcome.renew);
    return outcome;
  }

  // What came is kept already, whether this succeeds or not: look() tries again.
  async #renewIfPossible(id) {
    try {
      await this.renew(id);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
    }
  }

  // --- what its maker does

  // Make a group with these contacts -> its id.
  async make(name, ids) {
    const running = (await this.store.read(["kv"], groupsIn)).filter((g) => !OVER.includes(g.standing));
    if (running.length >= say.GROUPS_MAX) throw new Refused("groups-full");
    const salt = random(16);
    const gid = groupId(cardOf(this.me).device, salt);
    const id = hex(gid);
    if (!ids.length) throw new Refused("group-nobody");
    const people = await this.#contacts(ids);
    await this.#change({ ...newGroup(id, gid, salt, this.id, this.now()), mine: true, standing: "in" },
      say.groupName(name), [say.memberCard(this.me), ...people.map((p) => p.card)]);
    return id;
  }

  async rename(id, name) {
    const group = await this.#mine(id);
    await this.#change(group, say.groupName(name), await this.#staying(group));
  }

  async invite(id, ids) {
    const group = await this.#mine(id);
    const known = new Set(group.members.filter((m) => !m.left).map((m) => m.id));
    const people = (await this.#contacts(ids)).filter((p) => !known.has(p.id));
    if (people.length) await this.#change(group, group.name, [...await this.#staying(group), ...people.map((p) => p.card)]);
  }

  async remove(id, member) {
    const group = await this.#mine(id);
    if (member === this.id) throw new Refused("not-maker", "who made the group stays in it, or ends it");
    await this.#change(group, group.name, await this.#staying(group, member));
  }

  // New keys for everybody who is in it: for whom the present ones did not reach.
  async renew(id) {
    const group = await this.#mine(id);
    await this.#change(group, group.name, await this.#staying(group));
  }

  // A new state, under a new secret, to all who are in it; those who are not any more are told.
  async #change(before, name, cards) {
    if (cards.length > say.MEMBERS_MAX) throw new Refused("group-large");
    const number = before.number + 1;
    const secret = random(16);
    const keys = epochKeys(secret);
    const { salt } = before;
    const record = say.stateRecord(this.me, { salt, number, check: keys.check, name, members: cards });
    const state = say.readState(record); // whatever it refuses is refused here
    const to = state.members.slice(1);
    const gone = before.members.filter((m) => !to.some((card) => deviceId(card) === m.id) && m.id !== this.id);
    const letters = await Promise.all([
      ...to.map((card) => this.#pairwise(card, say.keyBody(salt, number, secret))),
      ...gone.filter((m) => !m.left).map((m) => this.#pairwise(m.card, say.outBody(salt, number))),
    ]);
    await this.store.write(ALL, async (tx) => {
      const group = (await tx.value(groupKey(before.id))) || before;
      if (group.number !== before.number) throw new Refused("busy", "another tab has changed the group");
      const note = await this.book.adopt(tx, group, { number, secret, gid: group.gid }, state);
      group.renewedMs = this.now();
      const message = await this.book.write(tx, group, say.stateBody(record), true, { dir: "note", kind: "notice", notice: note });
      for (const one of letters) await tx.put("outbox", this.tools.waiting(one, message.order));
      await this.book.save(tx, group);
    });
  }

  async #mine(id) {
    const group = await this.store.value(groupKey(id));
    if (!group || !group.mine || group.standing !== "in") throw new Refused("not-maker", "only its maker can do that");
    return group;
  }

  async #contacts(ids) {
    const contacts = (await this.store.all("people")).filter((p) => p.standing === "contact");
    const people = ids.map((id) => devicesOf(contacts, id));
    if (people.some((devices) => !devices.length)) throw new Refused("unknown-person");
    const left = people.map((devices) => devices.find((p) => !p.removed)); // one device of each person
    if (left.includes(undefined)) throw new Refused("no-device");
    return left;
  }

  // Devices that their account has removed.
  async #removed() { return new Set((await this.store.all("people")).filter((p) => p.removed).map((p) => p.id)); }

  // The cards of who is in it and has not left, but for one.
  async #staying(group, but) {
    const removed = await this.#removed();
    return group.members.filter((m) => !m.left && m.id !== but && !removed.has(m.id))
      .map((m) => (m.id === this.id ? say.memberCard(this.me) : m.card));
  }

  // Sealed for one member alone: by the card we have of them, else by that in the state.
  async #pairwise(card, body) {
    const person = await this.store.get("people", deviceId(card));
    const unixS = await this.store.write(["kv"], (tx) => this.tools.secondIn(tx, this.now()));
    const known = person && person.card.prekeySeq >= card.prekeySeq ? person.card : card;
    return seal(this.me, known, body, {
      unixS, typed: true, priority: NORMAL, lifetime: LIFETIME, withCard: !(person && person.heard),
    });
  }

  // --- what every member does

  async send(id, { text = "", file = null }) {
    const body = file ? fileBody(file) : utf8(text);
    return this.store.write(ALL, async (tx) => {
      const group = await this.book.within(tx, id);
      const message = await this.book.write(tx, group, body, Boolean(file), {
        dir: "out", kind: file ? "file" : "text", text,
        file: file && { name: file.name, mime: file.mime, size: file.bytes.length },
      });
      if (file) await tx.put("files", { order: message.order, bytes: file.bytes });
      await this.book.save(tx, group);
      return message;
    });
  }

  // The same words once more, for those who have not confirmed them: under the keys of today.
  async again(order) {
    const message = await this.store.get("messages", order);
    const { standing } = (await this.store.value(groupKey(message.group))) || {};
    if (standing !== "in") return undefined; // it is over
    if (message.kind === "notice") return this.#noticeAgain(message);
    const file = message.kind === "file" && (await this.store.get("files", order));
    const body = file ? fileBody({ ...message.file, bytes: file.bytes }) : utf8(message.text);
    return this.#writeAgain(order, body, message.kind === "file");
  }

  // A state has new keys each time. Who hears "joined" again thinks nothing of it.
  async #noticeAgain({ order, notice, group: id }) {
    const group = await this.store.value(groupKey(id));
    if (notice.what === "you_joined") await this.#writeAgain(order, say.wordBody(say.JOINED), true);
    else if (group.mine && group.standing === "in" && this.now() - group.renewedMs > HOUR_MS) await this.#renewIfPossible(id);
  }

  #writeAgain(order, body, typed) {
    return this.store.write(ALL, async (tx) => {
      const now = await tx.get("messages", order);
      const group = await this.book.within(tx, now.group);
      const sealed = await this.book.sealed(tx, group, body, typed, now.unixS);
      now.sent.push({ mid: hex(sealed.mid), token: sealed.token });
      now.mids.push(hex(sealed.mid));
      for (const part of now.parts.filter((p) => p.state !== "delivered")) {
        const lock = sealed.locks[part.person];
        if (!lock) continue; // not in the group any more
        part.state = "waiting";
        part.mids.push(lock);
        now.mids.push(lock);
      }
      await tx.put("messages", now);
      await tx.put("outbox", this.tools.waiting(sealed, order));
    });
  }

  async accept(id) {
    await this.store.write(ALL, async (tx) => {
      const group = await tx.value(groupKey(id));
      if (!group || group.standing !== "invited") return;
      group.standing = "in";
      await this.book.write(tx, group, say.wordBody(say.JOINED), true, { dir: "note", kind: "notice", notice: { what: "you_joined" } });
      await this.book.save(tx, group);
    });
    await this.mail.retryShut();
  }

  // Leave, or decline the invitation. If it is ours, it ends.
  leave(id) {
    return this.store.write(ALL, async (tx) => {
      const group = await tx.value(groupKey(id));
      if (!group || OVER.includes(group.standing)) return;
      if (group.epochs.length) {
        await this.book.write(tx, group, say.wordBody(say.LEFT), true, { dir: "note", kind: "notice", notice: { what: "you_left" } });
      }
      group.standing = group.standing === "in" ? "left" : "declined";
      await this.book.save(tx, group);
    });
  }

  // Everybody in our groups learns our new prekey, contact or not.
  async tellPrekey() {
    const card = cardOf(this.me);
    const due = async (tx) => (await groupsIn(tx)).filter((g) => g.standing === "in" && (g.toldPrekey || 1) < card.prekeySeq);
    if (!(await this.store.read(["kv"], due)).length) return;
    await this.store.write(ALL, async (tx) => {
      for (const group of await due(tx)) {
        const unixS = await this.tools.secondIn(tx, this.now());
        const sealed = await this.book.sealed(tx, group, prekeyBody(card), true, unixS);
        await tx.put("outbox", this.tools.waiting(sealed, null));
        await this.book.save(tx, { ...group, toldPrekey: card.prekeySeq });
      }
    });
  }

  // Now and then: ask for what has not come, give new keys where somebody has left.
  async look() {
    const removed = await this.#removed();
    for (const group of await this.store.read(["kv"], groupsIn)) {
      if (group.mine && group.standing === "in" && group.members.some((m) => m.left || removed.has(m.id))) await this.#renewIfPossible(group.id);
      const late = group.waiting.find((one) => this.now() - one.sinceMs > HOUR_MS);
      if (!late || OVER.includes(group.standing) || this.now() - (group.askedMs || 0) < HOUR_MS) continue;
      const sealed = await this.#pairwise(group.makerCard, say.askBody(group.gid));
      await this.store.write(ALL, async (tx) => {
        const now = await tx.value(groupKey(group.id));
        await this.book.save(tx, { ...now, askedMs: this.now() });
        await tx.put("outbox", this.tools.waiting(sealed, null));
      });
    }
  }
}
