"""Wear of the sectors, and what the store takes of a relay's heap."""

import os
import subprocess

import pytest

from firmware.flash_ring import SECTOR
from tests.firmware.flash_lab import Bench
from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import REPOSITORY, build_rom

SECTORS = 32
ROUNDS = 60
SCRIPT = REPOSITORY / "tests" / "firmware" / "flash_heap.py"
HEAP = "104k"
FLASH_BYTES = 1_500_000 // SECTOR * SECTOR


def first_in_first_out(bench: Bench, most: int) -> None:
    """Put, with at most so many of these records live at once."""
    queue = []
    while sum(bench.chip.erase_counts) < ROUNDS * SECTORS:
        if bench.put(bench.record()):
            queue.append(next(reversed(bench.model)))
        if len(queue) > most or bench.full:
            bench.delete(queue.pop(0))


def check_wear(bench: Bench, name: str, capsys: pytest.CaptureFixture) -> None:
    wear = bench.chip.erase_counts
    ratio = max(wear) * len(wear) / sum(wear)
    with capsys.disabled():
        moved = bench.store.moved / bench.serial
        print(f"\n[flash, {name}: wear max/mean {ratio:.3f}, {moved:.2f} moves a put] ", end="")
    assert sum(wear) > ROUNDS * SECTORS * 0.9
    assert ratio <= 1.2
    bench.again()


@pytest.mark.parametrize("encrypted", [False, True])
def test_first_in_first_out_wears_all_sectors_alike(encrypted: bool, capsys):
    bench = Bench(SECTORS, 2000, encrypted)
    first_in_first_out(bench, 150)
    check_wear(bench, "first in first out", capsys)


@pytest.mark.parametrize("encrypted", [False, True])
def test_half_live_wears_all_sectors_alike(encrypted: bool, capsys):
    bench = Bench(SECTORS, 2000, encrypted)
    while sum(bench.chip.erase_counts) < ROUNDS * SECTORS:
        bench.insist(bench.record())
        if bench.store.live_bytes > SECTORS * SECTOR // 2:
            bench.delete(bench.any(), bench.serial & 1 == 0)
    check_wear(bench, "half live", capsys)


def test_records_that_never_go_wear_all_sectors_alike(capsys):
    """Half of the ring is never deleted, the rest is first in first out."""
    bench = Bench(SECTORS, 2000)
    while bench.store.live_bytes < SECTORS * SECTOR // 2:
        bench.insist(bench.record())
    first_in_first_out(bench, 40)
    check_wear(bench, "half for ever", capsys)


def test_4000_records_in_a_small_heap_that_does_not_grow(tmp_path, capsys):
    chip = tmp_path / "chip"
    chip.write_bytes(b"\xff" * FLASH_BYTES)
    done = subprocess.run(
        [
            find_micropython(),
            *("-X", f"heapsize={HEAP}", str(SCRIPT), str(chip), str(FLASH_BYTES)),
        ],
        env=os.environ | {"MICROPYPATH": f"{build_rom(bundled=False)}:.frozen"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    own, start, end, found = (int(word) for word in done.stdout.split())
    with capsys.disabled():
        print(f"\n[flash: {own / 4000:.2f} bytes of heap a record, {start} then {end}] ", end="")
    assert found == 4000
    assert own <= 10 * 4000
    assert end - start <= 64
