// The board on the phone: what it believes of its gateway, and that nothing that is told gets lost.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { needed } from "./mesh.mjs";
import { b64, cardOf, hex, newIdentity, random, unb64, unhex } from "../../gateway/web/src/core.js";
import { Board } from "../../gateway/web/src/board.js";
import { compress, decompress } from "../../gateway/web/src/compress.js";
import { Away, Refused } from "../../gateway/web/src/errors.js";
import { decodeNotice, noticeId, signNotice } from "../../gateway/web/src/board_notices.js";
import { Store } from "../../gateway/web/src/store.js";

const { IDBFactory } = needed("fake-indexeddb");
const { certificate } = JSON.parse(readFileSync(new URL("../vectors/notices.json", import.meta.url)));
const SINCE_MS = certificate.since_s * 1000;

// A gateway's board, in memory.
class FakeBoard {
  constructor(name = "g") {
    Object.assign(this, { name, seq: 0, rows: [], taken: [], asked: [], refuse: null, organisers: [], operator: "" });
  }

  get info() { return { network: "n", name: this.name, run: "1", board: this.seq }; }

  put(row) { this.rows = [...this.rows.filter((r) => r.mid !== row.mid), { ...row, seq: ++this.seq }]; }

  hear(parcel, more = {}) {
    this.put({ mid: b64(parcel.slice(2, 14)), state: "live", type: parcel[14] & 15, name: "?", age_s: 60, relays: 1, way: 0, parcel: b64(parcel), ...more });
  }

  ask = async (method, path, value) => {
    this.asked.push(`${method} ${path.split("?")[0]}`);
    const error = this.refuse && this.refuse(path, value);
    if (error) throw error;
    if (path === "/api/notices") {
      value.notices.map(unb64).forEach((parcel) => { this.taken.push(hex(parcel)); this.hear(parcel, { way: 1 }); });
      return { states: ["live"] };
    }
    if (path === "/api/notices/cancel") {
      value.tokens.map(unb64).forEach((token) => this.put({ mid: b64(noticeId(token)), state: "cancelled", token: b64(token) }));
      return { cancelled: 1 };
    }
    const after = Number(/after=(\d+)/.exec(path)[1]);
    const sos = /sos=1/.test(path);
    const rows = this.rows.filter((r) => r.seq > after && (!sos || r.type === 1 || r.state !== "live"));
    return { seq: this.seq, more: rows.length > 3, operator: this.operator, organisers: this.organisers, notices: rows.slice(0, 3) };
  };
}

async function phoneAt(fake, { idb = new IDBFactory(), me = newIdentity("Ana"), now = () => SINCE_MS } = {}) {
  const listeners = new Set();
  const phone = {
    idb, me, store: await Store.open(idb), gateway: { ask: fake.ask, aheadMs: 0 }, info: fake.info, drawn: 0,
    sealing: async () => ({ compress, decompress }),
    onChange: (f) => { listeners.add(f); return () => listeners.delete(f); },
    changed: () => { phone.drawn += 1; listeners.forEach((f) => f()); },
  };
  phone.board = new Board(phone, { now });
  await phone.board.start();
  phone.hello = async (at = fake) => {
    phone.info = at.info;
    phone.gateway.ask = at.ask;
    await settled(phone);
  };
  return phone;
}

// Everything that was begun is done.
async function settled(phone) {
  await phone.board.look();
  while (phone.board.busy) await new Promise((go) => { setTimeout(go, 1); });
}

function parcelOf(who, more = {}, token = random(16)) {
  const notice = { type: "sos", unixS: 1_800_000_000, device: cardOf(who).device, name: who.name, text: "", need: "fire", place: null, battery: null, ...more };
  return signNotice(who.signing, notice, token, compress);
}

