// Messages out and in. Everything is in the store before anybody is told that it is.
//
// message: {order, dir: "out"|"in", chats: [person id], kind: "text"|"file"|"newer", text, file:
// {name, mime, size}, unixS, atMs, bytes, mids: [hex], and out: parts: [{person, state, mids,
// relays, prekey}], in: relays}. order is the order in which this phone got to know them: clocks lie.
// A part is for one device; prekey is the number of that which it was sealed for. Of a "note" there is
// `note`, what happened, instead of a text (quiet.js).

import { equal, hex, numberBytes, unhex, utf8 } from "./bytes.js";
import { Refused } from "./errors.js";
import { H, lockOf } from "./hashing.js";
import { NO_BOX_ROOT, deviceId } from "./identity.js";
import { devicesOf, knowsUs } from "./account.js";
import { fileBody, hereBody, read } from "./bodies.js";
import { groupKey, groupList } from "./group_rows.js";
import { better, ended } from "./ladder.js";
import { STRANGERS_MAX, newPerson } from "./people.js";

export const LIFETIME = 10; // seven days (SPEC.md 4.2)
const BACKGROUND = 0;
const NORMAL = 1;
const WAY_MS = 86_400_000; // where somebody was a day ago says nothing
const HERE_EVERY_MS = 3_600_000;
const TURNS = 8; // ways to seal the same once more
const TOLD = ["queued", "on_mesh", "expired", "delivered"]; // what a gateway may say of a message
const GROUP = 5; // a typed body that is about a group
const SHUT_MAX = 100; // letters that cannot be opened yet; the oldest go
const AGAIN_MS = 30 * 86_400_000; // what expired longer ago is not sent again by itself
const RECEIPTS_KEPT = 1000; // that no gateway has taken yet,
const RECEIPT_MS = 8 * 86_400_000; // and so long: a message lives seven days, a day for clocks
const ALL = ["kv", "people", "messages", "files", "outbox", "seen", "receipts", "shut"];

export class Mail {
  // me: an identity. sealing(): resolves to seal.js, which may have to be loaded first.
  constructor(store, me, sealing, now = Date.now) {
    this.store = store;
    this.me = me;
    this.now = now;
    this.sealing = sealing;
    this.myWay = null; // to the gateway we are at
  }

  // --- out

