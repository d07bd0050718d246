"""The flash store's plain tests again, under MicroPython: one process a file."""

from pathlib import Path

import pytest

from tests.on_micropython import run_module

HERE = Path(__file__).resolve().parent
HEAP = "1m"  # chips of 32 KB are in memory, and copies of them, each in one piece
NAMES = ("cuts", "flips", "random", "sectors", "traps")


@pytest.mark.parametrize("name", NAMES)
def test_passes_on_micropython(name: str) -> None:
    run_module(HERE / f"test_flash_{name}.py", HEAP, timeout_s=120)
