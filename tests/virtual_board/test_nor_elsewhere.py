"""test_nor.py again: its chips in a file, and under MicroPython with the heap of a small board."""

import os
import runpy
import subprocess
from pathlib import Path

import pytest

from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import REPOSITORY

HERE = Path(__file__).resolve().parent
RUNNER = REPOSITORY / "tests" / "protocol" / "run.py"
HEAP = "160k"
TIMEOUT_S = 60

CHECKS = runpy.run_path(str(HERE / "test_nor.py"))
FILE_VARIABLE = CHECKS["FILE_VARIABLE"]
NAMES = [name for name in CHECKS if name.startswith("test_")]


@pytest.mark.parametrize("name", NAMES)
def test_passes_on_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "chip"))
    try:
        CHECKS[name]()
    finally:
        CHECKS["close_chips"]()


@pytest.mark.parametrize("file_name", ["", "chip"])
def test_passes_on_micropython(file_name: str, tmp_path: Path) -> None:
    environment = {"MICROPYPATH": f"{REPOSITORY}:{HERE}:.frozen", FILE_VARIABLE: file_name}
    done = subprocess.run(
        [find_micropython(), "-X", f"heapsize={HEAP}", str(RUNNER), "test_nor"],
        env=os.environ | environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" ok\n") == len(NAMES), done.stdout
