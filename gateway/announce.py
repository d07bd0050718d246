"""Announcing: who is here, told to the other gateways as records in parcels (SPEC.md 14.3).

Only of people who asked for it. A record goes out under a token drawn here, so that a newer one
can take its parcel out of the mesh; and again before it runs out, while the person is here.
"""

import contextlib
import logging
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Protocol

from gateway.database import get_meta, set_meta, writing
from gateway.desk import Desk
from gateway.directory import (
    CHANGED,
    CONFLICT,
    DELETED,
    FLOOD,
    FULL,
    GONE_ON,
    KNOWN,
    NEW,
    NEWER,
    OLD,
    REFUSED,
)
from gateway.directory_records import DEVICE, DeviceRecord, decode
from gateway.errors import UserError
from gateway.own_records import note_conflict, own_records
from shared_protocol import parcel, receipt
from shared_protocol.lifetime import BACKGROUND, LIFETIMES_S, age_field, lifetime_code
from shared_protocol.node import Node
from shared_protocol.parcel_fields import second_byte

CODE = lifetime_code(2 * 86_400)
AGAIN_S = 32 * 3600  # after so long a record goes out again, spread over the next four hours
HERE_S = 2 * 86_400  # somebody who has not shown up for so long is not here any more
ANNOUNCED_MAX = 2_000  # records at one gateway: a camp of a thousand people with a phone each
SHELF_SHARE = 10  # one in so many of the parcels that this gateway's node holds may be a record
OWED_MAX = 16  # receipts of former records that wait for their privacy delay
HERE = 32  # stands for a neighbour where records come from this gateway itself (neighbours: 0-31)
_LOOK_EVERY_S = 60

# What the person of this gateway wishes: `helio people` writes it, also while no gateway runs.
# Behind the word and a space something random, so that the same wish again is seen.
WISH, ANNOUNCE, STOP, DELETE = "announce", b"yes", b"stop", b"delete"
UNLISTED = "unlisted"
PROBLEM = "announce_problem"  # why it could not be

_log = logging.getLogger(__name__)

_SAYINGS = {
    REFUSED: "the record is damaged, or not signed by whom it names",
    OLD: "a newer record of this account is known: ask for it and count on from there",
    DELETED: "this account was deleted",
    GONE_ON: "this account has gone on to another key",
    FLOOD: "too many new names in this hour: try again in the next",
    FULL: "the directory is full of people who are here",
    UNLISTED: "no record of this account lists that device",
}


def wish(db: sqlite3.Connection, word: bytes) -> None:
    """Let the gateway of this database, running or not, do ANNOUNCE, STOP or DELETE."""
    with writing(db):
        set_meta(db, WISH, word + b" " + os.urandom(8))
        set_meta(db, PROBLEM, b"")


def is_announced(db: sqlite3.Connection) -> bool:
    """Has the person of this database asked for it?"""
    return (get_meta(db, WISH) or b"").startswith(ANNOUNCE)


class Mesh(Protocol):
    """What the announcer needs of a gateway."""

    node: Node

    def clock_s(self) -> int: ...
    def put_out(self, immutable: bytes, age: int) -> None: ...
    def release(self, token: bytes, code: int, done: Callable[[], None]) -> None: ...


