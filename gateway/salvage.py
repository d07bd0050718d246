"""What can still be read of a damaged database goes into a new one, around what is gone."""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.database import Schema, mended_name, open_database, take_mended

_BESIDE = ("-wal", "-shm")
_HALVINGS_MOST = 20_000  # of ranges with something damaged in it: seconds


def integrity(path: Path) -> str:
    """What SQLite says of the file: "ok", or the first thing that is wrong."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=5)) as db:
            said = db.execute("PRAGMA integrity_check(1)").fetchone()
            broken = db.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as e:
        return str(e)
    if said[0] == "ok" and broken is not None:
        return f"a row of {broken[0]} refers to one of {broken[2]} that is not there"
    return str(said[0])


def salvage(path: Path, schema: Schema) -> tuple[Path, dict[str, int]]:
    """Put a new database in the place of a damaged one: (the copy of the old one, rows saved
    of each table). Nobody else may have it open. OSError if the disk does not let us.

    The power may go at any time: the old one is on the disk twice before anything replaces it, and
    the new one is taken (take_mended) only when it is whole.
    """
    beside = _name_beside(path)
    new = path.with_name(f"{path.name}.new")
    for suffix in ("", *_BESIDE):
        path.with_name(f"{new.name}{suffix}").unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(f"{path}{suffix}", f"{beside}{suffix}")
            _sync(Path(f"{beside}{suffix}"))
    _sync(path.parent)
    saved: dict[str, int] = {}
    with (
        contextlib.closing(open_database(new, schema)) as target,
        contextlib.closing(sqlite3.connect(beside, isolation_level=None)) as source,
    ):
        target.execute("PRAGMA foreign_keys = OFF")  # a parent row may be among what is lost
        target.execute("BEGIN")
        for table, rowid in _tables(target):
            rows = _by_rowid(source, table) if rowid else _forth_and_back(source, table)
            saved[table] = _fill(target, table, rows)
        _drop_orphans(target)
        target.execute("COMMIT")
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _sync(new)
    new.rename(mended_name(path))
    _sync(path.parent)
    take_mended(path)
    return beside, saved


def _name_beside(path: Path) -> Path:
    """A name that no copy has yet: without a clock the same second comes again."""
    number = int(time.time())
    while path.with_name(f"{path.name}.damaged-{number}").exists():
        number += 1
    return path.with_name(f"{path.name}.damaged-{number}")


def _tables(db: sqlite3.Connection) -> list[tuple[str, bool]]:
    """Names of our tables, and whether they have row numbers."""
    rows = db.execute("PRAGMA table_list").fetchall()
    return [
        (row["name"], not row["wr"])
        for row in rows
        if row["type"] == "table" and not row["name"].startswith("sqlite_")
    ]


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def _fill(db: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> int:
    known = set(_columns(db, table))
    before = db.total_changes
    for row in rows:
        row = {name: value for name, value in row.items() if name in known}
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        with contextlib.suppress(sqlite3.IntegrityError):  # a row that was read half
            db.execute(
                f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - our own names
                tuple(row.values()),
            )
    return db.total_changes - before


def _by_rowid(db: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """All rows that can be read; ranges that cannot are halved until only the damaged are left."""
    db.row_factory = sqlite3.Row
    try:
        last = db.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0  # noqa: S608
    except sqlite3.DatabaseError:
        last = 1 << 32
    ranges, left = [(1, last)], _HALVINGS_MOST
    while ranges and left:
        low, high = ranges.pop()
        query = f"SELECT * FROM {table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid"  # noqa: S608
        try:
            rows = db.execute(query, (low, high)).fetchall()
        except sqlite3.DatabaseError:
            left -= 1
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
            continue
        for row in rows:
            yield dict(row)


def _forth_and_back(db: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """What comes before the first damage, and what comes after the last."""
    db.row_factory = sqlite3.Row
    for order in ("ASC", "DESC"):
        with contextlib.suppress(sqlite3.DatabaseError):
            key = _columns(db, table)[0]
            cursor = db.execute(f"SELECT * FROM {table} ORDER BY {key} {order}")  # noqa: S608
            for row in cursor:
                yield dict(row)


def _drop_orphans(db: sqlite3.Connection) -> None:
    """Rows whose parent is lost."""
    for table, rowid, _, _ in db.execute("PRAGMA foreign_key_check").fetchall():
        db.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))  # noqa: S608


def _sync(file_or_folder: Path) -> None:
    handle = os.open(file_or_folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
