// The groups as the page keeps them, in the shelf "kv": "groups" says which there are, what our
// gateway must know their letters by, and whether the members of one are still to come;
// "group.ID" is one of them (group_mail.js).

const KEY = "groups";
const NONE = { ids: [], boxes: [], waits: false };

export const groupKey = (id) => "group." + id;
export const groupList = async (tx) => (await tx.value(KEY)) || NONE;
export const keepGroupList = (tx, list) => tx.keep(KEY, list);

export async function groupsIn(tx) {
  const { ids } = await groupList(tx);
  return (await Promise.all(ids.map((id) => tx.value(groupKey(id))))).filter(Boolean);
}

// A group in the place of a person, for the views: with it one writes, too.
export const asPerson = (group) => ({
  id: group.id, name: group.name, standing: "group", group, read: group.read, addedMs: group.addedMs,
});

// Those that are shown.
export const shownGroups = (groups) => new Map(
  groups.filter((g) => g.standing !== "pending" && g.standing !== "declined").map((g) => [g.id, asPerson(g)]));

// Everything up to this message was read.
export function groupRead(store, id, order) {
  return store.write(["kv"], async (tx) => {
    const group = await tx.value(groupKey(id));
    if (group && group.read < order) await tx.keep(groupKey(id), { ...group, read: order });
  });
}
