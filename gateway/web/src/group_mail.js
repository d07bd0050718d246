// Groups: what comes from them and goes to them (SPEC.md 15). Loaded with the sealing.
//
// A group in the store: {id: hex of gid, gid, salt, name, standing, maker: device id, mine, number,
// members: [{id, card, joined, left, pair}], epochs: [{number, gid, box, head, senders, sinceMs,
// endsMs}] newest first, waiting: [the same of a state that is still to come, and its secret],
// refused: {why: how often}, told: [refusals that were shown], askedMs, renewedMs, read, addedMs}.
//
// standing: "pending" (invited, the members are still to come), "invited", "in", and what is over:
// "out" (removed), "left", "declined", "ended" (its maker has left).

import { equal, hex, numberBytes, random, unhex, utf8 } from "./bytes.js";
import { read, fileBody } from "./bodies.js";
import { Refused } from "./errors.js";
import { GRACE_MS, dropChains, nextPlace, seedAt, startChains } from "./group_chains.js";
import { ackToken, chainOf, epochKeys, groupId, pairSecret, seedOf, senderOf } from "./group_keys.js";
import { groupKey, groupList, groupsIn, keepGroupList } from "./group_rows.js";
import { openForGroup, sealForGroup, whoseIsIt } from "./group_seal.js";
import * as say from "./group_state.js";
import { H } from "./hashing.js";
import { cardOf, deviceId } from "./identity.js";
import { seal } from "./seal.js";

const ALL = ["kv", "people", "messages", "files", "outbox", "seen", "receipts"];
const NORMAL = 1;
const LIFETIME = 10;
const EPOCHS_MAX = 3; // the present state and those before it that mail may be under way of
const WAITING_MAX = 2;
const HOUR_MS = 3_600_000;
const OVER = ["out", "left", "declined", "ended"];

export class GroupMail {
  // mail: of mail.js. tools: what that shares, {secondIn, moveOn, waiting}.
  constructor(mail, tools) {
    Object.assign(this, { mail, tools, store: mail.store, me: mail.me, now: mail.now });
    this.id = deviceId(cardOf(mail.me));
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
    await this.#change(group, say.groupName(name), group.members.map((m) => m.card));
  }

