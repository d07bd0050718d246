// Long messages under way: how many of their pieces have got through. To look at only, gone with the
// page; what is said of a message that arrives nobody has checked yet.

const STALE_MS = 600_000; // stood still so long: it may never be whole
const NOTES_MAX = 50;

export class Underway {
  constructor(now = Date.now) {
    this.now = now;
    this.notes = new Map(); // mid (hex) -> {way, pieces: [done, all], atMs}
  }

  note({ mid, way, pieces }) {
    this.notes.delete(mid); // the newest last
    this.notes.set(mid, { way, pieces, atMs: this.now() });
    if (this.notes.size > NOTES_MAX) this.notes.delete(this.notes.keys().next().value);
  }

  ended(mid) { this.notes.delete(mid); }

  // [done, all] of what we sent, null if nothing is known.
  sent(mid) {
    const note = this.notes.get(mid);
    return note && note.way === "out" ? note.pieces : null;
  }

  // [mid, [done, all]] of each that is on its way to us.
  arriving() {
    return Array.from(this.notes)
      .filter(([, { way, atMs }]) => way === "in" && this.now() - atMs < STALE_MS)
      .map(([mid, { pieces }]) => [mid, pieces]);
  }
}
