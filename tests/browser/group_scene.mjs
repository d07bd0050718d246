// Three phones and a group of them: what tests of groups begin with.

import { Mesh } from "./mesh.mjs";
import { TestPhone } from "./phones.mjs";
import { groupsIn } from "../../gateway/web/src/group_rows.js";

// Three phones, each at a gateway of its own, all contacts of each other.
export async function three() {
  const mesh = new Mesh();
  const gateways = ["A", "B", "C"].map((name) => mesh.gateway(name));
  const phones = [];
  for (const [i, name] of ["Ana", "Bo", "Cy"].entries()) phones.push(await TestPhone.make(name, gateways[i]));
  for (const one of phones) for (const other of phones) if (one !== other) await one.add(other);
  const [ana, bo, cy] = phones;
  return { mesh, gateways, ana, bo, cy, phones, end: () => Promise.all(phones.map((p) => p.leave())) };
}

export const groups = (phone) => phone.store.read(["kv"], groupsIn);
export const group = async (phone) => (await groups(phone))[0];
export const standing = async (phone) => ((await group(phone)) || {}).standing;
export const becomes = (phone, what) => phone.until(async () => await standing(phone) === what, what);
export const said = async (phone) => (await phone.messages()).filter((m) => m.kind !== "notice" && m.group)
  .map((m) => `${m.fromName || phone.me.name}: ${m.text}`);
export const hears = (phone, text) => phone.until(async () => (await said(phone)).some((t) => t.endsWith(text)), text);

export async function say(phone, text) {
  const message = await phone.groups.send((await group(phone)).id, { text });
  phone.link.kick();
  return message;
}

export async function accept(phone) {
  await becomes(phone, "invited");
  await phone.groups.accept((await group(phone)).id);
  phone.link.kick();
}

// A group of all three, and everybody knows that everybody is in it.
export async function together() {
  const scene = await three();
  const { ana, bo, cy } = scene;
  const id = await ana.groups.make("Well", [bo.id, cy.id]);
  ana.link.kick();
  await accept(bo);
  await accept(cy);
  for (const phone of scene.phones) {
    await phone.until(async () => (await group(phone)).members.every((m) => m.joined), "all joined");
  }
  return { ...scene, id };
}
