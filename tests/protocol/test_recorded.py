"""Frames as released versions sent them (tests/vectors/recorded-*.jsonl) are taken by this one.

recorded-0.2: the air of `helio demo --once --relays 3`, then an update from one relay to another.
A first line has the network's key, each other one a frame and its sender.
"""

import json

from checks import HERE, unhex
from memory_book import MemoryBook
from mesh_in_a_box import Box

from shared_protocol.frame import BEACON, EXTENDED, HAVE, PARCEL, RECEIPTS, UNICAST
from shared_protocol.neighbours import AIR
from shared_protocol.spread import Spread

VERSIONS = ("0.2",)


def replay(version):
    """(node that heard all of it, how many frames of each type)."""
    with open(HERE + "/../vectors/recorded-" + version + ".jsonl") as f:
        rows = [json.loads(row) for row in f]
    box = Box(network_key=unhex(rows[0]["network_key"]))
    node = box.add(99, gateway=False, capacity=64)
    node.spread = Spread(node, MemoryBook(), box.dice.below, box.now_ms)
    types = {}
    for row in rows[1:]:
        src, data = unhex(row["src"]), unhex(row["frame"])
        neighbour = node.neighbours.find(AIR, src) or node.neighbours.add(AIR, src, box.now_ms)
        neighbour.fresh = True  # nobody is there to echo our challenge
        box.now_ms += 20
        node.receive(AIR, src, data, -60, box.now_ms)
        frame_type = node.cipher.open(src, data)[0]
        types[frame_type] = types.get(frame_type, 0) + 1
    return node, types


def test_every_frame_is_understood():
    for version in VERSIONS:
        node, types = replay(version)
        for what in ("bad_frames", "bad_bodies", "replayed", "unknown_types", "unknown_kinds"):
            assert node.stats[what] == 0, (version, what)
        assert node.stats["frames_heard"] == sum(types.values())
        for frame_type in (BEACON, PARCEL, RECEIPTS, EXTENDED):
            assert types.get(frame_type), (version, frame_type)
        assert types.get(UNICAST) or types.get(HAVE)


def test_what_they_carried_has_arrived():
    node, _ = replay("0.2")
    assert node.index.known >= 1
    assert node.spread.offered  # the statement, for whoever has its operator's key
    assert max(node.spread.far.values()) >= (1, 2)
