"""Letters: bundles that arrived for devices, kept until their phones have them and a week longer.

Nobody here can open one. Several may claim to be one message (SPEC.md 10.3): the phone finds out
which it can open, and its token is the proof.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

from gateway.pieces import Shape
from gateway.posting import shape_bytes
from shared_protocol.receipt import message_id

STUBS_MAX = 2000  # of a device
LETTERS_MAX = 500  # of a device that has not taken them; further ones stay on the mesh
BYTES_MAX = 4 << 20
VARIANTS_MAX = 4  # of one message, as a node keeps them
KEPT_S = 7 * 86_400  # after the phone took it, for a phone that loses what it knew

COLUMNS = "seq, mid, head, shape, bundle, relays, arrived_ms"


class Letters:
    """The letter boxes. Methods that change them run inside a transaction (post_office.py)."""

    def __init__(
        self, db: sqlite3.Connection, next_seq: Callable[[str], int], now_s: Callable[[], int]
    ) -> None:
        """next_seq(device): the next number in what that device's phone is told. now_s: the node's
        clock."""
        self._db = db
        self._next_seq = next_seq
        self._now_s = now_s
        self.wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000  # to be shown

    def keep(
        self, device: str, head: bytes, shape: Shape | None, bundle: bytes, relays: int
    ) -> bool:
        """Put a letter into a device's box; False if it is full. A second time is a no-op."""
        mid = head[2:]
        whole = head + (shape_bytes(shape) or b"") + bundle
        variant = hashlib.sha256(whole).digest()[:8]
        known = self._db.execute(
            "SELECT variant, token FROM letter WHERE mid = ? AND device = ?", (mid, device)
        ).fetchall()
        taken = any(row["token"] is not None for row in known)
        if taken or len(known) >= VARIANTS_MAX or any(r["variant"] == variant for r in known):
            return True
        if not self._room(device, len(bundle)):
            return False
        self._db.execute(
            "INSERT INTO letter (device, seq, mid, variant, head, shape, bundle, relays, "
            "arrived_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                device, self._next_seq(device), mid, variant, head, shape_bytes(shape), bundle,
                relays, self.wall_ms(),
            ),
        )  # fmt: skip
        return True

    def known(self, mid: bytes) -> bool:
        """Has anybody's box a letter of this message, or had it?"""
        row = self._db.execute("SELECT 1 FROM letter WHERE mid = ?", (mid,)).fetchone()
        return row is not None

    def is_for(self, mid: bytes, device: str) -> bool:
        """Has this device's box a letter of this message, or had it?"""
        row = self._db.execute(
            "SELECT 1 FROM letter WHERE mid = ? AND device = ?", (mid, device)
        ).fetchone()
        return row is not None

    def _room(self, device: str, size: int) -> bool:
        """Is there room for so many bytes more? What the phone has taken gives way, then what it
        has been given (it asked for what comes after), oldest first; nothing else ever does.

        What was only given leaves a stub without its bundle: its receipt may still come, and its
        parcels must not bring it back.
        """
        count, held = self._db.execute(
            "SELECT count(*), coalesce(sum(length(bundle)), 0) FROM letter "
            "WHERE device = ? AND bundle != x''",
            (device,),
        ).fetchone()
        while count >= LETTERS_MAX or held + size > BYTES_MAX:
            row = self._db.execute(
                "SELECT id, token, length(bundle) AS size FROM letter WHERE device = ? "
                "AND bundle != x'' AND (token IS NOT NULL OR seq <= (SELECT had FROM device "
                "WHERE id = ?)) ORDER BY token IS NULL, seq LIMIT 1",
                (device, device),
            ).fetchone()
            if row is None:
                return False
            if row["token"] is None:
                self._to_stub(device, row["id"])
            else:
                self._db.execute("DELETE FROM letter WHERE id = ?", (row["id"],))
            count, held = count - 1, held - row["size"]
        return True

    def _to_stub(self, device: str, row_id: int) -> None:
        self._db.execute(
            "UPDATE letter SET bundle = x'', taken_s = ? WHERE id = ?", (self._now_s(), row_id)
        )
        self._db.execute(
            "DELETE FROM letter WHERE id IN (SELECT id FROM letter WHERE device = ? "
            "AND bundle = x'' ORDER BY seq DESC LIMIT -1 OFFSET ?)",
            (device, STUBS_MAX),
        )

    def had(self, device: str, seq: int) -> None:
        """Its phone has been given all up to this number."""
        self._db.execute("UPDATE device SET had = max(had, ?) WHERE id = ?", (seq, device))

    def after(self, device: str, seq: int, limit: int) -> Iterator[sqlite3.Row]:
        """Letters of a device behind this number, in their order."""
        yield from self._db.execute(
            f"SELECT {COLUMNS} FROM letter WHERE device = ? AND seq > ? "  # noqa: S608 - a constant
            "AND bundle != x'' ORDER BY seq LIMIT ?",
            (device, seq, limit),
        )

    def has(self, mid: bytes, device: str, head: bytes, shape: Shape) -> bool:
        """Has a message been rebuilt from pieces of this shape for a device?"""
        row = self._db.execute(
            "SELECT 1 FROM letter WHERE mid = ? AND device = ? AND head = ? AND shape = ?",
            (mid, device, head, shape_bytes(shape)),
        ).fetchone()
        return row is not None

    def waits(self, mid: bytes) -> bool:
        """Is a message here that nobody has taken?"""
        row = self._db.execute(
            "SELECT 1 FROM letter WHERE mid = ? AND token IS NULL", (mid,)
        ).fetchone()
        return row is not None

    def taken_before(self, mid: bytes) -> tuple[bytes, int] | None:
        """(token, lifetime code) of a message that a phone took already, else None."""
        rows = self._db.execute(
            "SELECT DISTINCT token, head FROM letter WHERE mid = ? AND token IS NOT NULL", (mid,)
        ).fetchall()  # one reader's acknowledgement opens another lock: others still want theirs
        row = next((row for row in rows if message_id(bytes(row["token"])) == mid), None)
        return None if row is None else (bytes(row["token"]), row["head"][1] >> 4)

    def take(self, device: str, token: bytes, now_s: int) -> tuple[bytes, int] | None:
        """A phone has opened the message of this token: (its head, whether that is news), None if
        no letter of this device is locked by it."""
        mid = message_id(token)
        row = self._db.execute(
            "SELECT head, token FROM letter WHERE mid = ? AND device = ? ORDER BY seq",
            (mid, device),
        ).fetchone()
        if row is None:
            return None
        if row["token"] is not None:
            return bytes(row["head"]), 0
        self.taken(mid, token, now_s)
        return bytes(row["head"]), 1

    def taken(self, mid: bytes, token: bytes, now_s: int, receipted: bool = False) -> None:
        """The token of a message has been seen: whoever it was for has it."""
        self._db.execute(
            "UPDATE letter SET token = ?, taken_s = ?, receipted = ? WHERE mid = ? "
            "AND token IS NULL",
            (token, now_s, receipted, mid),
        )

    def ack(self, device: str, mid: bytes, token: bytes, now_s: int) -> tuple[int, bool] | None:
        """A phone has opened a message that others read too: (its lifetime code, whether that is
        news), None if no letter of this device has this id. Only its own letters are taken."""
        row = self._db.execute(
            "SELECT head, token FROM letter WHERE mid = ? AND device = ? ORDER BY seq",
            (mid, device),
        ).fetchone()
        if row is None:
            return None
        news = row["token"] is None or message_id(bytes(row["token"])) == mid  # or was recalled
        if news:
            self._db.execute(
                "UPDATE letter SET token = ?, taken_s = coalesce(taken_s, ?), receipted = 0 "
                "WHERE mid = ? AND device = ?",
                (token, now_s, mid, device),
            )
        return row["head"][1] >> 4, news

    def owed(self) -> list[tuple[bytes, bytes, int]]:
        """(id that it opens, token, lifetime code) of the receipts that have not left yet."""
        rows = self._db.execute(
            "SELECT DISTINCT token, head FROM letter WHERE token IS NOT NULL AND receipted = 0"
        )
        tokens = [(bytes(r["token"]), r["head"][1] >> 4) for r in rows]
        return [(message_id(token), token, code) for token, code in tokens]

    def receipted(self, token: bytes) -> None:
        """The receipt of this token is in the node's store, or need not go there."""
        self._db.execute(
            "UPDATE letter SET receipted = 1 WHERE token = ? AND receipted = 0", (token,)
        )

    def tidy(self, now_s: int) -> None:
        """Delete what was taken, or given up, a week ago."""
        self._db.execute("DELETE FROM letter WHERE taken_s < ?", (now_s - KEPT_S,))

    def counts(self) -> dict[str, Any]:
        """How many letters lie here, and how many of them wait for their phones."""
        total, waiting = self._db.execute(
            "SELECT count(*), count(*) - count(token) FROM letter WHERE bundle != x''"
        ).fetchone()
        return {"letters": total, "letters_waiting": waiting}
