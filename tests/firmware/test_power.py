"""Battery and back-off: the rules under MicroPython, and whole boards on weak batteries."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.links.serial_port import SerialPort
from gateway.new_node import draw
from tests.firmware.gps_sentences import RMC
from tests.on_micropython import run_module
from tools.virtual_board.board import DEFAULT_HEAP_KB, VirtualBoard, create_flash
from tools.virtual_board.rom import REPOSITORY

# The stand-ins for pins and UART take heap that a board has: there they are in ROM.
HEAP_KB = DEFAULT_HEAP_KB + 16
MAC = b"\x24\x0a\xc4\x00\x00\x01"
ADC = 35
HARDWARE = {
    "battery": {"adc": ADC, "divider": [2, 1], "curve": "li-ion"},
    "gps": {"rx": 34, "tx": 12, "baud": 9600},
}


def test_the_rules(tmp_path: Path) -> None:
    create_flash(tmp_path / "flash")
    tests = Path(__file__).parent
    board_side = REPOSITORY / "tools/virtual_board"
    run_module(
        tests / "power_rules.py", "256k", tmp_path,
        MICROPYPATH=f"{board_side}/standins:{board_side}:{REPOSITORY}:{tests}:.frozen",
        HELIO_FLASH=str(tmp_path / "flash"), HELIO_MAC=MAC.hex(),
    )  # fmt: skip


@pytest.fixture
def board(tmp_path: Path) -> Iterator[VirtualBoard]:
    with VirtualBoard("beam", MAC, tmp_path, None, 0, 0, HEAP_KB) as board:
        board.provision(draw("beam", bytes(32), bytes(32), 1, hardware=HARDWARE))
        (board.outside / "uart34").write_bytes(b"")
        yield board


def status(board: VirtualBoard) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        port = SerialPort(board.port_path, lambda address, frame: None)
        try:
            return json.loads(await port.ask(b'{"ask": "status"}'))  # type: ignore[no-any-return]
        finally:
            port.close()

    return asyncio.run(ask())


def test_a_board_tells_its_battery_and_bears_a_pin_that_floats(board: VirtualBoard) -> None:
    (board.outside / "uart34").write_bytes(b"\xff$GP" + RMC)
    board.start()
    assert status(board)["battery"] is None
    board.set_adc(ADC, 2_000_000)
    assert status(board)["battery"] == [4000, 75]
    board.set_adc(ADC, 20_000)  # on USB, without a battery
    told = status(board)
    assert told["battery"] is None
    assert told["faults"] == 0


def test_a_mistake_in_the_record_keeps_no_relay_off_the_mesh(board: VirtualBoard) -> None:
    for hardware in (
        {"battery": {"adc": 99}, "gps": {"rx": 99}},
        {"battery": 7, "gps": []},
        {"battery": {"adc": ADC, "divider": [2, 0], "curve": "li-ion"}, "gps": "yes"},
    ):
        board.provision(draw("beam", bytes(32), bytes(32), 1, hardware=hardware))
        board.start()
        assert status(board)["battery"] is None
        board.kill()


def test_a_weak_battery_keeps_the_radio_off_until_it_is_charged(board: VirtualBoard) -> None:
    board.set_adc(ADC, 1_600_000)
    for minutes in (1, 2):
        board.start()
        assert status(board) == {
            "error": f"the battery is at 3200 mV: the radio is off for {minutes} min"
        }
        board.kill()
    board.set_adc(ADC, 1_900_000)
    board.start()
    assert status(board)["battery"] == [3800, 38]


def test_a_board_that_starts_again_and_again_pauses(board: VirtualBoard) -> None:
    for _ in range(3):
        board.start()
        assert "error" not in status(board)
        board.kill()
    board.start()
    assert status(board) == {
        "error": "the last 3 runs were over within 5 minutes: the radio is off for 1 min"
    }
    board.kill()
    assert board.read_file("/power") == b"3"
