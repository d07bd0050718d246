"""`helio kit make DIR`: all that flashing boards and running gateways take, without Internet."""

import argparse
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from gateway.commands import show
from gateway.errors import UserError
from tools.flash.board import Board
from tools.flash.board_file import find_board
from tools.flash.build import KIT_CODE, KIT_START, relay_code
from tools.flash.command import source, write_file
from tools.flash.firmware_source import KIT_FOLDER, Source, copy, keep
from tools.flash.library import LIBRARY_FOLDER, fetch, library
from tools.virtual_board.rom import REPOSITORY

WHEELS = "wheels"
_SOURCES = "heliograph.zip"
_PIP_S = 600
# What a laptop in the field runs: the gateway, and what puts it on boards.
_PACKAGES = ("gateway", "shared_protocol", "firmware", "tools", "boards", "docs")
_FILES = ("pyproject.toml", "README.md", "ARCHITECTURE.md", "Makefile")

_README = """\
Heliograph, a kit for the field: {boards}.
Nothing here needs the Internet.

1. The program, on Linux or macOS with Python 3.11 or newer, in this folder:

    python3 -m zipfile -e {sources} heliograph && python3 -m venv heliograph/.venv
    . heliograph/.venv/bin/activate
    pip install --no-index --find-links {wheels} --upgrade setuptools wheel
    pip install --no-index --find-links {wheels} --no-build-isolation -e 'heliograph[flash]'

2. The ports, once on Linux:       sudo heliograph/.venv/bin/helio install
3. The network, once:              helio network new NAME --region EU
   or a colleague's card:          helio network join CARD
4. Boards, one or all that are plugged in with data cables:

    helio flash --kit . --board {first}
    helio flash --kit . --all

   `helio boards show {first}` tells what is special about a board.
5. A gateway: helio id --name YOU; helio gateway init; helio gateway run

What is here: {folders}.
{missing}"""


def make(args: argparse.Namespace) -> int:
    """Fill the folder. UserError if something that is needed cannot be had."""
    folder = Path(args.folder)
    boards = [find_board(name) for name in dict.fromkeys(args.board)]
    args.kit = None
    where = source(args)
    fill(folder, boards, where)
    missing = [text for text in (_aioble(folder, where.data_folder), _wheels(folder)) if text]
    write_file(folder / "README.txt", _readme(folder, boards, missing).encode())
    value = {"kit": str(folder), "boards": [b.id for b in boards], "missing": missing}
    lines = [f"{folder}: a kit for {', '.join(b.id for b in boards)}", *missing]
    show(args, value, "\n".join(lines))
    return 0


def fill(folder: Path, boards: list[Board], where: Source) -> None:
    """What is on this computer: MicroPython, our code for the boards, and this program."""
    for board in boards:
        file, _ = where.find(board)
        keep(copy(file, folder / KIT_FOLDER), board)
    for machine_code in {board.chip.machine_code for board in boards}:
        _code(folder / KIT_CODE, machine_code)
    _sources(folder / _SOURCES)


def _code(folder: Path, machine_code: str) -> None:
    """Our code, compiled, for one kind of chip."""
    outside, code = relay_code(machine_code, None)
    for name, files in ((KIT_START, outside), (machine_code, code)):
        for path, content in files.items():
            target = folder / name / path
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as e:
                raise UserError(f"{target.parent} cannot be made: {e.strerror}") from None
            write_file(target, content)


def _sources(path: Path) -> None:
    """This program, as it is here."""
    files = [REPOSITORY / name for name in _FILES]
    for package in _PACKAGES:
        files += sorted((REPOSITORY / package).rglob("*"))
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    archive.write(file, file.relative_to(REPOSITORY))
    except OSError as e:
        path.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {e.strerror}") from None


def _aioble(folder: Path, data_folder: Path) -> str:
    """Put it there; what is missing if it cannot be had."""
    files = library(folder, data_folder)
    try:
        if not files:
            fetch(folder)
        for path, content in files.items():
            target = folder / LIBRARY_FOLDER / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_file(target, content)
    except UserError as e:
        return f"aioble is not in it, so boards come without Bluetooth: {e}"
    return ""


def _wheels(folder: Path) -> str:
    """What the program needs, for a computer like this; or what is missing and why.

    Wheels and not what pip would download: there may be no compiler in the field.
    """
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["flash"]]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
         "--wheel-dir", str(folder / WHEELS), *needed, "setuptools", "wheel"],
        capture_output=True, text=True, timeout=_PIP_S, check=False,
    )  # fmt: skip
    if not done.returncode:
        return ""
    said = done.stderr.strip().splitlines() or ["pip said nothing"]
    return f"the Python packages are not in it, install the program first: {said[-1]}"


def _readme(folder: Path, boards: list[Board], missing: list[str]) -> str:
    folders = sorted(path.name for path in folder.iterdir() if path.is_dir())
    return _README.format(
        boards=", ".join(board.name for board in boards),
        first=boards[0].id,
        sources=_SOURCES,
        wheels=WHEELS,
        folders=", ".join(folders),
        missing="".join(f"Note: {text}\n" for text in missing),
    )
