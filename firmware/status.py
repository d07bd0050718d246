"""What a relay tells about itself when it is asked over the wire."""

import gc
import json
import sys

from firmware import VERSION

_NEIGHBOURS_SHOWN = 8  # an answer has at most 2 KB: a relay has no larger piece of heap for it
_LOG_BYTES = 900  # twice that when every letter wants a backslash


class HeapGauge:
    """The most bytes in use right after a collection: what the firmware really needs."""

    def __init__(self) -> None:
        self.peak = 0

    def sample(self) -> None:
        """Collect garbage and look."""
        gc.collect()
        self.peak = max(self.peak, gc.mem_alloc())


def answer(request: bytes, relay) -> bytes:
    """A console request in JSON, {"ask": "status" | "log"}, to its answer in JSON."""
    try:
        ask = json.loads(request)["ask"]
    except (ValueError, KeyError, TypeError):
        return b'{"error": "not a request"}'
    if ask == "status":
        return json.dumps(status(relay)).encode()
    if ask == "log":
        return json.dumps({"log": relay.journal.last(_LOG_BYTES)}).encode()
    return b'{"error": "unknown request"}'


def status(relay) -> dict:
    """Everything a person wants to know of one relay, in at most 2 KB of JSON."""
    node = relay.node
    index, groups, store = node.index, node.shelf.groups, node.shelf.store
    return {
        "name": relay.config.name,
        "node": node.node_id.hex(),
        "firmware": VERSION,
        "interpreter": sys.version,
        "platform": sys.platform,
        "uptime_s": relay.uptime_s(),
        "boots": node.shelf.clock.boots,
        "heap_peak": relay.gauge.peak,
        "heap_free": gc.mem_free(),
        "parcels": index.count_held(),
        "known": index.known,
        "capacity": index.capacity,
        "pieces_peak": groups.held_peak,
        "evicted": node.shelf.evicted,
        "faults": relay.journal.faults,
        "damaged": store.skipped_bytes + store.lost + node.shelf.bad_records,
        "bad_lines": relay.tether.line.bad_lines,
        "tether": relay.tether.line.attached,
        "neighbours_known": len(node.neighbours.all),
        "neighbours": [
            {"node": n.address.hex(), "fresh": n.fresh, "rssi_dbm": n.rssi_dbm, "link": n.link}
            for n in node.neighbours.all[:_NEIGHBOURS_SHOWN]
        ],
        "stats": node.stats,
    }
