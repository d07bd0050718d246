// Groups of phones over stand-in gateways: made, talked in, changed; and what is refused there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { accept, becomes, group, groups, hears, said, say, standing, three, together } from "./group_scene.mjs";
import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { Refused, b64, concat, hex, newIdentity, random, seal, unb64, unhex } from "../../gateway/web/src/core.js";
import { chainOf, epochKeys, groupId, senderOf } from "../../gateway/web/src/group_keys.js";
import { sealForGroup } from "../../gateway/web/src/group_seal.js";
import { GROUP, keyBody, memberCard, outBody, stateBody, stateRecord } from "../../gateway/web/src/group_state.js";

const HOUR = 3_600_000;

const notices = async (phone) => (await phone.messages()).filter((m) => m.kind === "notice").map((m) => m.notice.what);
const notes = (phone, what) => phone.until(async () => (await notices(phone)).includes(what), what);

async function letterOf(sealed, seq = 0) {
  const head = concat([sealed.b0, sealed.b1], sealed.mid);
  return { seq, mid: sealed.mid, head, shape: sealed.shape, bundle: sealed.bundle, relays: 1 };
}

test("a group is made, joined and talked in; each reader has a state of their own", async () => {
  const { mesh, ana, bo, cy, end } = await together();
  assert.deepEqual((await group(bo)).members.map((m) => m.card.name), ["Ana", "Bo", "Cy"]);
  assert.equal((await group(cy)).name, "Well");
  await say(ana, "Meet at the well");
  await Promise.all([hears(bo, "at the well"), hears(cy, "at the well")]);
  await say(bo, "I am there");
  await Promise.all([hears(ana, "am there"), hears(cy, "am there")]);
  assert.deepEqual(await said(cy), ["Ana: Meet at the well", "Bo: I am there"]);
  await ana.until(async () => (await ana.messages()).filter((m) => m.parts).every(
    (m) => m.parts.every((p) => p.state === "delivered")), "all have all");
  const [{ parts }] = (await ana.messages()).filter((m) => m.dir === "out");
  assert.deepEqual(parts.map((p) => [p.name, p.state]), [["Bo", "delivered"], ["Cy", "delivered"]]);
  await ana.until(async () => (await ana.store.all("receipts")).length === 0
    && (await ana.store.all("outbox")).length === 0, "let go of");
  await bo.until(async () => (await bo.store.all("outbox")).length === 0, "let go of, too");
  assert.deepEqual([...mesh.out.values()].filter((m) => m.watch), [], "the mesh has let go of what all have");
  await end();
});

test("one bundle goes out for all, a file too, and nobody is asked about", async () => {
  const { gateways, ana, bo, cy, id, end } = await together();
  const before = gateways[0].posted.size;
  const bytes = random(9000);
  await ana.groups.send(id, { file: { name: "map.png", mime: "image/png", bytes } });
  ana.link.kick();
  for (const phone of [bo, cy]) {
    await phone.until(async () => (await phone.messages()).some((m) => m.kind === "file"), "the file");
    const { order, fromName } = (await phone.messages()).find((m) => m.kind === "file");
    assert.equal(fromName, "Ana");
    assert.deepEqual((await phone.store.get("files", order)).bytes, bytes);
  }
  assert.equal(gateways[0].posted.size - before, 3, "one message, two locks");
  await end();
});

test("members need not be each other's contacts", async () => {
  const mesh = new Mesh();
  const gateway = mesh.gateway("A");
  const [ana, bo, cy] = await Promise.all(["Ana", "Bo", "Cy"].map((name) => TestPhone.make(name, gateway)));
  await ana.add(bo);
  await ana.add(cy);
  await ana.groups.make("Well", [bo.id, cy.id]);
  ana.link.kick();
  await accept(bo);
  await accept(cy);
  await cy.until(async () => (await group(cy)).members.every((m) => m.joined), "all joined");
  await say(cy, "hello, Bo");
  await hears(bo, "hello, Bo");
  assert.deepEqual(await bo.store.all("people"), [], "nobody became a contact by it");
  await Promise.all([ana, bo, cy].map((p) => p.leave()));
});

