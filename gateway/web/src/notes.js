// What is to be said about a person in their chat, beside what they write.

const AGAIN_MS = 86_400_000; // the same within a day is counted, not said again

// Say it: a message of the kind "note", with n, how often since. what: a word of bubble.js.
export async function note(tx, person, what, nowMs) {
  const chat = person.joined || person.id;
  const key = `note.${chat}.${what}`;
  const before = await tx.value(key);
  const row = before && nowMs - before.atMs < AGAIN_MS && (await tx.get("messages", before.order));
  if (row) {
    await tx.put("messages", { ...row, n: row.n + 1 });
    return;
  }
  const order = await tx.put("messages", {
    dir: "in", chats: [chat], kind: "note", note: what, n: 1, text: "", atMs: nowMs,
    unixS: Math.floor(nowMs / 1000), bytes: 0, mids: [], relays: null,
  });
  await tx.keep(key, { order, atMs: nowMs });
}
