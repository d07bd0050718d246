// All that the page knows and does, without what it looks like: the store, the people, the mail
// and the link to the gateway, as one thing that the views draw.

import { leaderOf } from "./account.js";
import { Gateway } from "./api.js";
import { badgeBody } from "./bodies.js";
import { equal } from "./bytes.js";
import { Refused } from "./errors.js";
import { groupRead, groupsIn, shownGroups } from "./group_rows.js";
import { cardOf, deviceId, newIdentity, parseKit, renewPrekey } from "./identity.js";
import { Link } from "./link.js";
import { Mail } from "./mail.js";
import { cardsIn } from "./cards_in_text.js";
import { People, cardIn } from "./people.js";
import { base } from "./place.js";
import { Store, hear, ring } from "./store.js";
import { Underway } from "./underway.js";

const MESSAGE_MAX = 65_536; // until the gateway told its own
const LOCKED = "locked"; // instead of our keys
const locked = (error) => {
  if (error.code !== LOCKED) throw error;
  return LOCKED;
};

export class Phone {
  // sealing(): resolves to seal.js.
  constructor(store, sealing) {
    this.store = store;
    this.sealing = sealing;
    this.keeper = new People(store);
    this.me = null;
    this.people = new Map();
    this.groups = new Map(); // in the place of people: group_rows.js
    this.messages = [];
    this.shut = 0;
    this.link = null;
    this.underway = new Underway();
    this.listeners = new Set();
  }

  static async open(idb, sealing) {
    const phone = new Phone(await Store.open(idb), sealing);
    hear(() => phone.reload());
    phone.store.onClosed = () => location.reload();
    await phone.reload();
    return phone;
  }

  onChange(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed() { this.listeners.forEach((listener) => listener()); }

  // Read again what is kept. One reading at a time, and one more for all that changed meanwhile.
  reload() {
    if (!this.next) {
      const before = this.reading || Promise.resolve();
      this.next = before.catch(() => {}).then(() => {
        this.reading = this.next;
        this.next = null;
        return this.#read();
      });
    }
    return this.next;
  }

  async #read() {
    if (this.store.closed) return;
    const [me, people, messages, shut, groups, removed] = await this.store.read(
      ["kv", "people", "messages", "shut"], (tx) => Promise.all([tx.value("me").catch(locked),
        tx.all("people"), tx.all("messages"), tx.count("shut"), groupsIn(tx), tx.value("removed")]));
    if (me === LOCKED && this.me) return location.reload(); // another tab has locked the keys
    this.locked = me === LOCKED;
    if (this.locked) return this.changed();
    this.people = new Map(people.map((p) => [p.id, p]));
    this.groups = shownGroups(groups);
    Object.assign(this, { messages, shut, removed: Boolean(removed) });
    for (const [mid] of this.underway.arriving()) { // whole, and filed meanwhile
      if (messages.some((m) => m.mids.includes(mid))) this.underway.ended(mid);
    }
    this.#become(me || null);
    if (removed && this.link) this.link.stop(); // another device of ours has taken this one off
    this.changed();
  }