test("a call for help is an alarm until somebody looks, also after the page was closed", async () => {
  const fake = new FakeBoard();
  const bo = newIdentity("Bo");
  fake.hear(parcelOf(bo));
  fake.hear(parcelOf(bo, { type: "safe", need: "" }));
  const ana = await phoneAt(fake);
  assert.deepEqual(ana.board.alarms().map((h) => h.notice.name), ["Bo"]);
  assert.equal(ana.board.all().length, 1, "the rest is fetched when somebody looks");
  await ana.board.open();
  assert.deepEqual(ana.board.all().map((h) => h.notice.type), ["sos", "safe"]);
  await ana.board.seen();
  assert.equal(ana.board.alarms().length, 0);
  const again = await phoneAt(fake, ana);
  assert.equal(again.board.all().length, 1);
  assert.equal(again.board.alarms().length, 0);
  fake.hear(parcelOf(bo));
  await again.hello();
  assert.equal(again.board.alarms().length, 1);
});

test("what the gateway forges, alters or says to be cancelled without the token is not believed", async () => {
  const fake = new FakeBoard();
  const bo = newIdentity("Bo");
  const token = random(16);
  const mine = parcelOf(bo, {}, token);
  const forged = parcelOf(bo);
  forged[forged.length - 1] ^= 1;
  fake.hear(mine);
  fake.hear(forged);
  fake.hear(parcelOf(bo), { mid: b64(random(12)) });
  fake.hear(parcelOf(bo), { parcel: "!!" });
  fake.put({ mid: b64(random(12)), state: "cancelled", token: 7 });
  const ana = await phoneAt(fake);
  await ana.board.open();
  assert.deepEqual(ana.board.all().map((h) => h.id), [hex(noticeId(token))]);
  assert.ok(ana.board.damaged >= 4);
  for (const bad of [undefined, b64(random(16)), b64(random(12))]) {
    fake.put({ mid: b64(noticeId(token)), state: "cancelled", token: bad });
    await ana.hello();
    assert.equal(ana.board.all()[0].state, "live", `${bad}`);
  }
  fake.put({ mid: b64(noticeId(token)), state: "cancelled", token: b64(token) });
  await ana.hello();
  assert.equal(ana.board.all()[0].state, "cancelled");
  fake.hear(mine);
  await ana.hello();
  assert.equal(ana.board.all()[0].state, "cancelled", "it does not come back");
});

test("only what is drawn has its signature checked, and what is false is not shown", async () => {
  const fake = new FakeBoard();
  const forged = parcelOf(newIdentity("Bo"), { type: "safe", need: "" });
  forged[20] ^= 1; // the device's key
  fake.hear(forged);
  const ana = await phoneAt(fake);
  await ana.board.open();
  const [heard] = ana.board.all();
  assert.equal(heard.signed, undefined);
  assert.equal(ana.board.isTrue(heard), false);
});

test("what is told is kept before it leaves, and leaves when the gateway is there", async () => {
  const fake = new FakeBoard();
  fake.refuse = () => new Away("gone");
  const ana = await phoneAt(fake);
  const id = await ana.board.tell({ type: "sos", need: "trapped", text: " in the cellar ", battery: 5 });
  await settled(ana);
  assert.deepEqual(ana.board.own().map((o) => [o.id, o.state]), [[id, "waiting"]]);
  assert.equal(fake.taken.length, 0);
  fake.refuse = null;
  const woken = await phoneAt(fake, ana); // the page was closed meanwhile
  await settled(woken);
  assert.equal(fake.taken.length, 1);
  const said = decodeNotice(unhex(fake.taken[0]), decompress);
  assert.deepEqual([said.type, said.need, said.text, said.battery, said.name], ["sos", "trapped", "in the cellar", 5, "Ana"]);
  const [own] = woken.board.own();
  assert.deepEqual([own.state, own.way, own.notice.text], ["posted", 1, "in the cellar"]);
  assert.equal(woken.board.alarms().length, 0, "one's own is no alarm");
  await woken.hello();
  assert.equal(fake.taken.length, 1, "once");
  const other = new FakeBoard("other");
  await woken.hello(other); // the phone has moved: whether the first one still lives, who knows
  assert.deepEqual(other.taken, fake.taken);
});

