"""`helio queue` of a relay that holds two thousand parcels, over the wire it would have."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checks import whole

from firmware.flash_store import FlashStore
from gateway.new_node import draw
from shared_protocol import records
from tools.virtual_board.board import VirtualBoard
from tools.virtual_board.nor import Nor, Partition
from tools.virtual_board.slow_wire import SlowWire

pytestmark = pytest.mark.system

BAUD = 115_200
HEAP_KB = 4096  # a board with PSRAM: others know 440 parcels
CHIP, STORE = 4 * 1024 * 1024, (1, 0x40, 0x280000, 0x180000, "store", False)
TEXT = bytes(150)


def filled(folder: Path, parcels: int) -> VirtualBoard:
    """A board whose flash holds so many parcels already."""
    board = VirtualBoard("r1", bytes([0x24, 0x0A, 0xC4, 0, 0, 1]), folder, None, 0, 0, HEAP_KB)
    board.provision(draw("r1", bytes(32), bytes(32), 1))
    chip = Nor(CHIP, str(board.flash_path))
    store = FlashStore(Partition(chip, STORE), 2002)
    store.mount()
    store.put(records.encode_clock(records.Clock(1, 5000, 4096, 0, 0, 0)))
    for number in range(parcels):
        kept = records.Kept(False, 100 + number, 10_000_000, number % 64, whole(number, TEXT))
        store.put(records.encode_kept(kept))
    store.sync()
    chip.file.close()
    return board


def read_queue(port: str) -> tuple[list[dict[str, object]], float]:
    """All rows, and how long that took."""
    start_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "queue", "--port", port, "--json"],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rows"], time.monotonic() - start_s


def first_screen(port: str) -> float:
    """Seconds until a person sees the first row."""
    start_s = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "queue", "--port", port],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for _ in range(3):  # the node, the head, a row
            process.stdout.readline()
        seen_s = time.monotonic() - start_s
        process.kill()
    return seen_s


def check(rows: list[dict[str, object]], parcels: int) -> None:
    """Nothing missing, nothing twice, nothing wrong."""
    expected = {bytes(whole(n, TEXT)[2:14]).hex(): n % 64 for n in range(parcels)}
    assert {row["message"]: row["hops"] for row in rows} == expected
    assert len(rows) == parcels
    assert {row["state"] for row in rows} == {"whole"}


@pytest.mark.parametrize(
    ("parcels", "damaged", "most_s"),
    [(2000, 0, 20), (2000 if os.environ.get("HELIO_LONG") else 400, 0.01, 90)],
)
def test_a_long_queue_is_read_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], parcels: int, damaged: float, most_s: int
) -> None:
    with filled(tmp_path, parcels) as board:
        board.start()
        with SlowWire(board.port_path, BAUD, damaged, 1) as wire:
            read_queue(wire.port_path)  # it has started
            first_s = first_screen(wire.port_path)
            rows, all_s = read_queue(wire.port_path)
        check(rows, parcels)
    with capsys.disabled():
        print(f"\n[queue of {parcels}, {damaged:.0%} of bytes damaged: first row {first_s:.2f} s,"
              f" all {all_s:.1f} s] ", end="")  # fmt: skip
    assert all_s < most_s
    assert first_s < (1 if not damaged else most_s)
