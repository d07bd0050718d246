"""Relay firmware for MicroPython on ESP32. main.py wires; everything else is one idea a file."""

import sys

VERSION = "0.2.0"


def forget(*modules: str) -> None:
    """Give the code of modules back that only a moment needs: a relay has no room for it."""
    for name in modules:
        if sys.modules.pop(name, None):
            package, _, module = name.partition(".")
            delattr(sys.modules[package], module)
