"""The image of a board: MicroPython, our code, the partition table; built once for each board."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import UserError
from tools.flash.board import Board
from tools.flash.filesystem import board_files, make_filesystem
from tools.flash.firmware_source import Source
from tools.flash.library import library
from tools.flash.merge import merge
from tools.virtual_board.rom import RomError, code_for, launcher_files

KIT_CODE, KIT_START = "code", "start"  # in a kit: a folder for each machine code, one for all


@dataclass(frozen=True)
class Built:
    """What is written to a board. image begins at the chip's bootloader_at and holds no key."""

    image: bytes
    micropython: str
    file: Path


@dataclass
class Builder:
    """Makes images; several threads may ask, and each board's is made once."""

    source: Source
    _built: dict[str, Built] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def build(self, board: Board) -> Built:
        """The image for a board. UserError if there is no MicroPython for it, or no compiler."""
        with self._lock:
            if board.id not in self._built:
                self._built[board.id] = self._build(board)
            return self._built[board.id]

    def _build(self, board: Board) -> Built:
        file, micropython = self.source.find(board)
        outside, code = relay_code(board.chip.machine_code, self.source.kit)
        files = board_files(outside, code, library(self.source.kit, self.source.data_folder))
        vfs = make_filesystem(files, board.partition("vfs").size)
        return Built(merge(board, micropython, vfs), micropython.version, file)


def relay_code(machine_code: str, kit: Path | None) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """(what starts a slot, its files), by path: a kit's if it has them, else compiled here."""
    folder = kit / KIT_CODE if kit else None
    try:
        if folder and (folder / machine_code).is_dir():
            return _files(folder / KIT_START), _files(folder / machine_code)
        return launcher_files(), code_for(machine_code)
    except RomError as e:
        raise UserError(f"our code does not compile: {e}") from None
    except OSError as e:
        raise UserError(f"{e.filename} cannot be read: {e.strerror}") from None


def _files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