class Announcer:
    """The directory of a gateway, and what it announces for those who are here."""

    def __init__(self, desk: Desk, mesh: Mesh) -> None:
        self._desk, self._db, self._mesh = desk, desk.db, mesh
        self.directory = desk.directory
        self._looked_s = -_LOOK_EVERY_S
        self._wished = b""
        self._held: OrderedDict[int, None] = OrderedDict()  # short ids of records on the shelf

    def _unix_s(self) -> int:
        return self._desk.wall.moment().unix_s

    # --- what the mesh brings

    def arrived(self, immutable: bytes) -> None:
        """A parcel with a record."""
        node = self._mesh.node
        short = node.shelf.short_of(immutable)
        row = node.index.find(short)
        ingress = node.index.source[row] if row >= 0 else HERE
        payload = immutable[parcel.HEAD_LEN :]
        verdict = self.directory.take(payload, ingress, self._mesh.clock_s(), self._unix_s())
        if verdict == CONFLICT:
            note_conflict(self._desk, payload)
        self._held[short] = None
        while len(self._held) > node.index.capacity // SHELF_SHARE:
            oldest, _ = self._held.popitem(last=False)
            row = node.index.find(oldest)
            if row >= 0 and node.index.held(row):
                node.shelf.drop(row)  # still known, so it is not asked for again

    def catch_up(self) -> None:
        """After a start: take what came just before the end, put out what had not left yet."""
        node = self._mesh.node
        for row in list(node.index.rows()):
            if node.index.held(row):
                immutable = node.shelf.immutable(row)
                if parcel.kind(immutable[0]) == parcel.RECORD:
                    self.arrived(immutable)
        for out in self._db.execute("SELECT * FROM announcement").fetchall():
            self._put_out(out)

    # --- what people here want

    def post(self, payloads: list[bytes], by: int | str = HERE) -> None:
        """Announce somebody's records from now on, or go on doing so. by: the id of the phone that
        asks. UserError says why not."""
        now_s, unix_s = self._mesh.clock_s(), self._unix_s()
        count = self._db.execute("SELECT count(*) FROM announcement").fetchone()[0]
        more = sum(self._row(_key_of(payload)) is None for payload in payloads)
        if more and count + more > ANNOUNCED_MAX:
            raise UserError(f"this gateway announces {ANNOUNCED_MAX} records already")
        payloads = sorted(payloads, key=lambda payload: payload[:1])  # accounts before devices
        verdicts = self.directory.take_all(payloads, by, now_s, unix_s)
        verdicts = [
            UNLISTED if verdict in (NEW, NEWER, KNOWN) and self._unlisted(payload) else verdict
            for verdict, payload in zip(verdicts, payloads, strict=True)
        ]
        with writing(self._db):
            fresh = [
                key
                for verdict, payload in zip(verdicts, payloads, strict=True)
                if verdict == KNOWN or verdict in CHANGED
                for key in self._note(payload, now_s)
            ]
        for key in fresh:
            self._put_out(self._row(key))
        for verdict, payload in zip(verdicts, payloads, strict=True):
            if verdict == CONFLICT:
                note_conflict(self._desk, payload)
            if verdict in _SAYINGS:
                raise UserError(_SAYINGS[verdict])

    def _unlisted(self, payload: bytes) -> bool:
        """Is it of a device that no account names? Anybody makes as many of those as he likes."""
        record = decode(payload)
        return isinstance(record, DeviceRecord) and not self.directory.lists(
            record.account, record.device
        )

    def look(self) -> None:
        """Do what the person of this gateway wishes (`helio people`), and what is due."""
        now_s = self._mesh.clock_s()
        wished = get_meta(self._db, WISH) or b""
        if wished == self._wished and now_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s, self._wished = now_s, wished
        mine = self._follow_wish(wished.partition(b" ")[0])
        for row in self._db.execute("SELECT * FROM announcement").fetchall():
            here = bytes(row["key"]) in mine or now_s - row["here_clock_s"] < HERE_S
            here = here and bool(row["record"])  # else withdrawn: only receipts are owed
            due_s = row["out_clock_s"] + AGAIN_S + bytes(row["key"])[-1] * 60
            if here and now_s >= due_s:
                self._out_again(row, now_s)
            elif now_s - row["out_clock_s"] >= LIFETIMES_S[CODE]:
                self._db.execute("DELETE FROM announcement WHERE key = ?", (row["key"],))

    def _follow_wish(self, word: bytes) -> set[bytes]:
        """Keys of the person of this gateway, as far as they are announced."""
        if word == STOP:
            with contextlib.suppress(UserError):  # nobody lives here any more
                me = self._desk.identity().card
                self._withdraw([me.account, me.ed25519])
            set_meta(self._db, WISH, b"")
        if word not in (ANNOUNCE, DELETE):
            return set()
        try:
            payloads = own_records(self._desk, self.directory, delete=word == DELETE)
            self.post(payloads)
        except UserError as e:  # tried again when it is looked at again
            self._tell(str(e))
            return set()
        self._tell("")
        if word == DELETE:
            self._withdraw([self._desk.identity().card.ed25519])
        return {_key_of(payload) for payload in payloads}

    def _tell(self, problem: str) -> None:
        """Why the person of this gateway is not announced, for `helio people list`."""
        if (get_meta(self._db, PROBLEM) or b"").decode() != problem:
            set_meta(self._db, PROBLEM, problem.encode())
            if problem:
                _log.warning("not announced: %s", problem)

    def _note(self, payload: bytes, now_s: int) -> list[bytes]:
        """Announce this from now on: its key, if it has to go out now."""
        key = _key_of(payload)
        row = self._row(key)
        if row is not None and bytes(row["record"]) == payload:
            self._db.execute(
                "UPDATE announcement SET here_clock_s = ? WHERE key = ?", (now_s, key)
            )
            return []
        former = None if row is None else _owed(row)
        self._db.execute(
            "INSERT OR REPLACE INTO announcement VALUES (?, ?, ?, ?, ?, ?)",
            (key, payload, os.urandom(parcel.TOKEN_LEN), now_s, former, now_s),
        )
        return [key]

    def _out_again(self, row: sqlite3.Row, now_s: int) -> None:
        """Under another token; the parcel that is out ends by itself, which costs no air."""
        self._db.execute(
            "UPDATE announcement SET token = ?, out_clock_s = ? WHERE key = ?",
            (os.urandom(parcel.TOKEN_LEN), now_s, row["key"]),
        )
        self._put_out(self._row(bytes(row["key"])))

    def _row(self, key: bytes) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM announcement WHERE key = ?", (key,)
        ).fetchone()
        return row

    def _put_out(self, row: sqlite3.Row | None) -> None:
        """Let a record leave, and the one before it end; harmless when it has left already."""
        assert row is not None
        if not row["record"]:
            self._release_former(row)
            return
        age_s = max(0, self._mesh.clock_s() - row["out_clock_s"])
        immutable = parcel_of(bytes(row["record"]), bytes(row["token"]))
        if age_s < LIFETIMES_S[CODE]:
            self._mesh.put_out(immutable, age_field(age_s, CODE))
        self._release_former(row)

    def _release_former(self, row: sqlite3.Row) -> None:
        """Let the parcels end that a record replaces. They are owed until the node has the
        receipts: the power may go during the privacy delay."""
        for token in _tokens(row["former_token"]):
            self._mesh.release(token, CODE, partial(self._released, bytes(row["key"]), token))

    def _released(self, key: bytes, token: bytes) -> None:
        row = self._row(key)
        if row is None:
            return
        left = b"".join(t for t in _tokens(row["former_token"]) if t != token)
        self._db.execute(
            "UPDATE announcement SET former_token = ? WHERE key = ?", (left or None, key)
        )
        self._db.execute(
            "DELETE FROM announcement WHERE key = ? AND record = x'' AND former_token IS NULL",
            (key,),
        )

    def _withdraw(self, keys: list[bytes]) -> None:
        for key in keys:
            row = self._row(key)
            if row is not None:
                self._db.execute(
                    "UPDATE announcement SET record = x'', token = NULL, former_token = ? "
                    "WHERE key = ?",
                    (_owed(row), key),
                )
                withdrawn = self._row(key)
                assert withdrawn is not None
                self._release_former(withdrawn)


def _owed(row: sqlite3.Row) -> bytes:
    """Tokens of the parcels that shall end when this record is replaced: its own, and those before
    it whose receipts have not left yet; the last ones of very many."""
    return b"".join((_tokens(row["former_token"]) + _tokens(row["token"]))[-OWED_MAX:])


def _tokens(raw: bytes | None) -> list[bytes]:
    """One after the other, as the database has them."""
    whole = bytes(raw or b"")
    return [whole[i : i + parcel.TOKEN_LEN] for i in range(0, len(whole), parcel.TOKEN_LEN)]


def parcel_of(payload: bytes, token: bytes) -> bytes:
    """The immutable part of a record's parcel; whoever knows the token can end it."""
    b0 = parcel.first_byte(parcel.RECORD, BACKGROUND, False)
    b1 = second_byte(CODE, False, False, False)
    return bytes([b0, b1]) + receipt.message_id(token) + payload


def _key_of(payload: bytes) -> bytes:
    """The key that has signed a record."""
    return payload[34:66] if payload[:1] == bytes([DEVICE]) else payload[2:34]
