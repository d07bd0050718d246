"""The outbox: what phones have posted, and how far each message is.

A message for another device of this gateway goes into that one's letter box at once. If that phone
is here, the mesh is spared: the parcels are only made if the phone has not taken it in a minute.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gateway.errors import NoRoom
from gateway.posting import Posting, shape_bytes, shape_of
from shared_protocol import parcel
from shared_protocol.lifetime import SOS

# Messages whose end is open, of a device; and parcels of these, of a device and of all. A node
# never gives up what begins at it, so this is half of what it has room for. More is refused.
# Keys cost nothing, so nobody may have more than half of what the others leave: whoever comes with
# ten keys leaves a thousandth, which is still room for text. And all who came within a day share
# half of the outbox, so that who is known here has the other half.
POSTED_MAX = 500
PARCELS_MAX = 5_000  # eleven messages of 64 KB
ALL_PARCELS_MAX = 10_000
NEW_S = 86_400  # of the node's clock, after it registered
SOS_RESERVE = 1000  # on top of them, for emergency calls alone, shared in the same way
KEPT_S = 7 * 86_400  # after its end, so that a phone that was away is still told of it
HELD_S = 60.0  # how long the phone next to the sender's has time to take a message

# In SQL, by the first byte of emergency calls: of one frame, of pieces.
_SOS_B0 = [f"x'{parcel.first_byte(parcel.MESSAGE, SOS, p):02x}'" for p in (False, True)]
_IS_CALL = f"substr(head, 1, 1) IN ({', '.join(_SOS_B0)})"
_FROM = {
    "on_mesh": "('queued')",
    "delivered": "('queued', 'on_mesh', 'expired')",
    "expired": "('queued', 'on_mesh')",
}


@dataclass
class _Total:
    """What a device has posted, its end open. parcels: of emergency calls ([1]), of others."""

    messages: int = 0
    parcels: list[int] = field(default_factory=lambda: [0, 0])


class Outbox:
    """What was posted. Methods that change it run inside a transaction (post_office.py)."""

    def __init__(
        self, db: sqlite3.Connection, next_seq: Callable[[str], int], now_s: Callable[[], int]
    ) -> None:
        """next_seq(device): the next number in what that device's phone is told. now_s: the node's
        clock."""
        self._db = db
        self._next_seq = next_seq
        self._now_s = now_s
        self._held: dict[bytes, float] = {}  # mid -> time.monotonic() when the mesh shall have it
        self.reload()

    def reload(self) -> None:
        """Forget what is in memory. What was held for somebody here before the start is due at
        once."""
        held = self._held
        self._totals: dict[str, _Total] | None = None
        self.open: set[bytes] = set()  # mids whose end is open: this gateway is their origin
        self._queued: set[bytes] = set()  # of these, those not known to be on the mesh
        self._held = {}
        for row in self._db.execute(
            "SELECT mid, state, bundle IS NOT NULL AS held FROM posted WHERE ended_s IS NULL"
        ):
            mid = bytes(row["mid"])
            self.open.add(mid)
            if row["held"]:
                self._held[mid] = held.get(mid, 0.0)
            if row["state"] == "queued":
                self._queued.add(mid)

    def state(self, device: str, mid: bytes) -> str | None:
        """The state of what a device posted, None if it did not post that."""
        row = self._db.execute(
            "SELECT state FROM posted WHERE mid = ? AND device = ?", (mid, device)
        ).fetchone()
        return None if row is None else row["state"]

    def add(self, device: str, posting: Posting, held: bool) -> None:
        """Take in a message: its parcels go into the node's store, or it is held for somebody who
        is here. NoRoom."""
        self._check_room(device, posting)
        waits = posting if held else None
        self._db.execute(
            "INSERT INTO posted (device, seq, mid, state, parcels, head, hint, shape, bundle, "
            "tag_key, way) VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?)",
            (
                device, self._next_seq(device), posting.mid, posting.count, posting.head,
                waits and waits.hint, waits and shape_bytes(waits.shape), waits and waits.bundle,
                waits and waits.tag_key, waits and waits.way,
            ),
        )  # fmt: skip
        self._count(device, posting.head, posting.count, 1)
        self.open.add(posting.mid)
        self._queued.add(posting.mid)
        if held:
            self._held[posting.mid] = time.monotonic() + HELD_S
        else:
            self._to_mesh(posting)

    def _check_room(self, device: str, posting: Posting) -> None:
        totals, call = self._counted(), posting.is_sos
        mine = totals.get(device, _Total())
        wanted = mine.parcels[call] + posting.count
        if mine.messages >= POSTED_MAX or wanted > PARCELS_MAX:
            raise NoRoom(
                "too much that this phone posted is still under way: keep this message, and "
                "post it again when something has arrived"
            )
        room = SOS_RESERVE if call else ALL_PARCELS_MAX
        others = sum(total.parcels[call] for name, total in totals.items() if name != device)
        share = _half(room - others)
        new = self._db.execute(
            "SELECT id FROM device WHERE since_s > ?", (self._now_s() - NEW_S,)
        ).fetchall()
        newcomers = {row["id"] for row in new}
        if device in newcomers and not call:
            theirs = newcomers & totals.keys() - {device}
            share = min(share, _half(_half(room) - sum(totals[n].parcels[call] for n in theirs)))
        if wanted > share:
            raise NoRoom(
                "this gateway has too much to send to take more of this phone: keep this message, "
                "and try later"
            )

    def recount(self) -> None:
        """A device may have given way, with what it had posted."""
        self._totals = None

    def _counted(self) -> "dict[str, _Total]":
        """What is open, by device."""
        if self._totals is None:
            rows = self._db.execute(
                "SELECT device, count(*), "  # noqa: S608 - a constant
                f"sum(CASE WHEN {_IS_CALL} THEN 0 ELSE parcels END), "
                f"sum(CASE WHEN {_IS_CALL} THEN parcels ELSE 0 END) "
                "FROM posted WHERE ended_s IS NULL GROUP BY device"
            )
            self._totals = {row[0]: _Total(row[1], [row[2], row[3]]) for row in rows}
        return self._totals

    def _count(self, device: str, head: bytes, parcels: int, way: int) -> None:
        """One message more (1) or less (-1) of a device is open."""
        if self._totals is not None:
            total = self._totals.setdefault(device, _Total())
            total.messages += way
            total.parcels[parcel.priority(head[0]) == SOS] += way * parcels

    def _to_mesh(self, posting: Posting) -> None:
        self._db.executemany(
            "INSERT INTO record (bytes) VALUES (?)", ((r,) for r in posting.records())
        )

    def due(self) -> list[bytes]:
        """Messages that were held for somebody here long enough."""
        now = time.monotonic()
        return [mid for mid, until in self._held.items() if until <= now]

    def let_go(self, mids: list[bytes]) -> None:
        """Put held messages on the mesh."""
        for mid in mids:
            self._let_go(mid)

    def _let_go(self, mid: bytes) -> None:
        row = self._db.execute(
            "SELECT head, hint, shape, bundle, tag_key, way FROM posted "
            "WHERE mid = ? AND bundle IS NOT NULL",
            (mid,),
        ).fetchone()
        if row is not None:
            head, hint, shape, bundle, tag_key, way = row
            self._to_mesh(Posting(head, hint, bundle, shape_of(shape), tag_key, way))
        self._forget_held(mid)

    def spare(self, mid: bytes) -> bool:
        """It was taken here. True if the mesh has never seen it, and need not."""
        held = self._held.get(mid) is not None
        if held:
            self._forget_held(mid)
        return held

    def _forget_held(self, mid: bytes) -> None:
        self._held.pop(mid, None)
        self._db.execute(
            "UPDATE posted SET hint = NULL, shape = NULL, bundle = NULL, tag_key = NULL, "
            "way = NULL WHERE mid = ?",
            (mid,),
        )

    def improve(self, mid: bytes, state: str, now_s: int, token: bytes | None = None) -> bool:
        """Raise the state of a message; True if it changed. It never goes back."""
        if mid not in self.open and state != "delivered":
            return False
        rows = self._db.execute(
            "SELECT id, device, head, parcels, ended_s FROM posted "  # noqa: S608 - constants
            f"WHERE mid = ? AND state IN {_FROM[state]}",
            (mid,),
        ).fetchall()
        ended_s = None if state == "on_mesh" else now_s
        for row in rows:
            self._db.execute(
                "UPDATE posted SET state = ?, seq = ?, token = ?, ended_s = ? WHERE id = ?",
                (state, self._next_seq(row["device"]), token, ended_s, row["id"]),
            )
            if ended_s is not None and row["ended_s"] is None:
                self._count(row["device"], row["head"], row["parcels"], -1)
        self._queued.discard(mid)
        if ended_s is not None:
            self.open.discard(mid)
        return bool(rows)

    def posters(self, mid: bytes) -> list[tuple[str, int]]:
        """(device, parcels) of those who posted a message whose end is open."""
        if mid not in self.open:
            return []
        rows = self._db.execute("SELECT device, parcels FROM posted WHERE mid = ?", (mid,))
        return [(row["device"], row["parcels"]) for row in rows]

    def queued(self) -> set[bytes]:
        """Messages of which it is not known that the mesh has them, held ones left out."""
        return self._queued - self._held.keys()

    def after(self, device: str, seq: int, limit: int) -> Iterator[sqlite3.Row]:
        """States of a device's messages behind this number, in their order; of those that several
        read also who has them, under the ids of watches.py."""
        yield from self._db.execute(
            "SELECT seq, mid, state, token FROM posted WHERE device = :device AND seq > :seq "
            "UNION ALL SELECT seq, lock, 'delivered', token FROM watch "
            "WHERE device = :device AND seq > :seq ORDER BY seq LIMIT :limit",
            {"device": device, "seq": seq, "limit": limit},
        )

    def tidy(self, now_s: int) -> None:
        """Delete what ended a week ago."""
        self._db.execute("DELETE FROM posted WHERE ended_s < ?", (now_s - KEPT_S,))


def _half(parcels: int) -> int:
    """Of what is left; of one the whole."""
    return (parcels + 1) // 2
