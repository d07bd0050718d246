"""The part of `helio bench flash` that runs inside MicroPython: prints one JSON object.

    micropython bench_flash_device.py PART COUNT SEED [IMAGE]

Bytes, erases and times are the chip model's: they are the same on every machine.
"""

import gc
import json
import random
import sys
from array import array

from firmware.flash_store import FlashStore
from shared_protocol.errors import StoreFull
from tools.virtual_board.nor import SECTOR_BYTES, Nor, Partition

RECORD = 250
LIVE = 60
SECTORS = 128  # room for LittleFS too, which needs a sector for each file
FEW_SECTORS = 64  # where only our own store runs: more laps in less time
PER_SECTOR = 15  # records, beside the sector's header
SEGMENT = 64  # records in one file of the log
MEGABYTE_SECTORS = 256
RELAY_SECTORS = 384  # 1.5 MB
MANY = 4000
SIZES = {"readsize": 32, "progsize": 32, "lookahead": 32}  # as a board's own file system

_TEXT = bytes([i * 73 + 11 & 255 for i in range(2 * RECORD)])


def record(number):
    """Tells its number, so that reading back shows that it is the right one."""
    start = number % RECORD
    return number.to_bytes(4, "big") + _TEXT[start : start + RECORD - 4]


def partition(chip):
    """The whole chip as one partition."""
    return Partition(chip, (1, 0x40, 0, chip.bytes_total, "store", False))


def lab(sectors):
    """A blank chip that counts."""
    from tools.virtual_board.nor_lab import LabNor

    return LabNor(sectors * SECTOR_BYTES)


# --- three ways to keep numbered records


class Store:
    """Ours. At most `span` records at a time, with numbers less than that apart."""

    def __init__(self, chip, span):
        self.store = FlashStore(partition(chip), span)
        self.store.mount()
        self.handles = array("H", bytes(2 * span))

    def put(self, number):
        self.handles[number % len(self.handles)] = self.store.put(record(number))

    def get(self, number):
        return self.store.get(self.handles[number % len(self.handles)])

    def drop(self, number):
        self.store.delete(self.handles[number % len(self.handles)])

    def rest(self):
        """Have a quiet moment."""
        while self.store.idle():
            pass


class LittleFsFiles:
    """One file per record."""

    def __init__(self, chip, span):
        import vfs  # CPython has none, and reads the constants above

        part = partition(chip)
        vfs.VfsLfs2.mkfs(part, **SIZES)
        self.fs = vfs.VfsLfs2(part, **SIZES)

    def put(self, number):
        with self.fs.open(str(number), "wb") as file:
            file.write(record(number))

    def get(self, number):
        with self.fs.open(str(number), "rb") as file:
            return file.read()

    def drop(self, number):
        self.fs.remove(str(number))