  // Write to one or several people: {text} or {file: {name, mime, bytes}} -> the message, kept.
  async send(ids, { text = "", file = null }) {
    const body = file ? fileBody(file) : utf8(text);
    const unixS = await this.#time();
    const people = await this.#chosen(ids);
    const each = await Promise.all(people.map((p) => this.#sealOr(p, body, unixS, Boolean(file))));
    const sealed = each.filter((one) => one.mid);
    if (!sealed.length) throw each[0];
    const message = {
      dir: "out", chats: ids, kind: file ? "file" : "text", text,
      file: file && { name: file.name, mime: file.mime, size: file.bytes.length },
      unixS, atMs: this.now(), bytes: body.length, mids: sealed.map((s) => hex(s.mid)),
      parts: people.map((p, i) => (each[i].mid
        ? { person: p.id, state: "waiting", mids: [hex(each[i].mid)], prekey: p.card.prekeySeq }
        : { person: p.id, state: "refused", why: each[i].code, mids: [] })),
    };
    const copies = await this.#copies({ chats: ids, body, unixS, typed: Boolean(file), file });
    return this.store.write(["messages", "files", "outbox"], async (tx) => {
      for (const one of copies) await tx.put("outbox", waiting(one, null));
      message.order = await tx.put("messages", message);
      if (file) await tx.put("files", { order: message.order, bytes: file.bytes });
      for (const one of sealed) await tx.put("outbox", waiting(one, message.order));
      return message;
    });
  }

  // The same for our other devices, so that they show it too.
  async #copies(sent) {
    const mine = (await this.store.all("people")).filter((p) => p.standing === "mine" && !p.removed);
    if (!mine.length) return [];
    const body = (await this.sealing()).sentCopy(sent);
    return Promise.all(mine.map((p) => this.#seal(p, body, sent.unixS, true, { priority: BACKGROUND })));
  }

  // Seal what expired or was refused once more, for these people. The receiver shows it once: it
  // has the same time and the same words.
  async again(order, ids) {
    const message = await this.store.get("messages", order);
    if (message.group) return (await this.groups()).again(order);
    const file = message.kind === "file" && (await this.store.get("files", order));
    const body = file ? fileBody({ ...message.file, bytes: file.bytes }) : utf8(message.text);
    const people = await this.#chosen(ids);
    const sealed = await Promise.all(people.map((p) => {
      const part = message.parts.find((one) => one.person === p.id);
      return this.#sealAnew(p, body, message.unixS, message.kind === "file", part ? part.mids : []);
    }));
    return this.store.write(["messages", "outbox"], async (tx) => {
      const now = await tx.get("messages", order);
      for (const [i, p] of people.entries()) {
        let part = now.parts.find((one) => one.person === p.id);
        if (!sealed[i] || (part && !lost(part, p))) continue; // another tab did
        if (!part) { // a device that was not known then
          part = { person: p.id, state: "waiting", mids: [] };
          now.parts.push(part);
        }
        if (ended(part.state)) part.state = "waiting";
        delete part.why;
        part.prekey = p.card.prekeySeq;
        part.mids.push(hex(sealed[i].mid));
        now.mids.push(hex(sealed[i].mid));
        await tx.put("outbox", waiting(sealed[i], order));
      }
      await tx.put("messages", now);
    });
  }

  // What the gateway at hand (`at`) has not taken yet, oldest first.
  async toPost(at) {
    const rows = await this.store.all("outbox");
    return rows.filter((row) => row.at !== at).sort((a, b) => a.order - b.order);
  }

  // The gateway has these.
  posted(at, rows, answers) {
    return this.store.write(["outbox", "messages"], async (tx) => {
      for (const [i, { mid }] of rows.entries()) {
        const row = await tx.get("outbox", mid);
        if (!row) continue;
        if (row.order === null) await tx.delete("outbox", mid);
        else await tx.put("outbox", { ...row, at });
        // what it says of "delivered" comes with its proof, as a state
        const told = answers[i] && answers[i].state;
        await improve(tx, mid, told === "on_mesh" || told === "expired" ? told : "queued");
      }
    });
  }

  // The gateway will never take this one.
  refused({ mid }) {
    return this.store.write(["outbox", "messages"], async (tx) => {
      await improve(tx, mid, "refused");
      await tx.delete("outbox", mid);
    });
  }

  // How far something is, as the gateway tells. Delivered is believed when its token fits.
  heardState({ seq, mid, state, token, relays }, at) {
    const name = hex(mid);
    if (!TOLD.includes(state)) return this.store.write(["kv"], (tx) => moveOn(tx, at, seq));
    const proven = token && equal(H("mid", token).slice(0, 12), mid);
    return this.store.write(["kv", "outbox", "messages", "receipts"], async (tx) => {
      await moveOn(tx, at, seq);
      if (state === "delivered" && !proven) return false;
      const row = await tx.get("outbox", name);
      if (state === "expired" && row && row.at && row.at !== at) return false; // another gateway has it since
      await improve(tx, name, state, relays);
      if (ended(state)) await tx.delete("outbox", name);
      return true;
    });
  }

  // --- in

  // A letter came. -> {is: "new", message, person} | {is: "again" | "shut" | "dropped"}.
  // Only once it is kept does its receipt lie ready.
  async heardLetter(letter, at) {
    const mid = hex(letter.mid);
    if (letter.head.length !== 14 || hex(letter.head.slice(2)) !== mid) {
      return this.#drop(letter, "damaged", at); // what is sealed is bound to the head
    }
    const before = await this.store.get("seen", mid);
    if (before) {
      await this.store.write(["kv", "receipts"], async (tx) => {
        // this gateway may not have it yet
        if (before.token) await tx.put("receipts", { ...before, atMs: this.now() });
        await moveOn(tx, at, letter.seq);
      });
      return { is: "again" };
    }
    const { ids, waits } = await this.store.read(["kv"], groupList);
    if (ids.length) {
      const outcome = await (await this.groups()).heard(letter, mid, at);
      if (outcome) return outcome.is === "shut" ? this.#shut(letter, mid, outcome.why, at) : outcome;
    }
    const cards = (await this.store.all("people")).map((p) => p.card);
    for (const id of ids) {
      const { makerCard } = await this.store.value(groupKey(id));
      if (makerCard) cards.push(makerCard);
    }
    const { open } = await this.sealing(); // if it cannot be loaded, the letter is not to blame
    try {
      const opened = await this.#open(open, letter, cards);
      if (!opened.typed || opened.body[0] !== GROUP) return await this.#file(letter, mid, opened, at);
      const outcome = await (await this.groups()).told(opened, letter, mid, at);
      return outcome.is === "shut" ? this.#shut(letter, mid, outcome.why, at) : outcome;
    } catch (refused) {
      if (refused instanceof Full) return this.#shut(letter, mid, "full", at);
      if (!(refused instanceof Refused)) throw refused;
      const later = refused.code === "unknown-sender" || refused.code === "newer"
        || (refused.code === "not-for-us" && waits); // of a group whose members are still to come
      if (later) return this.#shut(letter, mid, refused.code, at);
      if (refused.code === "removed-device") await this.#noteRefused(mid, refused.person);
      return this.#drop(letter, refused.code, at);
    }
  }

  async #drop(letter, why, at) {
    await this.store.write(["kv"], async (tx) => {
      await tx.keep("dropped", ((await tx.value("dropped")) || 0) + 1);
      await moveOn(tx, at, letter.seq);
    });
    return { is: "dropped", why };
  }

  // Letters that could not be opened may be readable now: the page is newer, somebody was added or
  // their card came (why: "unknown-sender"), there is room for strangers again ("full").
  async retryShut(why = "") {
    const found = [];
    for (const { letter } of (await this.store.all("shut")).filter((row) => !why || row.why === why)) {
      const outcome = await this.heardLetter(letter, null);
      if (outcome.is !== "shut") await this.store.delete("shut", hex(letter.mid));
      if (outcome.is === "new") found.push(outcome);
    }
    return found;
  }

  // Groups come with the sealing: group_mail.js.
  async groups() {
    const { GroupMail } = await this.sealing();
    return new GroupMail(this, { secondIn, moveOn, waiting });
  }

  // Do what is due in our groups.
  async look() {
    if ((await this.store.read(["kv"], groupList)).ids.length) await (await this.groups()).look();
  }

  // The mailbox keys of our groups, for our gateway.
  async boxes() { return (await this.store.read(["kv"], groupList)).boxes; }

  receipts() { return this.store.all("receipts"); }
  // The gateway has these, but for those whose tokens open what it does not know (lockOf): they are kept for the next gateway, until
  // no message lives any more or they are too many.
  receiptsTaken(rows, unknown = []) {
    return this.store.write(["receipts"], async (tx) => {
      const over = unknown.length ? (await tx.count("receipts")) - RECEIPTS_KEPT : 0;
      const byAge = rows.slice().sort((a, b) => (a.atMs || 0) - (b.atMs || 0));
      for (const [i, { mid, token, atMs }] of byAge.entries()) {
        const old = !(this.now() - atMs < RECEIPT_MS);
        if (!unknown.includes(lockOf(token)) || old || i < over) await tx.delete("receipts", mid);
      }
    });
  }

  // The number of the last news from this gateway that is kept here.
  async cursor(at) { return (await this.store.value("cursor." + at)) || 0; }

  // --- where we are

  // We are at a gateway with this way. Contacts who know us are told, at most hourly and only if
  // it is another one; each such message is one frame.
  async arrived(way) {
    this.myWay = way && way.length ? way : null;
    if (!this.myWay) return;
    const mine = hex(this.myWay);
    const due = await this.store.write(["kv"], async (tx) => {
      const before = await tx.value("here");
      if (!before) await tx.keep("here", { way: mine, ms: this.now() });
      const due = before && before.way !== mine && this.now() - before.ms > HERE_EVERY_MS;
      if (due) await tx.keep("here", { way: mine, ms: this.now() });
      return due;
    });
    if (!due) return;
    await this.tell((await this.store.all("people")).filter(knowsUs), hereBody());
  }

  // Tell devices of people something that nobody is to read, at background priority. noted(row): the row
  // with what it was told, kept in the same transaction; null: it was told meanwhile, by another tab.
  async tell(people, body, noted = (row) => row) {
    if (!people.length) return;
    const unixS = await this.#time();
    for (const person of people) {
      const sealed = await this.#sealOr(person, body, unixS, true, { priority: BACKGROUND });
      if (!sealed.mid) continue;
      await this.store.write(["people", "outbox"], async (tx) => {
        const row = noted(await tx.get("people", person.id));
        if (!row) return;
        await tx.put("people", row);
        await tx.put("outbox", waiting(sealed, null));
      });
    }
  }

  // --- within

  // A second that this phone has not used yet: two equal words of one second would be taken for
  // one message sent twice.
  #time() {
    return this.store.write(["kv"], (tx) => secondIn(tx, this.now()));
  }

  // The devices of these people that get mail.
  async #chosen(ids) {
    const all = await this.store.all("people");
    const people = ids.map((id) => devicesOf(all, id));
    if (!people.length || people.some((devices) => !devices.length)) throw new Refused("unknown-person");
    const left = people.map((devices) => devices.filter((p) => !p.removed));
    if (left.some((devices) => !devices.length)) throw new Refused("no-device");
    return left.flat();
  }

