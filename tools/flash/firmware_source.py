"""Where MicroPython for a board comes from: a file, a folder, a kit, the cache, the Internet."""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import UserError
from tools.flash.app_image import MicroPython, take_apart
from tools.flash.board import Board
from tools.flash.library import fetch

DOWNLOADED = "1.28.0"  # the version that virtual boards run
KIT_FOLDER = "firmware"  # in a kit
_CACHE_FOLDER = "firmware"  # in the data folder
_DOWNLOAD_S = 300
_BYTES_MAX = 32 << 20  # the largest flash there is
_SHA = ".sha256"


@dataclass(frozen=True)
class Source:
    """Where to look. given: a file or a folder that somebody named; kit: a kit's folder."""

    data_folder: Path
    given: Path | None = None
    kit: Path | None = None

    def find(self, board: Board) -> tuple[Path, MicroPython]:
        """MicroPython for this board, and its file. UserError says what there is, or is not."""
        if self.given is not None and not self.given.is_dir():
            return self.given, read(self.given, board)
        for folder, hint in (
            (self.given, f"give another --firmware, a file for {board.micropython}"),
            (self.kit and self.kit / KIT_FOLDER, f"this kit was not made for {board.id}"),
        ):
            if folder is not None:
                found = best_in(folder, board)
                if found is None:
                    name = f"{board.micropython}-….bin"
                    raise UserError(f"{folder} holds no {name}: {hint}")
                return found
        cache = self.data_folder / _CACHE_FOLDER
        found = best_in(cache, board)
        if found is None:
            found = keep(download(board, cache), board)
            with contextlib.suppress(UserError):  # while there is a connection
                fetch(self.data_folder)
        return found


def best_in(folder: Path, board: Board) -> tuple[Path, MicroPython] | None:
    """The newest MicroPython for a board in a folder, by the names that its makers give the files.

    ESP32_GENERIC-20250911-v1.26.1.bin, with or without date. None if there is no such file;
    UserError if one does not fit and none does.
    """
    name = re.compile(re.escape(board.micropython) + r"-(\d{8}-)?v?(\d+(\.\d+)*)[^/]*\.bin")
    files = [(m, path) for path in folder.rglob("*.bin") if (m := name.fullmatch(path.name))]
    if not files:
        return None
    newest = max(files, key=lambda found: ([int(n) for n in found[0][2].split(".")], found[1]))[1]
    return newest, read(newest, board)


def read(path: Path, board: Board) -> MicroPython:
    """A file's parts; if its SHA-256 was written beside it, it must still be that."""
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise UserError(f"{path} is too big for a MicroPython image")
        data = path.read_bytes()
        beside = path.with_name(path.name + _SHA)
        expected = beside.read_text().split()[0] if beside.exists() else ""
    except FileNotFoundError:
        raise UserError(f"{path} is not there") from None
    except (OSError, IndexError) as e:
        raise UserError(f"{path} cannot be read: {e}") from None
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise UserError(f"{path} is not what it was when it was put there: delete it")
    return take_apart(str(path), data, board)


def keep(path: Path, board: Board) -> tuple[Path, MicroPython]:
    """Remember the SHA-256 of a file that is used from now on, as sha256sum writes it."""
    found = read(path, board)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        path.with_name(path.name + _SHA).write_text(f"{digest}  {path.name}\n")
    except OSError as e:
        raise UserError(f"{path.parent} cannot be written: {e.strerror}") from None
    return path, found


def copy(path: Path, folder: Path) -> Path:
    """Put a file into a folder. UserError if the disk is full; then nothing of it is left."""
    target = folder / path.name
    partial = target.with_name(target.name + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, partial)
        partial.rename(target)
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise UserError(f"{target} cannot be written: {e.strerror}") from None
    return target


def download(board: Board, folder: Path) -> Path:
    """Fetch MicroPython for a board into a folder. UserError if that fails: no Internet, mostly.

    mpflash knows the names on micropython.org; its exit code does not say whether it succeeded.
    """
    file = f"{board.micropython}-v{DOWNLOADED}.bin"
    program = shutil.which("mpflash", path=str(Path(sys.executable).parent)) or shutil.which(
        "mpflash"
    )
    if program is None:
        raise UserError(f"no {file} here, and no mpflash to fetch it: pip install mpflash")
    with tempfile.TemporaryDirectory() as fetched:
        # What counts is whether the file is there.
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [program, "download", "--board", board.micropython, "--version", DOWNLOADED,
                 "--ignore", "*"],
                env={**os.environ, "MPFLASH_FIRMWARE": fetched},
                capture_output=True, timeout=_DOWNLOAD_S, check=False,
            )  # fmt: skip
        found = best_in(Path(fetched), board)
        if found is None:
            raise UserError(
                f"no {file} here, and micropython.org cannot be reached:"
                f" give --firmware FILE, or a kit (--kit DIR)"
            )
        return copy(found[0], folder)
