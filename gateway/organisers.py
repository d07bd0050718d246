"""Organisers: whose announcements are the network's, certified by its operator (SPEC.md 16.3).

A certificate travels as a notice of its own, so that everybody who knows the operator's public key
can check it. Methods run inside a transaction of the caller.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from gateway import certificate
from gateway.certificate_store import operator_of
from gateway.errors import UserError

ORGANISERS_MAX = 100  # beyond it the certificate that ends first gives way
AGAIN_S = 5 * 86_400  # the parcel of a certificate lives for seven days

# What became of a certificate that was heard.
NEW, KNOWN, REFUSED, NEWER = "new", "known", "refused", "newer"


class Organisers:
    """Those of a gateway's database. operator(): the public key of the network's operator, None if
    this folder does not know it. next_seq(): the next number of the board."""

    def __init__(
        self,
        db: sqlite3.Connection,
        operator: Callable[[], bytes | None],
        next_seq: Callable[[], int],
        now_s: Callable[[], int],
    ) -> None:
        """now_s(): unix time."""
        self._db = db
        self.operator = operator
        self._next_seq = next_seq
        self._now_s = now_s

    def of(self, device: bytes) -> sqlite3.Row | None:
        """The certificate for a device, if one was heard of. Whether it holds now is for who looks
        at it."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM organiser WHERE device = ?", (device,)
        ).fetchone()
        return row

    def after(self, seq: int) -> list[sqlite3.Row]:
        """Those that came after this number of the board."""
        query = "SELECT * FROM organiser WHERE seq > ? ORDER BY seq"
        return self._db.execute(query, (seq,)).fetchall()

    def take(self, raw: bytes) -> tuple[str, bytes]:
        """A certificate: (what became of it, for which device). Of a device that counts which
        holds for longest. Its signature is checked and not its times: a gateway's clock may
        never have been set."""
        operator = self.operator()
        if operator is None:
            return NEWER, b""  # carried, and read again when this folder knows its network
        try:
            said = certificate.check_organiser(raw, operator, None)
        except UserError:
            return REFUSED, b""
        known, now_s = self.of(said.key), self._now_s()
        if known is not None and bytes(known["certificate"]) == raw:
            self._out(said.key, now_s)
        if known is not None and known["until_unix_s"] >= said.until_s:
            return KNOWN, said.key
        self._db.execute(
            "INSERT OR REPLACE INTO organiser VALUES (?, ?, ?, ?, ?, ?, ?)",
            (said.key, self._next_seq(), raw, said.name, said.since_s, said.until_s, now_s),
        )
        self._db.execute(
            "DELETE FROM organiser WHERE device IN (SELECT device FROM organiser "
            "ORDER BY until_unix_s DESC LIMIT -1 OFFSET ?)",
            (ORGANISERS_MAX,),
        )
        return NEW, said.key

    def due(self, device: bytes) -> bytes | None:
        """A device announces: its certificate, if that should be told again. It counts as told."""
        row, now_s = self.of(device), self._now_s()
        if row is None or 0 <= now_s - row["out_unix_s"] < AGAIN_S:
            return None
        self._out(device, now_s)
        return bytes(row["certificate"])

    def _out(self, device: bytes, now_s: int) -> None:
        self._db.execute("UPDATE organiser SET out_unix_s = ? WHERE device = ?", (now_s, device))


def holds(row: sqlite3.Row, now_s: int | None) -> bool:
    """Is a certificate valid at this unix time? None where nobody knows it, which refuses none."""
    if now_s is None:
        return True
    since_s, until_s = row["since_unix_s"], row["until_unix_s"]
    return bool(since_s - certificate.CLOCK_OFF_S <= now_s <= until_s)


def operator_known(data: Path) -> bytes | None:
    """The public key of the operator of this data folder's network, if it has one."""
    try:
        return operator_of(data)
    except UserError:
        return None
