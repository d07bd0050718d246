"""The operator's registry: the network, and every node that was provisioned for it.

One SQLite file, network.db. It holds the network key, and an operator's private key: whoever has
it is the operator. The keys of a node's commands follow from that private key and the node's id,
so that an operator's card alone gives all of them back when a laptop is lost.
"""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.database import Schema, open_database
from gateway.errors import UserError
from gateway.identity import clean_name
from gateway.network_card import NetworkFacts
from gateway.new_node import NAME_MAX, draw, partition, payload
from gateway.node_names import new_name
from shared_protocol.hashing import H

FILE = "network.db"
PLANNED, DONE, RETIRED = "planned", "done", "retired"

SCHEMA = Schema(
    0x48454C4E,  # "HELN"
    [
        """
        CREATE TABLE network (
            one INTEGER PRIMARY KEY CHECK (one = 1),  -- a folder is of one network
            name TEXT NOT NULL, region TEXT NOT NULL, channel INTEGER NOT NULL,
            key BLOB NOT NULL, epoch INTEGER NOT NULL,
            operator BLOB NOT NULL,                   -- Ed25519, the public key
            seed BLOB                                 -- its private half, if this is an operator
        );
        CREATE TABLE node (
            id TEXT PRIMARY KEY,                      -- 12 hex digits
            name TEXT NOT NULL,
            secret TEXT NOT NULL UNIQUE,
            command_key TEXT NOT NULL UNIQUE,
            record TEXT NOT NULL,                     -- all of it, as it lies in the node's flash
            state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'retired')),
            mac TEXT,                                 -- of the chip, if it is known
            replaces TEXT REFERENCES node (id),       -- what the same board was before
            unix_s INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX node_by_name ON node (name) WHERE state <> 'retired';
        -- commands name the nodes of their way by these two bytes (SPEC.md 7.6)
        CREATE UNIQUE INDEX node_by_tail ON node (substr(id, 9));
        """,
        """
        CREATE TABLE command (
            node TEXT PRIMARY KEY,     -- 12 hex digits; also nodes that others provisioned
            counter INTEGER NOT NULL   -- of the last command to it: it takes only higher ones
        ) WITHOUT ROWID;
        """,
        """
        CREATE TABLE life (
            node TEXT PRIMARY KEY,     -- 12 hex digits; also nodes that others provisioned
            unix_s INTEGER NOT NULL,   -- when it last told how it is, itself
            status TEXT NOT NULL       -- what it told: firmware/status.py
        ) WITHOUT ROWID;
        """,
    ],
)
_TRIES = 1000  # ids drawn until one has a tail of its own: enough for 60,000 nodes