class LittleFsLog(LittleFsFiles):
    """A log, flushed after each record; its segments are deleted when nothing in them counts.

    Which records count is not written at all, as if that cost nothing.
    """

    file = None

    def put(self, number):
        if number % SEGMENT == 0:
            if self.file:
                self.file.close()
            self.file = self.fs.open(str(number // SEGMENT), "ab")
        self.file.write(record(number))
        self.file.flush()

    def get(self, number):
        with self.fs.open(str(number // SEGMENT), "rb") as file:
            file.seek(number % SEGMENT * RECORD)
            return file.read(RECORD)

    def drop(self, number):
        if number % SEGMENT == SEGMENT - 1:
            self.fs.remove(str(number // SEGMENT))


# --- what one run of records costs


class Meter:
    """Runs puts and remembers the worst. `rest` is called before each, and is not counted in."""

    def __init__(self, chip, keeper, rest=None):
        self.chip, self.keeper, self.rest = chip, keeper, rest
        self.start()

    def start(self):
        self.chip.reset_counters()
        self.puts = self.worst_us = 0

    def put(self, number):
        if self.rest:
            self.rest()
        before = self.chip.time_us
        self.keeper.put(number)
        self.worst_us = max(self.worst_us, self.chip.time_us - before)
        self.puts += 1

    def result(self):
        """Everything is a quotient: per byte of payload, per record, per sector's mean."""
        chip, counts = self.chip, self.chip.erase_counts
        return {
            "written": chip.program_bytes / (self.puts * RECORD),
            "erases": chip.erases / self.puts,
            "ms": chip.time_us / self.puts / 1000,
            "worst_ms": self.worst_us / 1000,
            "wear": max(counts) * len(counts) / max(1, sum(counts)),
        }


def fifo(kind, sectors, warm, count, rest=False):
    """Store `count` records, delete the oldest so that LIVE stay. `warm` more go before."""
    chip = lab(sectors)
    keeper = kind(chip, LIVE + 1)
    meter = Meter(chip, keeper, keeper.rest if rest else None)
    meter.put(0)
    first_ms = meter.worst_us / 1000
    for number in range(1, warm + count):
        if number == warm:
            meter.start()
        meter.put(number)
        if number >= LIVE:
            keeper.drop(number - LIVE)
    for number in range(warm + count - LIVE, warm + count):
        assert keeper.get(number) == record(number)
    result = meter.result()
    result["first_ms"] = first_ms
    return result


def half_kept(count, rest):
    """Half of the records go soon, the others in the middle of their third lap.

    Half of what is written is then moved: new ones that stay, and as many for the second time.
    """
    chip = lab(FEW_SECTORS)
    lap = (FEW_SECTORS - 2) * PER_SECTOR // 2  # in puts: as many moves are between them
    long = 5 * lap // 4 * 2  # even, as LIVE is
    keeper = Store(chip, long + 1)
    meter = Meter(chip, keeper, keeper.rest if rest else None)

    def run(first, end):
        for number in range(first, end):
            meter.put(number)
            if number >= LIVE and number & 1:
                keeper.drop(number - LIVE)
            if number >= long and not number & 1:
                keeper.drop(number - long)

    return _settled(meter, run, 12 * lap, count)


def at_random(count, rest):
    """Any record may be the next to go, as with messages that are delivered early or late."""
    chip = lab(FEW_SECTORS)
    live = (FEW_SECTORS - 2) * PER_SECTOR * 71 // 100  # found by trying: half a sector is moved
    keeper = Store(chip, live)
    meter = Meter(chip, keeper, keeper.rest if rest else None)
    for slot in range(live):
        meter.put(slot)

    def run(first, end):
        for _ in range(first, end):
            slot = random.randrange(live)
            keeper.drop(slot)
            meter.put(slot)

    return _settled(meter, run, 12 * live, count)


def _settled(meter, run, warm, count):
    """Run until the pattern is what it will be, then count."""
    run(0, warm)
    meter.start()
    store = meter.keeper.store
    moved = store.moved
    run(warm, warm + count)
    result = meter.result()
    result["kept"] = (store.moved - moved) / (meter.chip.erases * PER_SECTOR)
    return result


def room():
    """Records that fit into a megabyte."""
    result = {}
    for kind in (Store, LittleFsLog, LittleFsFiles):
        keeper = kind(lab(MEGABYTE_SECTORS), 2 * MANY)
        number = 0
        try:
            while True:
                keeper.put(number)
                number += 1
        except (StoreFull, OSError):
            result[kind.__name__] = number
    return result


def recovery(deleted):
    """What a start reads, with so many deleted records before those that are there."""
    chip = lab(RELAY_SECTORS)
    keeper = Store(chip, MANY)
    for number in range(MANY + deleted):
        if number >= MANY:
            keeper.drop(number - MANY)
        keeper.put(number)
    chip.reset_counters()
    keeper.store = FlashStore(partition(chip), MANY)
    keeper.store.mount()
    result = {"reads": chip.reads, "bytes": chip.read_bytes}
    assert keeper.store.live == MANY
    for number in range(deleted, deleted + MANY):
        assert keeper.get(number) == record(number)
    return result


def heap(count, image):
    """Heap that MANY records take, and how much more it is `count` records later."""
    handles = array("H", bytes(2 * MANY))
    chip = Nor(RELAY_SECTORS * SECTOR_BYTES, image)
    part = partition(chip)
    from firmware import flash_mend, flash_recovery  # noqa: F401 - so that they are not counted

    start = _used()
    store = FlashStore(part, MANY)
    store.mount()
    for number in range(MANY):
        handles[number] = store.put(record(number))
    full = _used()
    for number in range(count):
        store.delete(handles[number % MANY])
        handles[number % MANY] = store.put(record(number))
    later = _used()
    return {"records": full - start, "growth": later - full, "free": gc.mem_free()}


def _used():
    gc.collect()
    return gc.mem_alloc()


def main(part, count, seed, image=None):
    random.seed(seed)
    name, _, rest = part.partition("+")
    kinds = {"store": Store, "log": LittleFsLog, "files": LittleFsFiles}
    if name in kinds:
        return fifo(kinds[name], SECTORS, count, count, bool(rest))
    if name == "wear":
        return fifo(Store, FEW_SECTORS, 0, count)
    patterns = {"half": half_kept, "random": at_random}
    if name in patterns:
        return patterns[name](count, bool(rest))
    if name == "room":
        return room()
    if name == "recovery":
        return recovery(count)
    return heap(count, image)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])))