test("before one has accepted nothing is shown or confirmed; declined, one is out for all", async () => {
  const { ana, bo, cy, end } = await three();
  await ana.groups.make("Well", [bo.id, cy.id]);
  ana.link.kick();
  await accept(bo);
  await becomes(cy, "invited");
  await say(ana, "first words");
  await hears(bo, "first words");
  await cy.until(async () => (await cy.store.all("shut")).length > 0, "kept shut");
  assert.deepEqual(await said(cy), []);
  const [{ parts }] = (await ana.messages()).filter((m) => m.dir === "out");
  await ana.until(async () => (await ana.messages()).some((m) => m.dir === "out" && m.parts[0].state === "delivered"), "Bo has it");
  assert.equal(parts[1].name, "Cy");
  assert.notEqual((await ana.messages()).find((m) => m.dir === "out").parts[1].state, "delivered");
  await accept(cy);
  await hears(cy, "first words");
  const id = (await group(cy)).id;
  await cy.groups.leave(id);
  cy.link.kick();
  await notes(ana, "left");
  await bo.until(async () => (await group(bo)).members.length === 2, "two are left");
  assert.equal(await standing(cy), "left");
  assert.deepEqual(await cy.mail.boxes(), [], "its gateway is told");
  await assert.rejects(cy.groups.send(id, { text: "still here?" }), { code: "not-member" });
  await end();
});

test("who is removed is told, reads nothing more, and what he sends is refused and said", async () => {
  const { mesh, ana, bo, cy, id, end } = await together();
  const old = await group(cy);
  const own = await cy.store.value(`chain.${id}.1.${cy.id}`);
  const boxes = await cy.mail.boxes();
  await ana.groups.remove(id, cy.id);
  ana.link.kick();
  await becomes(cy, "out");
  await bo.until(async () => (await group(bo)).members.length === 2, "two");
  await say(ana, "without Cy");
  await hears(bo, "without Cy");
  assert.ok(!(await said(cy)).includes("Ana: without Cy"));
  // Cy's page is one that goes on all the same, with all that it has known
  const sender = senderIn(old.epochs[0], cy.id);
  const sealed = sealForGroup(old.epochs[0], sender, own, cy.me.signing, new TextEncoder().encode("let me in"),
    { unixS: 1.9e9, lifetime: 10 });
  const letter = await letterOf(sealed);
  for (const phone of [ana, bo]) {
    assert.deepEqual(await phone.mail.heardLetter(letter, null), { is: "dropped", why: "removed" });
    assert.equal((await group(phone)).refused.removed, 1);
    assert.deepEqual(await phone.mail.heardLetter(letter, null), { is: "again" }, "counted once");
    assert.equal((await notices(phone)).filter((n) => n === "no_removed").length, 1);
    assert.ok(!(await said(phone)).some((t) => t.includes("let me in")));
    assert.deepEqual((await phone.store.all("receipts")).filter((r) => r.mid === hex(sealed.mid)), []);
  }
  // and he hears what comes under the former mailbox key, but not what is in it
  assert.notDeepEqual((await group(bo)).epochs[0].box, boxes[0]);
  const [out] = [...mesh.out.values()].filter((m) => m.watch).slice(-1);
  if (out) assert.equal(await cy.groups.heard(await letterOf({ ...out, mid: unb64(out.mid), bundle: unb64(out.bundle) }), out.mid, null), null);
  await end();
});

const senderIn = (epoch, id) => unhex(Object.keys(epoch.senders).find((name) => epoch.senders[name].id === id));

