// The gateway as a phone sees it: every request but the first is signed by the device.
// Bytes are base64url on the wire and Uint8Array here.

import { ed25519 } from "@noble/curves/ed25519.js";
import { b64, hex, unb64, utf8 } from "./bytes.js";
import { Away, Refused } from "./errors.js";
import { lockOf, sha256 } from "./hashing.js";
import { cardOf, deviceId, mailboxKeys } from "./identity.js";

const TIMEOUT_MS = 20_000;
const AGAIN_MS = [1000, 30_000]; // a stream that broke is opened again, ever more rarely

export class Gateway {
  // base: where it is, "" for where the page came from, null while that is not known.
  constructor(identity, fetch = window.fetch.bind(window), base = "") {
    this.identity = identity;
    this.fetch = fetch;
    this.base = base;
    this.aheadMs = null; // the gateway's clock before ours; null until it told
    this.seenAs = ""; // our card, while we let others at this gateway see us
    this.id = ""; // the gateway's: what is signed for one is of no use to another
  }

  // What the gateway says of itself; `way` is bytes. Sets the id and the clock that signatures go by.
  async hello() {
    const told = await this.#request("GET", "/api/gateway", null, {});
    if (!Number.isFinite(told.now_ms) || !/^[0-9a-f]{4,64}$/.test(told.id)) throw new Away("something else answers at this address");
    this.aheadMs = told.now_ms - Date.now();
    this.id = told.id;
    return { ...told, way: unb64(told.way) };
  }

