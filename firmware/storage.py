"""What a relay finds on its flash, before the rest of the code is loaded (see buffers.py)."""

import os

from firmware.buffers import STORE
from firmware.flash_recovery import StoreRefused


def mount() -> str:
    """Mount the store: nothing, or why there is none."""
    if STORE is None:
        return "the flash map has no partition named store"
    try:
        if "store.log" in os.listdir("/"):  # the store of firmware 0.1
            from firmware import migrate

            migrate.bring_over(STORE)
        else:
            STORE.mount()
    except (StoreRefused, OSError) as e:  # OSError: a flash that is broken
        return str(e)
    return ""


def slots() -> tuple:
    """(sequence of the update that runs, of the one that was taken back, what it is on trial for,
    is there anything of an update?), from what the launcher keeps (launcher.py).

    Sequences: 0 for what was flashed, -1 for none; both are -1 on a board without slots (a virtual
    one that runs its ROM). On trial: "n" if it must meet somebody, else "-"; "" if it has proved
    itself.
    """
    text = _read("/slot")
    running = taken_back = -1
    if text:
        running = int(_read("/%s/sequence" % text[0]) or 0)
        if text[1:2] == "!":  # the other of the two letters
            taken_back = int(_read("/%s/sequence" % chr(ord(text[0]) ^ 3)) or 0)
    trial = (text[2:3] or "-") if text[1:2].isdigit() else ""
    return running, taken_back, trial, "update" in os.listdir("/")


def _read(path: str) -> str:
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""
