"""The slots for the firmware, as the launcher leaves them (launcher.py)."""

import os


def slot() -> str:
    """The slot that runs, "" on a board without slots (a virtual one that runs its ROM)."""
    return _read("/slot")[:1]


def sequence_in(name: str) -> int:
    """Which update is in a slot; 0 for what was flashed."""
    return int(_read("/%s/sequence" % name) or 0)


def tried(sequence: int) -> bool:
    """Does this update run already, or was it taken back? Where there are no slots: yes."""
    text = _read("/slot")
    other = "b" if text[:1] == "a" else "a"
    return (
        not text
        or sequence_in(text[0]) == sequence
        or (text[1:2] == "!" and sequence_in(other) == sequence)
    )


def at_start() -> tuple:
    """(sequence of what runs, what it is on trial for, is there anything of an update?). On
    trial: "n" if it must meet somebody, else "-"; "" if it has proved itself."""
    text = _read("/slot")
    trial = (text[2:3] or "-") if text[1:2].isdigit() else ""
    return sequence_in(text[:1]), trial, "update" in os.listdir("/")


def _read(path: str) -> str:
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""