test("lost and out of order: all that comes is read, and once", async () => {
  const { ana, bo, cy, id, end } = await together();
  await Promise.all([bo.leave(), cy.leave()]);
  const sealed = [];
  for (let i = 0; i < 8; i++) {
    const message = await ana.groups.send(id, { text: `word ${i}` });
    const row = (await ana.store.all("outbox")).find((r) => r.mid === message.mids[0]);
    sealed.push(await letterOf(row.sealed));
  }
  const heard = [];
  for (const i of [3, 1, 7, 0, 3, 5]) heard.push((await bo.mail.heardLetter(sealed[i], null)).is); // 2, 4, 6 are lost
  assert.deepEqual(heard, ["new", "new", "new", "new", "again", "new"]);
  await bo.wake();
  assert.equal((await bo.mail.heardLetter(sealed[2], null)).is, "new", "after a restart, too");
  assert.deepEqual((await said(bo)).sort(), [0, 1, 2, 3, 5, 7].map((i) => `Ana: word ${i}`));
  const chain = await bo.store.value(`chain.${id}.1.${ana.id}`);
  assert.deepEqual(chain.skipped.map((one) => one.counter), [5, 7], "of what may still come");
  await ana.leave();
  await end();
});

test("only so many keys are kept for what is missing, and a long gap does not end it", async () => {
  const { ana, bo, id, end } = await together();
  const epoch = (await group(ana)).epochs[0];
  const own = await ana.store.value(`chain.${id}.1.${ana.id}`);
  const { nextOf } = await import("../../gateway/web/src/group_keys.js");
  let { key, counter } = own;
  const at = async (to) => {
    for (; counter < to; counter++) key = nextOf(key);
    return letterOf(sealForGroup(epoch, senderIn(epoch, ana.id), { key, counter }, ana.me.signing,
      new TextEncoder().encode(`at ${to}`), { unixS: 1.9e9 + to, lifetime: 10 }));
  };
  const far = await at(own.counter + 900);
  assert.equal((await bo.mail.heardLetter(far, null)).is, "new");
  assert.equal((await bo.store.value(`chain.${id}.1.${ana.id}`)).skipped.length, 200);
  const beyond = await at(counter + 2002);
  assert.deepEqual(await bo.mail.heardLetter(beyond, null), { is: "dropped", why: "far" });
  assert.ok((await notices(bo)).includes("no_far"));
  await end();
});

test("a false signature, an old state, another of the same number: refused, counted and said", async () => {
  const { ana, bo, cy, id, end } = await together();
  await Promise.all([ana.leave(), bo.leave(), cy.leave()]);
  const { salt, epochs: [epoch] } = await group(bo);
  // Cy has the keys of all chains, as every member, and writes in Ana's name
  const chain = await cy.store.value(`chain.${id}.1.${ana.id}`);
  const forged = sealForGroup(epoch, senderIn(epoch, ana.id), chain, cy.me.signing, new TextEncoder().encode("Ana says"),
    { unixS: 1.9e9, lifetime: 10 });
  assert.deepEqual(await bo.mail.heardLetter(await letterOf(forged), null), { is: "dropped", why: "false" });
  // Cy makes himself a state
  const own = await cy.store.value(`chain.${id}.1.${cy.id}`);
  const record = stateRecord(cy.me, { salt, number: 2, check: random(16), name: "Cy's", members: [cy, ana, bo].map((p) => memberCard(p.me)) });
  const state = sealForGroup(epoch, senderIn(epoch, cy.id), own, cy.me.signing, stateBody(record), { unixS: 1.9e9, typed: true, lifetime: 10 });
  assert.deepEqual(await bo.mail.heardLetter(await letterOf(state), null), { is: "dropped", why: "false" });
  // Ana's page, turned back to an older number, or twice at the same
  const from = async (number, body = keyBody) => letterOf(await seal(ana.me, bo.card, body(salt, number, random(16)), { unixS: 1.9e9, typed: true, lifetime: 10 }));
  assert.deepEqual(await bo.mail.heardLetter(await from(1), null), { is: "dropped", why: "conflict" });
  await bo.mail.heardLetter(await from(2), null);
  assert.deepEqual(await bo.mail.heardLetter(await from(2), null), { is: "dropped", why: "conflict" });
  assert.deepEqual(await bo.mail.heardLetter(await from(1, outBody), null), { is: "dropped", why: "older" });
  // Cy sends a key to Ana's group: it is one of his own, of which there is none
  const theirs = await seal(cy.me, bo.card, keyBody(salt, 9, random(16)), { unixS: 1.9e9, typed: true, lifetime: 10 });
  await bo.mail.heardLetter(await letterOf(theirs), null);
  const kept = await group(bo);
  assert.deepEqual(kept.refused, { false: 2, conflict: 2, older: 1 });
  assert.deepEqual([kept.number, kept.name, kept.standing], [1, "Well", "in"]);
  assert.equal((await groups(bo)).length, 2);
  assert.equal((await groups(bo))[1].standing, "pending", "shown to nobody while its maker says no more");
  assert.deepEqual((await notices(bo)).filter((n) => n.startsWith("no_")), ["no_false", "no_false", "no_conflict", "no_older"]);
  assert.deepEqual(await said(bo), []);
});

