"""How long a page of the queue keeps a relay's other tasks waiting; run under MicroPython."""

import time

# The largest file first: it compiles only while nothing else is loaded.
from shared_protocol.node import Node, Settings

# isort: split
from aes import ecb
from checks import whole

from firmware.queue_page import page
from shared_protocol.cells import NO_CELL
from shared_protocol.frame import FrameCipher
from shared_protocol.parcel_index import ParcelIndex
from shared_protocol.store import MemoryStore

PARCELS, MOST_MS = 2000, 50


def test_no_page_of_two_thousand_parcels_delays_others_for_50_ms():
    node = Node(
        bytes((2, 0, 0, 0, 0, 1)), FrameCipher(bytes(32), 0, ecb), ParcelIndex(PARCELS + 10),
        MemoryStore(10_000_000), Settings(False, bytes(16), NO_CELL), lambda immutable: False,
        lambda n: 0, 0,
    )  # fmt: skip
    for number in range(PARCELS):
        node.shelf.accept(1, 0, whole(number), 100)
    worst_ms = seen = 0
    after = -1
    for asked in ({}, {"of": "00000000"}):
        while True:
            start_ms = time.ticks_ms()
            rows = page(node, dict(asked, after=after), 200)
            worst_ms = max(worst_ms, time.ticks_diff(time.ticks_ms(), start_ms))
            seen += (len(rows) - 3) // 36
            if not rows[1]:
                break
            after = int.from_bytes(rows[-36:-32], "big")
        after = -1
    print("worst page", worst_ms, "ms")
    assert (seen, worst_ms < MOST_MS) == (PARCELS, True)