  async invite(id, ids) {
    const group = await this.#mine(id);
    const known = new Set(group.members.map((m) => m.id));
    const people = (await this.#contacts(ids)).filter((p) => !known.has(p.id));
    if (people.length) await this.#change(group, group.name, [...group.members.map((m) => m.card), ...people.map((p) => p.card)]);
  }

  async remove(id, member) {
    const group = await this.#mine(id);
    if (member === this.id) throw new Refused("not-maker", "who made the group stays in it, or ends it");
    await this.#change(group, group.name, group.members.filter((m) => m.id !== member).map((m) => m.card));
  }

  // New keys for everybody who is in it: for whom the present ones did not reach.
  async renew(id) {
    const group = await this.#mine(id);
    await this.#change(group, group.name, group.members.filter((m) => !m.left).map((m) => m.card));
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
      const note = await this.#adopt(tx, group, { number, secret, gid: group.gid }, state);
      group.renewedMs = this.now();
      const message = await this.#write(tx, group, say.stateBody(record), true, { dir: "note", kind: "notice", notice: note });
      for (const one of letters) await tx.put("outbox", this.tools.waiting(one, message.order));
      await this.#save(tx, group);
    });
  }

  async #mine(id) {
    const group = await this.store.value(groupKey(id));
    if (!group || !group.mine || group.standing !== "in") throw new Refused("not-maker", "only its maker can do that");
    return group;
  }

  async #contacts(ids) {
    const contacts = (await this.store.all("people")).filter((p) => p.standing === "contact");
    const people = ids.map((id) => contacts.find((p) => p.id === id));
    if (people.includes(undefined)) throw new Refused("unknown-person");
    return people;
  }

  // Sealed for one member alone: by the card we have of them, else by that in the state.
  async #pairwise(card, body) {
    const person = await this.store.get("people", deviceId(card));
    const unixS = await this.store.write(["kv"], (tx) => this.tools.secondIn(tx, this.now()));
    return seal(this.me, person ? person.card : card, body, {
      unixS, typed: true, priority: NORMAL, lifetime: LIFETIME, withCard: !(person && person.heard),
    });
  }

  // --- what every member does

  async send(id, { text = "", file = null }) {
    const body = file ? fileBody(file) : utf8(text);
    return this.store.write(ALL, async (tx) => {
      const group = await this.#within(tx, id);
      const message = await this.#write(tx, group, body, Boolean(file), {
        dir: "out", kind: file ? "file" : "text", text,
        file: file && { name: file.name, mime: file.mime, size: file.bytes.length },
      });
      if (file) await tx.put("files", { order: message.order, bytes: file.bytes });
      await this.#save(tx, group);
      return message;
    });
  }

  // The same words once more, for those who have not confirmed them: under the keys of today.
  async again(order) {
    const message = await this.store.get("messages", order);
    if (message.kind === "notice") return this.#noticeAgain(message);
    const file = message.kind === "file" && (await this.store.get("files", order));
    const body = file ? fileBody({ ...message.file, bytes: file.bytes }) : utf8(message.text);
    return this.#writeAgain(order, body, message.kind === "file");
  }

  // A state has new keys each time. Who hears "joined" again thinks nothing of it.
  async #noticeAgain({ order, notice, group: id }) {
    const group = await this.store.value(groupKey(id));
    if (notice.what === "you_joined") await this.#writeAgain(order, say.wordBody(say.JOINED), true);
    else if (group.mine && group.standing === "in" && this.now() - group.renewedMs > HOUR_MS) await this.renew(id);
  }

  #writeAgain(order, body, typed) {
    return this.store.write(ALL, async (tx) => {
      const now = await tx.get("messages", order);
      const group = await this.#within(tx, now.group);
      const sealed = await this.#sealed(tx, group, body, typed, now.unixS);
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
      await this.#write(tx, group, say.wordBody(say.JOINED), true, { dir: "note", kind: "notice", notice: { what: "you_joined" } });
      await this.#save(tx, group);
    });
    await this.mail.retryShut();
  }

  // Leave, or decline the invitation. If it is ours, it ends.
  leave(id) {
    return this.store.write(ALL, async (tx) => {
      const group = await tx.value(groupKey(id));
      if (!group || OVER.includes(group.standing)) return;
      if (group.epochs.length) {
        await this.#write(tx, group, say.wordBody(say.LEFT), true, { dir: "note", kind: "notice", notice: { what: "you_left" } });
      }
      group.standing = group.standing === "in" ? "left" : "declined";
      await this.#save(tx, group);
    });
  }

  // Now and then: ask for what has not come.
  async look() {
    for (const group of await this.store.read(["kv"], groupsIn)) {
      const late = group.waiting.find((one) => this.now() - one.sinceMs > HOUR_MS);
      if (!late || OVER.includes(group.standing) || this.now() - (group.askedMs || 0) < HOUR_MS) continue;
      const sealed = await this.#pairwise(group.makerCard, say.askBody(group.gid));
      await this.store.write(ALL, async (tx) => {
        const now = await tx.value(groupKey(group.id));
        await this.#save(tx, { ...now, askedMs: this.now() });
        await tx.put("outbox", this.tools.waiting(sealed, null));
      });
    }
  }

  async #within(tx, id) {
    const group = await tx.value(groupKey(id));
    if (!group || group.standing !== "in") throw new Refused("not-member", "you are not in this group");
    return group;
  }

  // Seal, and keep as a message with a part for each reader.
  async #write(tx, group, body, typed, row) {
    const unixS = await this.tools.secondIn(tx, this.now());
    const sealed = await this.#sealed(tx, group, body, typed, unixS);
    const readers = others(group, this.id);
    const message = {
      group: group.id, chats: [group.id], text: "", ...row, unixS, atMs: this.now(), bytes: body.length,
      mids: [hex(sealed.mid), ...Object.values(sealed.locks)], sent: [{ mid: hex(sealed.mid), token: sealed.token }],
      parts: readers.map((m) => ({
        person: m.id, name: m.card.name, state: "waiting", mids: sealed.locks[m.id] ? [sealed.locks[m.id]] : [],
      })),
    };
    message.order = await tx.put("messages", message);
    if (readers.length) await tx.put("outbox", this.tools.waiting(sealed, message.order));
    return message;
  }

  async #sealed(tx, group, body, typed, unixS) {
    const epoch = group.epochs[0];
    const sender = unhex(Object.keys(epoch.senders).find((name) => epoch.senders[name].id === this.id));
    const place = await nextPlace(tx, group.id, epoch.number, this.id);
    const sealed = sealForGroup(epoch, sender, place, this.me.signing, body, { unixS, typed, lifetime: LIFETIME });
    const watch = others(group, this.id).filter((m) => m.pair)
      .map((m) => [m.id, H("mid", ackToken(m.pair, sealed.mid)).slice(0, 12)]);
    const locks = Object.fromEntries(watch.map(([id, lock]) => [id, hex(lock)]));
    return { ...sealed, locks, watch: watch.map(([, lock]) => lock) };
  }

  // --- what comes

  // A letter. -> as Mail.heardLetter, or null if it is none of a group's that we know.
  async heard(letter, mid, at) {
    const groups = await this.store.read(["kv"], groupsIn);
    const found = whoseIsIt(letter, groups.flatMap((g) => g.epochs.concat(g.waiting)));
    if (!found) return null;
    const outcome = await this.store.write(ALL, (tx) => this.#hear(tx, found, letter, mid, at));
    await this.#afterwards(outcome);
    return outcome;
  }

  async #hear(tx, found, letter, mid, at) {
    const group = await tx.value(groupKey(hex(found.epoch.gid)));
    const sender = found.from;
    const drop = (why) => this.#refuse(tx, group, why, sender, letter, at);
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
      await place.used();
      const member = group.members.find((m) => m.id === sender.id && !m.left);
      if (member) return await this.#file(tx, group, member, found, opened, letter, mid);
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
    const note = await this.#adopt(tx, group, waits, state);
    await nextPlace(tx, group.id, waits.number, found.from.id); // the state was its first
    await this.#acknowledge(tx, group.members.find((m) => m.id === group.maker), mid);
    await this.#note(tx, group, note, mid);
    await this.#save(tx, group);
    return { is: "new", retry: true };
  }

  async #file(tx, group, member, found, opened, letter, mid) {
    const said = opened.typed && opened.body[0] === say.GROUP ? say.readGroupBody(opened.body) : null;
    const outcome = { is: "new" };
    if (said && said.is === say.STATE) throw new Refused("false-state", "a state under an older one's keys");
    await this.#acknowledge(tx, member, mid);
    if (said) {
      if (said.is === say.JOINED && !member.joined) await this.#note(tx, group, { what: "joined", who: member.card.name }, mid);
      if (said.is === say.LEFT) {
        member.left = true;
        await this.#note(tx, group, { what: "left", who: member.card.name }, mid);
        if (member.id === group.maker) group.standing = "ended";
        if (group.mine) outcome.renew = group.id;
      }
    } else await this.#show(tx, group, member, opened, letter, mid);
    member.joined = true;
    const [newest] = group.epochs; // who still writes under old keys has not got the new ones
    if (group.mine && found.epoch.number < newest.number && this.now() - newest.sinceMs > 24 * HOUR_MS) outcome.renew = group.id;
    await this.#save(tx, group);
    return outcome;
  }

  async #show(tx, group, member, opened, letter, mid) {
    const what = read(opened);
    const same = "=" + hex(H("same", group.gid, unhex(member.id), numberBytes(opened.unixS, 4), opened.body));
    if (what.kind === "here" || (await tx.get("seen", same))) return;
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
    const outcome = await this.store.write(ALL, async (tx) => {
      await this.tools.moveOn(tx, at, letter.seq);
      if (await tx.get("seen", mid)) return { is: "again" };
      const person = await tx.get("people", from);
      const gid = said.gid || (said.salt && groupId(opened.sender.device, said.salt));
      if (!gid) throw new Refused("damaged", "not for one alone");
      let group = await tx.value(groupKey(hex(gid)));
      if (said.is === say.KEY && !group && !(person && person.standing === "blocked")) {
        const running = (await groupsIn(tx)).filter((g) => !OVER.includes(g.standing));
        if (running.length >= say.GROUPS_MAX) return { is: "shut", why: "full" };
        group = newGroup(hex(gid), gid, said.salt, from, this.now());
      }
      await tx.put("seen", { mid, token: opened.token });
      await tx.put("receipts", { mid, token: opened.token });
      if (!group) return { is: "again" };
      return this.#toldOf(tx, group, said, opened.sender, letter, at);
    });
    await this.#afterwards(outcome);
    return outcome;
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
      if (number <= group.number) return this.#refuse(tx, group, "older", from, letter, at);
      Object.assign(group, { standing: "out", number, waiting: [] });
      await this.#note(tx, group, { what: "you_out" });
      await this.#save(tx, group);
      return { is: "new" };
    }
    const keys = epochKeys(said.secret);
    const known = group.epochs.concat(group.waiting).find((one) => one.number === number);
    if (known && equal(known.head, keys.head)) return { is: "again" };
    if (known) return this.#refuse(tx, group, "conflict", from, letter, at);
    if (number <= group.number) return this.#refuse(tx, group, "older", from, letter, at);
    const senders = { [hex(senderOf(said.secret, sender.device))]: from };
    group.makerCard = sender;
    if (OVER.includes(group.standing)) group.standing = "pending"; // asked in again
    group.waiting = [{ number, gid: group.gid, ...keys, secret: said.secret, senders, sinceMs: this.now() }, ...group.waiting]
      .sort((a, b) => b.number - a.number).slice(0, WAITING_MAX);
    await this.#save(tx, group);
    return { is: "again", retry: true };
  }

  // --- within

  // From now on the group is as this state says -> what to tell of it.
  async #adopt(tx, group, { number, secret, gid }, state) {
    const { box, head } = epochKeys(secret);
    const senders = {};
    for (const card of state.members) {
      senders[hex(senderOf(secret, card.device))] = { id: deviceId(card), device: card.device, name: card.name };
    }
    const epoch = { number, gid, box, head, senders, sinceMs: this.now(), endsMs: 0 };
    await startChains(tx, group.id, number, secret, Object.values(senders).map((s) => [s.id, s.device]));
    group.waiting = group.waiting.filter((one) => one.number !== number);
    if (number < group.number) { // only to read what was written under it
      group.epochs.push({ ...epoch, endsMs: this.now() + GRACE_MS });
      group.epochs.sort((a, b) => b.number - a.number);
      return null;
    }
    const before = group.members;
    group.members = state.members.map((card) => {
      const id = deviceId(card);
      const known = before.find((m) => m.id === id) || { joined: false };
      return { ...known, id, card, left: false, joined: known.joined || id === group.maker || id === this.id,
        pair: known.pair || (id === this.id ? null : pairSecret(this.me.signing, card.device, gid)) };
    });
    const note = changes(group, before, state.name, this.id);
    for (const former of group.epochs) former.endsMs = former.endsMs || this.now() + GRACE_MS;
    group.epochs.unshift(epoch);
    if (group.standing === "pending") group.standing = "invited";
    return Object.assign(group, { name: state.name, number, told: [] }) && note;
  }

  // Keep a group, without the keys that nothing can come under any more, and what our gateway must
  // know of all groups.
  async #save(tx, group) {
    const over = OVER.includes(group.standing);
    const keep = over ? [] : group.epochs.filter((e, i) => i < EPOCHS_MAX && !(e.endsMs && e.endsMs < this.now()));
    for (const epoch of group.epochs.filter((e) => !keep.includes(e))) {
      await dropChains(tx, group.id, epoch.number, Object.values(epoch.senders).map((s) => s.id));
    }
    group.epochs = keep;
    if (over) group.waiting = [];
    await tx.keep(groupKey(group.id), group);
    const { ids } = await groupList(tx);
    if (!ids.includes(group.id)) await keepGroupList(tx, { ids: ids.concat(group.id), boxes: [], waits: false });
    const groups = await groupsIn(tx);
    const epochs = groups.flatMap((g) => g.waiting.concat(g.epochs.slice(0, 1)))
      .concat(groups.flatMap((g) => g.epochs.slice(1)).sort((a, b) => b.endsMs - a.endsMs));
    await keepGroupList(tx, {
      ids: groups.map((g) => g.id), waits: groups.some((g) => g.waiting.length > 0),
      boxes: epochs.slice(0, say.GROUPS_MAX).map((e) => e.box),
    });
  }

  // Not used; counted, and said once for each state of the group.
  async #refuse(tx, group, why, { id, name }, letter, at) {
    await this.tools.moveOn(tx, at, letter.seq);
    group.refused[why] = (group.refused[why] || 0) + 1;
    if (!group.told.includes(why + id)) {
      group.told.push(why + id);
      await this.#note(tx, group, { what: "no_" + why, who: name });
    }
    await this.#save(tx, group);
    return { is: "dropped", why };
  }

  async #note(tx, group, notice, mid) {
    const atMs = this.now();
    if (notice) {
      await tx.put("messages", {
        dir: "note", group: group.id, chats: [group.id], kind: "notice", notice, text: "", atMs, unixS: Math.floor(atMs / 1000),
        bytes: 0, mids: mid ? [mid] : [],
      });
    }
  }

  async #acknowledge(tx, member, mid) {
    const token = member.pair && ackToken(member.pair, unhex(mid));
    await tx.put("seen", { mid, token, ack: true });
    if (token) await tx.put("receipts", { mid, token, ack: true });
  }

  async #afterwards({ retry, renew }) {
    if (retry) await this.mail.retryShut();
    if (renew) await this.renew(renew);
  }
}

const newGroup = (id, gid, salt, maker, nowMs) => ({
  id, gid, salt, name: "", standing: "pending", maker, mine: false, number: 0, members: [], epochs: [], waiting: [],
  refused: {}, told: [], askedMs: 0, renewedMs: 0, read: 0, addedMs: nowMs,
});

const others = (group, me) => group.members.filter((m) => m.id !== me && !m.left);

// What a new state changes, in words: {what, who, name}.
function changes(group, before, name, me) {
  const names = (list) => list.map((m) => m.card.name).join(", ");
  const come = group.members.filter((m) => m.id !== me && !before.some((b) => b.id === m.id));
  const gone = before.filter((b) => b.id !== me && !group.members.some((m) => m.id === b.id));
  if (!before.length) return { what: group.mine ? "made" : "invited", who: names(come), name };
  if (gone.length) return { what: "gone", who: names(gone) };
  if (come.length) return { what: "come", who: names(come) };
  return name === group.name ? { what: "renewed" } : { what: "renamed", name };
}
