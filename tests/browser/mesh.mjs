// A stand-in for gateways and the mesh between them: the phones' API (the brief's shapes), in
// memory. What is posted at one gateway arrives at every other; nothing is lost unless told so.

import { createRequire } from "node:module";
import { H, b64, equal, hex, unb64, utf8 } from "../../gateway/web/src/core.js";

export const needed = createRequire(new URL("../../gateway/web/package.json", import.meta.url));

export class Mesh {
  constructor() {
    this.gateways = [];
    this.away = new Set(); // gateways that do not answer
    this.out = new Map(); // mid -> message: what the mesh holds, for who registers later
    this.lose = () => false; // what of it never arrives
  }

  gateway(name) {
    const made = new FakeGateway(this, name);
    this.gateways.push(made);
    return made;
  }
}

class FakeGateway {
  constructor(mesh, name) {
    Object.assign(this, { mesh, name, id: `02${hex(utf8(name))}`, run: "1", seq: 0, asked: [], refuse: null });
    this.boxes = new Map(); // device -> mailbox keys
    this.since = 1; // of a registration made now
    this.sinces = new Map(); // device -> of its registration
    this.carries = true; // receipts of letters that it does not know
    this.arrived = new Set(); // mids of letters
    this.news = []; // {seq, device, event, data}
    this.listeners = new Set();
    this.posted = new Map(); // mid -> device
  }

  // What fetch() is given.
  fetch = async (path, { method = "GET", headers = {}, body = null } = {}) => {
    if (this.mesh.away.has(this)) throw new TypeError("no answer");
    const [status, told] = this.answer(method, path, headers["X-Helio"] || "", body);
    return { ok: status < 300, status, json: async () => told };
  };

  answer(method, path, key, body) {
    const value = body && JSON.parse(typeof body === "string" ? body : new TextDecoder().decode(body));
    const device = key.split(".")[0];
    const route = `${method} ${path.split("?")[0]}`;
    this.asked.push(route);
    const refused = this.refuse && this.refuse(route, value);
    if (refused) return [refused === true ? 400 : refused, { error: "No.", code: refused === 507 ? "no-room" : "" }];
    switch (route) {
      case "GET /api/gateway":
        return [200, { id: this.id, name: this.name, network: "test", now_ms: Date.now(), run: this.run, way: b64(Uint8Array.of(1, 2, 3)),
          message_max: 65536, relay: "connected", neighbours: 1 }];
      case "PUT /api/device":
        this.boxes.set(device, value.boxes.map(unb64));
        this.mesh.out.forEach((m) => this.arrive(m, device));
        if (!this.sinces.has(device)) this.sinces.set(device, this.since);
        return [200, { id: device, uuid: "", since: this.sinces.get(device) }];
      case "POST /api/post": return [201, { messages: value.messages.map((m) => this.#take(device, m)) }];
      case "POST /api/receipts": {
        const { tokens = [], acks = [], recalls = [] } = value;
        const lock = (t) => b64(H("mid", unb64(t)).slice(0, 12));
        recalls.forEach((token) => this.mesh.out.delete(lock(token)));
        const all = [...tokens.map((t) => [t, lock(t)]), ...acks.map((a) => [a.token, a.mid]), ...recalls.map((t) => [t, null])];
        const isHere = (mid) => mid === null || this.carries || this.arrived.has(mid);
        const unknown = all.filter(([, mid]) => !isHere(mid)).map(([t]) => lock(t));
        all.forEach(([t, mid]) => isHere(mid) && this.#receipt(unb64(t)));
        const taken = all.length - unknown.length;
        return [200, this.old ? { taken } : { taken, unknown }];
      }
      case "GET /api/mesh": return [200, { relay: "connected", neighbours: [{ node: "r1", rssi_dbm: -61 }], gateways: { bb01: 5 }, queues: { parcels: 2 } }];
      default: return [404, { error: "Nothing here." }];
    }
  }

  #take(device, m) {
    const known = this.posted.has(m.mid);
    this.posted.set(m.mid, device);
    if (!known) {
      this.mesh.out.set(m.mid, m);
      for (const lock of m.watch || []) this.posted.set(lock, device);
      for (const gateway of this.mesh.gateways) gateway.arrive(m);
      this.tell(device, "state", { mid: m.mid, state: "on_mesh" });
    }
    return { mid: m.mid, state: known ? "on_mesh" : "queued" };
  }

  // only: the device that asks.
  arrive(m, only = null) {
    const mid = unb64(m.mid);
    if (this.mesh.lose(m)) return;
    for (const [device, boxes] of this.boxes) {
      const had = this.news.some((n) => n.device === device && n.event === "letter" && n.data.mid === m.mid);
      const theirs = !had && (!only || device === only) && this.posted.get(m.mid) !== device && boxes.some((box) => equal(H("hint", box, mid).slice(0, 4), unb64(m.hint)));
      if (theirs) {
        this.arrived.add(m.mid);
        const head = b64(Uint8Array.of(m.b0, m.b1, ...mid));
        this.tell(device, "letter", { mid: m.mid, head, shape: m.shape, bundle: m.bundle, relays: 2, arrived_ms: Date.now() });
      }
    }
  }

  #receipt(token) {
    const mid = b64(H("mid", token).slice(0, 12));
    for (const gateway of this.mesh.gateways) {
      const device = gateway.posted.get(mid);
      if (device) gateway.tell(device, "state", { mid, state: "delivered", token: b64(token) });
    }
  }

  // A device had to give way: its letters and their numbers are gone, its streams end.
  giveWay(device) {
    this.boxes.delete(device);
    this.sinces.delete(device);
    this.since += 1;
    this.seq = 0;
    this.news = this.news.filter((row) => row.device !== device);
    this.listeners.forEach((listener) => listener.source.device === device && listener.source.onerror());
  }

  tell(device, event, data) {
    const row = { seq: ++this.seq, device, event, data: { seq: this.seq, ...data } };
    this.news.push(row);
    this.listeners.forEach((listener) => listener(row));
  }

  // A class that stands for EventSource.
  get Source() {
    const gateway = this;
    return class {
      constructor(path) {
        this.after = Number(/after=(\d+)/.exec(path)[1]);
        this.device = decodeURIComponent(/key=([^&]*)/.exec(path)[1]).split(".")[0];
        this.takers = {};
        this.onerror = null;
        this.hear = (row) => {
          const taker = this.takers[row.event];
          if (row.device === this.device && row.seq > this.after && taker) {
            taker({ lastEventId: String(row.seq), data: JSON.stringify(row.data) });
          }
        };
        this.hear.source = this;
        queueMicrotask(() => {
          if (this.onopen) this.onopen();
          gateway.news.forEach(this.hear);
          gateway.listeners.add(this.hear);
        });
      }
      addEventListener(event, taker) { this.takers[event] = taker; }
      close() { gateway.listeners.delete(this.hear); }
    };
  }
}
