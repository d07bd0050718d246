"""The big buffers of a relay, allocated before the rest of the code is loaded.

MemoryErrors on a relay come from fragmentation: once the code lies in the heap there may be 40 KB
free and not 4 in one piece. main.py imports this first; nothing here grows afterwards.
"""

import gc
from array import array

from shared_protocol.parcel_index import ParcelIndex

CAPACITY = 440  # parcels known at once; a 64 KB message is 420. Memory table: ARCHITECTURE.md
STORE_ROWS = 330  # records in the file; of a 64 KB message a relay holds 312

INDEX = ParcelIndex(CAPACITY)
HANDLES = array("I", bytes(4 * STORE_ROWS))
OFFSETS = array("I", bytes(4 * STORE_ROWS))
gc.collect()