test("a state of former keys is not taken back: older than what is here", async () => {
  const { ana, bo, id, end } = await together();
  await ana.groups.rename(id, "Spring");
  await ana.groups.rename(id, "River");
  ana.link.kick();
  await bo.until(async () => (await group(bo)).number === 3, "the third state");
  const { salt } = await group(bo);
  const old = await seal(ana.me, bo.card, keyBody(salt, 2, random(16)), { unixS: 1.9e9, typed: true, lifetime: 10 });
  const outcome = await bo.mail.heardLetter(await letterOf(old), null);
  assert.equal(outcome.is, "dropped");
  assert.ok(["conflict", "older"].includes(outcome.why));
  assert.equal((await group(bo)).name, "River");
  await end();
});

test("who lacks the members asks for them after an hour; its maker gives everybody new keys", async () => {
  const { mesh, ana, bo, cy, end } = await three();
  mesh.lose = (m) => Boolean(m.watch);
  await ana.groups.make("Well", [bo.id, cy.id]);
  ana.link.kick();
  await becomes(bo, "pending");
  await bo.leave();
  mesh.lose = () => false;
  let later = Date.now() + HOUR + 1000;
  await ana.leave();
  await ana.wake(() => later);
  ana.join(mesh.gateways[0]);
  mesh.out.forEach((m, mid) => { if (m.watch) mesh.out.delete(mid); });
  await bo.wake(() => later);
  bo.join(mesh.gateways[1]);
  await becomes(bo, "invited");
  assert.equal((await group(bo)).number, 2);
  await end();
});

test("what expired is said again under new keys, and shown once", async () => {
  const { mesh, gateways, ana, bo, id, end } = await together();
  mesh.lose = (m) => Boolean(m.watch);
  const message = await say(ana, "twice");
  await ana.until(async () => (await ana.store.get("messages", message.order)).parts[0].state === "on_mesh", "on the mesh");
  gateways[0].tell(ana.id, "state", { mid: b64(unhex(message.sent[0].mid)), state: "expired" });
  await ana.until(async () => (await ana.store.get("messages", message.order)).parts[0].state === "expired", "expired");
  mesh.lose = () => false;
  await ana.mail.again(message.order, [bo.id]);
  ana.link.kick();
  await hears(bo, "twice");
  await ana.until(async () => (await ana.store.get("messages", message.order)).parts.every((p) => p.state === "delivered"), "both");
  assert.equal((await said(bo)).filter((t) => t.endsWith("twice")).length, 1);
  assert.equal((await ana.store.get("messages", message.order)).sent.length, 2);
  assert.ok(id);
  await end();
});

