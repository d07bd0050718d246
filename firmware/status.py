"""What a relay tells about itself when it is asked over the wire."""

import gc
import json
import sys
from binascii import hexlify

from firmware import VERSION, forget
from firmware.flash_ring import SECTOR
from shared_protocol.unicast import NEXT, TO, TRIES

_GATEWAYS_SHOWN = 4
_UNDERWAY_SHOWN = 2
_NEIGHBOURS_SHOWN = 8  # an answer has at most 2 KB: a relay has no larger piece of heap for it
_TYPICAL = 250  # bytes of a record
_ANSWER_MS = 500  # for an answer to go out
_LOG_BYTES = 900  # twice that when every letter wants a backslash


def answer(request: bytes, relay) -> bytes:
    """A console request in JSON, {"ask": "status" | "log" | "format" | "who" | "provision"}, to
    its answer in JSON. With "provision" comes {"record": {...}}."""
    ask = _asked(request)
    if ask == "status":
        return _json(status(relay))
    if ask == "log":
        return _json({"log": relay.journal.last(_LOG_BYTES)})
    if ask == "provision":
        relay.node = None  # to have room: whatever comes of it, the board starts again
        gc.collect()
    return _board(ask, request, "unknown request")


def answer_refused(request: bytes, reason: str) -> bytes:
    """The same of a relay that does not take part, and why not."""
    return _board(_asked(request), request, reason)


def _board(ask, request: bytes, error: str) -> bytes:
    """What any board does that has this firmware, else the error."""
    told = {"error": error}
    if ask == "format":
        told = _format()
    elif ask in ("who", "provision"):
        from firmware import provision

        told = provision.who() if ask == "who" else provision.provision(request)
        forget("firmware.provision", "firmware.config", "shared_protocol.node_record")
        if ask == "provision":
            _restart(lambda: None)
    return _json(told)


def _asked(request: bytes):
    try:
        return json.loads(request)["ask"]
    except (ValueError, KeyError, TypeError):
        return None


def _json(told: dict) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode()


def _format() -> dict:
    """Start again with an empty store, once this answer is on the wire."""
    from firmware.buffers import STORE

    if STORE is None:
        return {"error": "there is no partition to format"}

    def wipe():
        from firmware import flash_recovery

        flash_recovery.wipe(STORE.ring.part)

    _restart(wipe)
    return {"formatting": True}


def _restart(first) -> None:
    """Call `first` and start again, once the answer is on the wire."""
    import asyncio

    async def soon():
        import machine

        await asyncio.sleep_ms(_ANSWER_MS)
        try:
            first()
        finally:
            machine.reset()

    asyncio.create_task(soon())


def capacity(store) -> tuple:
    """(records of typical size that fit, "flash" or "index": what limits them)."""
    ring = store.ring
    flash = (ring.sectors - 2) * ((SECTOR - ring.start) // ring.size(_TYPICAL))
    return (flash, "flash") if flash < len(store.table) else (len(store.table), "index")


def _store(store) -> dict:
    """What the flash holds and how worn it is."""
    ring = store.ring
    fits, limit = capacity(store)
    return {
        "records": store.live,
        "capacity": fits,
        "limit": limit,
        "bytes": store.live_bytes,
        "flash_bytes": ring.sectors * SECTOR,
        "erased": ring.seq // ring.sectors,  # times, each sector: they wear alike
        "write_errors": ring.write_errors,
    }


def underway(node) -> list:
    """Of the parcels that go to one gateway: [gateway, the node they are being given to or "",
    how often that was tried]."""
    tails = {n.bit: hexlify(n.address[-2:]).decode() for n in node.neighbours.all}
    return [
        ("%04x" % journey[TO], tails.get(journey[NEXT], ""), journey[TRIES])
        for journey in list(node.unicast.journeys.values())[:_UNDERWAY_SHOWN]
    ]


def waiting(index, neighbours) -> tuple:
    """(held parcels that some neighbour still lacks, those that all neighbours have, and for each
    neighbour how many it lacks)."""
    fresh = [n for n in neighbours if n.fresh]
    lacks = dict.fromkeys([n.bit for n in fresh], 0)
    lacked = everywhere = 0
    for row in index.rows():
        if index.held(row) and index.compared(row):  # the others: underway()
            mask = 0
            for bit in lacks:
                if not index.cover[row] & bit:
                    lacks[bit] += 1
                    mask |= bit
            lacked += mask > 0
            everywhere += not mask
    return lacked, everywhere if fresh else 0, lacks


def status(relay) -> dict:
    """Everything a person wants to know of one relay, in at most 2 KB of JSON."""
    node = relay.node
    index, groups, store = node.index, node.shelf.groups, node.shelf.store
    gateways = node.gradients.beats.live(node.clock.now_s(relay.now_ms()))[:_GATEWAYS_SHOWN]
    lacked, everywhere, lacks = waiting(index, node.neighbours.all)
    return {
        "name": relay.name,
        "node": node.node_id.hex(),
        "firmware": VERSION,
        "interpreter": sys.version,
        "platform": sys.platform,
        "uptime_s": relay.uptime_s(),
        "boots": node.shelf.clock.boots,
        "heap_peak": relay.heap_peak,
        "heap_free": gc.mem_free(),
        "parcels": index.count_held(),
        "lacked": lacked,
        "everywhere": everywhere,
        "underway": underway(node),
        "gateways": [("%04x" % gateway, hops) for gateway, _, hops in gateways],
        "known": index.known,
        "capacity": index.capacity,
        "pieces_peak": groups.held_peak,
        "update": [relay.running, node.told[0], node.told[1]],  # runs, newest, its pages
        "evicted": node.shelf.evicted,
        "faults": relay.journal.faults,
        "damaged": store.damaged + node.shelf.bad_records,
        "store": _store(store),
        "bad_lines": relay.tether.line.bad_lines,
        "tether": relay.tether.line.attached,
        "neighbours_known": len(node.neighbours.all),
        "neighbours": [
            {
                "node": n.address.hex(),
                "fresh": n.fresh,
                "rssi_dbm": n.rssi_dbm,
                "link": n.link,
                "heard_well": n.heard_well(),
                "hears_me": n.hears_me,
                "equal": n.equal,
                "lacks": lacks.get(n.bit, 0),
            }
            for n in node.neighbours.all[:_NEIGHBOURS_SHOWN]
        ],
        "stats": node.stats,
    }
