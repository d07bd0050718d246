"""`helio boards`: those we know, and what is on one."""

import argparse
from dataclasses import asdict
from typing import Any

from gateway.commands import show
from tools.flash.board import TABLE_AT, TABLE_BYTES, Board, Partition
from tools.flash.board_file import find_board, load_boards

_BAR = 40
_RADIOS = {
    "espnow": "ESP-NOW",
    "ble": "BLE",
    "both": "ESP-NOW and BLE",
    "on_demand": "ESP-NOW; BLE only on demand",
}


def main(args: argparse.Namespace) -> int:
    """helio boards: list them."""
    boards = load_boards()
    lines = [f"{b.id:<19} {b.chip.name:<9} {b.flash_mb:>2} MB  {b.name}" for b in boards]
    show(args, [as_json(board) for board in boards], "\n".join(lines))
    return 0


def show_board(args: argparse.Namespace) -> int:
    """helio boards show: the flash map, the pins and what one must know."""
    board = find_board(args.name)
    show(args, as_json(board), "\n".join(_text(board)))
    return 0


def as_json(board: Board) -> dict[str, Any]:
    """All of a board's file; partitions in the order of the flash."""
    value = asdict(board)
    value["chip"] = board.chip.name
    value["least_version"] = ".".join(str(n) for n in board.least_version)
    return value


def _text(board: Board) -> list[str]:
    psram = f", {board.psram_mb} MB PSRAM" if board.psram_mb else ""
    least = ".".join(str(n) for n in board.least_version)
    pins = [f"{name} GPIO{pin}" for name, pin in board.pins.items() if name != "led_lit"]
    battery = [f"battery ADC GPIO{board.battery['adc']}"] if board.battery else []
    gps = [f"GPS rx GPIO{board.gps['rx']} tx GPIO{board.gps['tx']}"] if board.gps else []
    return [
        f"{board.name}: {board.chip.name}, {board.flash_mb} MB flash{psram}",
        f"MicroPython {board.micropython}, {least} or newer; {_RADIOS[board.radio]}",
        "",
        *_map(board),
        "",
        ", ".join(pins + battery + gps) or "no pins of its own",
        *(f"- {note}" for note in board.notes),
    ]


def _map(board: Board) -> list[str]:
    """A line for each part of the flash: from, to, KB, a bar by its share of the chip."""
    start, chip = board.chip.bootloader_at, board.flash_mb << 20
    parts = [
        Partition("bootloader", 0, 0, start, TABLE_AT - start),
        Partition("table", 0, 0, TABLE_AT, TABLE_BYTES),
        *board.partitions,
    ]
    end = parts[-1].end
    if end < chip:
        parts.append(Partition("(unused)", 0, 0, end, chip - end))
    return [
        f"  {p.start:#08x} {p.end - 1:#08x} {p.size // 1024:>5} KB  {p.label:<10} "
        f"{'#' * max(1, round(_BAR * p.size / chip))}"
        for p in parts
    ]