test("keys of former states go after eight days", async () => {
  const { ana, bo, id, end } = await together();
  await ana.groups.rename(id, "Spring");
  ana.link.kick();
  await bo.until(async () => (await group(bo)).number === 2, "renamed");
  assert.ok(await bo.store.value(`chain.${id}.1.${ana.id}`));
  assert.equal((await bo.mail.boxes()).length, 2, "mail may be under way");
  await bo.leave();
  await bo.wake(() => Date.now() + 9 * 24 * HOUR);
  await bo.groups.send(id, { text: "a week later" });
  assert.equal(await bo.store.value(`chain.${id}.1.${ana.id}`), undefined);
  assert.equal((await bo.mail.boxes()).length, 1);
  await end();
});

test("its maker leaves: it has ended for all", async () => {
  const { ana, bo, cy, id, end } = await together();
  await ana.groups.leave(id);
  ana.link.kick();
  await Promise.all([becomes(bo, "ended"), becomes(cy, "ended")]);
  await assert.rejects(bo.groups.send(id, { text: "hello?" }), { code: "not-member" });
  await end();
});

test("garbage in a group's mail changes nothing", async () => {
  const { ana, bo, end } = await together();
  const before = JSON.stringify(await group(bo));
  for (let i = 0; i < 40; i++) {
    const body = concat([GROUP, [1, 2, 3, 16, 17, 18, 99][i % 7]], random(i));
    await bo.mail.heardLetter(await letterOf(await seal(ana.me, bo.card, body, { unixS: 1.9e9 + i, typed: true, lifetime: 10 })), null);
  }
  const after = await groups(bo);
  assert.equal(JSON.stringify(after[0]), before);
  await end();
});

test("who left while the maker's phone was off is out of the next state, whatever else that changes", async () => {
  const { gateways, ana, bo, cy, id, end } = await together();
  await ana.leave();
  await cy.groups.leave(id);
  cy.link.kick();
  await notes(bo, "left");
  ana.groups.renew = () => Promise.reject(new Refused("busy")); // as if the power went right after it was kept
  ana.mail.groups = () => ana.groups;
  ana.join(gateways[0]);
  await notes(ana, "left");
  assert.equal((await group(ana)).number, 1);
  await ana.leave();
  await ana.wake();
  ana.join(gateways[0]);
  await bo.until(async () => (await group(bo)).number === 2, "new keys");
  assert.deepEqual((await group(bo)).members.map((m) => m.card.name), ["Ana", "Bo"]);
  await end();
});

test("somebody blocked is not shown, strangers cannot fill the list with invitations", async () => {
  const { ana, bo, cy, end } = await together();
  await bo.people.block(cy.id);
  await say(cy, "do you hear me?");
  await hears(ana, "hear me?");
  await cy.until(async () => (await cy.messages()).filter((m) => m.dir === "out").every((m) => m.parts.every((p) => p.state === "delivered")), "confirmed");
  assert.deepEqual(await said(bo), []);
  const outcomes = [];
  for (let i = 0; i < 6; i++) {
    const stranger = newIdentity(`Mallory ${i}`);
    const letter = await letterOf(await seal(stranger, bo.card, keyBody(random(16), 1, random(16)), { unixS: 1.9e9, typed: true, withCard: true, lifetime: 10 }));
    outcomes.push((await bo.mail.heardLetter(letter, null)).is);
  }
  assert.deepEqual(outcomes, ["again", "again", "again", "again", "shut", "shut"]);
  assert.equal((await bo.mail.boxes()).length, 5);
  const blocked = await letterOf(await seal(cy.me, bo.card, keyBody(random(16), 1, random(16)), { unixS: 1.9e9, typed: true, lifetime: 10 }));
  assert.equal((await bo.mail.heardLetter(blocked, null)).is, "again");
  assert.equal((await groups(bo)).length, 5, "nor who is blocked");
  await end();
});

