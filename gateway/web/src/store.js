// What the phone keeps: IndexedDB. Whatever is told to the gateway was written here before.
//
// Several tabs may have it open. Every change is one transaction that reads what it relies on, so
// they cannot undo each other's work; `told` says when another tab has changed something.

import { hex, random } from "./bytes.js";
import { Refused } from "./errors.js";

const NAME = "heliograph";
const VERSION = 1;
const SHELVES = {
  kv: { keyPath: "key" }, // identity, cursor, settings
  people: { keyPath: "id" }, // contacts, strangers, blocked ones
  messages: { keyPath: "order", autoIncrement: true, index: "mids" }, // order: in which we got them
  files: { keyPath: "order" }, // the bytes of attachments, read when they are drawn
  outbox: { keyPath: "mid" }, // sealed, and not yet delivered or expired
  seen: { keyPath: "mid" }, // what came in, so that it is shown once
  receipts: { keyPath: "mid" }, // tokens that the gateway has not taken yet
  shut: { keyPath: "mid" }, // letters that cannot be opened yet
};
const BELL = "heliograph.changed"; // localStorage: how tabs hear of each other, everywhere

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// What a vault keeps closed, where the person wished it (vault.js).
export const SECRETS = ["me", "ownRecord", "asking"];

export class Store {
  // idb: an IDBFactory. Rejects where the browser keeps nothing.
  static async open(idb, name = NAME) {
    const request = idb.open(name, VERSION);
    request.onupgradeneeded = () => {
      for (const [shelf, { index, ...how }] of Object.entries(SHELVES)) {
        const made = request.result.createObjectStore(shelf, how);
        if (index) made.createIndex(index, index, { multiEntry: true });
      }
    };
    return new Store(await done(request), idb, name);
  }

  constructor(db, idb, name) {
    this.db = db;
    this.idb = idb;
    this.name = name;
    this.closed = false;
    this.vault = null; // {close(value), open(closed)}: while the keys are locked and the passphrase was said
    this.onClosed = () => {};
    const gone = () => {
      this.close();
      this.onClosed();
    };
    db.onversionchange = gone; // another tab forgets everything, or is newer
    db.onclose = gone; // the browser took it away, as from a page in the background
  }

  // Everything in `body(tx)` happens, or nothing; resolved when it is on disk. Between its steps
  // it may wait for nothing but the transaction itself.
  write(shelves, body) {
    return this.#transact(shelves, "readwrite", body);
  }

  read(shelves, body) {
    return this.#transact(shelves, "readonly", body);
  }

  #transact(shelves, mode, body) {
    return new Promise((resolve, reject) => {
      // "strict": Chrome otherwise answers before the disk has it, and a receipt would be a lie
      const tx = this.db.transaction(shelves, mode, { durability: "strict" });
      let result;
      let failure = null;
      tx.oncomplete = () => resolve(result);
      tx.onabort = () => reject(failure || tx.error);
      body(new Shelves(tx, this.vault)).then(
        (value) => { result = value; },
        (error) => {
          failure = error;
          try { tx.abort(); } catch (over) { reject(error); }
        },
      );
    });
  }

  get(shelf, key) { return this.read([shelf], (tx) => tx.get(shelf, key)); }
  all(shelf) { return this.read([shelf], (tx) => tx.all(shelf)); }
  put(shelf, value) { return this.write([shelf], (tx) => tx.put(shelf, value)); }
  delete(shelf, key) { return this.write([shelf], (tx) => tx.delete(shelf, key)); }
  value(key) { return this.read(["kv"], (tx) => tx.value(key)); }
  keep(key, value) { return this.write(["kv"], (tx) => tx.keep(key, value)); }

  close() {
    this.closed = true;
    this.db.close();
  }

  // Forget this phone: every shelf goes.
  async destroy() {
    this.close();
    await done(this.idb.deleteDatabase(this.name));
  }
}

// The shelves within one transaction.
class Shelves {
  constructor(tx, vault) { Object.assign(this, { tx, vault }); }
  get(shelf, key) { return done(this.tx.objectStore(shelf).get(key)); }
  all(shelf) { return done(this.tx.objectStore(shelf).getAll()); }
  put(shelf, value) { return done(this.tx.objectStore(shelf).put(value)); }
  delete(shelf, key) { return done(this.tx.objectStore(shelf).delete(key)); }
  count(shelf) { return done(this.tx.objectStore(shelf).count()); }
  withMid(mid) { return done(this.tx.objectStore("messages").index("mids").get(mid)); }
  // Throws Refused "locked" if it is in the vault, and that is shut.
  async value(key) {
    const row = await this.get("kv", key);
    if (!row || !row.closed) return row ? row.value : undefined;
    if (!this.vault) throw new Refused("locked");
    return this.vault.open(row.closed);
  }
  keep(key, value) {
    const secret = this.vault && value !== undefined && SECRETS.includes(key);
    return this.put("kv", secret ? { key, closed: this.vault.close(value) } : { key, value });
  }
}

// Other tabs of this page: ring() tells them that something changed, hear() is told.
export function ring() {
  try { localStorage.setItem(BELL, String(Math.random())); } catch (refused) { /* one tab then */ }
}

export function hear(changed) {
  window.addEventListener("storage", (event) => { if (event.key === BELL) changed(); });
}

// Can keys live here? Captive mini-browsers throw everything away when they close, and the windows
// inside other apps keep it apart from the browser that people open the next day. Apple's leave
// "Safari" out of their name, on a Mac and an iPad too; Android's say "wv".
// Resolves to "" or to why not: "captive", "nothing-kept". Each try has a name of its own, because
// several tabs may try at once.
export async function whyNoKeysHere(idb, agent, name = `${NAME}-try-${hex(random(4))}`) {
  const inside = /AppleWebKit/.test(agent) && !/Safari\//.test(agent);
  if (/CaptiveNetworkSupport/.test(agent) || inside || /; wv\)/.test(agent)) return "captive";
  try {
    localStorage.setItem(BELL, "try"); // the mini-browser refuses or drops this one first
    if (localStorage.getItem(BELL) !== "try") return "nothing-kept";
    const first = await Store.open(idb, name);
    await first.keep("try", 1);
    first.close();
    const again = await Store.open(idb, name);
    const kept = await again.value("try");
    await again.destroy();
    return kept === 1 ? "" : "nothing-kept";
  } catch (refused) {
    return "nothing-kept";
  }
}
