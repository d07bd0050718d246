"""Reading a scenario's tables: every mistake is one line that names the file and the place."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.config import read_toml
from gateway.errors import UserError

_REQUIRED = object()


def harmless(text: str) -> str:
    """What a file said, for a terminal: no escape sequences, one line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


class Source:
    """A TOML file and where things stand in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text, self.content = read_toml(path)
        self._lines = text.splitlines()

    def line(self, section: str, number: int, key: str) -> int:
        """The line of a key in the `number`th (from 0) table of that name; 0 if not found."""
        found, count, best = False, -1, 0
        for at, text in enumerate(self._lines, 1):
            head = re.match(r"\s*\[+\s*([\w.-]+)\s*\]+", text)
            if head:
                count += head[1] == section
                found = head[1] == section and count == number
                if found:
                    best = at
            elif found and key and re.match(rf'\s*"?{re.escape(key)}"?\s*=', text):
                return at
        return best


class Table:
    """One table. Take what is known out of it, then call end(): what is left is a mistake."""

    def __init__(self, source: Source, section: str, number: int, values: object) -> None:
        self._source = source
        self._section = section
        self._number = number
        self._known: list[str] = []
        if not isinstance(values, dict):
            raise self.error("", f"is a table: write [{section}]")
        self.values: dict[str, Any] = values

    def error(self, key: str, what: str) -> UserError:
        """The mistake in this key (or the whole table, if it is empty), to be raised."""
        place = f"{self._section}.{key}" if key and self._section else key or self._section
        line = self._source.line(self._section, self._number, key)
        where = f" (line {line})" if line else ""
        return UserError(f"{self._source.path}: {harmless(place)}: {harmless(what)}{where}")

    def has(self, key: str) -> bool:
        """Is the key there?"""
        return key in self.values

    def _take(self, key: str, default: object) -> Any:
        self._known.append(key)
        if key in self.values:
            return self.values[key]
        if default is _REQUIRED:
            raise self.error(key, "is missing")
        return default

    def whole(self, key: str, least: int, most: int, default: object = _REQUIRED) -> int:
        """A whole number in least..most."""
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.error(key, f"must be a whole number from {least} to {most}")
        return value

    def number(self, key: str, least: float, most: float, default: object = _REQUIRED) -> float:
        """A number in least..most."""
        value = self._take(key, default)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not least <= value <= most:
            raise self.error(key, f"must be a number from {least} to {most}")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key, default)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of some words."""
        value = self._take(key, _REQUIRED)
        if value not in choices:
            shown = f'"{value}"' if isinstance(value, str) else repr(value)
            raise self.error(key, f"unknown value {shown} ({', '.join(choices)})")
        return str(value)

    def text(self, key: str) -> str:
        """A text."""
        value = self._take(key, _REQUIRED)
        if not isinstance(value, str):
            raise self.error(key, "must be text in quotes")
        return value

    def node(self, key: str, count: int) -> int:
        """The number of a node that exists."""
        value = self._take(key, _REQUIRED)
        if not _is_node(value, count):
            raise self.error(key, f"there is no node {value!r} (nodes are 0 to {count - 1})")
        return int(value)

    def nodes(self, key: str, count: int, default: object = _REQUIRED) -> tuple[int, ...]:
        """A list of nodes, each at most once."""
        value = self._take(key, default)
        if not isinstance(value, list | tuple):
            raise self.error(key, "must be a list of node numbers, [0, 5]")
        for at, node in enumerate(value):
            if not _is_node(node, count):
                raise self.error(key, f"there is no node {node!r} (nodes are 0 to {count - 1})")
            if node in value[:at]:
                raise self.error(key, f"node {node} is there twice")
        return tuple(value)

    def points(self, key: str, most: int, limit_m: float) -> list[tuple[float, float]]:
        """A list of [x, y] in metres, no place twice."""
        value = self._take(key, _REQUIRED)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise self.error(key, f"must be a list of 1 to {most} places, [[0, 0], [100, 0]]")
        found: list[tuple[float, float]] = []
        for point in value:
            good = isinstance(point, list) and len(point) == 2
            if not good or not all(_is_metres(v, limit_m) for v in point):
                raise self.error(key, f"{point!r} is no place: write [x, y] in metres")
            place = (float(point[0]), float(point[1]))
            if place in found:
                raise self.error(key, f"{point!r} is there twice")
            found.append(place)
        return found

    def end(self) -> None:
        """Nothing else may be in the table."""
        for key in self.values:
            if key not in self._known:
                raise self.error(key, f"unknown key (known here: {', '.join(self._known)})")


def _is_node(value: object, count: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count


def _is_metres(value: object, limit_m: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= limit_m