test("two phones of one kit at one place of a chain give no key away", async () => {
  const { ana, bo, id, end } = await together();
  const [epoch] = (await group(ana)).epochs;
  const chain = await ana.store.value(`chain.${id}.1.${ana.id}`);
  const [one, two] = ["first", "other"].map((text) => sealForGroup(epoch, senderIn(epoch, ana.id), chain, ana.me.signing,
    new TextEncoder().encode(text), { unixS: 1.9e9, lifetime: 10 }));
  const stream = (sealed, text) => sealed.bundle.slice(9).map((b, i) => b ^ concat([0, 113, 63, 179, 0], new TextEncoder().encode(text))[i]).slice(0, 9);
  assert.notDeepEqual(stream(one, "first"), stream(two, "other"));
  assert.equal((await bo.mail.heardLetter(await letterOf(one), null)).is, "new");
  assert.deepEqual(await bo.mail.heardLetter(await letterOf(two), null), { is: "dropped", why: "used" });
  await end();
});

test("fifty are a group, one more is too many; all of it is 49 frames of keys and one list", async () => {
  const ana = await TestPhone.make("Ana");
  const others = Array.from({ length: 50 }, (_, i) => newIdentity(`Member ${i}`));
  const people = [];
  for (const one of others) people.push(await ana.people.add(memberCard(one)));
  for (const { id } of people) await ana.people.set(id, { heard: true }); // they have our card
  await assert.rejects(ana.groups.make("Hall", people.map((p) => p.id)), { code: "group-large" });
  assert.deepEqual(await ana.store.all("outbox"), []);
  const id = await ana.groups.make("Hall", people.slice(1).map((p) => p.id));
  const out = await ana.store.all("outbox");
  assert.equal(out.filter((row) => row.sealed.shape === null).length, 49);
  assert.deepEqual(out.filter((row) => row.sealed.shape).map((row) => row.sealed.watch.length), [49]);
  await ana.groups.send(id, { text: "hello, hall" });
  for (let i = 0; i < 31; i++) await ana.groups.make(`No ${i}`, [people[0].id]);
  await assert.rejects(ana.groups.make("No 32", [people[0].id]), { code: "groups-full" });
  assert.equal((await ana.mail.boxes()).length, 32);
});

test("what only a newer page can read is kept until there is one", async () => {
  const { ana, bo, id, end } = await together();
  const [epoch] = (await group(ana)).epochs;
  const chain = await ana.store.value(`chain.${id}.1.${ana.id}`);
  const later = sealForGroup(epoch, senderIn(epoch, ana.id), chain, ana.me.signing, Uint8Array.of(GROUP, 99, 1), { unixS: 1.9e9, typed: true, lifetime: 10 });
  const letter = await letterOf(later);
  assert.equal((await bo.mail.heardLetter(letter, null)).is, "shut");
  await bo.mail.retryShut();
  assert.equal((await bo.mail.heardLetter(letter, null)).is, "shut", "its key is not used up");
  assert.equal((await bo.store.all("shut")).length, 1);
  assert.equal(await bo.store.get("seen", hex(later.mid)), undefined, "nor is it confirmed");
  await end();
});

test("who has left sends nothing again", async () => {
  const { mesh, gateways, bo, cy, id, end } = await together();
  mesh.lose = (m) => Boolean(m.watch);
  const message = await say(cy, "before I go");
  await cy.until(async () => (await cy.store.get("messages", message.order)).parts[0].state === "on_mesh", "on the mesh");
  gateways[2].tell(cy.id, "state", { mid: b64(unhex(message.sent[0].mid)), state: "expired" });
  await cy.until(async () => (await cy.store.get("messages", message.order)).parts[0].state === "expired", "expired");
  await cy.groups.leave(id);
  mesh.lose = () => false;
  await bo.write([cy], "where are you?");
  await cy.until(async () => (await cy.texts()).includes("where are you?"), "word from Bo");
  assert.equal((await cy.store.get("messages", message.order)).sent.length, 1);
  assert.equal(await cy.store.value("dropped"), undefined);
  await end();
});
