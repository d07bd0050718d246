"""boards/*.toml: what is on a board, read and checked; every mistake is named with its line.

name = "ESP32-DevKitC"           # for people; the file's name is the board's for programs
chip = "esp32"                   # as esptool says it, without hyphens
flash_mb = 4                     # what there must be; the map may leave some unused
psram_mb = 0
micropython = "ESP32_GENERIC"    # the name of its build
least_version = "1.23"           # the oldest MicroPython that runs our code
radio = "espnow"                 # see RADIOS
notes = ["what one must know, a sentence each"]

[partitions]                     # of the flash, in bytes; see REQUIRED
nvs = { type = "data", subtype = "nvs", start = 0x9000, size = 0x6000 }

[pins]                           # all optional; led_lit: the level at which the LED is on
led = 2
[battery]                        # if an ADC pin sees the battery: volts there times a/b
adc = 35
divider = [2, 1]
curve = "li-ion"
[gps]                            # on a UART: rx is the pin on which the board listens
rx = 34
tx = 12
baud = 9600
"""

import importlib.resources
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.config import read_toml
from gateway.errors import UserError
from tools.flash.board import (
    APP_ALIGN,
    CHIPS,
    FLASH_SIZES_MB,
    RADIOS,
    REQUIRED,
    SECTOR,
    SUBTYPES,
    TABLE_AT,
    TABLE_BYTES,
    TYPES,
    Board,
    Partition,
    version,
)

_LABEL_MAX = 15  # bytes: a name in the partition table is 16 with its end


def load_boards() -> list[Board]:
    """Every board we know, by id."""
    folder = importlib.resources.files("boards")
    files = [Path(str(f)) for f in folder.iterdir() if f.name.endswith(".toml")]
    return [load_board(path) for path in sorted(files, key=lambda path: path.stem)]


def find_board(name: str) -> Board:
    """A board by its id, or by the path of a file somebody wrote. UserError if there is none."""
    if name.endswith(".toml"):
        return load_board(Path(name))
    boards = load_boards()
    for board in boards:
        if board.id == name:
            return board
    known = ", ".join(board.id for board in boards)
    raise UserError(f"there is no board {name}: known are {known}, or the path of a .toml file")


def load_board(path: Path) -> Board:
    """The board in a file. UserError with the file's name and line for any mistake."""
    text, table = read_toml(path, "`helio boards` lists those that are")
    return _Reader(path, text).board(table)


# A key's (is it needed, the check, what is said if it fails). bool is an int to Python.
_Rule = tuple[bool, Callable[[Any], bool], str]


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda v: type(v) is int and least <= v <= most


def _one_of(words: Any) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, str) and v in words


def _pin(needed: bool) -> _Rule:
    return needed, _whole(0, 48), "must be the number of a GPIO, 0 to 48"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_notes(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(v) for v in value)


def _is_divider(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_whole(1, 10000)(v) for v in value)


def _is_flash(value: Any) -> bool:
    return type(value) is int and value in FLASH_SIZES_MB


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d+\.\d+(\.\d+)?", value) is not None


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


