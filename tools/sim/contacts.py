"""Contact traces: who meets whom, and when, from a file instead of from places.

One line each, as the ONE simulator writes them (Keraenen et al. 2009): `SECONDS CONN A B up|down`.
"""

from dataclasses import dataclass
from pathlib import Path

from gateway.errors import UserError

_LINES_MAX = 5_000_000


@dataclass(frozen=True)
class Contact:
    """From this moment on two nodes hear each other, or do not any more."""

    at_us: int
    pair: tuple[int, int]
    up: bool


def read_contacts(path: Path, count: int) -> list[Contact]:
    """All contacts of a trace, in order of time. UserError with the line of a mistake."""
    found: list[Contact] = []
    up: set[tuple[int, int]] = set()
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if number > _LINES_MAX:
                    raise UserError(f"{path}: more than {_LINES_MAX} lines")
                if line.strip() and not line.startswith("#"):
                    contact = _contact(f"{path}: line {number}", line.split(), count)
                    _fits(f"{path}: line {number}", contact, found, up)
                    found.append(contact)
    except FileNotFoundError:
        raise UserError(f"{path} is not there") from None
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{path} cannot be read: {e}") from None
    return found


def _contact(place: str, words: list[str], count: int) -> Contact:
    form = "SECONDS CONN NODE NODE up|down"
    if len(words) != 5 or words[1] != "CONN" or words[4] not in ("up", "down"):
        raise UserError(f"{place}: not of the form {form}")
    try:
        at_us = round(float(words[0]) * 1_000_000)
        a, b = int(words[2]), int(words[3])
    except (ValueError, OverflowError):
        raise UserError(f"{place}: not of the form {form}") from None
    for node in (a, b):
        if not 0 <= node < count:
            raise UserError(f"{place}: there is no node {node} (nodes are 0 to {count - 1})")
    if a == b:
        raise UserError(f"{place}: node {a} does not meet itself")
    return Contact(at_us, (min(a, b), max(a, b)), words[4] == "up")


def _fits(place: str, c: Contact, found: list[Contact], up: set[tuple[int, int]]) -> None:
    if c.at_us < 0 or (found and c.at_us < found[-1].at_us):
        raise UserError(f"{place}: out of order: it is earlier than the line before")
    a, b = c.pair
    if c.up == (c.pair in up):
        raise UserError(f"{place}: {a} and {b} are {'up' if c.up else 'down'} already")
    if c.up:
        up.add(c.pair)
    else:
        up.discard(c.pair)