  // turn: how often this was sealed before. The same inside would have the same id, which the mesh
  // has laid to rest, so with each turn something else goes along.
  async #seal(person, body, unixS, typed, { priority = NORMAL, turn = 0 } = {}) {
    const fresh = person.way && this.now() - person.wayMs < WAY_MS;
    const turns = person.heard && person.standing !== "mine" // which may have been restored from a kit
      ? [[false, true], [true, true], [true, false], [false, false]]
      : [[true, true], [true, false], [false, true], [false, false]]; // they need our card first
    const [withCard, withWay] = turns[turn % turns.length];
    const plain = turn >= turns.length;
    const { seal } = await this.sealing();
    return seal(this.me, person.card, body, {
      unixS, typed, priority, lifetime: LIFETIME, withCard, plain, way: fresh ? person.way : null,
      myWay: withWay ? this.myWay : null,
    });
  }

  // Sealed, or why it cannot be for this person alone: nobody else shall miss theirs by it.
  async #sealOr(person, body, unixS, typed, options) {
    try {
      return await this.#seal(person, body, unixS, typed, options);
    } catch (refused) {
      if (refused.code !== "bad-card") throw refused;
      return refused;
    }
  }

  // Sealed so that it has an id that it did not have before; null if there is no other way left.
  async #sealAnew(person, body, unixS, typed, mids) {
    for (let turn = mids.length; turn < mids.length + TURNS; turn++) {
      const sealed = await this.#seal(person, body, unixS, typed, { turn: turn % TURNS });
      if (!mids.includes(hex(sealed.mid))) return sealed;
    }
    return null;
  }

  // Opened, also if it is by a stranger whose card came along.
  async #open(open, letter, cards) {
    try {
      return await open(this.me, letter, cards);
    } catch (refused) {
      if (refused.code !== "unknown-sender" || !refused.card) throw refused;
      return open(this.me, letter, [refused.card]);
    }
  }

  async #file(letter, mid, opened, at) {
    const what = read(opened);
    const { hear } = await this.sealing();
    const from = deviceId(opened.sender);
    const same = "=" + hex(H("same", unhex(from), numberBytes(opened.unixS, 4), opened.body));
    const outcome = await this.store.write(ALL, async (tx) => {
      await moveOn(tx, at, letter.seq);
      if (await tx.get("seen", mid)) return { is: "again" }; // another tab was faster
      const before = await tx.get("people", from);
      const person = await this.#author(tx, from, opened, what.kind === "quiet");
      const met = !before || !equal(before.card.prekey, person.card.prekey);
      const message = {
        dir: "in", chats: [from], kind: what.kind, text: what.text || "", unixS: opened.unixS, same,
        atMs: this.now(), bytes: opened.body.length, mids: [mid], relays: letter.relays,
        file: what.file && { name: what.file.name, mime: what.file.mime, size: what.file.bytes.length },
      };
      if (what.badge) await tx.put("people", Object.assign(person, { badge: what.badge }));
      if (what.kind === "quiet" && !(await tx.get("seen", same))) await hear(tx, this.me, person, opened, this.now());
      const shown = !["here", "quiet", "badge"].includes(what.kind) && person.standing !== "blocked" && !(await tx.get("seen", same));
      if (shown) {
        message.order = await tx.put("messages", message);
        if (what.file) await tx.put("files", { order: message.order, bytes: what.file.bytes });
        if (what.kind === "newer") await tx.put("files", { order: message.order, bytes: opened.body });
      }
      await tx.put("seen", { mid, token: opened.token });
      await tx.put("seen", { mid: same });
      await tx.put("receipts", { mid, token: opened.token, atMs: this.now() });
      return shown ? { is: "new", message, person, met } : { is: "again", person, met };
    });
    if (outcome.person) await this.#sendAgain(outcome.person);
    if (outcome.met) await this.retryShut("unknown-sender");
    return outcome;
  }

  // Who wrote, with what the letter tells of them: where they are, that they know us.
  async #author(tx, id, { sender, card, way }, quiet) {
    let person = await tx.get("people", id);
    if (!person) {
      const strangers = (await tx.all("people")).filter((p) => p.standing === "stranger" && !p.joined);
      if (strangers.length >= STRANGERS_MAX) throw new Full();
      person = newPerson(sender, "stranger", this.now());
    }
    person.heard = true;
    if (person.removed && !quiet) throw Object.assign(new Refused("removed-device"), { person });
    if (card && follows(card, person.card)) person.card = card;
    if (way && way.length) Object.assign(person, { way, wayMs: this.now() });
    await tx.put("people", person);
    return person;
  }

  // Mail of a device that its account has removed is not shown; that it came is.
  async #noteRefused(mid, person) {
    const { note } = await this.sealing();
    await this.store.write(["kv", "messages", "seen"], async (tx) => {
      const once = { mid: "-" + mid };
      if (await tx.get("seen", once.mid)) return;
      await tx.put("seen", once);
      await note(tx, person, "removed_mail", this.now());
    });
  }

  // They are there again: what expired on its way to them goes out once more.
  async #sendAgain(person) {
    for (const message of await this.store.all("messages")) {
      const part = message.parts && message.parts.find((p) => p.person === person.id);
      if (part && part.state !== "refused" && lost(part, person) && this.now() - message.atMs < AGAIN_MS) {
        await this.again(message.order, [person.id]).catch((refused) => {
          if (refused.code !== "bad-card" && refused.code !== "no-device") throw refused;
        });
      }
    }
  }

  async #shut(letter, mid, why, at) {
    await this.store.write(["kv", "shut"], async (tx) => {
      const rows = (await tx.all("shut")).sort((a, b) => a.atMs - b.atMs);
      for (const row of rows.slice(0, Math.max(0, rows.length - SHUT_MAX + 1))) {
        if (row.mid !== mid) await tx.delete("shut", row.mid);
      }
      await tx.put("shut", { mid, letter, why, atMs: this.now() });
      await moveOn(tx, at, letter.seq);
    });
    return { is: "shut", why };
  }
}

