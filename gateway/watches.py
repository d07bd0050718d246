"""A message that several read: who of them has it, and when the mesh may let go of it.

Each reader acknowledges with a token of its own, which nobody but it and the author can compute.
The author says with the message which ids ("locks") these tokens open; a token that comes, from
the mesh or from a phone of this gateway, is told to the author under its lock. The token of the
message itself is the author's: handed in, it ends the message everywhere (SPEC.md 15).
"""

import sqlite3
from collections.abc import Callable

from gateway.letters import Letters
from gateway.outbox import Outbox
from shared_protocol.receipt import message_id

WATCH_MAX = 64  # locks of one message
LOCK_LEN = 12

Released = tuple[bytes, bytes, int]  # lock, token and lifetime code of a receipt that shall leave
DONE_BEFORE = None  # in the place of it: nothing has to leave any more


class Watches:
    """Methods that change something run inside a transaction (post_office.py)."""

    def __init__(
        self,
        db: sqlite3.Connection,
        letters: Letters,
        outbox: Outbox,
        next_seq: Callable[[str], int],
        now_s: Callable[[], int],
    ) -> None:
        """next_seq(device): the next number in what that device's phone is told. now_s: the node's
        clock."""
        self._db = db
        self._letters = letters
        self._outbox = outbox
        self._next_seq = next_seq
        self._now_s = now_s

    def add(self, device: str, mid: bytes, locks: tuple[bytes, ...]) -> None:
        """The author of a message wants to hear of these."""
        self._db.executemany(
            "INSERT INTO watch (posted, device, lock) SELECT id, device, ? FROM posted "
            "WHERE mid = ? AND device = ?",
            ((lock, mid, device) for lock in dict.fromkeys(locks)),
        )

    def waits(self, lock: bytes) -> bool:
        """Does an author wait for the token of this lock?"""
        row = self._db.execute(
            "SELECT 1 FROM watch WHERE lock = ? AND token IS NULL", (lock,)
        ).fetchone()
        return row is not None

    def open(self) -> list[bytes]:
        """All locks that an author waits for."""
        rows = self._db.execute("SELECT DISTINCT lock FROM watch WHERE token IS NULL")
        return [bytes(row["lock"]) for row in rows]

    def opened(self, lock: bytes, token: bytes) -> None:
        """The token of a lock has been seen."""
        rows = self._db.execute(
            "SELECT id, device FROM watch WHERE lock = ? AND token IS NULL", (lock,)
        ).fetchall()
        for row in rows:
            self._db.execute(
                "UPDATE watch SET seq = ?, token = ? WHERE id = ?",
                (self._next_seq(row["device"]), token, row["id"]),
            )

    def ack(self, device: str, mid: bytes, token: bytes) -> list[Released | None]:
        """A phone has opened and kept a message that others read too: what shall leave. Empty if
        no letter of this device has that id."""
        acked = self._letters.ack(device, mid, token, self._now_s())
        if acked is None:
            return []
        code, news = acked
        if not news:
            return [DONE_BEFORE]
        lock = message_id(token)
        self.opened(lock, token)
        return [(lock, token, code)]

    def recall(self, device: str, token: bytes) -> list[Released | None]:
        """The author lets go of a message that several read: what shall leave. Empty if this
        device has posted none that this token opens. Letters that nobody has taken stay a week."""
        mid = message_id(token)
        row = self._db.execute(
            "SELECT head, recalled FROM posted WHERE mid = ? AND device = ? "
            "AND EXISTS (SELECT 1 FROM watch WHERE posted = posted.id)",
            (mid, device),
        ).fetchone()
        if row is None:
            return []
        if row["recalled"] is not None:
            return [DONE_BEFORE]
        self._db.execute(
            "UPDATE posted SET recalled = 0 WHERE mid = ? AND device = ?", (mid, device)
        )
        self._outbox.improve(mid, "delivered", self._now_s(), token)
        self._letters.taken(mid, token, self._now_s(), receipted=True)
        return [(mid, token, row["head"][1] >> 4)]

    def owed(self) -> list[Released]:
        """Recalls that have not reached the mesh yet."""
        rows = self._db.execute("SELECT mid, token, head FROM posted WHERE recalled = 0")
        return [(bytes(r["mid"]), bytes(r["token"]), r["head"][1] >> 4) for r in rows]

    def receipted(self, token: bytes) -> None:
        """The receipt of this token is in the node's store."""
        self._db.execute(
            "UPDATE posted SET recalled = 1 WHERE mid = ? AND recalled = 0", (message_id(token),)
        )
