"""test_nor.py again: its chips in a file, and under MicroPython with the heap of a small board."""

import runpy
from pathlib import Path

import pytest

from tests.on_micropython import run_module

HERE = Path(__file__).resolve().parent
HEAP = "160k"

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
    run_module(HERE / "test_nor.py", HEAP, cwd=tmp_path, **{FILE_VARIABLE: file_name})