test("taking back waits for a gateway too, and is done at the next one again", async () => {
  const fake = new FakeBoard();
  const ana = await phoneAt(fake);
  const id = await ana.board.tell({ type: "safe" });
  await settled(ana);
  fake.refuse = () => new Away("gone");
  await ana.board.cancel(id);
  await settled(ana);
  assert.deepEqual(ana.board.own().map((o) => o.state), ["ending"]);
  fake.refuse = null;
  const woken = await phoneAt(fake, ana);
  await settled(woken);
  assert.deepEqual(woken.board.own(), []);
  assert.equal(fake.rows.find((r) => r.mid === b64(unhex(id))).state, "cancelled");
  const other = new FakeBoard("other");
  await woken.hello(other);
  assert.deepEqual(other.rows.map((r) => r.state), ["cancelled"]);
});

test("what was never handed in can be taken back as well, and what is refused says why", async () => {
  const fake = new FakeBoard();
  fake.refuse = (path) => path === "/api/notices" && new Refused("http-400", "No.");
  const ana = await phoneAt(fake);
  const id = await ana.board.tell({ type: "safe" });
  await settled(ana);
  const [own] = ana.board.own();
  assert.deepEqual([own.state, own.why], ["refused", "No."]);
  await ana.board.cancel(id);
  await settled(ana);
  assert.deepEqual(ana.board.own(), []);
});

test("two of one second have two times, and after three days ours are let go", async () => {
  const fake = new FakeBoard();
  let nowMs = SINCE_MS;
  const ana = await phoneAt(fake, { now: () => nowMs });
  for (const text of ["a", "b"]) await ana.board.tell({ type: "safe", text });
  await settled(ana);
  const times = fake.taken.map((parcel) => decodeNotice(unhex(parcel), decompress).unixS);
  assert.ok(times[1] > times[0]);
  nowMs += 4 * 86_400_000;
  await ana.hello(new FakeBoard("later"));
  assert.deepEqual(ana.board.own(), []);
});

test("ours that gave way or ended at the gateway are not shown as if they were there", async () => {
  const fake = new FakeBoard();
  let nowMs = SINCE_MS;
  const ana = await phoneAt(fake, { now: () => nowMs });
  await ana.board.open();
  const [first, second] = [await ana.board.tell({ type: "safe" }), await ana.board.tell({ type: "sos", need: "fire" })];
  await settled(ana);
  await ana.hello();
  fake.put({ mid: b64(unhex(first)), state: "gone" });
  await ana.hello();
  assert.deepEqual(ana.board.own().map((o) => o.id), [second]);
  assert.deepEqual(ana.board.all().map((h) => h.id), [second]);
  nowMs += 2 * 86_400_000;
  await settled(ana);
  assert.deepEqual(ana.board.own(), [], "a call lives for two days");
});

test("an announcement has an organiser if the operator's certificate says so", async () => {
  const fake = new FakeBoard();
  const ana = await phoneAt(fake);
  fake.organisers = [b64(unhex(certificate.raw))];
  fake.operator = b64(unhex(certificate.operator));
  await ana.board.open();
  await ana.hello();
  assert.equal(ana.board.organiser(unhex(certificate.device)).name, certificate.name);
  assert.equal(ana.board.organiser(cardOf(ana.me).device), null);
  const later = await phoneAt(fake, { now: () => (certificate.until_s + 1) * 1000 });
  await later.board.open();
  assert.equal(later.board.organiser(unhex(certificate.device)), null);
  const impostor = new FakeBoard("impostor");
  Object.assign(impostor, { organisers: fake.organisers, operator: b64(random(32)) });
  await ana.hello(impostor);
  assert.equal(ana.board.organiser(unhex(certificate.device)), null);
});

test("a gateway that knows no board is left alone", async () => {
  const fake = new FakeBoard();
  const ana = await phoneAt(fake);
  const before = fake.asked.length;
  ana.info = { ...fake.info, board: undefined, run: "2" };
  await settled(ana);
  assert.equal(fake.asked.length, before);
});

test("a call for help that one gateway refuses goes to the next", async () => {
  const [a, b] = [new FakeBoard("a"), new FakeBoard("b")];
  a.refuse = (path) => path === "/api/notices" && new Refused("http-400", "No.");
  const phone = await phoneAt(a);
  await phone.board.tell({ type: "sos", need: "fire" });
  await settled(phone);
  assert.equal(phone.board.own()[0].state, "refused");
  await phone.hello(b);
  assert.equal(b.taken.length, 1, "SOS never left the phone again");
  assert.equal(phone.board.own()[0].state, "posted");
});
