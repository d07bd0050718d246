// What a phone asks of its gateway: signed, by the gateway's clock, and what comes back when it is
// away, refuses, or is something else.

import "./no_subtle.mjs";
import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import {
  Away, Gateway, Refused, b64, cardOf, deviceId, hex, newIdentity, random, seal, unb64, utf8,
} from "../../gateway/web/src/core.js";

const me = newIdentity("Ana");
const AHEAD_MS = -86_400_000; // the gateway's clock is a day behind ours

// A gateway that answers what it is given: path -> [status, value], and keeps what was asked.
function standIn(answers) {
  const asked = [];
  const fetch = async (url, request) => {
    asked.push({ url, ...request });
    const path = url.split("?")[0];
    const told = { now_ms: Date.now() + AHEAD_MS, way: "", name: "mill", id: "02aa" };
    const [status, value] = answers[path] || (path === "/api/gateway" ? [200, told] : [404, {}]);
    const answer = typeof status === "function" ? status() : [status, value];
    return new Response(typeof answer[1] === "string" ? answer[1] : JSON.stringify(answer[1]),
      { status: answer[0] });
  };
  return { gateway: new Gateway(me, fetch), asked };
}

function assertSigned(key, method, path, body, id = "02aa") {
  const [device, ms, signature] = key.split(".");
  assert.equal(device, deviceId(cardOf(me)));
  assert.ok(Math.abs(Number(ms) - (Date.now() + AHEAD_MS)) < 5000, "by the gateway's clock");
  const digest = createHash("sha256").update(body).digest("hex");
  const about = utf8(`helio1/request\0${id}\n${method} ${path}\n${ms}\n${digest}`);
  const jwk = { kty: "OKP", crv: "Ed25519", x: b64(cardOf(me).device) };
  assert.ok(verify(null, about, createPublicKey({ key: jwk, format: "jwk" }), unb64(signature)));
}

test("the first request is not signed, all others are", async () => {
  const { gateway, asked } = standIn({ "/api/device": [200, { id: "x", uuid: "y" }] });
  await gateway.register();
  assert.deepEqual(asked.map((a) => a.url), ["/api/gateway", "/api/device"]);
  assert.equal(asked[0].headers["X-Helio"], undefined);
  assertSigned(asked[1].headers["X-Helio"], "PUT", "/api/device", asked[1].body);
  const { device, boxes } = JSON.parse(new TextDecoder().decode(asked[1].body));
  assert.equal(device, b64(cardOf(me).device));
  assert.equal(boxes.length, 2);
});

test("what is posted has all the gateway needs, and not the token", async () => {
  const body = random(500);
  const sealed = await seal(me, cardOf(newIdentity("Bo")), body, { unixS: 1, lifetime: 8 });
  const { gateway, asked } = standIn({
    "/api/post": [201, { messages: [{ mid: b64(sealed.mid), state: "queued" }] }],
  });
  const [told] = await gateway.post([sealed]);
  assert.equal(hex(told.mid), hex(sealed.mid));
  const text = new TextDecoder().decode(asked[1].body);
  const [posted] = JSON.parse(text).messages;
  assert.deepEqual(Object.keys(posted).sort(),
    ["b0", "b1", "bundle", "hint", "mid", "shape", "tag_key", "way"]);
  assert.equal(hex(unb64(posted.bundle)), hex(sealed.bundle));
  assert.ok(!text.includes(b64(sealed.token)));
});

test("letters and states come as bytes, and the query is signed too", async () => {
  const mid = random(12);
  const row = { seq: 5, mid: b64(mid), head: b64(random(14)), shape: null, bundle: b64(random(218)) };
  const { gateway, asked } = standIn({
    "/api/letters": [200, [row]],
    "/api/states": [200, [{ seq: 6, mid: b64(mid), state: "delivered", token: b64(random(16)) }]],
  });
  const [letter] = await gateway.letters(4, 10);
  assert.equal(letter.head.length, 14);
  assert.equal(letter.bundle.length, 218);
  assertSigned(asked[1].headers["X-Helio"], "GET", "/api/letters?after=4&limit=10", "");
  const [state] = await gateway.states(5);
  assert.equal(state.token.length, 16);
  assert.equal(hex(state.mid), hex(mid));
});

test("people come with the bytes that they signed, and our records go out", async () => {
  const record = random(166);
  const person = { id: "ab", name: "Ana", marks: ["conflict"], others: [], records: [b64(record)] };
  const { gateway, asked } = standIn({
    "/api/directory": [() => (asked[asked.length - 1].method === "POST" ? [201, { announced: 1 }] : [200, { people: [person] }])],
  });
  const [found] = await gateway.directory("Ana (é&?)");
  assert.deepEqual([found.id, found.marks, hex(found.records[0])], ["ab", ["conflict"], hex(record)]);
  assertSigned(asked[1].headers["X-Helio"], "GET", "/api/directory?name=Ana%20(%C3%A9%26%3F)", "");
  await gateway.announce([record]);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(asked[2].body)), { records: [b64(record)] });
});

