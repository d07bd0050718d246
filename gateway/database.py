"""SQLite databases of ours: WAL, one file, a schema with migrations from the first day."""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import UserError

APPLICATION_ID = 0x48454C49  # "HELI", so that another program's file is not taken for ours
BUSY_MS = 5000  # how long one process waits while another writes

# One script per version; user_version says how many have run. Never edit one that has shipped.
MIGRATIONS = [
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE contact (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, card TEXT NOT NULL
    ) WITHOUT ROWID;
    -- what the node keeps: parcels, receipts, its clock (shared_protocol/records.py)
    CREATE TABLE record (handle INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL);
    CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,      -- rises with every change of any message
        contact TEXT NOT NULL REFERENCES contact (id),
        direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
        state TEXT NOT NULL
            CHECK (state IN ('queued', 'on_mesh', 'delivered', 'expired', 'received')),
        text TEXT NOT NULL,
        unix_s INTEGER NOT NULL,
        mid BLOB NOT NULL UNIQUE,
        token BLOB NOT NULL,              -- of a message received: the key of its receipt
        code INTEGER NOT NULL,            -- b1 of its parcels: the lifetime code
        relays INTEGER,                   -- crossed by a message received
        receipted INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX message_by_contact ON message (contact, id);
    """,
    """
    -- the way to the contact's gateway (sealing.py), as said in a message of this time on the
    -- contact's clock, heard at that time on ours
    ALTER TABLE contact ADD COLUMN way BLOB;
    ALTER TABLE contact ADD COLUMN way_said_s INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE contact ADD COLUMN way_heard_s INTEGER NOT NULL DEFAULT 0;
    """,
    """
    -- 0: not by the person, the card came along with a message
    ALTER TABLE contact ADD COLUMN added INTEGER NOT NULL DEFAULT 1;
    """,
    """
    -- The directory (directory.py). Turns rise with everything heard: they say what is older, as
    -- no clock here can. Of seconds, clock_s are the node's own (powered), unix_s are for people.
    CREATE TABLE directory_account (
        key BLOB PRIMARY KEY,             -- Ed25519, public
        id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        record BLOB NOT NULL,             -- the newest, with its type byte
        rival BLOB,                       -- another one of the same number: a conflict
        folded TEXT NOT NULL,             -- the name, to be compared
        opens BLOB NOT NULL,              -- the commitment that this key would open
        next_key BLOB NOT NULL,           -- the commitment to the key after this one
        former BLOB,                      -- the account whose commitment this key has opened
        later BLOB,                       -- the account that has opened the commitment of this one
        deleted_clock_s INTEGER,
        first_turn INTEGER NOT NULL,
        turn INTEGER NOT NULL,
        heard_unix_s INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX directory_by_id ON directory_account (id);
    CREATE INDEX directory_by_name ON directory_account (folded, first_turn)
        WHERE deleted_clock_s IS NULL;
    CREATE INDEX directory_by_commitment ON directory_account (next_key);
    CREATE INDEX directory_by_opens ON directory_account (opens);
    CREATE INDEX directory_by_turn ON directory_account (turn);
    CREATE TABLE directory_device (
        account BLOB NOT NULL,
        key BLOB NOT NULL,                -- Ed25519, public
        hash BLOB NOT NULL,
        prekey_seq INTEGER NOT NULL,
        record BLOB NOT NULL,
        listed INTEGER NOT NULL,          -- by the account's newest record
        turn INTEGER NOT NULL,
        PRIMARY KEY (account, key)
    ) WITHOUT ROWID;
    CREATE INDEX directory_device_by_key ON directory_device (key);
    CREATE INDEX directory_unlisted ON directory_device (turn) WHERE NOT listed;
    -- what this gateway announces for those who are here (announce.py)
    CREATE TABLE announcement (
        key BLOB PRIMARY KEY,             -- of the account or device
        record BLOB NOT NULL,
        token BLOB,                       -- of the parcel that is out, drawn here
        out_clock_s INTEGER NOT NULL,     -- since when
        former_token BLOB,                -- of the one before it, to be released
        here_clock_s INTEGER NOT NULL     -- when the person was last known to be here
    ) WITHOUT ROWID;
    -- mail that was refused because its device is not the account's any more
    CREATE TABLE refused_mail (
        mid BLOB PRIMARY KEY, account BLOB NOT NULL, device TEXT NOT NULL, name TEXT NOT NULL,
        heard_unix_s INTEGER NOT NULL
    ) WITHOUT ROWID;
    -- a message to several devices of a contact has one of these for each (copies.py)
    CREATE TABLE copy (
        mid BLOB NOT NULL UNIQUE,
        message INTEGER NOT NULL REFERENCES message (id),
        device TEXT NOT NULL,
        token BLOB NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'on_mesh', 'delivered', 'expired'))
    );
    CREATE INDEX copy_by_message ON copy (message);
    -- what was sent, as the mesh sees it
    CREATE VIEW sent AS
        SELECT mid, state FROM message
            WHERE direction = 'out' AND id NOT IN (SELECT message FROM copy)
        UNION ALL SELECT mid, state FROM copy;
    """,
    """
    -- The post office for phones (post_office.py). Seconds are the node's clock, which no wall
    -- clock disturbs; seq rises within a device with everything that its phone is to be told.
    CREATE TABLE device (
        id TEXT PRIMARY KEY,
        key BLOB NOT NULL,                -- Ed25519, public
        boxes BLOB NOT NULL,              -- mailbox keys, 16 bytes each
        since_s INTEGER NOT NULL,
        seen_s INTEGER NOT NULL,
        seq INTEGER NOT NULL DEFAULT 0,
        had INTEGER NOT NULL DEFAULT 0    -- its phone has asked for what comes after this
    ) WITHOUT ROWID;
    -- what has arrived for a device
    CREATE TABLE letter (
        id INTEGER PRIMARY KEY,
        device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        mid BLOB NOT NULL,
        variant BLOB NOT NULL,            -- of several that claim to be one message (SPEC.md 10)
        head BLOB NOT NULL,
        shape BLOB,                       -- k, n, blocks; NULL for one frame
        bundle BLOB NOT NULL,
        relays INTEGER NOT NULL,          -- crossed
        arrived_ms INTEGER NOT NULL,      -- by the wall clock, to be shown
        token BLOB,                       -- once its phone has it, or another gateway's phone
        taken_s INTEGER,
        receipted INTEGER NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX letter_by_device ON letter (device, seq);
    CREATE UNIQUE INDEX letter_by_mid ON letter (mid, device, variant);
    CREATE INDEX letter_taken ON letter (taken_s) WHERE taken_s IS NOT NULL;
    CREATE INDEX letter_owed ON letter (id) WHERE token IS NOT NULL AND receipted = 0;
    -- what a device has posted; hint to way only while it is held for somebody of this gateway
    CREATE TABLE posted (
        id INTEGER PRIMARY KEY,
        device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        mid BLOB NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'on_mesh', 'delivered', 'expired')),
        parcels INTEGER NOT NULL,         -- that it is cut into
        token BLOB,                       -- of its receipt
        ended_s INTEGER,                  -- delivered or expired since
        head BLOB, hint BLOB, shape BLOB, bundle BLOB, tag_key BLOB, way BLOB
    );
    CREATE UNIQUE INDEX posted_by_device ON posted (device, seq);
    CREATE UNIQUE INDEX posted_by_mid ON posted (mid, device);
    CREATE INDEX posted_open ON posted (device) WHERE ended_s IS NULL;
    CREATE INDEX posted_ended ON posted (ended_s) WHERE ended_s IS NOT NULL;
    """,
    """
    -- A message that several read (watches.py): the ids that their tokens open, for its author.
    CREATE TABLE watch (
        id INTEGER PRIMARY KEY,
        posted INTEGER NOT NULL REFERENCES posted (id) ON DELETE CASCADE,
        device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
        lock BLOB NOT NULL,
        seq INTEGER,                      -- once the token was seen
        token BLOB
    );
    CREATE UNIQUE INDEX watch_by_device ON watch (device, seq) WHERE seq IS NOT NULL;
    CREATE INDEX watch_by_lock ON watch (lock);
    CREATE INDEX watch_by_posted ON watch (posted);
    -- 0: its author has let go of it, the mesh is not told yet; 1: it is
    ALTER TABLE posted ADD COLUMN recalled INTEGER;
    CREATE INDEX posted_recalled ON posted (id) WHERE recalled = 0;
    """,
    """
    -- The board (board.py): notices to everybody. clock_s are the node's own seconds, NULL while
    -- no node has taken it; unix_s are for people. seq rises with every change of any notice.
    CREATE TABLE notice (
        mid BLOB PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        type INTEGER NOT NULL,            -- notices.py; 0: cancelled before it was heard
        device BLOB NOT NULL,             -- Ed25519, public, of its author
        name TEXT NOT NULL,
        said_unix_s INTEGER NOT NULL,     -- by its author's clock
        standing INTEGER NOT NULL,        -- the lowest gives way first (board.py)
        immutable BLOB,                   -- its parcel, while it is live
        state TEXT NOT NULL CHECK (state IN ('live', 'cancelled', 'expired', 'gone')),
        ingress INTEGER NOT NULL,         -- the neighbour that brought it
        relays INTEGER NOT NULL,          -- crossed
        age_s INTEGER NOT NULL,           -- when it was heard, by the clocks on its way
        heard_unix_s INTEGER NOT NULL,
        heard_clock_s INTEGER,
        ended_clock_s INTEGER,
        ended_unix_s INTEGER,
        token BLOB,                       -- that has cancelled it
        own_token BLOB,                   -- that can, if the person of this folder wrote it
        way INTEGER NOT NULL,             -- 0 heard, 1 posted here, 2 and with a neighbour
        owed INTEGER NOT NULL DEFAULT 0   -- its token has still to go on the mesh
    ) WITHOUT ROWID;
    CREATE INDEX notice_live ON notice (standing, ingress, seq) WHERE state = 'live';
    CREATE INDEX notice_by_author ON notice (device) WHERE state = 'live';
    CREATE INDEX notice_posted ON notice (mid) WHERE way = 1 AND state = 'live';
    CREATE INDEX notice_owed ON notice (mid) WHERE owed = 1;
    -- whom the operator has certified to announce (certificate.py)
    CREATE TABLE organiser (
        device BLOB PRIMARY KEY,
        seq INTEGER NOT NULL,             -- as of notices
        certificate BLOB NOT NULL,
        name TEXT NOT NULL,
        since_unix_s INTEGER NOT NULL,
        until_unix_s INTEGER NOT NULL,
        out_unix_s INTEGER NOT NULL       -- heard, or told from here, last
    ) WITHOUT ROWID;
    """,
    """
    -- The backhaul (backhaul_box.py): what goes to the hub that joins meshes, and what came of it.
    CREATE TABLE backhaul_item (
        id INTEGER PRIMARY KEY,
        name BLOB NOT NULL UNIQUE,        -- of the parcel or receipt, at the hub
        mid BLOB NOT NULL,
        rank INTEGER NOT NULL,            -- what goes first: the lowest
        address TEXT NOT NULL,            -- for whom
        source INTEGER NOT NULL,          -- the gateway that brought it to the hub
        hops INTEGER NOT NULL,
        expires_s INTEGER NOT NULL,       -- the node's clock
        immutable BLOB NOT NULL,
        came INTEGER NOT NULL,            -- 1: from the hub
        owes TEXT NOT NULL CHECK (owes IN ('', 'push', 'purge')),
        given INTEGER NOT NULL            -- the node has had it
    );
    CREATE INDEX backhaul_push ON backhaul_item (rank, id) WHERE owes = 'push';
    CREATE INDEX backhaul_purge ON backhaul_item (id) WHERE owes = 'purge';
    CREATE INDEX backhaul_give ON backhaul_item (rank, id) WHERE given = 0;
    CREATE INDEX backhaul_by_mid ON backhaul_item (mid);
    CREATE INDEX backhaul_by_end ON backhaul_item (expires_s);
    -- how far each part of the hub has been read
    CREATE TABLE backhaul_place (
        subject TEXT PRIMARY KEY, seq INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
]


