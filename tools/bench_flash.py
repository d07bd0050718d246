"""`helio bench flash`: the relay's flash store beside LittleFS on the same chip model.

The anchors do the same job with what MicroPython brings along: a log that is flushed after each
record, and one file per record. What a record costs is counted by the model of the chip, so no
machine's speed is in it.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateway.errors import UserError
from tools.bench import gather, on_micropython, row
from tools.bench_flash_device import MANY, RELAY_SECTORS
from tools.virtual_board.nor import SECTOR_BYTES

_SCRIPT = "bench_flash_device.py"
_LAB_HEAP = "8m"  # the chip is in it
_RELAY_HEAP = "104k"  # what an ESP32 gives Python; the chip is in a file
# Parts and their records, the longest first: a part is a process.
_PARTS = {
    "files": 2_000,
    "wear": 100_000,
    "log": 2_000,
    "room": 0,
    "heap": 20_000,
    "half": 5_000,
    "half+idle": 5_000,
    "random": 5_000,
    "random+idle": 5_000,
    "store": 2_000,
    "store+idle": 2_000,
    "recovery": 20_000,
}
_FRESH = "recovery of a fresh store"
_WORKERS = 2

_CYCLES = 100_000  # erases that a sector is sold for
_HOURLY = 1_000  # messages
_HOURS_A_YEAR = 24 * 365.25

_LOG, _FILES = "LittleFS log, flush each", "LittleFS, a file each"
_PATTERNS = {
    "store": "first in first out",
    "half": "half of each sector live",
    "random": "deleted at random, half live",
}


def measure(seed: int, divisor: int = 1) -> list[dict[str, Any]]:
    """All rows. `divisor` makes the runs shorter, for a test; then they mean little."""
    found = _run_all(seed, divisor)
    rows = _costs(found) + _worst(found)
    wear = found["wear"]["wear"]
    stored = _PARTS["wear"] // divisor
    rows.append(row(f"wear, max over mean, {stored:,} records", round(wear, 3), "x", most=1.2))
    room = found["room"]
    rows += [
        row("messages per MB", room["Store"], "messages", least=3_800),
        row(f"messages per MB: {_LOG}", room["LittleFsLog"], "messages"),
        row(f"messages per MB: {_FILES}", room["LittleFsFiles"], "messages"),
    ]
    rows += _memory(found, _PARTS["heap"] // divisor)
    rows += [
        row("life, 1.5 MB, 1,000 messages an hour", _years(found["store"]), "years", least=50),
        row(f"life, {_PATTERNS['half']}", _years(found["half"]), "years"),
        row(f"life: {_LOG}", _years(found["log"]), "years"),
        row(f"life: {_FILES}", _years(found["files"]), "years"),
    ]
    return rows


# --- rows


def _costs(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What storing and deleting a record costs on average."""
    ours, log, files = found["store"], found["log"], found["files"]
    anchors = ((_LOG, log), (_FILES, files))
    rows = [_written("store", ours, 1.10)]
    for name, anchor in anchors:
        rows.append(row(f"write amplification: {name}", round(anchor["written"], 3), "x"))
        ratio = round(anchor["written"] / ours["written"], 2)
        rows.append(row(f"write amplification, times ours: {name}", ratio, "x", "ours"))
    for key in ("half", "random"):
        rows.append(_written(key, found[key], 2.2))
        kept = round(100 * found[key]["kept"], 1)
        rows.append(row(f"live in a sector when reclaimed, {_PATTERNS[key]}", kept, "%"))
    rows.append(row("erases per 1,000 records", _erases(ours), "erases", most=75))
    for name, anchor in anchors:
        rows.append(row(f"erases per 1,000 records: {name}", _erases(anchor), "erases"))
    rows.append(row("flash time per record (model)", round(ours["ms"], 3), "ms", most=4.5))
    for name, anchor in anchors:
        rows.append(row(f"flash time per record: {name}", round(anchor["ms"], 3), "ms"))
    half_ms = round(found["half"]["ms"], 3)
    rows.append(row(f"flash time per record, {_PATTERNS['half']}", half_ms, "ms"))
    return rows


def _written(key: str, result: dict[str, Any], most: float) -> dict[str, Any]:
    what = f"write amplification, {_PATTERNS[key]}"
    return row(what, round(result["written"], 3), "x", most=most)


def _erases(result: dict[str, Any]) -> float:
    return round(result["erases"] * 1_000, 1)


def _years(result: dict[str, Any]) -> float:
    """Until every sector has had its cycles, if all wear alike."""
    per_year = result["erases"] * _HOURLY * _HOURS_A_YEAR
    return round(RELAY_SECTORS * _CYCLES / per_year, 1)


def _worst(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The longest that one put kept its caller waiting."""
    rows = []
    for key, pattern in _PATTERNS.items():
        worst_ms = round(found[key]["worst_ms"], 3)
        rows.append(row(f"worst put, {pattern}", worst_ms, "ms", most=46))
    for key, pattern in _PATTERNS.items():
        worst_ms = round(found[f"{key}+idle"]["worst_ms"], 3)
        rows.append(row(f"worst put after idle(), {pattern}", worst_ms, "ms", most=2))
    rows += [
        row("first put on a blank chip", round(found["store"]["first_ms"], 3), "ms"),
        row(f"worst put: {_LOG}", round(found["log"]["worst_ms"], 3), "ms"),
        row(f"worst put: {_FILES}", round(found["files"]["worst_ms"], 3), "ms"),
    ]
    return rows


def _memory(found: dict[str, Any], later: int) -> list[dict[str, Any]]:
    heap = found["heap"]
    rows = [
        row(f"heap per stored message, with {MANY:,}", heap["records"] / MANY, "B", most=10),
        row(f"heap growth over {later:,} puts", heap["growth"], "B", most=0),
    ]
    # A ring that has been round is full of deleted records, and a start walks over them too.
    for key, state in ((_FRESH, "fresh store"), ("recovery", "ring that went round")):
        reads, size = found[key]["reads"], found[key]["bytes"]
        rows += [
            row(f"reads to recover {MANY:,} messages, {state}", reads, "reads", most=5_000),
            row(f"bytes read to recover {MANY:,}, {state}", size, "B", most=65_536),
        ]
    return rows


# --- running


def _run_all(seed: int, divisor: int) -> dict[str, Any]:
    """The result of each part, by name."""
    jobs = {name: (name, count // divisor) for name, count in _PARTS.items()}
    jobs[_FRESH] = ("recovery", 0)
    rom = _rom()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_WORKERS) as pool:
        image = Path(folder, "flash.img")
        image.write_bytes(b"\xff" * (RELAY_SECTORS * SECTOR_BYTES))
        futures = {}
        for job, (part, count) in jobs.items():
            arguments = [part, str(count), str(seed)]
            where: tuple[Any, ...] = (arguments, _LAB_HEAP)
            if part == "heap":
                where = ([*arguments, str(image)], _RELAY_HEAP, rom)
            futures[pool.submit(on_micropython, _SCRIPT, *where)] = job
        return gather(pool, futures)


def _rom() -> Path:
    """The firmware compiled: compiling it there would take more heap than running it."""
    from tools.virtual_board.rom import RomError, build_rom

    try:
        return build_rom(bundled=False)
    except RomError as e:
        raise UserError(str(e)) from None
