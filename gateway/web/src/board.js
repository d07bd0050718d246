// The board on the phone: what the gateway tells of it, checked here; what we tell, kept here until
// a gateway has it; and which calls for help are new.

import { b64, equal, hex, random, unb64 } from "./bytes.js";
import { Refused } from "./errors.js";
import { cardOf } from "./identity.js";
import { bytesLeft, cleanText, decodeNotice, holds, isSigned, isTokenOf, noticeId, organiserOf, signNotice } from "./board_notices.js";

const KEPT = "board"; // in the store: {own: [...], seen: [mids in hex]}
const DAY_MS = 86_400_000;
const AGAIN_MS = 10_000; // after the gateway did not answer
const SEEN_MAX = 500;
const NOTHING = { own: [], seen: [] };

export class Board {
  // phone: its store, me, gateway, info, changed(), and sealing(), which resolves to what packs.
  constructor(phone, { now = Date.now } = {}) {
    Object.assign(this, { phone, now });
    this.notices = new Map(); // mid in hex -> {id, state, notice, parcel, sinceMs, relays, way}
    this.organisers = []; // {device, name, startS, endS}, certified by the operator
    this.damaged = 0; // told by the gateway, and not signed by whom they name
    this.kept = NOTHING;
    this.whole = false; // all of the board, or only calls for help?
    this.at = null; // which gateway this is of,
    this.after = 0; // and up to which of its changes
    this.pack = null;
    this.notBeforeMs = 0;
  }

  // From now on: follow the board, hand in what waits. Ends never; there is one for a page.
  async start() {
    this.kept = (await this.phone.store.value(KEPT)) || NOTHING;
    this.phone.onChange(() => this.look());
    await this.look();
    return this;
  }

  // All of it is wanted, since somebody looks.
  async open() {
    if (this.whole) return;
    this.whole = true;
    await this.look();
  }

  // One look at a time; what is asked meanwhile is done by the next.
  async look() {
    if (this.busy) {
      this.more = true;
      return;
    }
    this.busy = true;
    do {
      this.more = false;
      await this.#look();
    } while (this.more);
    this.busy = false;
  }

  async #look() {
    const { info } = this.phone;
    if (!info || info.board === undefined || this.now() < this.notBeforeMs) return;
    const gateway = `${info.network}/${info.name}/${info.run}`;
    const at = `${gateway}/${this.whole}`;
    try {
      if (await this.#handIn(gateway)) this.phone.changed();
      if (this.at === at && info.board === this.seq) return;
      await this.#fetch(at, info.board, this.whole);
      this.phone.changed();
    } catch (error) {
      if (!error.code && error.name !== "Away") console.error(error);
      this.notBeforeMs = this.now() + AGAIN_MS;
    }
  }

  // --- what the gateway tells

  async #fetch(at, seq, whole) {
    const { decompress } = await this.#packing();
    let after = this.at === at ? this.after : 0;
    const over = [];
    if (!after) {
      this.notices.clear();
      this.organisers = [];
    }
    for (let more = true; more;) {
      const told = await this.phone.gateway.ask("GET", `/api/board?after=${after}${whole ? "" : "&sos=1"}`);
      if (!told || !Array.isArray(told.notices)) throw new Refused("strange-answer", "the gateway sent no board");
      const operator = told.operator ? unb64(told.operator) : null;
      const certified = (operator ? told.organisers || [] : []).map((raw) => organiserOf(unb64(raw), operator));
      this.organisers.push(...certified.filter(Boolean));
      for (const row of told.notices) {
        try {
          if (!this.#take(row, decompress)) over.push(hex(unb64(row.mid)));
        } catch (error) {
          if (!error.code) throw error;
          if (error.code !== "newer") this.damaged += 1;
        }
        after = Math.max(after, row.seq);
      }
      more = Boolean(told.more) && told.notices.length > 0;
    }
    await this.#letGo(over);
    Object.assign(this, { at, after, seq });
  }

