"""The big buffers of a relay, allocated before the rest of the code is loaded.

MemoryErrors on a relay come from fragmentation: once the code lies in the heap there may be 40 KB
free and not 4 in one piece. main.py imports this first; nothing here grows afterwards.
"""

import gc

from esp32 import Partition

try:
    from firmware import gf30
except (ImportError, ValueError):  # not compiled, or for another processor or MicroPython
    from shared_protocol import gf30
from firmware.flash_store import FlashStore
from shared_protocol.parcel_index import ParcelIndex

# Parcels known at once; a 64 KB message is 420. Memory table: ARCHITECTURE.md. Boards with PSRAM
# have megabytes of heap.
CAPACITY = 2000 if gc.mem_free() > 1_000_000 else 440
DIFFERENCES = 24  # decoded at once, in 160 ms of an ESP32's time

INDEX = ParcelIndex(CAPACITY, gf30, DIFFERENCES, "H")
_found = Partition.find(Partition.TYPE_DATA, label="store")
# One row more than there are parcels, for the clock, and one while it is replaced.
STORE = FlashStore(_found[0], CAPACITY + 2) if _found else None
gc.collect()
