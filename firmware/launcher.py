"""/launcher.mpy of every board: which of two slots, the folders /a and /b, holds what it runs.

/slot says which, and how that one stands; whatever follows is kept for the firmware:

    a     slot a
    b2    slot b is new and on trial: two more starts, unless it proves itself before (trial.py)
    a!    slot a; what was tried in the other one did not work

No update changes this file or /main.py (first.py), so they decide as little as they can. A power
cut at any moment leaves the old or the new /slot: LittleFS renames in one step.
"""

import os
import sys

PATH = "/slot"
_NEW = "/slot.new"
_HANG_MS = 60_000  # a start takes a few seconds; a new firmware may hang in it


def other(slot: str) -> str:
    """The other slot's letter."""
    return "b" if slot == "a" else "a"


def has_firmware(slot: str) -> bool:
    """Is there anything to start in this slot?"""
    try:
        return "firmware" in os.listdir("/" + slot)
    except OSError:
        return False


def read() -> tuple:
    """(slot, its mark: "" or a digit or "!", what follows). A file that makes no sense: the slot
    that is there."""
    try:
        with open(PATH) as f:
            text = f.read()
    except (OSError, UnicodeError):
        text = ""
    if text[:1] not in ("a", "b"):
        return ("a" if has_firmware("a") else "b"), "", ""
    return text[0], text[1:2], text[2:]


def write(slot: str, mark: str, rest: str) -> None:
    """Let this be what the next start finds."""
    with open(_NEW, "w") as f:
        f.write(slot + mark + rest)
    os.rename(_NEW, PATH)


def choose() -> tuple:
    """(slot to start now, its mark). A start on trial is counted before it begins; after the last
    one it is the other slot's turn, for good."""
    slot, mark, rest = read()
    if not mark.isdigit():
        return slot, mark
    try:
        if mark != "0":
            write(slot, str(int(mark) - 1), rest)
            return slot, mark
        write(other(slot), "!", rest)
    except OSError:
        pass  # what cannot be counted must not be tried
    return other(slot), "!"


def prepare() -> None:
    """Choose a slot, and let imports find its code."""
    slot, mark = choose()
    sys.path.insert(0, "/" + slot)
    if mark.isdigit():
        import machine

        machine.WDT(timeout=_HANG_MS)


def failed(error: Exception) -> None:
    """The firmware could not run. If there is another one, it is the other's turn; for Ctrl-C,
    which is no Exception, there is the REPL."""
    slot, mark, _ = read()
    if not mark.isdigit():
        if not has_firmware(other(slot)):
            raise error
        write(other(slot), "1", "")
    sys.print_exception(error)
    import machine

    machine.reset()
