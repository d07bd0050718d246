// Contacts, strangers who wrote, and those who are blocked.
//
// A row is one device: {id, card, name, standing, heard, way, wayMs, read, addedMs}.
// standing: "contact", "stranger", "blocked", or "mine": another device of ours. heard: they have
// written to us, so they have our card. A card tells which account its device belongs to, but that is only
// its claim: devices are joined to one person by a record that lists both (lists.js, account.js).

import { equal } from "./bytes.js";
import { cardsIn, decoded } from "./cards_in_text.js";
import { Refused } from "./errors.js";
import { NO_BOX_ROOT, cardText, cleanName, deviceId } from "./identity.js";

export const STRANGERS_MAX = 40; // who have not been answered yet; further ones wait on the mesh

// The first card in what somebody pasted or scanned. Throws Refused as parseCard does.
export const cardIn = (pasted) => cardsIn(pasted)[0];

// A link's text after "#kit/": a kit, and cards that come along.
export function kitLink(rest) {
  const [kit, ...cards] = decoded(rest).split("/");
  return { kit, cards };
}

// What a QR code of a card holds: a link, so that a phone's own camera opens it here.
export const cardLink = (card, origin) => `${origin}/#card/${cardText(card)}`;

export function newPerson(card, standing, nowMs) {
  return {
    id: deviceId(card), card, name: card.name, standing, heard: false, way: null, wayMs: 0, read: 0,
    addedMs: nowMs,
  };
}

export class People {
  constructor(store, now = Date.now) {
    this.store = store;
    this.now = now;
  }

  all() { return this.store.all("people"); }

  // Add, or learn the newer card of, a person; a stranger becomes a contact. -> the person
  // A card out of the directory, which has no box root, never takes the one we know away, and is
  // refused ("other-account") if the person we know belongs to another account.
  add(card, name = "") {
    const id = deviceId(card);
    return this.store.write(["people"], async (tx) => {
      const known = await tx.get("people", id);
      const person = known || newPerson(card, "contact", this.now());
      const listed = equal(card.boxRoot, NO_BOX_ROOT);
      if (known && listed && !equal(card.account, known.card.account)) throw new Refused("other-account");
      if (known && card.prekeySeq >= known.card.prekeySeq) {
        person.card = listed ? { ...card, boxRoot: known.card.boxRoot } : card;
      }
      person.standing = "contact";
      if (name.trim()) person.name = cleanName(name);
      await tx.put("people", person);
      for (const row of await this.#others(tx, person)) await tx.put("people", { ...row, standing: "contact" });
      return person;
    });
  }

  // The other devices of a row's person.
  async #others(tx, { id, joined = id }) {
    return (await tx.all("people")).filter((row) => row.id !== id && (row.joined || row.id) === joined);
  }

  set(id, changes) {
    return this.store.write(["people"], async (tx) => {
      const person = await tx.get("people", id);
      if (person) await tx.put("people", { ...person, ...changes });
    });
  }

  // The same of all devices of a person.
  #setAll(id, changes) {
    return this.store.write(["people"], async (tx) => {
      const person = await tx.get("people", id);
      const rows = person ? [person, ...(await this.#others(tx, person))] : [];
      for (const row of rows) await tx.put("people", { ...row, ...changes });
    });
  }

  accept(id) { return this.#setAll(id, { standing: "contact" }); }
  block(id) { return this.#setAll(id, { standing: "blocked" }); }
  rename(id, name) { return this.set(id, { name: cleanName(name) }); }

  // Everything up to this message was read.
  read(id, order) {
    return this.store.write(["people"], async (tx) => {
      const person = await tx.get("people", id);
      const rows = person ? [person, ...(await this.#others(tx, person))] : [];
      for (const row of rows) if (row.read < order) await tx.put("people", { ...row, read: order });
    });
  }
}