  // Tell the gateway which letters are ours -> {id, uuid}. Harmless when repeated.
  // groups: mailbox keys beside our own.
  register(groups = []) {
    const device = b64(cardOf(this.identity).device);
    return this.#signed("PUT", "/api/device", {
      device, boxes: [...mailboxKeys(this.identity), ...groups].map(b64),
      unix_ms: Date.now(), // a gateway may have no clock
      seen_as: this.seenAs,
    });
  }

  // Hand in what seal() gave, 1 to 16 -> [{mid, state}]; durable when it returns.
  async post(messages) {
    const told = await this.#signed("POST", "/api/post", { messages: messages.map(posted) });
    return told.messages.map((m) => ({ ...m, mid: unb64(m.mid) }));
  }

  // Letters with a number above `after`, as open() takes them.
  async letters(after, limit = 100) {
    return (await this.#signed("GET", `/api/letters?after=${after}&limit=${limit}`)).map(letter);
  }

  // Tokens (1 to 64) of letters that were opened and kept; acks: [{mid, token}] of those that others
  // read too; recalls: tokens of what we wrote to several, who all have it. -> what those open
  // (lockOf) that it did not take, because it knows no such letter: to be kept, and tried elsewhere.
  async receipts(tokens, acks = [], recalls = []) {
    const told = {};
    if (tokens.length) told.tokens = tokens.map(b64);
    if (acks.length) told.acks = acks.map(({ mid, token }) => ({ mid: b64(mid), token: b64(token) }));
    if (recalls.length) told.recalls = recalls.map(b64);
    const { taken, unknown } = await this.#signed("POST", "/api/receipts", told);
    if (Array.isArray(unknown)) return unknown.map((mid) => hex(unb64(mid)));
    const all = [...tokens, ...acks.map((a) => a.token), ...recalls];
    return taken >= all.length ? [] : all.map(lockOf); // an older gateway tells only how many
  }

  // How far what we posted is: [{seq, mid, state, token?, relays?}].
  async states(after) {
    return (await this.#signed("GET", `/api/states?after=${after}`)).map(state);
  }

  // The time, by the gateway's clock if it told that.
  nowMs() { return Date.now() + (this.aheadMs || 0); }

  // Who is at this gateway and wants to be seen: {here: [{card: text, ago_s}]}.
  nearby() {
    return this.#signed("GET", "/api/nearby");
  }

  mesh() {
    return this.#signed("GET", "/api/mesh");
  }

  // Any other route, for code that is loaded later.
  ask(method, path, value) { return this.#signed(method, path, value); }

  // Who was heard of under a name (its beginning), or an account's id: [{id, name, marks, others,
  // records: [bytes]}]. Believe what the records' signatures say: directory.js.
  async directory(name) {
    const asked = encodeURIComponent(name).replace(/'/g, "%27"); // as fetch() sends it, for the signature
    const { people } = await this.#signed("GET", `/api/directory?name=${asked}`);
    if (!Array.isArray(people)) throw new Refused("strange-answer", "the gateway sent no directory");
    return people.map(somebody);
  }

  // Announce records, 1 to 16, from now on -> {announced}.
  announce(records) {
    return this.#signed("POST", "/api/directory", { records: records.map(b64) });
  }

  // The live stream of letters and states above `after`, and of pieces under way; the function returned ends it. A break is
  // told by onGone(error), the stream comes back by itself and then says onOpen().
  events(after, { onLetter, onState, onPieces, onOpen, onGone, onNotice = () => {} }, Source = globalThis.EventSource) {
    let source = null;
    let timer = null;
    let closed = false;
    let waitMs = AGAIN_MS[0];
    const heard = (take, tell) => (event) => {
      after = Math.max(after, Number(event.lastEventId) || 0);
      let news;
      try {
        news = take(JSON.parse(event.data));
      } catch {
        onGone(new Refused("strange-answer", "the gateway sent what is no letter"));
        return;
      }
      tell(news);
    };
    const again = (error) => {
      if (source) source.close();
      source = null;
      if (closed) return;
      onGone(error);
      timer = setTimeout(connect, waitMs * (0.5 + Math.random() / 2));
      waitMs = Math.min(2 * waitMs, AGAIN_MS[1]);
    };
    const connect = async () => {
      try {
        await this.hello(); // also in case the gateway's clock was set meanwhile
      } catch (error) {
        again(error);
        return;
      }
      if (closed) return;
      const path = `/api/events?after=${after}`;
      source = new Source(`${this.base}${path}&key=${this.#key("GET", path, new Uint8Array(0))}`);
      source.addEventListener("notice", () => onNotice()); // something on the board has changed
      source.onopen = () => {
        waitMs = AGAIN_MS[0];
        onOpen();
      };
      // Not left to EventSource, which would come back with an old signature.
      source.onerror = () => again(new Away("the stream broke"));
      source.addEventListener("letter", heard(letter, onLetter));
      source.addEventListener("state", heard(state, onState));
      source.addEventListener("pieces", heard(pieces, onPieces));
    };
    connect();
    return () => {
      closed = true;
      clearTimeout(timer);
      if (source) source.close();
    };
  }

  async #signed(method, path, value) {
    if (this.aheadMs === null) await this.hello();
    try {
      return await this.#once(method, path, value);
    } catch (e) {
      if (e.code !== "http-401") throw e;
      await this.hello(); // its clock may have been set, or this is another gateway
      return this.#once(method, path, value);
    }
  }

  #once(method, path, value) {
    const body = value === undefined ? null : utf8(JSON.stringify(value));
    const headers = { "X-Helio": this.#key(method, path, body || new Uint8Array(0)) };
    if (body) headers["Content-Type"] = "application/json";
    return this.#request(method, path, body, headers);
  }

  // Device, time and signature of a request.
  #key(method, path, body) {
    const ms = Math.round(Date.now() + this.aheadMs);
    const about = `helio1/request\0${this.id}\n${method} ${path}\n${ms}\n${hex(sha256(body))}`;
    const signature = ed25519.sign(utf8(about), this.identity.signing);
    return `${deviceId(cardOf(this.identity))}.${ms}.${b64(signature)}`;
  }

  async #request(method, path, body, headers) {
    if (this.base === null) throw new Away("it is not known where the gateway is");
    const fetch = this.fetch;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
    let response;
    let told;
    try {
      response = await fetch(this.base + path, {
        method, headers, body, signal: stop.signal, cache: "no-store",
      });
      told = await response.json();
    } catch (e) {
      throw new Away(`the gateway does not answer: ${e.message}`);
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return told;
    const why = (told && told.error) || `status ${response.status}`;
    if (response.status >= 500 || response.status === 429) throw new Away(why, told && told.code);
    throw new Refused(`http-${response.status}`, why);
  }
}

function posted(m) {
  return {
    mid: b64(m.mid), b0: m.b0, b1: m.b1, hint: b64(m.hint), bundle: b64(m.bundle),
    shape: m.shape, tag_key: m.tagKey && b64(m.tagKey), way: b64(m.way),
    watch: m.watch && m.watch.length ? m.watch.map(b64) : undefined,
  };
}

function letter(l) {
  return { ...l, mid: unb64(l.mid), head: unb64(l.head), bundle: unb64(l.bundle) };
}

function somebody(person) {
  const { records, marks } = person || {};
  if (!Array.isArray(records)) throw new Refused("strange-answer", "the gateway sent no directory");
  return { ...person, marks: Array.isArray(marks) ? marks : [], records: records.map(unb64) };
}

// How many pieces of a long message are there, of how many: {mid: hex, way: "in" | "out", pieces}.
function pieces({ mid, way, pieces: [done, all] }) {
  if (!(done >= 0 && all > 0)) throw new Refused("strange-answer");
  return { mid: hex(unb64(mid)), way, pieces: [done, all] };
}

function state(s) {
  const told = { ...s, mid: unb64(s.mid) };
  if (s.token) told.token = unb64(s.token);
  return told;
}
