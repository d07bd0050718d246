"""The same mesh sends the same frames at the same moments, whichever interpreter runs it."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import REPOSITORY

SCRIPT = REPOSITORY / "tests" / "protocol" / "event_hash.py"
HEAP = "400k"  # nine nodes, and the sources are compiled in it
SEEDS = (1, 2)


@cache
def outcome(interpreter: str, seed: int) -> dict[str, Any]:
    """What the script prints under "cpython" or "micropython"."""
    command, path = [sys.executable], {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{SCRIPT.parent}"}
    if interpreter == "micropython":
        command = [find_micropython(), "-X", f"heapsize={HEAP}"]
        path = {"MICROPYPATH": f"{REPOSITORY}:{SCRIPT.parent}:.frozen"}
    done = subprocess.run(
        [*command, str(SCRIPT), str(seed)],
        env=os.environ | path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_both_interpreters_send_the_same_frames(seed: int) -> None:
    assert outcome("micropython", seed) == outcome("cpython", seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mesh_does_its_work_meanwhile(seed: int) -> None:
    found = outcome("cpython", seed)
    assert (found["delivered"], found["receipts_back"]) == (3, 3)
    assert found["frames"] > 50


def test_another_seed_is_another_run() -> None:
    assert outcome("cpython", 1)["hash"] != outcome("cpython", 2)["hash"]