_TOP: dict[str, _Rule] = {
    "name": (True, _is_text, "must be text in quotes"),
    "chip": (True, _one_of(CHIPS), f"must be one of {', '.join(CHIPS)}"),
    "flash_mb": (True, _is_flash, f"must be one of {', '.join(map(str, FLASH_SIZES_MB))}"),
    "psram_mb": (True, _whole(0, 32), "must be megabytes, 0 to 32"),
    "micropython": (True, _is_text, "must be the name of a MicroPython build in quotes"),
    "least_version": (True, _is_version, 'must be a version in quotes, for example "1.23"'),
    "radio": (True, _one_of(RADIOS), f"must be one of {', '.join(RADIOS)}"),
    "notes": (True, _is_notes, "must be a list of sentences"),
    "partitions": (True, _is_table, "is a section: write [partitions]"),
    "pins": (False, _is_table, "is a section: write [pins]"),
    "battery": (False, _is_table, "is a section: write [battery]"),
    "gps": (False, _is_table, "is a section: write [gps]"),
}
_SECTIONS: dict[str, dict[str, _Rule]] = {
    "pins": {
        "led": _pin(False),
        "led_lit": (False, _whole(0, 1), "must be 0 or 1"),
        "rgb_led": _pin(False),
        "button": _pin(False),
    },
    "battery": {
        "adc": _pin(True),
        "divider": (True, _is_divider, "must be two numbers, for example [2, 1]"),
        "curve": (True, _one_of(("li-ion",)), 'must be "li-ion"'),
    },
    "gps": {
        "rx": _pin(True),
        "tx": _pin(True),
        "baud": (True, _whole(1200, 921600), "must be 1200 to 921600"),
    },
}
_PARTITION: dict[str, _Rule] = {
    "type": (True, _one_of(TYPES), f"must have a type, one of {', '.join(TYPES)}"),
    "subtype": (True, _one_of(SUBTYPES), f"must have a subtype, one of {', '.join(SUBTYPES)}"),
    "start": (True, _whole(0, 1 << 25), "must have a start in bytes"),
    "size": (True, _whole(1, 1 << 25), "must have a size in bytes"),
}


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def board(self, table: dict[str, Any]) -> Board:
        self._check("", table, _TOP)
        for section, rules in _SECTIONS.items():
            self._check(section, table.get(section, {}), rules)
        return Board(
            id=self._path.stem,
            name=table["name"],
            chip=CHIPS[table["chip"]],
            flash_mb=table["flash_mb"],
            psram_mb=table["psram_mb"],
            micropython=table["micropython"],
            least_version=version(table["least_version"]),
            radio=table["radio"],
            partitions=self._partitions(table["partitions"], table["flash_mb"] << 20),
            pins=table.get("pins", {}),
            battery=table.get("battery", {}),
            gps=table.get("gps", {}),
            notes=tuple(table["notes"]),
        )

    def _check(self, section: str, table: dict[str, Any], rules: dict[str, _Rule]) -> None:
        for key, value in table.items():
            if key not in rules:
                raise self._error(section, key, f"is unknown here; known: {', '.join(rules)}")
            if not rules[key][1](value):
                raise self._error(section, key, rules[key][2])
        for key, (needed, _, _) in rules.items():
            # An optional section that is not there needs nothing.
            if needed and key not in table and (table or not section):
                raise self._error(section, section, f"lacks {key}")

    def _partitions(self, table: dict[str, Any], flash_bytes: int) -> tuple[Partition, ...]:
        found = [self._partition(label, entry, flash_bytes) for label, entry in table.items()]
        for label, (kind, subtype) in REQUIRED.items():
            if label not in table:
                raise self._error("partitions", "partitions", f"lacks {label}")
            entry = table[label]
            if (entry["type"], entry["subtype"]) != (kind, subtype):
                what = f'must have type = "{kind}" and subtype = "{subtype}"'
                raise self._error("partitions", label, what)
        found.sort(key=lambda p: p.start)
        for before, after in itertools.pairwise(found):
            if after.start < before.end:
                what = f"begins at {after.start:#x}, inside {before.label}"
                raise self._error("partitions", after.label, what)
        # Then one write reaches all but the mail.
        if [p.label for p in found[-3:]] != ["vfs", "node", "store"]:
            raise self._error("partitions", "store", "must come last, after vfs and node")
        if found[-3].end != found[-2].start:
            raise self._error("partitions", "node", f"must begin at {found[-3].end:#x}, after vfs")
        return tuple(found)

    def _partition(self, label: str, entry: Any, flash_bytes: int) -> Partition:
        def wrong(what: str) -> UserError:
            return self._error("partitions", label, what)

        if len(label.encode()) > _LABEL_MAX:
            raise wrong(f"is too long a name: {_LABEL_MAX} bytes at most")
        if not isinstance(entry, dict):
            raise wrong('must be written { type = "data", subtype = …, start = …, size = … }')
        for key in entry:
            if key not in _PARTITION:
                raise wrong(f"has an unknown {key}; known: {', '.join(_PARTITION)}")
        for key, (_, holds, what) in _PARTITION.items():
            if key not in entry or not holds(entry[key]):
                raise wrong(what)
        part = Partition(
            label, TYPES[entry["type"]], SUBTYPES[entry["subtype"]], entry["start"], entry["size"]
        )
        if part.start % SECTOR or part.size % SECTOR:
            raise wrong("must begin and end at multiples of 4 KB (0x1000)")
        if part.type == TYPES["app"] and part.start % APP_ALIGN:
            raise wrong("is an app and must begin at a multiple of 64 KB (0x10000)")
        if part.start < TABLE_AT + TABLE_BYTES:
            raise wrong(f"begins before {TABLE_AT + TABLE_BYTES:#x}: there is the bootloader")
        if part.end > flash_bytes:
            raise wrong(f"ends at {part.end:#x}, past the end of the flash at {flash_bytes:#x}")
        return part

    def _error(self, section: str, key: str, what: str) -> UserError:
        here = ""
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[\s*([\w-]+)\s*\]", line)
            here = header[1] if header else here
            is_key = here == section and re.match(rf'\s*"?{re.escape(key)}"?\s*=', line)
            if is_key or (header and here == key):
                return UserError(f"{self._path}, line {number}: {key} {what}")
        return UserError(f"{self._path}: {key or 'it'} {what}")
