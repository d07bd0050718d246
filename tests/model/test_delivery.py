"""Long messages through many relays, none of which may hold enough to read them."""

import pytest
from checks import mid, token
from mesh_in_a_box import Box

from tests.model.scenes import (
    MESSAGE,
    RECEIVER,
    SENDER,
    acknowledge,
    assert_below_k,
    clean,
    deliver,
    distinct,
    gateways,
    line,
    relays,
    submit_all,
)

MINUTE = 60_000


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_line_of_six_at_30_percent_loss(seed: int) -> None:
    box = line(seed, 30)
    submit_all(box)
    assert deliver(box, 10 * MINUTE)
    assert_below_k(box)
    acknowledge(box)
    told = ("receipt", mid(MESSAGE), token(MESSAGE))
    assert box.run(2 * MINUTE, lambda: clean(box) and told in box.nodes[SENDER].events)
    for number in relays(box):
        node = box.nodes[number]
        assert node.index.count_held() == 0
        assert [kept[:1] for _, kept in node.shelf.store.records()].count(b"P") == 0


NINE = [(i, i + 1) for i in (1, 2, 4, 5, 7, 8)] + [(i, i + 3) for i in range(1, 7)]
GRIDS = {
    "diamond": ([(1, 2), (1, 3), (2, 4), (3, 4)], 1, 4),
    "diamond with siblings that hear each other": (
        [(1, 2), (1, 3), (2, 3), (2, 4), (3, 4)],
        1,
        4,
    ),
    "three abreast, all ears": (
        [(1, 2), (1, 3), (1, 4), (2, 3), (3, 4), (2, 4), (2, 5), (3, 5), (4, 5)],
        1,
        5,
    ),
    "grid of nine, corner to corner": (
        NINE,
        1,
        9,
    ),
    "grid of nine, middle to corner": (
        NINE,
        5,
        1,
    ),
    "both at one relay": ([(1, 2), (2, 3)], 2, 2),
    "a dead end beside the way": ([(1, 2), (2, 3), (2, 4)], 1, 3),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_any_placement_rebuilds(name: str, seed: int) -> None:
    edges, first, last = GRIDS[name]
    box = Box(seed, 20)
    for number in sorted({number for edge in edges for number in edge}):
        box.add(number)
    for a, b in edges:
        box.join(a, b)
    gateways(box, first, last)
    submit_all(box, k=24, n=32)
    assert deliver(box, 10 * MINUTE, k=24)
    assert_below_k(box, 24)
    acknowledge(box)
    assert box.run(3 * MINUTE, lambda: clean(box))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_receiver_is_away_the_sender_goes_a_relay_forgets(seed: int) -> None:
    """Three relays hold it together when nobody else is there; the middle one restarts."""
    box = line(seed, 10, count=3)
    box.stop(RECEIVER)
    submit_all(box)
    box.run(5 * MINUTE)
    box.stop(SENDER)
    assert_below_k(box)
    before = distinct(box, 2)
    box.stop(2)
    box.run(10_000)
    box.add(2)
    assert distinct(box, 2) == before > 0
    box.run(MINUTE)
    box.add(RECEIVER, lambda immutable: immutable[2:14] == mid(MESSAGE), gateway=True)
    assert deliver(box, 10 * MINUTE)
    assert_below_k(box)
    acknowledge(box)
    assert box.run(3 * MINUTE, lambda: clean(box))


def test_everything_comes_to_rest() -> None:
    """After delivery and receipt: beacons only, and few."""
    box = line(1, 0, count=3)
    submit_all(box, k=24, n=32)
    assert deliver(box, 5 * MINUTE, k=24)
    acknowledge(box)
    box.run(5 * MINUTE)
    box.sent = 0
    box.run(10 * MINUTE)
    # 5 nodes, two links each, a beacon a minute at the slowest; and few others
    assert box.sent <= 5 * 2 * 10 * 2
