"""The directory: who has which devices, as far as this gateway has heard (SPEC.md 14).

Names are claims: several accounts may have one, and all are shown, each with its fingerprint. What
counts for an account is its record with the highest sequence, kept over restarts, so that no old
list of devices comes back; two of the same sequence are a conflict, and both are shown.
"""

import sqlite3
from collections.abc import Callable, Iterable

from gateway.database import writing
from gateway.directory_records import (
    AccountRecord,
    DeviceRecord,
    RecordError,
    commitment,
    content,
    device_hash,
    folded,
    read,
)
from gateway.directory_view import DirectoryView, account_id, counting

ACCOUNTS_MAX = 5_000  # 3 MB of SQLite; beyond it the longest unheard give way
DELETED_MAX = 5_000
DELETED_KEPT_S = 365 * 86_400  # of the node's clock
UNLISTED_MAX = 500  # device records that no account's newest record lists, or not yet
NEW_NAMES_MAX = 200  # in an hour, from one neighbour
NEW_NAMES_OF_PHONE = 3  # and from one phone here: its account, and the key after it
_SOURCES_MAX = 1000  # whose hour is remembered; phones come and go
_HOUR_S = 3600

# What became of a record that was heard. The first three changed the directory.
NEW, NEWER, CONFLICT, KNOWN, OLD, DELETED, GONE_ON, FLOOD, FULL, REFUSED = (
    "new", "newer", "conflict", "known", "old", "deleted", "gone on", "flood", "full", "refused",
)  # fmt: skip
CHANGED = (NEW, NEWER, CONFLICT)


class Directory(DirectoryView):
    """The directory in the database of one gateway; one process at a time takes records.

    keep(): keys of the accounts that must not give way, those of contacts and of people here.
    """

    def __init__(self, db: sqlite3.Connection, keep: Callable[[], set[bytes]]) -> None:
        super().__init__(db)
        self._keep = keep
        self._quota: dict[int | str, tuple[int, int]] = {}  # source: hour began, new names since
        self.counts: dict[str, int] = {}  # of what became of records, since the start

    # --- what is heard

    def take(self, payload: bytes, ingress: int | str, clock_s: int, unix_s: int) -> str:
        """A record as it travels, from anybody: what became of it, durable when this returns.

        ingress: the neighbour that brought it, or the id of a phone here. clock_s: the node's
        clock. unix_s: to be shown.
        """
        return self.take_all([payload], ingress, clock_s, unix_s)[0]

    def take_all(
        self, payloads: Iterable[bytes], ingress: int | str, clock_s: int, unix_s: int
    ) -> list[str]:
        """Several records in one transaction."""
        with writing(self._db):
            done = [self._take(p, ingress, clock_s, unix_s) for p in payloads]
        for verdict in done:
            self.counts[verdict] = self.counts.get(verdict, 0) + 1
        return done

    def _take(self, payload: bytes, ingress: int | str, clock_s: int, unix_s: int) -> str:
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
        self,
        record: AccountRecord,
        payload: bytes,
        ingress: int | str,
        clock_s: int,
        unix_s: int,
    ) -> str:
        row = self.row(record.account)
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

    def _in_quota(self, ingress: int | str, clock_s: int) -> bool:
        if len(self._quota) >= _SOURCES_MAX:
            recent = {s: q for s, q in self._quota.items() if clock_s - q[0] < _HOUR_S}
            self._quota = recent if len(recent) < _SOURCES_MAX else {}
        began, count = self._quota.get(ingress, (clock_s, 0))
        if clock_s - began >= _HOUR_S:
            began, count = clock_s, 0
        if count >= (NEW_NAMES_OF_PHONE if isinstance(ingress, str) else NEW_NAMES_MAX):
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
        account = self.row(record.account)
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
        listed = account is not None and hash_ in counting(account)
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
        row = self.row(account)
        assert row is not None
        listed = counting(row)
        for device in self._db.execute(
            "SELECT key, hash FROM directory_device WHERE account = ?", (account,)
        ).fetchall():
            self._db.execute(
                "UPDATE directory_device SET listed = ? WHERE account = ? AND key = ?",
                (bytes(device["hash"]) in listed, account, device["key"]),
            )
