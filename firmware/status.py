"""What a relay tells about itself when it is asked for its status."""

import gc
import json
import sys
from binascii import hexlify

from firmware import RUNNING, VERSION, forget
from firmware.flash_ring import SECTOR
from shared_protocol.unicast import NEXT, TO, TRIES

_GATEWAYS_SHOWN = 4
_UNDERWAY_SHOWN = 2
_NEIGHBOURS_SHOWN = 7  # an answer has at most 2 KB: a relay has no larger piece of heap for it
_TYPICAL = 250  # bytes of a record

# Written out, not made of dicts: every short word in the code that is a key of its own would stay
# in a relay's heap for ever. In pieces, because a heap in use has few large holes.
# erased: times, each sector; they wear alike. update: sequence of what runs, of the newest
# statement, its pages that are told.
_WHO = (
    '{"name":%s,"node":"%s","firmware":"%s","interpreter":"%s","platform":"%s","uptime_s":%d,'
    '"boots":%d,"heap_peak":%d,"heap_free":%d,'
)
_KEEPS = (
    '"parcels":%d,"lacked":%d,"everywhere":%d,"underway":%s,"gateways":%s,"known":%d,'
    '"capacity":%d,"pieces_peak":%d,"evicted":%d,"faults":%d,"damaged":%d,'
    '"update":[%d,%d,%d],'
)
_STORE = (
    '"store":{"records":%d,"capacity":%d,"limit":"%s","bytes":%d,"flash_bytes":%d,"erased":%d,'
    '"write_errors":%d},"bad_lines":%d,"tether":%s,"stats":'
)
_NEIGHBOURS = ',"battery":%s,"neighbours_known":%d,"neighbours":['
_NEIGHBOUR = (
    '%s{"node":"%s","fresh":%s,"rssi_dbm":%d,"link":%d,"heard_well":%s,"hears_me":%s,"equal":%s,'
    '"lacks":%d}'
)


def capacity(store) -> tuple:
    """(records of typical size that fit, "flash" or "index": what limits them)."""
    ring = store.ring
    flash = (ring.sectors - 2) * ((SECTOR - ring.start) // ring.size(_TYPICAL))
    return (flash, "flash") if flash < len(store.table) else (len(store.table), "index")


def _battery(settings: dict | None) -> tuple | None:
    """(millivolts, percent), None if there is none or it cannot be told."""
    if not settings:
        return None
    from firmware import battery

    told = battery.read(settings)
    forget("firmware.battery")
    return told


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


def status(relay) -> list:
    """Everything a person wants to know of one relay, in at most 2 KB of JSON, in pieces."""
    node, index = relay.node, relay.node.index
    lacked, everywhere, lacks = waiting(index, node.neighbours.all)
    gateways = node.gradients.beats.live(node.clock.now_s(relay.now_ms()))[:_GATEWAYS_SHOWN]
    store = node.shelf.store
    told = [
        _WHO % (
            _json(relay.name), hexlify(node.node_id).decode(), VERSION, sys.version,
            sys.platform, relay.uptime_s(), node.shelf.clock.boots, relay.heap_peak,
            gc.mem_free(),
        ),
        _KEEPS % (
            index.count_held(), lacked, everywhere, _json(underway(node)),
            _json([("%04x" % gateway, hops) for gateway, _, hops in gateways]),
            index.known, index.capacity, node.shelf.groups.held_peak, node.shelf.evicted,
            relay.journal.faults, store.damaged + node.shelf.bad_records,
            relay.update[RUNNING], node.told[0], node.told[1],
        ),
        _store(store, relay.tether),
        _json(node.stats),
        _NEIGHBOURS % (_json(_battery(relay.battery)), len(node.neighbours.all)),
    ]  # fmt: skip
    for n in node.neighbours.all[:_NEIGHBOURS_SHOWN]:
        told.append(_neighbour("," if told[-1][-1] == "}" else "", n, lacks))
    told.append("]}")
    return [piece.encode() for piece in told]


def _store(store, tether) -> str:
    ring = store.ring
    bad_lines = tether.line.bad_lines if tether else 0
    fits, limit = capacity(store)
    return _STORE % (
        store.live, fits, limit, store.live_bytes, ring.sectors * SECTOR,
        ring.seq // ring.sectors, ring.write_errors, bad_lines,
        _json(bool(tether and tether.line.attached)),
    )  # fmt: skip


def _neighbour(before: str, n, lacks: dict) -> str:
    return _NEIGHBOUR % (
        before, hexlify(n.address).decode(), _json(n.fresh), n.rssi_dbm, n.link,
        _json(n.heard_well()), _json(n.hears_me), _json(n.equal), lacks.get(n.bit, 0),
    )  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
