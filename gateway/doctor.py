"""helio doctor: is all well with this data folder and this machine? Mends what can be."""

import argparse
import contextlib
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway import network
from gateway.commands import data_dir, gateway_lock, show
from gateway.config import FILE, load_config
from gateway.database import GATEWAY, Schema, take_mended
from gateway.errors import UserError
from gateway.links.serial_port import open_port
from gateway.page_command import saved_page
from gateway.salvage import integrity, salvage
from gateway.wall_clock import NONE, PHONE, SYSTEM, moment_in

OK, WARNING, BAD, MENDED = "ok", "warning", "bad", "mended"
DATABASES: dict[str, Schema] = {"heliograph.db": GATEWAY, network.FILE: network.SCHEMA}
_FREE_MIN = 100 << 20  # bytes on the disk
SOURCES = {SYSTEM: "this machine's clock", PHONE: "phones at the gateway"}
_MARKS = {OK: "  ok", WARNING: "  !!", BAD: " BAD", MENDED: "mend"}


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and one sentence."""

    what: str
    state: str
    says: str


def doctor(args: argparse.Namespace) -> int:
    """helio doctor: 0 if nothing is bad, else 1."""
    folder = data_dir(args)
    if not folder.is_dir():
        raise UserError(f"there is no {folder}: helio id, or helio gateway init, makes it")
    findings = [f for check in CHECKS for f in check(folder, args.repair)]
    value = [{"what": f.what, "state": f.state, "says": f.says} for f in findings]
    show(args, value, "\n".join(f"{_MARKS[f.state]}  {f.what}: {f.says}" for f in findings))
    return int(any(f.state == BAD for f in findings))


def _folder(folder: Path, repair: bool) -> Iterator[Finding]:
    mode = folder.stat().st_mode & 0o777
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("data folder", BAD, f"{folder} is not yours to write: run as its owner")
    elif not mode & 0o077:
        yield Finding("data folder", OK, str(folder))
    elif repair:
        folder.chmod(0o700)
        yield Finding("data folder", MENDED, f"{folder} is yours alone now")
    else:
        yield Finding("data folder", BAD, f"others can read {folder}, keys and all: --repair")
    free = shutil.disk_usage(folder).free
    if free < _FREE_MIN:
        yield Finding("disk", BAD, f"{free >> 20} MB free: make room, or mail will be refused")
    else:
        yield Finding("disk", OK, f"{free >> 20} MB free")


def _databases(folder: Path, repair: bool) -> Iterator[Finding]:
    for name, schema in DATABASES.items():
        path = folder / name
        if path.exists():
            yield _database(path, schema, repair)


def _database(path: Path, schema: Schema, repair: bool) -> Finding:
    take_mended(path)  # what an earlier run had done but for the last step
    said = integrity(path)
    if said == "ok":
        return Finding(path.name, OK, f"{path.stat().st_size >> 10} KB, intact")
    if not repair:
        return Finding(path.name, BAD, f"{said}: stop the gateway, then helio doctor --repair")
    try:
        with contextlib.closing(gateway_lock(path.parent)):
            beside, saved = salvage(path, schema)
    except (UserError, OSError, sqlite3.Error) as e:
        return Finding(path.name, BAD, f"{said}; it could not be mended: {e}")
    rows = ", ".join(f"{count} {table}" for table, count in saved.items())
    return Finding(path.name, MENDED, f"saved {rows}; the old file is {beside.name}")


def _person(folder: Path, repair: bool) -> Iterator[Finding]:
    from gateway.desk import Desk

    if not (folder / "heliograph.db").exists():
        return
    try:
        with contextlib.closing(Desk(folder)) as desk:
            me = desk.me()
    except (UserError, sqlite3.Error) as e:
        yield Finding("person", WARNING, f"none lives here ({e}); phones need none")
    else:
        yield Finding("person", OK, f"{me['name']}, {me['words']}")


def _config(folder: Path, repair: bool) -> Iterator[Finding]:
    if not (folder / FILE).exists():
        yield Finding(FILE, WARNING, "not there: helio gateway init writes one")
        return
    try:
        config = load_config(folder / FILE)
    except UserError as e:
        yield Finding(FILE, BAD, str(e))
        return
    yield Finding(FILE, OK, f"gateway {config.name}, page on {config.host}:{config.http_port}")
    if not config.port:
        yield Finding("relay", WARNING, "none: port is empty")
        return
    try:
        with contextlib.closing(gateway_lock(folder)):
            open_port(config.port).close()
    except UserError as e:
        running = "gateway" in str(e)  # it has the port, and that is well
        yield Finding("relay", OK if running else BAD, str(e))
    else:
        yield Finding("relay", OK, f"{config.port} can be opened")


def _clock(folder: Path, repair: bool) -> Iterator[Finding]:
    try:
        now = moment_in(folder)
    except sqlite3.Error:  # said above
        return
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(now.unix_s))
    if now.quality == NONE:
        yield Finding(
            "clock", WARNING, f"unsure, perhaps {when}: messages carry that time; a phone at the "
            "gateway, or a time server, sets it"
        )  # fmt: skip
    else:
        yield Finding("clock", OK, f"{when}, from {SOURCES[now.quality]}")


def _page(folder: Path, repair: bool) -> Iterator[Finding]:
    try:
        digest = hashlib.sha256(saved_page()).hexdigest()
    except UserError as e:
        yield Finding("page in one file", BAD, str(e))
    else:
        yield Finding("page in one file", OK, f"SHA-256 {digest}")


CHECKS: tuple[Callable[[Path, bool], Iterator[Finding]], ...] = (
    _folder, _databases, _person, _config, _clock, _page,
)  # fmt: skip
