// How far a message is, for each device that it is for. It only gets better.

// "waiting": kept here, the gateway has not taken it yet. "refused": it never will.
// A receipt may come after the time was up, so delivered is above expired.
// "read" is told by who wishes to. "elsewhere": sent by another device of ours, which knows more.
const RANK = { waiting: 0, refused: 1, queued: 2, on_mesh: 3, expired: 4, delivered: 5, read: 6, elsewhere: 7 };

export const better = (state, than) => RANK[state] > RANK[than];

// Is there nothing more to wait for?
export const ended = (state) => state === "delivered" || state === "expired" || state === "refused";

// Of several devices, the one that is furthest behind speaks for all.
export function slowest(parts) {
  if (!parts.length) return "waiting";
  return parts.reduce((worst, part) => (better(worst, part.state) ? part.state : worst), "delivered");
}
