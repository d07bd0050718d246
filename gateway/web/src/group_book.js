// A person's groups as the phone keeps them, and every change that is made to them (SPEC.md 15).
//
// A group in the store: {id: hex of gid, gid, salt, name, standing, maker: device id, mine, number,
// members: [{id, card, joined, left, pair}], epochs: [{number, gid, box, head, senders, sinceMs,
// endsMs}] newest first, waiting: [the same of a state that is still to come, and its secret],
// refused: {why: how often}, told: [refusals that were shown], askedMs, renewedMs, read, addedMs}.
//
// standing: "pending" (invited, the members are still to come), "invited", "in", and what is over:
// "out" (removed), "left", "declined", "ended" (its maker has left).

import { hex, unhex } from "./bytes.js";
import { Refused } from "./errors.js";
import { GRACE_MS, dropChains, nextPlace, startChains } from "./group_chains.js";
import { ackToken, epochKeys, pairSecret, senderOf } from "./group_keys.js";
import { groupKey, groupList, groupsIn, keepGroupList } from "./group_rows.js";
import { sealForGroup } from "./group_seal.js";
import { GROUPS_MAX } from "./group_state.js";
import { H } from "./hashing.js";
import { cardOf, deviceId } from "./identity.js";

export const ALL = ["kv", "people", "messages", "files", "outbox", "seen", "receipts"];
export const LIFETIME = 10;
export const OVER = ["out", "left", "declined", "ended"];
const KEPT_MAX = 200; // groups, with those that are over; of these the oldest go
const EPOCHS_MAX = 8; // the present state and those before it that mail may be under way of

export class GroupBook {
  // mail: of mail.js. tools: what that shares, {secondIn, moveOn, waiting}.
  constructor(mail, tools) {
    Object.assign(this, { mail, tools, store: mail.store, me: mail.me, now: mail.now });
    this.id = deviceId(cardOf(mail.me));
  }

  async within(tx, id) {
    const group = await tx.value(groupKey(id));
    if (!group || group.standing !== "in") throw new Refused("not-member", "you are not in this group");
    return group;
  }

  // Seal, and keep as a message with a part for each reader.
  async write(tx, group, body, typed, row) {
    const unixS = await this.tools.secondIn(tx, this.now());
    const sealed = await this.sealed(tx, group, body, typed, unixS);
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

  async sealed(tx, group, body, typed, unixS) {
    const epoch = group.epochs[0];
    const sender = unhex(Object.keys(epoch.senders).find((name) => epoch.senders[name].id === this.id));
    const place = await nextPlace(tx, group.id, epoch.number, this.id);
    const sealed = sealForGroup(epoch, sender, place, this.me.signing, body, { unixS, typed, lifetime: LIFETIME });
    const watch = others(group, this.id).filter((m) => m.pair)
      .map((m) => [m.id, H("mid", ackToken(m.pair, sealed.mid)).slice(0, 12)]);
    const locks = Object.fromEntries(watch.map(([id, lock]) => [id, hex(lock)]));
    return { ...sealed, locks, watch: watch.map(([, lock]) => lock) };
  }

  // From now on the group is as this state says -> what to tell of it.
  async adopt(tx, group, { number, secret, gid }, state) {
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
  async save(tx, group) {
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
    let groups = await groupsIn(tx);
    const spare = groups.filter((g) => OVER.includes(g.standing)).slice(0, Math.max(0, groups.length - KEPT_MAX));
    for (const one of spare) await tx.delete("kv", groupKey(one.id)); // what was said in it stays
    groups = groups.filter((g) => !spare.includes(g));
    const epochs = groups.flatMap((g) => g.waiting.concat(g.epochs.slice(0, 1)))
      .concat(groups.flatMap((g) => g.epochs.slice(1)).sort((a, b) => b.endsMs - a.endsMs));
    await keepGroupList(tx, {
      ids: groups.map((g) => g.id), waits: groups.some((g) => g.waiting.length > 0),
      boxes: epochs.slice(0, GROUPS_MAX).map((e) => e.box),
    });
  }

  // Not used; counted, and said once for each state of the group.
  async refuse(tx, group, why, { id, name }, letter, at) {
    await this.tools.moveOn(tx, at, letter.seq);
    group.refused[why] = (group.refused[why] || 0) + 1;
    if (!group.told.includes(why + id)) {
      group.told.push(why + id);
      await this.note(tx, group, { what: "no_" + why, who: name });
    }
    await this.save(tx, group);
    return { is: "dropped", why };
  }

  async note(tx, group, notice, mid) {
    const atMs = this.now();
    if (notice) {
      await tx.put("messages", {
        dir: "note", group: group.id, chats: [group.id], kind: "notice", notice, text: "", atMs, unixS: Math.floor(atMs / 1000),
        bytes: 0, mids: mid ? [mid] : [],
      });
    }
  }

  async acknowledge(tx, member, mid) {
    const token = member.pair && ackToken(member.pair, unhex(mid));
    await tx.put("seen", { mid, token, ack: true });
    if (token) await tx.put("receipts", { mid, token, ack: true, atMs: this.now() });
  }
}

export const newGroup = (id, gid, salt, maker, nowMs) => ({
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