  // Believed is what is signed; and that it was cancelled, if the token says so. -> false: it is over.
  #take(row, decompress) {
    const mid = unb64(row.mid);
    const id = hex(mid);
    const known = this.notices.get(id);
    if (row.state === "cancelled") {
      if (!row.token || !isTokenOf(unb64(row.token), mid)) throw new Refused("damaged", "a false token");
      if (known) known.state = "cancelled";
      return true;
    }
    if (row.state !== "live") {
      this.notices.delete(id);
      return false;
    }
    if (known && known.state === "cancelled") return true;
    const parcel = unb64(row.parcel);
    if (!equal(parcel.slice(2, 14), mid)) throw new Refused("damaged", "another notice");
    const notice = decodeNotice(parcel, decompress);
    const heard = { id, state: "live", notice, parcel, sinceMs: this.now() - row.age_s * 1000, relays: row.relays, way: row.way };
    if (notice.type === "sos" && !this.isTrue(heard)) throw new Refused("false-signature");
    this.notices.set(id, heard);
    return true;
  }

  // Has its author signed it? Asked when it is drawn: a full board takes an old phone seconds.
  isTrue(heard) {
    if (heard.signed === undefined) heard.signed = isSigned(heard.parcel);
    return heard.signed;
  }

  // The organiser whose announcement this is, certified by the operator; null for anybody's note.
  organiser(device) {
    const nowS = this.now() / 1000;
    return this.organisers.find((one) => equal(one.device, device) && holds(one, nowS)) || null;
  }

  // Calls for help first, then the newest; those that were cancelled last.
  all() {
    const rank = ({ state, notice }) => (state !== "live" ? 3 : notice.type === "sos" ? 0
      : notice.type === "announcement" && this.organiser(notice.device) ? 1 : 2);
    return Array.from(this.notices.values())
      .map((heard) => [rank(heard), heard])
      .sort(([a, one], [b, other]) => a - b || other.sinceMs - one.sinceMs)
      .map(([, heard]) => heard);
  }

  // --- calls for help that nobody has looked at here

  alarms() {
    const mine = cardOf(this.phone.me).device;
    return Array.from(this.notices.values()).filter(({ id, state, notice }) => state === "live" && notice.type === "sos"
      && !this.kept.seen.includes(id) && !equal(notice.device, mine));
  }

  async seen() {
    const fresh = this.alarms().map((heard) => heard.id);
    if (!fresh.length) return;
    await this.#keep((kept) => ({ ...kept, seen: [...kept.seen, ...fresh].slice(-SEEN_MAX) }));
    this.phone.changed();
  }

  // --- what we tell

  // How many bytes are left for what is typed; null until packing is loaded. what: {type, text,
  // need, place, battery}.
  left(what) {
    return this.pack && bytesLeft(this.#notice(what), this.pack.compress);
  }

  #notice({ type, text = "", need = "", place = null, battery = null }) {
    const ahead = this.phone.gateway.aheadMs || 0;
    const last = Math.max(0, ...this.kept.own.map((own) => own.unixS));
    const unixS = Math.max(Math.floor((this.now() + ahead) / 1000), last + 1);
    const { device, name } = cardOf(this.phone.me);
    return { type, unixS, device, name, text: cleanText(text), need, place, battery };
  }

  // Sign and keep a notice; it goes to the gateway as soon as that is there.
  async tell(what) {
    const { compress } = await this.#packing();
    const notice = this.#notice(what);
    const token = random(16);
    const parcel = signNotice(this.phone.me.signing, notice, token, compress);
    const own = { id: hex(noticeId(token)), token, parcel, unixS: notice.unixS, atMs: this.now(), state: "waiting", at: "" };
    await this.#keep((kept) => ({ ...kept, own: [...kept.own, own] }));
    this.#nudge();
    return own.id;
  }

  // Take a notice of ours back, everywhere.
  async cancel(id) {
    await this.#change(id, { state: "ending", at: "" });
    const shown = this.notices.get(id);
    if (shown) shown.state = "cancelled";
    this.#nudge();
  }

  #nudge() {
    this.notBeforeMs = 0;
    this.phone.changed();
    this.look();
  }

  // Ours: {id, state, why, way, notice}; newest first. state: waiting, posted, ending or refused;
  // notice: null until packing is loaded.
  own() {
    return this.kept.own.filter((own) => own.state !== "ended").reverse().map(({ id, state, why, parcel }) => {
      const heard = this.notices.get(id);
      const notice = this.pack && decodeNotice(parcel, this.pack.decompress);
      return { id, state, why, notice, way: heard ? heard.way : 0 };
    });
  }

  // Hand in what this gateway does not have; a phone that moved hands in again. -> was there any?
  async #handIn(at) {
    const old = this.kept.own.filter((own) => this.now() - own.atMs >= lifeMs(own)).map((own) => own.id);
    await this.#letGo(old);
    const due = this.kept.own.filter((own) => own.at !== at);
    for (const own of due) {
      const ends = own.state === "ending" || own.state === "ended";
      try {
        if (ends) await this.phone.gateway.ask("POST", "/api/notices/cancel", { tokens: [b64(own.token)] });
        else await this.phone.gateway.ask("POST", "/api/notices", { notices: [b64(own.parcel)] });
        await this.#change(own.id, { state: ends ? "ended" : "posted", at, why: "" }, own.state);
      } catch (error) {
        if (!(error instanceof Refused) || error.code === "http-401") throw error;
        await this.#change(own.id, { state: "refused", at, why: error.message }, own.state);
      }
    }
    return old.length + due.length > 0;
  }

  // Ours that are over.
  async #letGo(ids) {
    const over = this.kept.own.some((own) => ids.includes(own.id));
    if (over) await this.#keep((kept) => ({ ...kept, own: kept.own.filter((own) => !ids.includes(own.id)) }));
  }

  // wanted: only while its state is this one; it may have been cancelled meanwhile.
  #change(id, more, wanted = null) {
    return this.#keep((kept) => ({
      ...kept,
      own: kept.own.map((own) => (own.id === id && (!wanted || own.state === wanted) ? { ...own, ...more } : own)),
    }));
  }

  async #keep(change) {
    this.kept = await this.phone.store.write(["kv"], async (tx) => {
      const kept = change((await tx.value(KEPT)) || NOTHING); // another tab may have been faster
      await tx.keep(KEPT, kept);
      return kept;
    });
  }

  async #packing() {
    this.pack = this.pack || (await this.phone.sealing());
    return this.pack;
  }
}

// How long a notice of ours can be on the board.
const lifeMs = ({ parcel }) => (((parcel[0] >> 1) & 3) === 3 ? 2 : 3) * DAY_MS;
