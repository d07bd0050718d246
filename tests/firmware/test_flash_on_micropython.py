"""The flash store's plain tests again, under MicroPython: one process a file."""

import os
import subprocess
from pathlib import Path

import pytest

from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import REPOSITORY

HERE = Path(__file__).resolve().parent
RUNNER = REPOSITORY / "tests" / "protocol" / "run.py"
HEAP = "400k"  # the chips are in memory, and copies of them
TIMEOUT_S = 120
NAMES = ("cuts", "flips", "random", "sectors", "traps")


@pytest.mark.parametrize("name", [f"test_flash_{name}" for name in NAMES])
def test_passes_on_micropython(name: str) -> None:
    done = subprocess.run(
        [find_micropython(), "-X", f"heapsize={HEAP}", str(RUNNER), name],
        env=os.environ | {"MICROPYPATH": f"{REPOSITORY}:{HERE}:.frozen"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = (HERE / f"{name}.py").read_text().count("\ndef test_")
    assert done.stdout.count(" ok\n") == count, done.stdout
