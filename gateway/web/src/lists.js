// What is believed of somebody's list of devices (SPEC.md 14.2), in the store: under "list.ACCOUNT" the
// account's records that count, and in the people's rows
//   member   a record lists it: what a card says of its account is only its claim
//   joined   id of the row that leads: both are devices of one person, because a record lists both
//   removed  the newest record does not list it: it gets no mail, and its mail is refused
//   record   of our own other devices ("mine"): their device record, to be told to contacts

import { equal } from "./bytes.js";
import { commitment, folded, personOf } from "./directory.js";
import { NO_BOX_ROOT, accountId, cardOf, deviceId } from "./identity.js";
import { note } from "./notes.js";
import { newPerson } from "./people.js";

export const OWN = "ownRecord"; // in the store, of our account: {nextSeed, payload}
export const REMOVED = "removed"; // in the store: our account has removed this device
export const listKey = (account) => `list.${account}`;

// Take records that somebody told or that were found, in a transaction over kv, people and messages.
// sender: the row of the device that told them; boxRoot: what it says is its account's.
// Nothing is believed that the account has not signed; of accounts of nobody here nothing is kept.
export async function learn(tx, me, payloads, { nowMs, sender = null, boxRoot = null }) {
  const told = personOf({ records: payloads });
  if (!told) return;
  const root = boxRoot && !equal(boxRoot, NO_BOX_ROOT) ? boxRoot : null;
  if (equal(told.account, cardOf(me).account)) await learnOwn(tx, me, payloads, told, { nowMs, sender, root });
  else await learnOf(tx, payloads, told, { nowMs, sender, root });
}

async function learnOf(tx, payloads, told, { nowMs, sender, root }) {
  const say = (person, what) => note(tx, person, what, nowMs);
  const all = await tx.all("people");
  const known = all.filter((p) => equal(p.card.account, told.account));
  const rows = known.length ? known : await followed(tx, all, told, sender, say);
  if (!rows.length) return;
  const old = (await tx.value(listKey(told.id))) || [];
  const before = old.length ? personOf({ records: old }) : null;
  const now = personOf({ records: [...old, ...payloads] });
  await tx.keep(listKey(told.id), now.lists);
  const counted = rows.filter(counts).length;
  for (const row of rows) {
    const listed = now.devices.includes(row.id);
    if (!listed && !row.removed && row.standing === "contact") await say(row, "removed_device");
    Object.assign(row, listed ? { removed: false, member: true } : { removed: true });
  }
  const lead = leading(rows);
  if (lead) {
    for (const card of now.cards) {
      const row = rows.find((one) => one.id === deviceId(card));
      if (row) renew(row, card);
      else rows.push({ ...newPerson({ ...card, boxRoot: lead.card.boxRoot }, lead.standing, nowMs), member: true });
    }
    for (const row of rows) join(row, lead);
    const trusted = root && told.sequence === now.sequence && rows.some((r) => counts(r) && r.id === sender.id);
    for (const row of rows) if (trusted && row.member) row.card = { ...row.card, boxRoot: root };
  }
  for (const row of rows) await tx.put("people", row);
  if (before && told.devices.length && told.sequence < before.sequence) await say(lead || rows[0], "old_list");
  if (now.rival && !(before && before.rival)) await say(lead || rows[0], "two_lists");
  const more = rows.filter(counts).length;
  if (lead && lead.standing === "contact" && more > 1 && more > counted) await say(lead, "more_devices");
}

const counts = (row) => row.member && !row.removed;

// The rows of the account that had committed to this key, under the new one; none if nobody had.
async function followed(tx, all, told, sender, say) {
  for (const former of new Map(all.map((p) => [accountId(p.card), p.card.account])).keys()) {
    const old = (await tx.value(listKey(former))) || [];
    const was = old.length ? personOf({ records: old }) : null;
    if (!was || !equal(was.nextKey, commitment(told.account)) || folded(was.name) !== folded(told.name)) continue;
    const rows = all.filter((p) => accountId(p.card) === former);
    for (const row of rows) row.card = { ...row.card, account: told.account };
    await say(leading(rows) || rows[0], "key_followed");
    return rows;
  }
  if (sender && sender.standing === "contact") await say(sender, "strange_key");
  return [];
}

// Who leads: a contact before a stranger, who leads already, then who was there first.
function leading(rows) {
  const led = new Set(rows.map((row) => row.joined));
  const rank = (row) => [row.standing === "contact" ? 0 : 1, led.has(row.id) ? 0 : 1, row.addedMs];
  return rows.filter((row) => row.member).sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    return x[0] - y[0] || x[1] - y[1] || x[2] - y[2];
  })[0] || null;
}

// Who is blocked stays blocked, and apart.
function join(row, lead) {
  if (row === lead) delete row.joined;
  else if (row.member && (row.standing !== "blocked" || lead.standing === "blocked")) {
    Object.assign(row, { joined: lead.id, standing: lead.standing });
  }
}

function renew(row, card) {
  if (card.prekeySeq <= row.card.prekeySeq) return;
  row.card = { ...row.card, prekey: card.prekey, prekeySeq: card.prekeySeq };
}

// Our own account: other devices of ours, and whether this one still belongs to it.
async function learnOwn(tx, me, payloads, told, { nowMs, sender, root }) {
  const own = (await tx.value(OWN)) || {};
  const before = own.payload ? personOf({ records: [own.payload] }) : null;
  const now = personOf({ records: before ? [own.payload, ...payloads] : payloads });
  const mine = deviceId(cardOf(me));
  const newer = !before || now.sequence > before.sequence || !now.devices.length;
  if (before && newer && !now.devices.includes(mine)) {
    await tx.keep(REMOVED, true);
    return;
  }
  await tx.keep(OWN, { ...own, payload: now.payload });
  const rows = (await tx.all("people")).filter((p) => p.standing === "mine" || now.devices.includes(p.id));
  for (const card of now.cards.filter((one) => deviceId(one) !== mine)) {
    const id = deviceId(card);
    let row = rows.find((one) => one.id === id);
    if (row) renew(row, card);
    else {
      row = newPerson({ ...card, boxRoot: me.boxRoot }, "mine", nowMs);
      rows.push(row);
    }
    Object.assign(row, { standing: "mine", member: true, heard: true });
    if (card.prekeySeq >= row.card.prekeySeq) row.record = now.records.get(id);
  }
  const from = sender && now.devices.includes(sender.id) && rows.find((row) => row.id === sender.id);
  if (root && from && from.standing === "mine" && told.sequence === now.sequence && !equal(root, me.boxRoot)) {
    await tx.keep("me", newRoot(me, root, nowMs));
    for (const row of rows) row.card = { ...row.card, boxRoot: root };
  }
  for (const row of rows) await tx.put("people", { ...row, removed: !now.devices.includes(row.id) });
}

// We with another box root; mail that is under way goes by the former one.
export const newRoot = (me, boxRoot, nowMs) => ({
  ...me, boxRoot, formerRoot: { boxRoot: me.boxRoot, sinceMs: nowMs },
});
