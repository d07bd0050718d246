"""tests/protocol again, under MicroPython with the heap of a small board: one process a file."""

import os
import subprocess
from pathlib import Path

import pytest

from tools.virtual_board.interpreter import find_micropython

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "tests" / "protocol"
HEAP = "160k"  # 64-bit words here, 32-bit ones on the board: twice as hard as there
TIMEOUT_S = 60


@pytest.mark.parametrize("name", sorted(path.stem for path in PROTOCOL.glob("test_*.py")))
def test_passes_on_micropython(name: str) -> None:
    done = subprocess.run(
        [find_micropython(), "-X", f"heapsize={HEAP}", str(PROTOCOL / "run.py"), name],
        env=os.environ | {"MICROPYPATH": f"{ROOT}:{PROTOCOL}:.frozen"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = (PROTOCOL / f"{name}.py").read_text().count("\ndef test_")
    assert done.stdout.count(" ok\n") == count, done.stdout
