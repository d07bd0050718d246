"""The backhaul's outbox and inbox, in the gateway's database: a row for each parcel or receipt
that goes to the hub or came from it, until its time is over.

A row is memory too: what has one neither goes to the hub again nor into the mesh again, so nothing
goes round in circles. What came from the hub is durable together with the place up to which the
hub was read, so a power cut neither loses nor repeats it.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.backhaul_item import ALL, HubKey, Item, is_receipt, mid_of
from gateway.database import get_meta, set_meta, writing
from shared_protocol import parcel
from shared_protocol.errors import DecodeError
from shared_protocol.lifetime import BACKGROUND, LIFETIMES_S, SOS, age_field, age_s, age_unit_s

# Ranks: in this order things go to the hub and into the mesh. SPARE: a piece beyond the k that are
# enough if none is lost. After a hub was rebuilt, AGAIN is added to what came from it.
FIRST, RECEIPTS, MESSAGES, LATER, SPARE = range(5)
AGAIN = 10
ROWS_MAX = 100_000  # 40 MB. Beyond it, what is only remembered goes first; then nothing is taken
_LIFE = "backhaul_life"  # which life of the hub's stream we know, and its highest number


@dataclass(frozen=True)
class Row:
    """What is to be pushed. subject and data are worked out when it goes."""

    id: int
    address: str
    item: Item
    left_s: int
    rank: int


@dataclass(frozen=True)
class Found:
    """One thing that lies at the hub. late_s: how long it has lain there."""

    seq: int
    subject: str
    data: bytes
    late_s: int


class Box:
    """Methods are whole transactions. me: the last two bytes of this gateway's address."""

    def __init__(self, db: sqlite3.Connection, key: HubKey, me: int) -> None:
        self._db, self._key, self._me = db, key, me
        self.under_way: set[int] = set()  # rows of which the hub may have heard
        self.damaged = 0  # found at the hub, and of no use: since the start
        rows = db.execute("SELECT mid, immutable FROM backhaul_item")
        # Messages of which something crosses: this gateway is an end of them (SPEC.md 10).
        self.crossing = {bytes(mid) for mid, immutable in rows if not is_receipt(immutable)}

    # --- what the mesh has

    def put(self, things: list[tuple[str, int, int, bytes]]) -> bool:
        """These (address, hops, expires_s, immutable) of this mesh shall go to the hub. False, and
        none is kept, if there is no room."""
        if not self._room(len(things)):
            return False
        with writing(self._db):
            for address, hops, expires_s, immutable in things:
                self._insert(address, self._me, hops, expires_s, immutable, came=0)
        return True

    def _insert(
        self, address: str, source: int, hops: int, expires_s: int, immutable: bytes, came: int
    ) -> bool:
        mid = mid_of(immutable)
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO backhaul_item (name, mid, rank, address, source, hops, "
            "expires_s, immutable, came, owes, given) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._key.name(immutable), mid, rank_of(immutable), address, source, hops,
                expires_s, immutable, came, "" if came else "push", 0 if came else 1,
            ),
        )  # fmt: skip
        if cursor.rowcount and not is_receipt(immutable):
            self.crossing.add(mid)
        return cursor.rowcount > 0

    def has(self, immutable: bytes) -> bool:
        """Has this a row?"""
        return self._one("SELECT 1 FROM backhaul_item WHERE name = ?", self._key.name(immutable))

    def _one(self, query: str, *values: object) -> bool:
        return self._db.execute(query, values).fetchone() is not None

    def receipt_of(self, mid: bytes) -> bytes | None:
        """The receipt of a message, if it has gone to the hub or come from it."""
        for row in self._db.execute("SELECT immutable FROM backhaul_item WHERE mid = ?", (mid,)):
            if is_receipt(row[0]):
                return bytes(row[0])
        return None

    def delivered(self, receipt: bytes, expires_s: int) -> bool:
        """The mesh has the receipt of a message that crosses: it goes where the message went, and
        the message's parcels go nowhere any more. False if there is no room."""
        mid = mid_of(receipt)
        rows = self._db.execute(
            "SELECT id, address, source, came, owes FROM backhaul_item WHERE mid = ?", (mid,)
        ).fetchall()
        known = [
            row for row in rows
            if row["came"] or row["owes"] != "push" or row["id"] in self.under_way
        ]  # fmt: skip
        if known and not self._room(1):
            return False
        with writing(self._db):
            if known:  # else the hub has seen nothing of it
                first = known[0]
                back = self._key.address(first["source"]) if first["came"] else first["address"]
                to = ALL if any(row["address"] == ALL for row in known) else back
                self._insert(to, self._me, 0, expires_s, receipt, came=0)
            self._end(mid)
        return True

    def _end(self, mid: bytes) -> None:
        """Forget the parcels of a message; its receipt stays."""
        self.crossing.discard(mid)
        for row in self._db.execute(
            "SELECT id, immutable FROM backhaul_item WHERE mid = ?", (mid,)
        ).fetchall():
            if not is_receipt(row["immutable"]):
                self._db.execute("DELETE FROM backhaul_item WHERE id = ?", (row["id"],))

    # --- to the hub

    def to_push(self, limit: int, clock_s: int, only_first: bool, again: bool) -> list[Row]:
        """What the hub shall have, first things first. only_first: nothing but SOS. again: what
        came from it before it was rebuilt, too."""
        most = FIRST if only_first else (AGAIN + SPARE if again else SPARE)
        rows = self._db.execute(
            "SELECT * FROM backhaul_item WHERE owes = 'push' AND rank <= ? AND expires_s > ? "
            "ORDER BY rank, id LIMIT ?",
            (most, clock_s, limit),
        )
        return [self._row(row, clock_s) for row in rows]

    def _row(self, row: sqlite3.Row, clock_s: int) -> Row:
        immutable = bytes(row["immutable"])
        code = immutable[1] >> 4
        left_s = row["expires_s"] - clock_s
        age = age_field(max(0, LIFETIMES_S[code] - left_s), code)
        item = Item(row["hops"], age, row["source"], immutable)
        return Row(row["id"], row["address"], item, left_s, row["rank"])

    def pushed(self, rows: Iterable[Row], top: int) -> None:
        """The hub has these, durably. top: the highest number that it has given."""
        done = [("purge" if is_receipt(row.item.immutable) else "", AGAIN, row.id) for row in rows]
        with writing(self._db):
            self._db.executemany(
                "UPDATE backhaul_item SET owes = ?, rank = rank % ? WHERE id = ?", done
            )
            self._raise_top(top)
        self.under_way.clear()

    def to_purge(self, limit: int) -> list[tuple[int, bytes]]:
        """Row and message of receipts at the hub whose parcels may still lie there."""
        rows = self._db.execute(
            "SELECT id, mid FROM backhaul_item WHERE owes = 'purge' ORDER BY id LIMIT ?", (limit,)
        )
        return [(row["id"], bytes(row["mid"])) for row in rows]

    def purged(self, rows: Iterable[int]) -> None:
        """Those parcels are gone from the hub."""
        with writing(self._db):
            for row in rows:
                self._db.execute("UPDATE backhaul_item SET owes = '' WHERE id = ?", (row,))

    # --- from the hub

    def place(self, subject: str) -> int:
        """Up to which number this part of the hub has been read."""
        row = self._db.execute(
            "SELECT seq FROM backhaul_place WHERE subject = ?", (subject,)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def move(self, subject: str, seq: int) -> None:
        """Nothing is news up to this number."""
        self._db.execute("INSERT OR REPLACE INTO backhaul_place VALUES (?, ?)", (subject, seq))

    def take(self, subject: str, found: list[Found], clock_s: int) -> int | None:
        """Keep what was found behind the place of this part of the hub, and move the place: how
        much of it is new here. None, and nothing is kept, if there is no room."""
        if not self._room(len(found)):
            return None
        with writing(self._db):
            new = sum(self._take_one(one, clock_s) for one in found)
            self.move(subject, found[-1].seq)
            self._raise_top(found[-1].seq)
        return new

    def _take_one(self, found: Found, clock_s: int) -> bool:
        try:
            item = self._key.open(found.subject, found.data)
        except (DecodeError, IndexError):
            self.damaged += 1
            return False
        immutable = item.immutable
        code = immutable[1] >> 4
        lived_s = age_s(item.age, code) + found.late_s // age_unit_s(code) * age_unit_s(code)
        left_s = LIFETIMES_S[code] - lived_s
        if left_s <= 0:
            return False
        if not is_receipt(immutable) and self.receipt_of(mid_of(immutable)):
            return False
        address = found.subject.split(".")[2]
        if self._insert(address, item.source, item.hops, clock_s + left_s, immutable, came=1):
            return True
        self._db.execute(  # it need not be pushed: it is there
            "UPDATE backhaul_item SET owes = '', rank = rank % ? WHERE name = ? AND owes = 'push'",
            (AGAIN, self._key.name(immutable)),
        )
        return False

    def to_give(self, limit: int, clock_s: int) -> list[tuple[int, int, int, bytes]]:
        """What the node shall have, first things first: (row, hops, age, immutable)."""
        rows = self._db.execute(
            "SELECT * FROM backhaul_item WHERE given = 0 AND expires_s > ? "
            "ORDER BY rank, id LIMIT ?",
            (clock_s, limit),
        )
        return [
            (row["id"], row["hops"], self._row(row, clock_s).item.age, bytes(row["immutable"]))
            for row in rows
        ]

    def given(self, rows: Iterable[int], ended: Iterable[bytes]) -> None:
        """The node has had these. ended: messages whose receipt was among them."""
        with writing(self._db):
            for row in rows:
                self._db.execute("UPDATE backhaul_item SET given = 1 WHERE id = ?", (row,))
            for mid in ended:
                self._end(mid)

    # --- the hub's life

    def known_life(self) -> tuple[str, int]:
        """Which life of the hub's stream we know ("" for none), and its highest number."""
        life, _, top = (get_meta(self._db, _LIFE) or b"").decode().partition(" ")
        return life, int(top or 0)

    def _raise_top(self, top: int) -> None:
        life, before = self.known_life()
        if top > before:
            set_meta(self._db, _LIFE, f"{life} {top}".encode())

    def begin_life(self, life: str) -> int:
        """The hub was rebuilt, or has lost something: read it from the start, and bring it back
        what is still alive here. How much that is."""
        with writing(self._db):
            self._db.execute("DELETE FROM backhaul_place")
            self._db.execute("UPDATE backhaul_item SET owes = 'push' WHERE owes != 'push'")
            self._db.execute(
                "UPDATE backhaul_item SET rank = rank + ? WHERE came = 1 AND rank < ?",
                (AGAIN, AGAIN),
            )
            set_meta(self._db, _LIFE, f"{life} 0".encode())
            count = "SELECT count(*) FROM backhaul_item WHERE owes = 'push'"
            return int(self._db.execute(count).fetchone()[0])

    # --- room

    def tidy(self, clock_s: int) -> None:
        """Forget what has expired."""
        with writing(self._db):
            self._forget("expires_s <= ?", clock_s)

    def _forget(self, which: str, *values: object) -> None:
        gone = self._db.execute(
            f"DELETE FROM backhaul_item WHERE {which} RETURNING mid",  # noqa: S608 - our own words
            values,
        ).fetchall()
        for mid in {bytes(row[0]) for row in gone}:
            if not self._one("SELECT 1 FROM backhaul_item WHERE mid = ?", mid):
                self.crossing.discard(mid)

    def _room(self, more: int) -> bool:
        excess = self._count() + more - ROWS_MAX
        if excess > 0:
            with writing(self._db):
                self._forget(
                    "id IN (SELECT id FROM backhaul_item WHERE owes = '' AND given = 1 "
                    "ORDER BY expires_s LIMIT ?)",
                    excess,
                )
        return self._count() + more <= ROWS_MAX

    def _count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM backhaul_item").fetchone()[0])


def rank_of(immutable: bytes) -> int:
    """When it has its turn."""
    if is_receipt(immutable):
        return RECEIPTS
    priority = parcel.priority(immutable[0])
    if priority == SOS:
        return FIRST
    if priority == BACKGROUND or parcel.kind(immutable[0]) != parcel.MESSAGE:
        return LATER
    if immutable[0] & parcel.PIECES:
        piece = parcel.piece_of(immutable)
        return MESSAGES if piece.index < piece.k else SPARE
    return MESSAGES


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """How much waits, and how much is remembered; from any process."""
    row = db.execute(
        "SELECT count(*) AS known, coalesce(sum(owes = 'push'), 0) AS to_push, "
        "coalesce(sum(given = 0), 0) AS to_give, "
        "coalesce(sum(owes = 'push' AND rank = 0), 0) AS sos_to_push FROM backhaul_item"
    ).fetchone()
    return dict(row)
