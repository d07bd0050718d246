// The devices of one person. Each is a row of the store's people; those that a record of their
// account has joined (lists.js) name the row that leads: its id is the chat's, its name is shown.

// Who leads the row of this id; people: Map of id -> row.
export function leaderOf(people, id) {
  const person = people.get(id);
  return (person && person.joined && people.get(person.joined)) || person;
}

// All rows of the person whom this id leads, or that one device; rows: an array of all.
export function devicesOf(rows, id) {
  const devices = rows.filter((row) => row.joined === id);
  const first = rows.find((row) => row.id === id);
  return first ? [first, ...devices] : devices;
}

// Of several devices of a person: who has it has it, else the one that may still get it speaks.
const BEST = ["elsewhere", "read", "delivered", "on_mesh", "queued", "waiting", "expired", "refused"];
export const best = (parts) => BEST.map((state) => parts.find((part) => part.state === state)).find(Boolean);

// Have they our card, and may they know more?
export const knowsUs = (person) => person.heard && !person.removed
  && (person.standing === "contact" || person.standing === "mine");

// For Mail.tell: note that a row was told, once.
export const onceOf = (changes) => (row) =>
  (Object.keys(changes).every((key) => row[key] === changes[key]) ? null : { ...row, ...changes });