  // Something was changed here: other tabs shall know, and the gateway may have work.
  async #done() {
    ring();
    if (this.link) this.link.kick();
    await this.reload();
  }

  #become(me) {
    if (me && this.me && !same(me, this.me)) this.#renew(me);
    if (!me || this.me) return;
    this.me = me;
    this.mail = new Mail(this.store, me, this.sealing);
    const gateway = new Gateway(me, undefined, base());
    this.link = new Link(gateway, this.mail, {
      told: () => { ring(); this.reload(); },
      filed: () => { ring(); this.reload(); },
      counted: (note) => {
        this.underway.note(note);
        this.changed();
      },
    });
    if (!this.removed) this.link.start();
    this.gateway = gateway;
    this.#retryShut(""); // this page may be newer than the one that could not open them
  }

  // What cannot be opened now is tried again another time: it stays where it is.
  async #retryShut(why) {
    const found = await this.mail.retryShut(why).catch(() => []);
    if (found.length) await this.#done();
  }

  // Our keys changed, here or in another tab.
  #renew(me) {
    for (const one of [this, this.mail]) one.me = me;
    this.gateway.identity = me;
    this.link.register();
  }

  // Records of somebody's devices that were found or told.
  async learn(payloads) {
    const { learn } = await this.sealing();
    await this.store.write(["kv", "people", "messages"], (tx) => learn(tx, this.me, payloads, { nowMs: Date.now() }));
    await this.#done();
  }

  get id() { return deviceId(cardOf(this.me)); }
  get info() { return this.link && this.link.info; }
  get messageMax() { return (this.info && this.info.message_max) || MESSAGE_MAX; }

  // A saved page is told another gateway's address.
  moved() {
    this.gateway.base = base();
    this.gateway.aheadMs = null;
    this.link.look();
  }

  // --- who we are

  async begin(name) {
    const me = newIdentity(name);
    await this.#own(me);
  }

  // A kit, with the cards that came in the same link.
  async restore(kit, cards = []) {
    // since the kit was made contacts may have heard of higher numbers: seconds are above any of them
    const me = renewPrekey(parseKit(kit), Math.floor(Date.now() / 1000));
    const others = cards.map(cardIn);
    await this.#own(me);
    for (const card of others) if (deviceId(card) !== this.id) await this.keeper.add(card);
    await this.reload();
  }

  async #own(me) {
    await this.store.write(["kv"], async (tx) => {
      if (!(await tx.value("me"))) await tx.keep("me", me); // another tab may have been faster
    });
    await this.#done();
  }

  // --- devices of ours: own_devices.js, which the views load

  // Something of ours was changed in the store.
  changedMe() { return this.#done(); }

  async forget() {
    if (this.link) await this.link.stop();
    await this.store.destroy();
    try { localStorage.clear(); } catch (refused) { /* nothing was kept there */ }
  }

  // --- people

  // Everybody whose card is in this text: the first of them. A name is for one alone.
  async add(pasted, name) {
    const cards = cardsIn(pasted);
    const others = cards.filter((card) => deviceId(card) !== this.id);
    if (!others.length) throw new Refused("own-card");
    const people = [];
    for (const card of others) people.push(await this.addCard(card, others.length > 1 ? "" : name));
    return people[0];
  }

  async addCard(card, name) {
    const known = this.people.get(deviceId(card));
    if (deviceId(card) === this.id || (known && known.standing === "mine")) throw new Refused("own-card");
    const person = await this.keeper.add(card, name);
    await this.#done();
    await this.#retryShut("unknown-sender");
    return person;
  }

  async accept(id) { await this.keeper.accept(id); await this.#answered(); }
  async block(id) { await this.keeper.block(id); await this.#answered(); }
  async #answered() { // one stranger less
    await this.#done();
    await this.#retryShut("full");
  }
  async rename(id, name) { await this.keeper.rename(id, name); await this.#done(); }
  async read(id, order) {
    await (this.groups.has(id) ? groupRead(this.store, id, order) : this.keeper.read(id, order));
    await this.#done();
  }

  // --- groups

  // One of GroupMail's actions.
  async inGroup(action, ...rest) {
    const result = await (await this.mail.groups())[action](...rest);
    await this.#done();
    return result;
  }

  // Whom a conversation is with: a person, or a group in the place of one.
  chat(id) { return this.leader(id) || this.groups.get(id); }

  // --- messages

  async send(ids, what) {
    if (this.removed) throw new Refused("removed");
    if (this.groups.has(ids[0])) return this.inGroup("send", ids[0], what);
    const message = await this.mail.send(ids, what);
    await this.#done().catch(console.error); // it is kept: who is told otherwise sends it twice
    return message;
  }

  // Our badge, to all contacts.
  async showBadge(mine) {
    const contacts = Array.from(this.people.values()).filter((p) => p.standing === "contact" && !p.removed);
    await this.mail.tell(contacts, badgeBody(mine));
    await this.#done();
  }

  async again(order, ids) { await this.mail.again(order, ids); await this.#done(); }

  file(order) { return this.store.get("files", order); }

  // Who leads the devices of a person of whom this is one.
  leader(id) { return leaderOf(this.people, id); }

  #isOf(chat, id) {
    const person = this.leader(chat);
    return (person ? person.id : chat) === id;
  }

  inChat(id) { return this.messages.filter((m) => m.chats.some((chat) => this.#isOf(chat, id))); }

  // The parts of a message that are for this person.
  partsFor(message, id) { return message.parts.filter((part) => this.#isOf(part.person, id)); }

  // Everybody to be shown, who wrote or was written to last first.
  chats() {
    const last = new Map();
    const unread = new Map();
    for (const m of this.messages) {
      for (const id of m.chats) {
        const row = this.people.get(id) || this.groups.get(id);
        const chat = this.chat(id) || { id };
        last.set(chat.id, m);
        if (m.dir === "in" && row && m.order > row.read) unread.set(chat.id, (unread.get(chat.id) || 0) + 1);
      }
    }
    return [...this.people.values(), ...this.groups.values()]
      .filter((p) => !p.joined && p.standing !== "mine" && (p.standing !== "blocked" || last.has(p.id)))
      .map((person) => ({ person, last: last.get(person.id) || null, unread: unread.get(person.id) || 0 }))
      .sort((a, b) => (b.last ? b.last.order : 0) - (a.last ? a.last.order : 0)
        || b.person.addedMs - a.person.addedMs);
  }
}

const same = (a, b) => a.prekeySeq === b.prekeySeq && equal(a.boxRoot, b.boxRoot) && equal(a.account, b.account);
