"""The directory: who has which devices, as far as this gateway has heard (SPEC.md 14).

Names are claims: several accounts may have one, and all are shown, each with its fingerprint. What
counts for an account is its record with the highest sequence, kept over restarts, so that no old
list of devices comes back; two of the same sequence are a conflict, and both are shown.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.database import writing
from gateway.directory_records import (
    DEVICES_MAX,
    AccountRecord,
    DeviceRecord,
    RecordError,
    commitment,
    content,
    decode,
    device_hash,
    folded,
    read,
)

ACCOUNTS_MAX = 5_000  # 3 MB of SQLite; beyond it the longest unheard give way
DELETED_MAX = 5_000
DELETED_KEPT_S = 365 * 86_400  # of the node's clock
UNLISTED_MAX = 500  # device records that no account's newest record lists, or not yet
NEW_NAMES_MAX = 200  # in an hour, from one neighbour
_HOUR_S = 3600
_OTHERS_MAX = 8  # accounts of the same name that are shown with one
_LINE_MAX = 8  # changes of an account's key that are followed

# What became of a record that was heard. The first three changed the directory.
NEW, NEWER, CONFLICT, KNOWN, OLD, DELETED, GONE_ON, FLOOD, FULL, REFUSED = (
    "new", "newer", "conflict", "known", "old", "deleted", "gone on", "flood", "full", "refused",
)  # fmt: skip
CHANGED = (NEW, NEWER, CONFLICT)


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


class Directory:
    """The directory in the database of one gateway; one process at a time takes records.

    keep(): keys of the accounts that must not give way, those of contacts and of people here.
    """

    def __init__(self, db: sqlite3.Connection, keep: Callable[[], set[bytes]]) -> None:
        self._db = db
        self._keep = keep
        self._quota: dict[int, tuple[int, int]] = {}  # neighbour: hour began, new names since
        self.counts: dict[str, int] = {}  # of what became of records, since the start

    # --- what is heard

    def take(self, payload: bytes, ingress: int, clock_s: int, unix_s: int) -> str:
        """A record as it travels, from anybody: what became of it, durable when this returns.

        ingress: the neighbour that brought it. clock_s: the node's clock. unix_s: to be shown.
        """
        return self.take_all([payload], ingress, clock_s, unix_s)[0]

    def take_all(
        self, payloads: Iterable[bytes], ingress: int, clock_s: int, unix_s: int
    ) -> list[str]:
        """Several records in one transaction."""
        with writing(self._db):
            done = [self._take(p, ingress, clock_s, unix_s) for p in payloads]
        for verdict in done:
            self.counts[verdict] = self.counts.get(verdict, 0) + 1
        return done

    def _take(self, payload: bytes, ingress: int, clock_s: int, unix_s: int) -> str:
        if self._touch(payload, unix_s):  # most of what is heard: no signature to be checked
            return KNOWN
        try:
            record = read(payload)
        except RecordError:
            return REFUSED
        if isinstance(record, DeviceRecord):
            return self._take_device(record, payload)
        return self._take_account(record, payload, ingress, clock_s, unix_s)

    def _touch(self, payload: bytes, unix_s: int) -> bool:
        """Is this the very record that is here? Then it was heard again."""
        key = payload[2:34]
        row = self._db.execute(
            "SELECT 1 FROM directory_account WHERE key = ? AND record = ?", (key, payload)
        ).fetchone()
        if row is not None:
            self._db.execute(
                "UPDATE directory_account SET turn = ?, heard_unix_s = ? WHERE key = ?",
                (self._turn(), unix_s, key),
            )
            return True
        row = self._db.execute(
            "SELECT 1 FROM directory_device WHERE account = ? AND key = ? AND record = ?",
            (key, payload[34:66], payload),
        ).fetchone()
        return row is not None

    def _turn(self) -> int:
        row = self._db.execute(
            "SELECT max((SELECT coalesce(max(turn), 0) FROM directory_account), (SELECT "
            "coalesce(max(turn), 0) FROM directory_device WHERE NOT listed)) + 1"
        ).fetchone()
        return int(row[0])

    # --- accounts

    def _take_account(
        self, record: AccountRecord, payload: bytes, ingress: int, clock_s: int, unix_s: int
    ) -> str:
        row = self._row(record.account)
        if row is None:
            if not self._in_quota(ingress, clock_s):
                return FLOOD
            if not self._make_room(record.deleted, clock_s):
                return FULL
            self._enter(record, payload, clock_s, unix_s)
            return NEW
        if row["deleted_clock_s"] is not None:
            return DELETED
        if record.deleted:  # whatever its number: an end needs no order
            self._enter(record, payload, clock_s, unix_s)
            return NEWER
        if row["later"] is not None:
            return GONE_ON
        if record.sequence < row["sequence"]:
            return OLD
        if record.sequence == row["sequence"]:
            return self._rival(row, payload)
        self._enter(record, payload, clock_s, unix_s)
        return NEWER

    def _row(self, account: bytes) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM directory_account WHERE key = ?", (account,)
        ).fetchone()
        return row

    def _rival(self, row: sqlite3.Row, payload: bytes) -> str:
        for known in (row["record"], row["rival"]):
            if known is not None and content(bytes(known)) == content(payload):
                return KNOWN
        if row["rival"] is None:
            self._db.execute(
                "UPDATE directory_account SET rival = ? WHERE key = ?", (payload, row["key"])
            )
            self._list_devices(bytes(row["key"]))
        return CONFLICT

    def _enter(self, record: AccountRecord, payload: bytes, clock_s: int, unix_s: int) -> None:
        turn = self._turn()
        self._db.execute(
            "INSERT INTO directory_account (key, id, sequence, record, folded, opens, next_key, "
            "deleted_clock_s, first_turn, turn, heard_unix_s) VALUES (?,?,?,?,?,?,?,?,?,?,?) "
            "ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence, "
            "record = excluded.record, rival = NULL, folded = excluded.folded, "
            "next_key = excluded.next_key, deleted_clock_s = excluded.deleted_clock_s, "
            "turn = excluded.turn, heard_unix_s = excluded.heard_unix_s",
            (
                record.account, account_id(record.account), record.sequence, payload,
                folded(record.name), commitment(record.account), record.next_key,
                clock_s if record.deleted else None, turn, turn, unix_s,
            ),
        )  # fmt: skip
        if record.deleted:
            self._db.execute("DELETE FROM directory_device WHERE account = ?", (record.account,))
            return
        self._list_devices(record.account)
        self._join_line(record.account)

    def _join_line(self, account: bytes) -> None:
        """Keys of one person: whoever had committed to this key, and whom this one commits to.

        The name must be the same, or somebody could hand the people who know him to a stranger.
        """
        pairs = [
            (former, later)
            for mine, others in (("b", "a"), ("a", "b"))  # one at a time, each by its index
            for former, later in self._db.execute(
                f"SELECT a.key, b.key FROM directory_account {mine} "  # noqa: S608 - ours
                f"CROSS JOIN directory_account {others} ON a.next_key = b.opens "
                f"WHERE {mine}.key = ? AND a.folded = b.folded AND a.key != b.key "
                "AND a.later IS NULL AND a.deleted_clock_s IS NULL "
                "AND b.deleted_clock_s IS NULL ORDER BY a.first_turn",
                (account,),
            ).fetchall()
        ]
        for former, later in pairs:
            self._db.execute(
                "UPDATE directory_account SET later = ? WHERE key = ?", (later, former)
            )
            self._db.execute(
                "UPDATE directory_account SET former = coalesce(former, ?) WHERE key = ?",
                (former, later),
            )

    def _in_quota(self, ingress: int, clock_s: int) -> bool:
        began, count = self._quota.get(ingress, (clock_s, 0))
        if clock_s - began >= _HOUR_S:
            began, count = clock_s, 0
        if count >= NEW_NAMES_MAX:
            return False
        self._quota[ingress] = (began, count + 1)
        return True

    def _make_room(self, deleted: bool, clock_s: int) -> bool:
        """A place for one more, where the longest unheard gives way; contacts never do."""
        if deleted:
            self._db.execute(
                "DELETE FROM directory_account WHERE deleted_clock_s < ?",
                (clock_s - DELETED_KEPT_S,),
            )
        which = "IS NOT NULL" if deleted else "IS NULL"
        count = self._db.execute(
            f"SELECT count(*) FROM directory_account WHERE deleted_clock_s {which}"  # noqa: S608 - ours
        ).fetchone()[0]
        if count < (DELETED_MAX if deleted else ACCOUNTS_MAX):
            return True
        keep = self._keep()
        rows = self._db.execute(
            f"SELECT key FROM directory_account WHERE deleted_clock_s {which} ORDER BY turn"  # noqa: S608 - ours
        )
        oldest = next((bytes(row[0]) for row in rows if bytes(row[0]) not in keep), None)
        if oldest is None:
            return False
        self._db.execute("DELETE FROM directory_account WHERE key = ?", (oldest,))
        self._db.execute("DELETE FROM directory_device WHERE account = ?", (oldest,))
        return True

    # --- devices

    def _take_device(self, record: DeviceRecord, payload: bytes) -> str:
        account = self._row(record.account)
        if account is not None and account["deleted_clock_s"] is not None:
            return DELETED
        row = self._db.execute(
            "SELECT * FROM directory_device WHERE account = ? AND key = ?",
            (record.account, record.device),
        ).fetchone()
        if row is not None and record.prekey_seq < row["prekey_seq"]:
            return OLD
        if row is not None and record.prekey_seq == row["prekey_seq"]:
            same = content(bytes(row["record"])) == content(payload)
            return KNOWN if same else REFUSED  # the first stays
        hash_ = device_hash(record.device)
        listed = account is not None and hash_ in _counting(account)
        if not listed:
            self._make_room_unlisted()
        self._db.execute(
            "INSERT OR REPLACE INTO directory_device VALUES (?, ?, ?, ?, ?, ?, ?)",
            (record.account, record.device, hash_, record.prekey_seq, payload, listed,
             self._turn()),
        )  # fmt: skip
        return NEW if row is None else NEWER

    def _make_room_unlisted(self) -> None:
        count = self._db.execute(
            "SELECT count(*) FROM directory_device WHERE NOT listed"
        ).fetchone()[0]
        if count >= UNLISTED_MAX:
            self._db.execute(
                "DELETE FROM directory_device WHERE (account, key) IN (SELECT account, key FROM "
                "directory_device WHERE NOT listed ORDER BY turn LIMIT ?)",
                (count - UNLISTED_MAX + 1,),
            )

    def _list_devices(self, account: bytes) -> None:
        """Which devices does the newest record list?"""
        row = self._row(account)
        assert row is not None
        counting = _counting(row)
        for device in self._db.execute(
            "SELECT key, hash FROM directory_device WHERE account = ?", (account,)
        ).fetchall():
            self._db.execute(
                "UPDATE directory_device SET listed = ? WHERE account = ? AND key = ?",
                (bytes(device["hash"]) in counting, account, device["key"]),
            )

    # --- what is asked

    def newest(self, account: bytes) -> AccountRecord | None:
        """The record of this account that counts; None if there was none."""
        row = self._row(account)
        return None if row is None else _record(row["record"])

    def payload(self, account: bytes) -> bytes | None:
        """The same as it travels."""
        row = self._row(account)
        return None if row is None else bytes(row["record"])

    def now(self, account: bytes) -> bytes:
        """The account's key today: it, or what it was changed to, each time announced by the
        former key."""
        for _ in range(_LINE_MAX):
            row = self._row(account)
            if row is None or row["later"] is None:
                break
            account = bytes(row["later"])
        return account

    def is_removed(self, account: bytes, device: bytes) -> bool:
        """Has the account said that this device is not its own (any more)? It has not if nothing
        was heard of it. Keys."""
        row = self._row(self.now(account))
        return row is not None and device_hash(device) not in _counting(row)

    def devices(self, account: bytes) -> list[DeviceRecord]:
        """What is known of the devices that count; at most DEVICES_MAX."""
        rows = self._db.execute(
            "SELECT record FROM directory_device WHERE account = ? AND listed ORDER BY hash "
            "LIMIT ?",
            (account, DEVICES_MAX),
        )
        found = [decode(bytes(row[0])) for row in rows]
        return [record for record in found if isinstance(record, DeviceRecord)]

    def find(self, wanted: str, limit: int = ACCOUNTS_MAX) -> list[Entry]:
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
        row = self._row(account)
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
            tuple(sorted(_counting(row))),
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


def _counting(row: sqlite3.Row) -> set[bytes]:
    """The devices that count: during a conflict those that both records list."""
    devices = set(_record(row["record"]).devices)
    return devices if row["rival"] is None else devices & set(_record(row["rival"]).devices)