@dataclass(frozen=True)
class Schema:
    """What a file holds. application: its SQLite application id. migrations: as MIGRATIONS."""

    application: int
    migrations: Sequence[str]


GATEWAY = Schema(APPLICATION_ID, MIGRATIONS)


def open_database(path: Path, schema: Schema = GATEWAY) -> sqlite3.Connection:
    """The database, made or migrated if need be. UserError, and the file untouched, if it is not
    ours or comes from a newer version."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    take_mended(path)
    known = path.exists() and path.stat().st_size > 0
    if known:
        _check(path, schema)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # power cuts are the norm here
    db.execute("PRAGMA foreign_keys = ON")
    migrate(db, schema)
    return db


def mended_name(path: Path) -> Path:
    """Where a whole database lies that shall take the place of a damaged one (salvage.py)."""
    return path.with_name(f"{path.name}.mended")


def take_mended(path: Path) -> None:
    """Put it there, if the power went before that was done. The old one's log goes first: SQLite
    would put it into the new one. Whoever opens the old one in between would lose what he writes,
    so this comes before every opening."""
    mended = mended_name(path)
    if not mended.exists():
        return
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):  # another process was faster
        mended.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check(path: Path, schema: Schema) -> None:
    try:
        # mode=ro would refuse a WAL left by a crash; opening and only reading changes nothing
        peek = sqlite3.connect(path, timeout=BUSY_MS / 1000)
        try:
            version = peek.execute("PRAGMA user_version").fetchone()[0]
            application = peek.execute("PRAGMA application_id").fetchone()[0]
        finally:
            peek.close()
    except sqlite3.DatabaseError as e:
        raise UserError(f"{path} is not a Heliograph database ({e})") from None
    if application != schema.application:
        raise UserError(f"{path} is not a Heliograph database: choose another --data folder")
    if version > len(schema.migrations):
        raise UserError(
            f"{path} was written by a newer Heliograph (schema {version}, this one knows "
            f"{len(schema.migrations)}): update this one; nothing was changed"
        )


def migrate(db: sqlite3.Connection, schema: Schema) -> None:
    """Bring an open database up to this schema."""
    if db.execute("PRAGMA user_version").fetchone()[0] == len(schema.migrations):
        return
    db.execute("BEGIN IMMEDIATE")  # the version is read again: two processes may start at once
    version = db.execute("PRAGMA user_version").fetchone()[0]
    try:
        for script in schema.migrations[version:]:
            for statement in _statements(script):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {schema.application}")
        db.execute(f"PRAGMA user_version = {len(schema.migrations)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """executescript() would commit by itself; a migration is one transaction."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements


class writing:
    """One transaction, also inside the node's: `helio send` and the gateway write in turns."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")  # what the node put so far stands by itself
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self._db.in_transaction:
            return  # SQLite has rolled it back itself
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def is_full(error: sqlite3.Error) -> bool:
    """Does this error say that the disk (or the database's limit) is full?"""
    return getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_IOERR_WRITE")


def get_meta(db: sqlite3.Connection, key: str) -> bytes | None:
    """A setting of this gateway."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def set_meta(db: sqlite3.Connection, key: str, value: bytes) -> None:
    """Keep a setting of this gateway."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
