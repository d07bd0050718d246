"""The gateway node's store: records in SQLite, many of them in one commit."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from shared_protocol.errors import MediumFull
from shared_protocol.store import HANDLES_FROM

RESERVE_BYTES = (
    4_000_000  # left free on the disk, so that receipts and states can still be written
)


class SqliteStore:
    """The store interface of shared_protocol/store.py. put begins a transaction, sync ends it."""

    def __init__(self, db: sqlite3.Connection, path: Path, reserve_bytes: int = RESERVE_BYTES):
        self._db = db
        self._path = path
        self._reserve_bytes = reserve_bytes
        self._seen = 0  # the highest handle that has been looked at
        self._own: set[int] = set()  # higher ones that this node has put itself
        self.refused = 0
        self.damaged = 0  # SQLite tells of damage by an error, never by another record

    def put(self, record: bytes) -> int:
        """Keep a record. MediumFull (a parcel, and a nearly full disk) leaves all as it was.

        If the disk is full in spite of the reserve, SQLite rolls back all since the last sync()
        and its own error comes through: the gateway then starts its node again from the disk.
        """
        parcel = record[:1] == b"P"  # receipts and the clock may use the reserve
        if parcel and shutil.disk_usage(self._path.parent).free < self._reserve_bytes:
            self.refused += 1
            raise MediumFull("the disk is full")
        self._begin()
        cursor = self._db.execute("INSERT INTO record (bytes) VALUES (?)", (record,))
        handle = cursor.lastrowid
        assert handle is not None
        self._own.add(handle)
        return HANDLES_FROM + handle

    def get(self, handle: int) -> bytes:
        """The record under a handle."""
        row = self._db.execute(
            "SELECT bytes FROM record WHERE handle = ?", (handle - HANDLES_FROM,)
        ).fetchone()
        return bytes(row[0])

    def delete(self, handle: int, remember: bool = False) -> None:
        """Forget a record altogether: a gateway that starts again asks for little."""
        self._begin()
        self._db.execute("DELETE FROM record WHERE handle = ?", (handle - HANDLES_FROM,))

    def sync(self) -> None:
        """One commit for all that was put and deleted since the last."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def records(self) -> Iterator[tuple[int, bytes]]:
        """All records; after a restart."""
        yield from self.news()

    def remembered(self) -> list[bytes]:
        """Nothing."""
        return []

    def news(self) -> list[tuple[int, bytes]]:
        """Records put since the last call by others: the desk, or `helio send` beside us."""
        rows = self._db.execute(
            "SELECT handle, bytes FROM record WHERE handle > ? ORDER BY handle", (self._seen,)
        ).fetchall()
        fresh = [(HANDLES_FROM + row[0], bytes(row[1])) for row in rows if row[0] not in self._own]
        if rows:
            self._seen = rows[-1][0]
            self._own.clear()
        return fresh

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
