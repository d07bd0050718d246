"""`helio bench sync` with few sessions: its rows, its targets, and its peers."""

import random

import pytest

from tools import bench_sync_peers as peers
from tools.bench_sync import limit, measure

TARGETS = {
    "times the limit, 5 differences": ("most", 2.2),
    "times the limit, 10 differences": ("most", 1.75),
    "wrong in 200 sessions": ("most", 0),
    "not decoded with 60 sums, of 200": ("most", 0),
    "decode 16 of 5,000, MicroPython": ("most", 10),
    "heap in use with 5,000 ids, 64-bit MicroPython": ("most", 102_400),
    "heap of a relay's code for it": ("most", 8_192),
    "heap of a relay's arrays for it": ("most", 2_560),
}


@pytest.fixture(scope="module")
def rows():
    return measure(seed=1, divisor=50)


def test_every_target_is_there_and_what_is_not_a_time_holds(rows):
    found = {r["what"]: (r["bound"], r["target"]) for r in rows if r["bound"]}
    worst = [what for what in found if what.startswith("times the limit, the worst of 15 to 50")]
    assert [found.pop(what) for what in worst] == [("most", 1.65)]
    assert found == TARGETS
    few = ("decode", "times the limit")  # too few sessions for a mean
    assert [r["what"] for r in rows if r["holds"] is False and not r["what"].startswith(few)] == []


def test_up_to_four_differences_cost_the_beacon_and_more_a_question(rows):
    values = {r["what"]: r["value"] for r in rows}
    for d in ("1 difference", "4 differences"):
        found = [values[f"{what}, {d}"] for what in ("bodies", "messages", "whole frames")]
        assert found == [25, 1, 25 + 5 + 11]
    body, messages = values["bodies, 5 differences"], values["messages, 5 differences"]
    assert messages >= 3
    assert body >= 25 + (2 + 4) * (messages - 1) / 2, "a question is 2 B, a sum 4"
    assert values["whole frames, 5 differences"] == round(body + 5 + 11 * messages, 1)


def test_ours_is_between_the_floor_and_the_peers(rows):
    values = {r["what"]: r["value"] for r in rows}
    for d in (10, 20, 50):
        ours = values[f"{d} of 1,000: heliograph"]
        assert values[f"{d} of 1,000: sketch of exactly the right size"] < ours
        for peer in ("rateless IBLT", "ranges", "Golomb filter, 1 of 128 missed"):
            assert ours < values[f"{d} of 1,000: {peer}"]


def test_the_limit_is_that_of_telling_subsets_apart():
    assert limit(1) == 4
    assert round(limit(5), 2) == 19.14
    assert round(limit(50), 1) == 173.2


def test_the_peers_cost_what_they_are_known_to():
    rng = random.Random(1)
    ids = set(rng.sample(range(1, 1 << 30), 1_000))
    assert 1.05 < peers.golomb_filter(ids) / 1_000 < 1.15
    cells = [peers.rateless_iblt(set(rng.sample(sorted(ids), 50))) / 7 for _ in range(10)]
    assert 1.35 < sum(cells) / 500 < 1.7, "1.35 cells for each of many, some more of few"
    assert peers.rateless_iblt({5}) == 7
    assert peers.ranges(ids, set(ids)) == (8, 1)
    spent, messages = peers.ranges(ids, ids | {7})
    assert spent < 300
    assert messages <= 5
