"""helio export and import: a whole data folder as one file that a passphrase protects.

The file is age's (age-encryption.org/v1, scrypt), so `age -d` opens it too; inside is a gzipped
tar. Databases are copied by SQLite's own backup, so a gateway may go on running meanwhile.
"""

import argparse
import contextlib
import getpass
import io
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from gateway.commands import data_dir, show
from gateway.errors import UserError
from gateway.progress import Progress
from gateway.salvage import integrity

PASSPHRASE_MIN = 10  # characters; age's scrypt makes each guess cost a second
ARCHIVE_MAX = 1 << 30  # bytes inside: more is not ours
_NOT_KEPT = ("-wal", "-shm", ".sock", ".lock")  # of a running gateway, made anew by the next one
_SQLITE = b"SQLite format 3\0"


def export(args: argparse.Namespace) -> int:
    """helio export: keys, contacts, messages and settings of a data folder into one file."""
    folder, target = data_dir(args), Path(args.file)
    if not folder.is_dir():
        raise UserError(f"there is nothing in {folder}: choose another --data folder")
    if target.exists():
        raise UserError(f"{target} exists already: choose another name, it is not touched")
    sealed = seal(pack(folder), passphrase(args.passphrase_file, twice=True))
    _write_whole(target, sealed)
    value = {"file": str(target), "bytes": len(sealed)}
    show(args, value, f"{target}: {len(sealed)} bytes. Without the passphrase nobody opens it")
    return 0


def restore(args: argparse.Namespace) -> int:
    """helio import: such a file into an empty data folder."""
    folder, source = data_dir(args), Path(args.file)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(
            f"{folder} is not empty: choose another --data folder, nothing was changed"
        )
    try:
        sealed = source.read_bytes()
    except OSError as e:
        raise UserError(f"{source} cannot be read: {e.strerror}") from None
    names = unpack(open_sealed(sealed, passphrase(args.passphrase_file)), folder)
    value = {"folder": str(folder), "files": names}
    text = "Stop the gateway that this was copied from: two with the same keys disturb each other"
    show(args, value, f"{folder}: {', '.join(names)}\n{text}")
    return 0


def pack(folder: Path) -> bytes:
    """All files of a data folder as a gzipped tar. UserError if one cannot be read."""
    out = io.BytesIO()
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.endswith(_NOT_KEPT))
    with (
        tarfile.open(fileobj=out, mode="w:gz") as tar,
        Progress("packing", len(files)) as progress,
    ):
        for path in files:
            try:
                content = _content(path)
            except (OSError, sqlite3.Error) as e:
                raise UserError(f"{path} cannot be read ({e}): helio doctor may help") from None
            info = tarfile.TarInfo(path.name)
            info.size, info.mode, info.mtime = len(content), 0o600, int(time.time())
            tar.addfile(info, io.BytesIO(content))
            progress.step()
    return out.getvalue()


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(_SQLITE):
        return content
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(":memory:")) as copy,
    ):
        source.backup(copy)
        return copy.serialize()


def unpack(archive: bytes, folder: Path) -> list[str]:
    """Put such a tar into a folder that is not there, or empty: all of it or nothing. The names.
    UserError if it is not one of ours, or a database in it is damaged."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        names = _extract(archive, beside)
        _check(beside, names)
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
        return names
    except OSError as e:
        raise UserError(f"{folder} cannot be written: {e.strerror}; nothing was changed") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _extract(archive: bytes, folder: Path) -> list[str]:
    names, total = [], 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for info in tar:
                total += info.size
                if not info.isfile() or Path(info.name).name != info.name or total > ARCHIVE_MAX:
                    raise UserError("this is no export of Heliograph: nothing was changed")
                file = tar.extractfile(info)
                assert file is not None  # a regular file
                _write_whole(folder / info.name, file.read())
                names.append(info.name)
    except (tarfile.TarError, EOFError, OSError) as e:
        raise UserError(f"this is no export of Heliograph, or a damaged one ({e})") from None
    return names


def _check(folder: Path, names: list[str]) -> None:
    for name in names:
        if (folder / name).read_bytes().startswith(_SQLITE):
            said = integrity(folder / name)
            if said != "ok":
                raise UserError(f"{name} in it is damaged ({said}): nothing was changed")


def seal(content: bytes, phrase: str) -> bytes:
    """The same, so that only the passphrase opens it (age)."""
    from pyrage import passphrase as age

    with Progress("sealing"):
        sealed: bytes = age.encrypt(content, phrase)
    return sealed


def open_sealed(sealed: bytes, phrase: str) -> bytes:
    """Undo seal(). UserError if the passphrase is another, or the file altered or none."""
    from pyrage import DecryptError
    from pyrage import passphrase as age

    try:
        with Progress("opening"):
            content: bytes = age.decrypt(sealed, phrase)
    except DecryptError:
        raise UserError("wrong passphrase, or not a file of helio export, or altered") from None
    return content


def passphrase(file: str | None, twice: bool = False) -> str:
    """The passphrase: the first line of a file, or typed. twice: it is a new one. UserError."""
    if file:
        try:
            typed = Path(file).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as e:
            raise UserError(f"{file} cannot be read: {e}") from None
        phrase = typed[0] if typed else ""
    elif sys.stdin.isatty():
        phrase = getpass.getpass("Passphrase: ")
        if twice and phrase != getpass.getpass("Once more: "):
            raise UserError("these were two different passphrases: nothing was written")
    else:
        raise UserError("no terminal to type a passphrase on: use --passphrase-file FILE")
    if twice and len(phrase) < PASSPHRASE_MIN:
        raise UserError(f"the passphrase has fewer than {PASSPHRASE_MIN} characters")
    return phrase


def _write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing, and readable for its owner only."""
    part = path.with_name(path.name + ".part")
    try:
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {e.strerror}") from None