class Full extends Error {}

// Will this part not come, unless it is sealed once more? Of a prekey that its device had before the
// last one the private half is gone.
const lost = (part, person) => !better(part.state, "expired")
  && (ended(part.state) || part.prekey < person.card.prekeySeq - 1);
async function secondIn(tx, nowMs) {
  const last = (await tx.value("lastUnixS")) || 0;
  const now = Math.floor(nowMs / 1000);
  const unixS = now > last || last > now + 60 ? now : last + 1; // the clock was set back: follow
  await tx.keep("lastUnixS", unixS);
  return unixS;
}

// Is this the same person's card with a newer prekey, or the first with a box root?
const follows = (card, known) => equal(card.account, known.account)
  && (card.prekeySeq > known.prekeySeq || equal(known.boxRoot, NO_BOX_ROOT));

// at: the gateway that has it.
const waiting = (sealed, order) => ({
  mid: hex(sealed.mid), sealed: { ...sealed, token: null }, order, at: null,
});

async function moveOn(tx, at, seq) {
  if (at === null || !seq) return;
  const now = (await tx.value("cursor." + at)) || 0;
  if (seq > now) await tx.keep("cursor." + at, seq);
}

async function improve(tx, mid, state, relays) {
  const message = await tx.withMid(mid);
  if (message && message.sent) return improveShared(tx, message, mid, state);
  const part = message && message.parts && message.parts.find((p) => p.mids.includes(mid));
  if (!part || !better(state, part.state)) return;
  const newest = part.mids[part.mids.length - 1];
  if (state !== "delivered" && mid !== newest) return; // of an earlier sending, told again
  part.state = state;
  if (relays !== undefined) part.relays = relays;
  await tx.put("messages", message);
}

// Of a message that several read: how far it is, or, under an id of its own, that one of them has
// it. When all have it the mesh may let go.
async function improveShared(tx, message, mid, state) {
  const newest = message.sent[message.sent.length - 1].mid;
  const whole = message.sent.some((one) => one.mid === mid);
  if (whole && (mid !== newest || state === "delivered")) return; // delivered: we let go ourselves
  const parts = message.parts.filter((p) => (whole || p.mids.includes(mid)) && better(state, p.state));
  if (!parts.length) return;
  for (const part of parts) part.state = state;
  await tx.put("messages", message);
  if (message.parts.some((p) => p.state !== "delivered")) return;
  for (const one of message.sent) await tx.put("receipts", { ...one, recall: true, atMs: Date.now() });
}
