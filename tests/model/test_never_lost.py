"""What goes alone is never lost on the way: random fields, lost frames, ends that are gone."""

import random

import pytest
from mesh_in_a_box import AIR, TETHER, Box, address
from test_unicast import A, B, arrived, at, away, for_b, routed, silent, state

from shared_protocol import frame
from shared_protocol.cells import NO_CELL, apart
from shared_protocol.parcel_index import ROUTED, WHOLE

RELAYS, SIDE, RANGE = 8, 40, 17  # in cells
MOST = 4 * 60  # unicasts of one message, and of the copies that lost frames make
LOOK_MS = 50  # a parcel may be on the air, and in nobody's store, for less


def field(dice: random.Random) -> tuple[list[int], list[tuple[int, int]]]:
    """Cells of the relays (from 1 on) and the pairs that hear each other: all are connected."""
    while True:
        cells = [at(dice.randrange(SIDE), dice.randrange(SIDE)) for _ in range(RELAYS + 1)]
        numbers = range(1, RELAYS + 1)
        pairs = [
            (a, b) for a in numbers for b in numbers
            if a < b and apart(cells[a], cells[b]) <= RANGE * RANGE
        ]  # fmt: skip
        seen = {1}
        for _ in numbers:
            seen |= {n for pair in pairs if seen & set(pair) for n in pair}
        if len(seen) == RELAYS:
            return cells, pairs


def scene(seed: int, by_map: bool) -> tuple[Box, int]:
    """Relays that know each other, gateways at both ends, and the cell of the last one."""
    cells, pairs = field(random.Random(seed))
    box = Box(seed=seed)
    box.log = []
    for number in range(1, RELAYS + 1):
        cell = cells[number] if by_map else NO_CELL
        box.add(number, capacity=24, gateway=False, cell=cell)
    for pair in pairs:
        box.join(*pair)
    for gateway, relay in ((A, 1), (B, RELAYS)):
        box.add(gateway, for_b, capacity=24, cell=cells[relay] if by_map else NO_CELL)
        box.join(relay, gateway, TETHER)
    if by_map:
        for node in box.nodes.values():
            node.gradients.told = silent
        box.run(15_000)
    else:
        assert box.run(200_000, lambda: away(box, A, B) < RELAYS + 3)
        box.run(10_000)
    return box, cells[RELAYS] if by_map else NO_CELL


def in_the_mesh(box: Box) -> bool:
    """Does anybody but its sender have the message, or is the sender still to send it?"""
    others = [n for n in box.nodes if n != A and state(box, n) in (ROUTED, WHOLE)]
    return bool(others) or state(box, A) != ROUTED or not _waits(box)


def _waits(box: Box) -> bool:
    """Does the sender believe that somebody has it?"""
    return all(box.nodes[A].index.hops[box.nodes[A].index.find(short)] > journey[-1]
               for short, journey in box.nodes[A].unicast.journeys.items())  # fmt: skip


def unicasts(box: Box) -> int:
    cipher = box.nodes[A].cipher
    heard = [(address(n), data) for n, link, data in box.log if link == AIR]
    return sum(cipher.open(src, data)[0] == frame.UNICAST for src, data in heard)


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("by_map", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_it_arrives_or_goes_to_everybody_and_somebody_has_it_at_every_moment(
    seed: int, by_map: bool, gone: bool
) -> None:
    box, cell = scene(seed, by_map)
    box.loss_pct = 30
    box.log.clear()
    if gone:
        box.stop(RELAYS)
        box.stop(B)
    box.nodes[A].submit(routed(1, cell=cell), 0, 0, box.now_ms)
    missing = 0

    def ended() -> bool:
        everybody = any(state(box, n) == WHOLE for n in box.nodes)
        return everybody or (not gone and bool(arrived(box)))

    for _ in range(40_000 // LOOK_MS):
        box.run(LOOK_MS)
        missing = 0 if in_the_mesh(box) else missing + 1
        assert missing < 3, "everybody relies on somebody else"
        if ended():
            break
    assert ended()
    assert unicasts(box) <= MOST
    if not gone:
        assert len(arrived(box)) <= 1, "or floods, but is told of once"
