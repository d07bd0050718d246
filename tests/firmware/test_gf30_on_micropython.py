"""The sketch kernels as machine code: they compile for boards, and do what the plain ones do."""

import subprocess
from pathlib import Path

import pytest

from tests.on_micropython import run_module
from tools.virtual_board import rom
from tools.virtual_board.rom import REPOSITORY

HERE = Path(__file__).resolve().parent


@pytest.mark.skipif(not rom._ARCHITECTURE, reason="MicroPython emits no code for this processor")
def test_they_do_what_the_plain_ones_do() -> None:
    run_module(HERE / "gf30_twins.py", "160k")


@pytest.mark.parametrize("architecture", ["xtensawin", "rv32imc"])
def test_they_compile_for_boards_with_small_ints_of_31_bits(
    architecture: str, tmp_path: Path
) -> None:
    compiler, _ = rom._find_compiler()
    out = tmp_path / "gf30.mpy"
    source = str(REPOSITORY / "firmware" / "gf30.py")
    options = [f"-march={architecture}", "-msmall-int-bits=31", "-o", str(out)]
    subprocess.run([*compiler, *options, source], check=True, timeout=30)
    assert out.stat().st_size < 6_000
