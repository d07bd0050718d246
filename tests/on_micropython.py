"""Test modules of plain functions, run once more under MicroPython: one process a module."""

import os
import subprocess
from pathlib import Path

from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import REPOSITORY

RUNNER = REPOSITORY / "tests" / "protocol" / "run.py"


def run_module(
    path: Path, heap: str, cwd: Path | None = None, timeout_s: float = 60, **environment: str
) -> None:
    """All tests of the module at `path` pass, and none is left out, with so much heap."""
    done = subprocess.run(
        [find_micropython(), "-X", f"heapsize={heap}", str(RUNNER), path.stem],
        env=os.environ | {"MICROPYPATH": f"{REPOSITORY}:{path.parent}:.frozen"} | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = path.read_text().count("\ndef test_")
    assert done.stdout.count(" ok\n") == count, done.stdout