test("a directory that is none is refused", async () => {
  for (const told of [[], {}, { people: {} }, { people: [null] }, { people: [{ records: "x" }] }, { people: [{ records: ["!"] }] }]) {
    const { gateway } = standIn({ "/api/directory": [200, told] });
    await assert.rejects(gateway.directory("Ana"), Refused, JSON.stringify(told));
  }
});

test("away, refused and something else are told apart", async () => {
  const kind = async (answer) => {
    const { gateway } = standIn({ "/api/mesh": answer });
    const error = await gateway.mesh().catch((e) => e);
    return [error.constructor, error.code];
  };
  assert.deepEqual(await kind([400, { error: "no" }]), [Refused, "http-400"]);
  assert.deepEqual(await kind([507, { error: "full", code: "no-room" }]), [Away, "no-room"]);
  assert.deepEqual(await kind([200, "<html>Welcome to the hotel"]), [Away, ""]);
  const portal = standIn({ "/api/gateway": [200, { hello: 1 }] });
  await assert.rejects(portal.gateway.hello(), Away);
  const gone = new Gateway(me, () => Promise.reject(new TypeError("Failed to fetch")));
  await assert.rejects(gone.hello(), Away);
});

test("a gateway whose clock was set is asked again", async () => {
  let calls = 0;
  const { gateway, asked } = standIn({
    "/api/mesh": [() => (calls++ ? [200, { relay: "connected" }] : [401, { error: "clock" }])],
  });
  assert.equal((await gateway.mesh()).relay, "connected");
  assert.deepEqual(asked.map((a) => a.url),
    ["/api/gateway", "/api/mesh", "/api/gateway", "/api/mesh"]);
});

test("another gateway at this address is met anew, and nothing is signed without an id", async () => {
  const told = { now_ms: Date.now() + AHEAD_MS, way: "", name: "mill", id: "02aa" };
  let moved = false;
  const { gateway, asked } = standIn({
    "/api/gateway": [() => [200, moved ? { ...told, id: "02bb" } : told]],
    "/api/mesh": [() => (asked.length === 3 ? [401, { error: "no", code: "false-signature" }] : [200, {}])],
  });
  await gateway.mesh();
  assertSigned(asked[1].headers["X-Helio"], "GET", "/api/mesh", "");
  moved = true;
  await gateway.mesh();
  assert.deepEqual(asked.slice(2).map((a) => a.url), ["/api/mesh", "/api/gateway", "/api/mesh"]);
  assertSigned(asked[4].headers["X-Helio"], "GET", "/api/mesh", "", "02bb");
  for (const id of [undefined, "", "x\n", 7]) {
    const strange = standIn({ "/api/gateway": [200, { ...told, id }] });
    await assert.rejects(strange.gateway.mesh(), Away, String(id));
    assert.equal(strange.asked.length, 1);
  }
});

test("the stream is signed, tells what comes, and comes back after a break", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const settled = () => new Promise((go) => { setImmediate(() => setImmediate(go)); });
  const sources = [];
  class Source {
    constructor(url) {
      this.url = url;
      this.listeners = {};
      this.closed = false;
      sources.push(this);
    }
    addEventListener(kind, tell) { this.listeners[kind] = tell; }
    close() { this.closed = true; }
  }
  const { gateway } = standIn({});
  const heard = [];
  const close = gateway.events(7, {
    onLetter: (l) => heard.push(["letter", l.seq]),
    onState: (s) => heard.push(["state", s.state]),
    onOpen: () => heard.push(["open"]),
    onGone: (e) => heard.push(["gone", e.constructor.name]),
  }, Source);
  await settled();
  const [path, key] = sources[0].url.split("&key=");
  assert.equal(path, "/api/events?after=7");
  assertSigned(key, "GET", path, "");
  const mid = b64(random(12));
  const tell = (kind, id, value) => sources[sources.length - 1].listeners[kind](
    { lastEventId: String(id), data: typeof value === "string" ? value : JSON.stringify(value) });
  sources[0].onopen();
  tell("letter", 8, { seq: 8, mid, head: b64(random(14)), bundle: b64(random(218)), shape: null });
  tell("state", 9, { seq: 9, mid, state: "on_mesh" });
  tell("state", 10, "{");
  sources[0].onerror();
  assert.ok(sources[0].closed);
  t.mock.timers.tick(1000);
  await settled();
  assert.equal(sources.length, 2);
  assert.match(sources[1].url, /^\/api\/events\?after=10&/);
  assert.deepEqual(heard, [["open"], ["letter", 8], ["state", "on_mesh"], ["gone", "Refused"],
    ["gone", "Away"]]);
  close();
  sources[1].onerror();
  t.mock.timers.tick(60_000);
  await settled();
  assert.equal(sources.length, 2, "closed is closed");
});
