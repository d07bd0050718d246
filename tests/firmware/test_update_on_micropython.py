"""Power cuts in the middle of an update, under MicroPython: it has the LittleFS of a board."""

from pathlib import Path

from tests.on_micropython import run_module
from tools.virtual_board.rom import REPOSITORY

HERE = Path(__file__).resolve().parent
HEAP = "2m"  # the chip is in memory, and copies of it


def test_passes_on_micropython() -> None:
    path = f"{REPOSITORY}:{REPOSITORY}/firmware:{HERE}:.frozen"  # the launcher is in no package
    run_module(HERE / "update_cuts.py", HEAP, timeout_s=120, MICROPYPATH=path)
