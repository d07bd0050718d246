"""What goes alone is never lost on the way: random fields, lost frames, ends that are gone."""

import random

import pytest
from checks import mid, receipt_of
from mesh_in_a_box import AIR, Box, address
from test_unicast import LIFETIME, A, B, arrived, at, mesh, routed, state

from shared_protocol import frame, parcel
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
    box = mesh(pairs, cells=cells if by_map else None, seed=seed)
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


@pytest.mark.parametrize("by_map", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_in_the_end_its_sender_knows_once_and_nobody_keeps_it(seed: int, by_map: bool) -> None:
    """Two messages, frames lost, three relays that lose their power at any moment."""
    box, cell = scene(seed, by_map)
    dice = random.Random(seed)
    box.loss_pct = 35
    cells = {n: node.cell for n, node in box.nodes.items()}
    for number in (1, 2):
        box.nodes[A].submit(routed(number, cell=cell), 0, 0, box.now_ms)
        box.run(dice.randrange(400))
    told = 0
    for _ in range(3):
        relay = dice.randrange(2, RELAYS + 1)
        box.stop(relay)
        box.run(dice.randrange(1500))
        box.add(relay, capacity=24, gateway=False, cell=cells[relay])
        box.run(dice.randrange(3000))
        told = acknowledge(box, told)

    def clean() -> bool:
        nonlocal told
        told = acknowledge(box, told)
        return not any(node.index.count_held() for node in box.nodes.values())

    assert box.run(400_000, clean), "with two and a half minutes of a sender's patience"
    assert sorted(e[1] for e in box.nodes[A].events if e[0] == "receipt") == sorted(
        mid(number) for number in (1, 2)
    )
    assert not any(node.unicast.journeys for node in box.nodes.values())


def acknowledge(box: Box, told: int) -> int:
    """B says what has come since; how many it has acknowledged by now."""
    for immutable in arrived(box)[told:]:
        number = 1 if immutable == routed(1, cell=parcel.destination(immutable)[1]) else 2
        box.nodes[B].submit_receipt(receipt_of(number, LIFETIME), 0, box.now_ms)
        told += 1
    return told
