"""The directory, asked: what was heard of an account, its devices and its name (SPEC.md 14)."""

import hashlib
import sqlite3
from dataclasses import dataclass

from gateway.directory_records import (
    DEVICES_MAX,
    AccountRecord,
    DeviceRecord,
    decode,
    device_hash,
    folded,
)

FOUND_MAX = 5_000  # accounts in one answer: all of them
_OTHERS_MAX = 8  # accounts of the same name that are shown with one
_LINE_MAX = 8  # changes of an account's key that are followed


@dataclass(frozen=True)
class Entry:
    """An account in the directory, and what a person should know before believing it.

    rival: another record of the same sequence, None if there is no conflict. devices: hashes that
    count. known: records of those that were heard, as they travel. former, later: accounts (ids)
    before and after a change of key that the former key had announced. others: accounts (ids) with
    the same name and another key, first: was this one here before them?
    """

    id: str
    record: AccountRecord
    payload: bytes
    rival: bytes | None
    devices: tuple[bytes, ...]
    known: tuple[bytes, ...]
    former: str | None
    later: str | None
    others: tuple[str, ...]
    first: bool
    heard_unix_s: int


class DirectoryView:
    """What a process that takes no records may ask: a command, the chat page."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def row(self, account: bytes) -> sqlite3.Row | None:
        """Of directory_account."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM directory_account WHERE key = ?", (account,)
        ).fetchone()
        return row

    def newest(self, account: bytes) -> AccountRecord | None:
        """The record of this account that counts; None if there was none."""
        row = self.row(account)
        return None if row is None else _record(row["record"])

    def payload(self, account: bytes) -> bytes | None:
        """The same as it travels."""
        row = self.row(account)
        return None if row is None else bytes(row["record"])

    def now(self, account: bytes) -> bytes:
        """The account's key today: it, or what it was changed to, each time announced by the
        former key."""
        for _ in range(_LINE_MAX):
            row = self.row(account)
            if row is None or row["later"] is None:
                break
            account = bytes(row["later"])
        return account

    def is_removed(self, account: bytes, device: bytes) -> bool:
        """Has the account said that this device is not its own (any more)? It has not if nothing
        was heard of it. Keys."""
        row = self.row(self.now(account))
        return row is not None and device_hash(device) not in counting(row)

    def lists(self, account: bytes, device: bytes) -> bool:
        """Does a record of the account that counts, or may, list this device? Keys."""
        row = self.row(account)
        if row is None:
            return False
        listed = _record(row["record"]).devices
        rival = () if row["rival"] is None else _record(row["rival"]).devices
        return device_hash(device) in (*listed, *rival)

    def devices(self, account: bytes) -> list[DeviceRecord]:
        """What is known of the devices that count; at most DEVICES_MAX."""
        rows = self._db.execute(
            "SELECT record FROM directory_device WHERE account = ? AND listed ORDER BY hash "
            "LIMIT ?",
            (account, DEVICES_MAX),
        )
        found = [decode(bytes(row[0])) for row in rows]
        return [record for record in found if isinstance(record, DeviceRecord)]

    def longest_lifetime(self, device: bytes) -> int:
        """The code of the longest lifetime that mail for a device (its key) may have."""
        rows = self._db.execute(
            "SELECT record FROM directory_device WHERE key = ? AND listed", (device,)
        )
        records = [decode(bytes(row[0])) for row in rows]
        return min((r.lifetime for r in records if isinstance(r, DeviceRecord)), default=15)

    def find(self, wanted: str, limit: int = FOUND_MAX) -> list[Entry]:
        """Accounts by the beginning of their name or by their id, last heard first."""
        name = folded(wanted.strip())
        rows = self._db.execute(
            "SELECT * FROM directory_account WHERE deleted_clock_s IS NULL "
            "AND (substr(folded, 1, ?) = ? OR id = ?) ORDER BY turn DESC LIMIT ?",
            (len(name), name, wanted.replace(" ", "").lower(), limit),
        ).fetchall()
        return [self._entry(row) for row in rows]

    def entry(self, account: bytes) -> Entry | None:
        """What is known of an account by its key; None if nothing is, or it was deleted."""
        row = self.row(account)
        return None if row is None or row["deleted_clock_s"] is not None else self._entry(row)

    def _entry(self, row: sqlite3.Row) -> Entry:
        record = _record(row["record"])
        devices = self._db.execute(
            "SELECT record FROM directory_device WHERE account = ? AND listed", (row["key"],)
        )
        names = self._db.execute(
            "SELECT key, id, first_turn FROM directory_account WHERE folded = ? "
            "AND deleted_clock_s IS NULL ORDER BY first_turn LIMIT ?",
            (row["folded"], _OTHERS_MAX + 3),
        ).fetchall()
        line = (row["key"], row["former"], row["later"])
        others = [other for other in names if other["key"] not in line]
        return Entry(
            row["id"], record, bytes(row["record"]),
            None if row["rival"] is None else bytes(row["rival"]),
            tuple(sorted(counting(row))),
            tuple(bytes(device[0]) for device in devices),
            None if row["former"] is None else account_id(row["former"]),
            None if row["later"] is None else account_id(row["later"]),
            tuple(other["id"] for other in others[:_OTHERS_MAX]),
            all(row["first_turn"] < other["first_turn"] for other in others),
            row["heard_unix_s"],
        )  # fmt: skip


def account_id(key: bytes) -> str:
    """Of an account's key, 16 hex digits."""
    return hashlib.sha256(key).hexdigest()[:16]


def _record(payload: bytes) -> AccountRecord:
    record = decode(bytes(payload))
    assert isinstance(record, AccountRecord)
    return record


def counting(row: sqlite3.Row) -> set[bytes]:
    """The devices that count: during a conflict those that both records list."""
    devices = set(_record(row["record"]).devices)
    return devices if row["rival"] is None else devices & set(_record(row["rival"]).devices)
