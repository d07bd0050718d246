// The talk with the gateway: say who we are, hand in what waits, listen; and again whenever it
// breaks, ever more rarely, but at once when there is reason to believe it is back.

import { hex, unhex } from "./bytes.js";
import { Away, Refused } from "./errors.js";
import { lockOf } from "./hashing.js";

const LOOK_MS = 10_000; // a stream whose Wi-Fi is gone looks alive, so we ask
const AGAIN_MS = [1000, 30_000];
const LASTED_MS = 30_000; // a session that did is reason to come back soon
const POST_MAX = 16; // messages of one request,
const POST_BYTES = 100_000; // and bytes
const RECEIPTS_MAX = 64;

export class Link {
  // told(): something changed that is shown. filed(outcome): a letter was taken in.
  // counted(note): pieces of a long message have got through.
  constructor(gateway, mail, { told, filed = () => {}, counted = () => {} }) {
    Object.assign(this, { gateway, mail, told, filed, counted });
    this.info = null; // what the gateway said last; null while it is out of reach
    this.why = ""; // "" | "away" | the code of a refusal
    this.stopped = false;
    this.wakeUp = null;
    this.waitMs = AGAIN_MS[0];
    this.postFrom = 0; // not before: the gateway had no room
    this.postWaitMs = AGAIN_MS[0];
    this.unknown = new Set(); // what the tokens open that this gateway does not take for now
    this.close = () => {};
    this.letters = Promise.resolve(); // one after the other
  }

  start() {
    this.running = this.#run();
    return this;
  }

  // There is something to do, or reason to try at once.
  kick() {
    this.kicked = true;
    if (this.wakeUp) this.wakeUp();
  }

  // The person looks at the page again, or the phone has a network again.
  look() {
    this.looking = true;
    this.kick();
  }

  // Our keys have changed.
  register() {
    this.boxes = null;
    this.kick();
  }

  stop() {
    this.stopped = true;
    this.kick();
    return this.running;
  }

