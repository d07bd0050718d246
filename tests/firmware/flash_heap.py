"""Under MicroPython with the heap of a board: 4,000 records live, then 20,000 more go through.

Prints: bytes of heap of the store; bytes alive before and after the puts; records found again.
"""

import gc
import sys

gc.threshold(4096)  # as the firmware does

from firmware.flash_store import FlashStore  # noqa: E402
from tools.virtual_board.nor import Nor, Partition  # noqa: E402

LIVE, PUTS, LENGTH = 4000, 20_000, 250


def forget_what_a_start_needs():
    """As firmware/storage.py does."""
    import firmware

    for name in ("flash_recovery", "flash_contents", "flash_mend"):
        if sys.modules.pop("firmware." + name, None):
            delattr(firmware, name)


def alive():
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


def main(path, size):
    part = Partition(Nor(size, path), (1, 0x40, 0, size, "store", False))
    before = alive()
    store = FlashStore(part, LIVE)
    own = alive() - before
    store.mount()
    forget_what_a_start_needs()
    record = bytearray(LENGTH)
    for i in range(LIVE):
        record[0], record[1] = i >> 8, i & 0xFF
        store.put(record)
    start = alive()
    for i in range(PUTS):
        store.delete(i % LIVE, i & 1 == 0)
        record[0], record[1] = i % LIVE >> 8, i % LIVE & 0xFF
        handle = store.put(record)
        assert handle == i % LIVE
        store.idle()
    end = alive()
    store = None  # a second one has no room beside it
    gc.collect()
    store = FlashStore(part, LIVE)
    store.mount()
    found = 0
    for handle, text in store.records():
        assert text[0] << 8 | text[1] == handle
        found += 1
    print(own, start, end, found)


main(sys.argv[1], int(sys.argv[2]))
