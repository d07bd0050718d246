"""Relay firmware for MicroPython on ESP32. main.py wires; everything else is one idea a file."""

import sys

# What a relay knows of updates, its `update`: in a list, for the heap would keep a name of each.
RUNNING, TAKEN_BACK = 0, 1  # sequences, as storage.slots() tells them
OFFERED = 2  # a statement to be verified: its digest and all of it; then True; else ()
VERIFIED = 3  # the one that was, and is to be begun with, else b""
FORGED = 4  # how many were not the operator's
UPDATE_HEAP = 13_500  # bytes free: its code takes most of it, and mail comes first
VERSION = "0.2.0"


def forget(*modules: str) -> None:
    """Give the code of modules back that only a moment needs: a relay has no room for it."""
    for name in modules:
        if sys.modules.pop(name, None):
            package, _, module = name.rpartition(".")
            delattr(sys.modules[package], module)