  async #run() {
    while (!this.stopped) {
      const began = Date.now();
      try {
        await this.#session();
      } catch (error) {
        if (!(error instanceof Away) && !(error instanceof Refused)) console.error(error);
        this.why = error instanceof Refused && error.code !== "not-loaded" ? error.code
          : error.name === "QuotaExceededError" ? "storage-full" : "away";
      }
      this.close();
      this.close = () => {};
      this.info = null;
      this.told();
      if (this.stopped) break;
      // a gateway that answers and then fails is no better than one that is away
      if (Date.now() - began >= LASTED_MS) this.waitMs = AGAIN_MS[0];
      await this.#pause(this.waitMs * (0.5 + Math.random() / 2)); // not all phones at once
      this.waitMs = Math.min(this.waitMs * 2, AGAIN_MS[1]);
    }
  }

  async #session() {
    await this.#hello();
    this.boxes = null;
    await this.#register();
    await this.mail.arrived(this.info.way);
    await this.mail.look();
    const { network, name, run } = this.info;
    // A gateway that was set up anew counts from 1 again, and so it does for a phone that had to give
    // way and registers once more: the numbers belong to this run of it, and to this registration.
    this.at = [network, name, run, this.since].join("/");
    this.unknown.clear();
    this.postFrom = 0;
    this.why = "";
    this.told();
    await this.#flush();
    let broken = null;
    const at = this.at;
    const after = await this.mail.cursor(at);
    const file = (task) => {
      this.letters = this.letters.then(() => (broken ? undefined : task())).catch((error) => {
        broken = error; // not kept: what came behind it waits until the stream begins again
        this.kick();
      });
    };
    this.close = this.gateway.events(after, {
      onLetter: (letter) => file(async () => {
        const outcome = await this.mail.heardLetter(letter, at);
        this.filed(outcome);
        this.kick(); // a receipt is due
      }),
      onState: (state) => file(async () => {
        if (await this.mail.heardState(state, at)) this.told();
        this.kick(); // what all readers have is let go of
      }),
      onPieces: this.counted,
      onOpen: () => {},
      onNotice: () => this.look(), // hello tells the board's number
      onGone: (error) => {
        broken = broken || error;
        this.kick();
      },
    });
    let looked = Date.now();
    while (!this.stopped && !broken) {
      await this.#pause(this.postFrom ? Math.min(LOOK_MS, this.postWaitMs) : LOOK_MS);
      if (this.stopped || broken) break;
      if (Date.now() - looked >= LOOK_MS || this.looking) {
        await this.#hello();
        if (this.info.run !== run) return; // it began anew: so do we
        looked = Date.now();
        this.looking = false;
        this.told();
      }
      await this.#flush();
    }
    await this.letters;
    if (broken) throw broken;
  }

  async #hello() {
    this.info = await this.gateway.hello();
  }

  // Say which letters are ours, when that has changed.
  async #register() {
    const groups = await this.mail.boxes();
    const now = groups.map(hex).join();
    if (now === this.boxes) return;
    this.boxes = now; // before it is answered: our keys may change meanwhile
    const { since = "" } = await this.gateway.register(groups);
    this.since = since;
  }

  // Hand in what waits, and the receipts of what was kept.
  async #flush() {
    await this.#register();
    if (Date.now() >= this.postFrom) await this.#postAll();
    for (;;) {
      const due = (await this.mail.receipts()).filter((row) => !this.unknown.has(lockOf(row.token)));
      const rows = due.slice(0, RECEIPTS_MAX);
      if (!rows.length) return;
      const of = (some) => rows.filter(some);
      const unknown = await this.gateway.receipts(
        of((row) => !row.ack && !row.recall).map((row) => row.token),
        of((row) => row.ack).map((row) => ({ mid: unhex(row.mid), token: row.token })),
        of((row) => row.recall).map((row) => row.token));
      unknown.forEach((lock) => this.unknown.add(lock));
      await this.mail.receiptsTaken(rows, unknown);
    }
  }

  // A gateway that takes no more for now still has letters for us, so the session goes on; if it is
  // gone, what comes next says so. Where one message finds no room, a smaller one may.
  async #postAll() {
    let away = null;
    const post = async (rows) => {
      try {
        await this.#post(rows);
      } catch (error) {
        if (!(error instanceof Away)) throw error;
        away = error;
        if (error.code === "no-room" && rows.length > 1) for (const row of rows) await post([row]);
      }
    };
    for (const rows of batches(await this.mail.toPost(this.at))) {
      if (away && away.code !== "no-room") break;
      await post(rows);
    }
    this.postFrom = away ? Date.now() + this.postWaitMs * (0.5 + Math.random() / 2) : 0;
    this.postWaitMs = away ? Math.min(this.postWaitMs * 2, AGAIN_MS[1]) : AGAIN_MS[0];
  }

  async #post(rows) {
    try {
      const answers = await this.gateway.post(rows.map((row) => row.sealed));
      await this.mail.posted(this.at, rows, answers);
    } catch (error) {
      if (!(error instanceof Refused) || error.code === "http-401") throw error;
      if (rows.length === 1) await this.mail.refused(rows[0]);
      else for (const row of rows) await this.#post([row]); // one of them: which?
    }
    this.told();
  }

  #pause(ms) {
    if (this.kicked) {
      this.kicked = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wakeUp && this.wakeUp(), ms);
      this.wakeUp = () => {
        this.wakeUp = null;
        this.kicked = false;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function batches(rows) {
  const out = [];
  let size = Infinity;
  for (const row of rows) {
    size += row.sealed.bundle.length;
    if (size > POST_BYTES || out[out.length - 1].length === POST_MAX) {
      out.push([]);
      size = row.sealed.bundle.length;
    }
    out[out.length - 1].push(row);
  }
  return out;
}
