// Phones for tests: the page's own code without its looks, on a stand-in for IndexedDB.

import { afterEach } from "node:test";
import { needed } from "./mesh.mjs";
import { Gateway, cardOf, deviceId, newIdentity } from "../../gateway/web/src/core.js";
import { Link } from "../../gateway/web/src/link.js";
import { Mail } from "../../gateway/web/src/mail.js";
import { People } from "../../gateway/web/src/people.js";
import { Store } from "../../gateway/web/src/store.js";

const { IDBFactory } = needed("fake-indexeddb");

// Phones that a failed test has left at their gateways would go on asking for ever.
const joined = new Set();
afterEach(() => Promise.all(Array.from(joined, (phone) => phone.leave())));

export class TestPhone {
  static async make(name, gateway = null) {
    const phone = new TestPhone();
    phone.idb = new IDBFactory();
    phone.me = newIdentity(name);
    phone.id = deviceId(cardOf(phone.me));
    phone.card = cardOf(phone.me);
    await phone.wake();
    await phone.store.keep("me", phone.me);
    if (gateway) phone.join(gateway);
    return phone;
  }

  // The page is opened (again): what was kept is all there is.
  async wake(now = Date.now) {
    this.store = await Store.open(this.idb);
    this.mail = new Mail(this.store, this.me, () => import("../../gateway/web/src/later/seal.js"), now);
    this.people = new People(this.store);
    this.groups = await this.mail.groups();
  }

  join(fake, counted = () => {}) {
    const gateway = new Gateway(this.me, fake.fetch);
    const events = gateway.events.bind(gateway);
    gateway.events = (after, told) => events(after, told, fake.Source);
    this.filed = [];
    this.link = new Link(gateway, this.mail, {
      told: () => this.#look(), filed: (outcome) => { this.filed.push(outcome); this.#look(); },
      counted: (note) => { counted(note); this.#look(); },
    });
    this.waiting = new Set();
    this.link.start();
    joined.add(this);
  }

  // Our keys may have changed in the store, as phone.js sees it.
  async renewed() {
    this.me = await this.store.value("me");
    this.mail.me = this.me;
    if (!this.link) return;
    this.link.gateway.identity = this.me;
    this.link.register();
  }

  leave() {
    joined.delete(this);
    return this.link.stop();
  }

  async add(other) {
    await this.people.add(other.card);
    await this.mail.retryShut();
  }

  messages() { return this.store.all("messages"); }
  async texts() { return (await this.messages()).filter((m) => m.dir === "in").map((m) => m.text); }
  async states() {
    return (await this.messages()).filter((m) => m.dir === "out").map((m) => m.parts.map((p) => p.state));
  }

  async write(others, text) {
    const message = await this.mail.send(others.map((o) => o.id), { text });
    if (this.link) this.link.kick();
    return message;
  }

  #look() { this.waiting.forEach((check) => check()); }

  // Resolves when the condition holds; looked at whenever the link tells something.
  until(condition, what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("never: " + what)), 8000);
      const check = async () => {
        if (!(await condition())) return;
        this.waiting.delete(check);
        clearTimeout(timer);
        resolve();
      };
      this.waiting.add(check);
      check();
    });
  }
}