class Network:
    """An open registry. Every method that changes it has done so when it returns."""

    def __init__(self, folder: Path) -> None:
        """UserError if there is none in the folder."""
        none = UserError(f"there is no network in {folder}: helio network new, or join")
        if not (folder / FILE).exists():
            raise none
        self._db = open_database(folder / FILE, SCHEMA)
        row = self._db.execute("SELECT * FROM network").fetchone()
        if row is None:  # the power went before anything was in it
            raise none
        names = ("name", "region", "channel", "key", "epoch", "operator", "seed")
        self.facts = NetworkFacts(**{name: row[name] for name in names})

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def nodes(self) -> list[dict[str, Any]]:
        """Every node by name, without its keys: id, name, state, mac, unix_s, and what its
        record says of position, power and board."""
        rows = self._db.execute("SELECT * FROM node ORDER BY name, unix_s").fetchall()
        return [_shown(row) for row in rows]

    def node(self, node: str) -> dict[str, Any] | None:
        """The same of one node by its id."""
        row = self._db.execute("SELECT * FROM node WHERE id = ?", (node,)).fetchone()
        return None if row is None else _shown(row)

    def record(self, node: str) -> dict[str, Any]:
        """A node's whole record, keys included. UserError if it is not in the registry."""
        row = self._db.execute("SELECT record FROM node WHERE id = ?", (node,)).fetchone()
        if row is None:
            raise UserError(f"the node {node} is not in this registry")
        return dict(json.loads(row["record"]))

    def plan(
        self,
        *,
        name: str | None = None,
        mac: str | None = None,
        replaces: str | None = None,
        **wishes: Any,
    ) -> dict[str, Any]:
        """A new node's record with an id and keys that no other has. It is in the registry,
        planned, before any board gets it. UserError if the name is taken or this is no operator.

        mac: of the chip, 12 hex digits. replaces: the id in this registry that the board has now;
        it is retired when the new one is confirmed. wishes: cell, power, board, hardware, see
        new_node.draw().
        """
        facts = self.facts
        if facts.seed is None:
            raise UserError("only an operator provisions: helio network join an operator's card")
        chosen = clean_name(name, NAME_MAX) if name else ""
        with self._change() as db:
            # What was begun under this name for this board, and cut before anything was on it.
            begun = "DELETE FROM node WHERE name = ? AND state = 'planned' AND mac = ?"
            db.execute(begun, (chosen, mac))
            for attempt in range(_TRIES):
                record = draw(
                    chosen or new_name(attempt),
                    facts.key,
                    facts.operator,
                    facts.channel,
                    epoch=facts.epoch,
                    **wishes,
                )
                record["command_key"] = self.command_key(bytes.fromhex(record["node"])).hex()
                if self._insert(record, mac, replaces, bool(chosen)):
                    return record
        raise UserError("this network is full: it has no id left whose last two bytes are free")

    def _insert(
        self, record: dict[str, Any], mac: str | None, replaces: str | None, named: bool
    ) -> bool:
        """False if the id, or a name that nobody chose, is taken: draw again."""
        row = (record["node"], record["name"], record["secret"], record["command_key"],
               payload(record).decode(), mac, replaces, int(time.time()))  # fmt: skip
        try:
            self._db.execute("INSERT INTO node VALUES (?, ?, ?, ?, ?, 'planned', ?, ?, ?)", row)
        except sqlite3.IntegrityError as e:
            if "node.name" in str(e) and named:
                raise UserError(f"the name {record['name']} is taken: choose another") from None
            if "node.secret" in str(e) or "node.command_key" in str(e):
                raise UserError(
                    "this machine drew the same key twice: its random source is broken, "
                    "do not provision with it"
                ) from None
            return False
        return True

    def confirm(self, node: str, mac: str | None = None) -> None:
        """The board has this record: it was read back. Again is no mistake. mac: of its chip, if
        that was not known before. UserError if the node is not in the registry."""
        with self._change() as db:
            row = db.execute("SELECT replaces FROM node WHERE id = ?", (node,)).fetchone()
            if row is None:
                raise UserError(f"the node {node} is not in this registry")
            db.execute("UPDATE node SET state = 'retired' WHERE id = ?", (row["replaces"],))
            done = "UPDATE node SET state = 'done' WHERE id = ? AND state = 'planned'"
            db.execute(done, (node,))
            db.execute("UPDATE node SET mac = ? WHERE id = ? AND mac IS NULL", (mac, node))

    def change(self, node: str, values: dict[str, Any]) -> None:
        """The node's record has these values now; nothing happens if it is not in the registry.
        UserError if another node has the name."""
        with self._change() as db:
            row = db.execute("SELECT record FROM node WHERE id = ?", (node,)).fetchone()
            if row is None:
                return
            record = json.loads(row["record"]) | values
            try:
                db.execute(
                    "UPDATE node SET record = ?, name = ? WHERE id = ?",
                    (payload(record).decode(), record["name"], node),
                )
            except sqlite3.IntegrityError:
                raise UserError(f"the name {record['name']} is taken: choose another") from None

    def command_key(self, node: bytes) -> bytes:
        """The key of commands to the node with this address, whoever of the operators provisioned
        it. UserError if this is no operator."""
        if self.facts.seed is None:
            raise UserError("only an operator commands: helio network join an operator's card")
        return H(b"command", self.facts.seed, node)

    def operator_key(self) -> Ed25519PrivateKey:
        """The operator's private key, to sign with. UserError if this is no operator."""
        if self.facts.seed is None:
            raise UserError("only an operator certifies: helio network join an operator's card")
        return Ed25519PrivateKey.from_private_bytes(self.facts.seed)

    def next_counter(self, node: bytes) -> int:
        """A counter for a command to this node, higher than all before."""
        with self._change() as db:
            db.execute(
                "INSERT INTO command VALUES (?, 1)"
                " ON CONFLICT (node) DO UPDATE SET counter = counter + 1",
                (node.hex(),),
            )
            row = db.execute("SELECT counter FROM command WHERE node = ?", (node.hex(),))
            return int(row.fetchone()[0])

    def at_least(self, node: bytes, counter: int) -> None:
        """The node has said that counters must exceed this one."""
        with self._change() as db:
            db.execute(
                "INSERT INTO command VALUES (?, ?)"
                " ON CONFLICT (node) DO UPDATE SET counter = max(counter, excluded.counter)",
                (node.hex(), counter),
            )

    def note_life(self, node: str, status: dict[str, Any]) -> None:
        """The node has just told how it is (firmware/status.py)."""
        with self._change() as db:
            row = (node, int(time.time()), json.dumps(status))
            db.execute("INSERT OR REPLACE INTO life VALUES (?, ?, ?)", row)

    def last_life(self, node: str) -> dict[str, Any]:
        """answered_s and status when it last told, if it ever did; board, if it is from here."""
        row = self._db.execute("SELECT * FROM life WHERE node = ?", (node,)).fetchone()
        told = {} if row is None else _told(row)
        shown = self.node(node)
        return told | ({"board": shown["board"]} if shown else {})

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction; other processes wait."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _told(row: sqlite3.Row) -> dict[str, Any]:
    return {"answered_s": row["unix_s"], "status": json.loads(row["status"])}


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    record = json.loads(row["record"])
    shown = {key: row[key] for key in ("id", "name", "state", "mac", "unix_s")}
    return shown | {key: record.get(key) for key in ("cell", "role", "power", "board")}


def create(folder: Path, facts: NetworkFacts) -> None:
    """A registry for a network, without nodes. UserError if the folder has one."""
    row = (facts.name, facts.region, facts.channel, facts.key, facts.epoch, facts.operator,
           facts.seed)  # fmt: skip
    with _usable(folder), contextlib.closing(open_database(folder / FILE, SCHEMA)) as db:
        try:
            db.execute("INSERT INTO network VALUES (1, ?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            raise UserError(
                f"{folder} has a network already: choose another --data folder"
            ) from None


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Network]:
    """The registry of a folder. UserError if there is none, or it cannot be used now."""
    with _usable(folder), contextlib.closing(Network(folder)) as network:
        yield network


@contextlib.contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, OSError) as e:
        raise UserError(f"{folder / FILE} cannot be used now ({e})") from None


def new_record(folder: Path, **wishes: Any) -> tuple[dict[str, Any], bytes]:
    """Plan a node (Network.plan): its record, and the 8 KB of its node partition. UserError."""
    with opened(folder) as network:
        record = network.plan(**wishes)
    return record, partition(record)


def confirm(folder: Path, node: str, mac: str | None = None) -> None:
    """The board has the record of this id (Network.confirm). UserError."""
    with opened(folder) as network:
        network.confirm(node, mac)
