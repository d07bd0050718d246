"""Runs of the simulator: real nodes in virtual time, the same again from the same seed."""

import math
import random

import pytest

from shared_protocol import records
from tests.sim.scenes import event, line, run
from tools.sim.letters import complete, write
from tools.sim.mobility import Walks
from tools.sim.scenario import Message, Waypoints
from tools.sim.tally import percentiles

LONG = 20_000  # bytes: 96 pieces of 128


def latency_s(world, number=0):
    letter = world.letters[number]
    assert letter.delivered_us is not None, "it has not arrived"
    return (letter.delivered_us - letter.message.at_us) / 1e6


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tmp_path):
    text = line(loss=0.2, size=1000, more=event(15, 2, "reboot"))
    first, again, other = (run(tmp_path, text, seed) for seed in (5, 5, 6))
    assert first.tally.event_hash() == again.tally.event_hash()
    assert first.results() == again.results()
    assert first.tally.event_hash() != other.tally.event_hash()


def test_the_hash_sees_every_kind_of_event(tmp_path):
    world = run(tmp_path, line(count=2, duration=12))
    tally, letter = world.tally, world.letters[0]
    seen = {tally.event_hash()}
    for happen in (
        lambda: tally.transmission(0, 2, "message", b"frame", 1, 2),
        lambda: tally.reception(1, 0, 2, -60),
        lambda: tally.delivery(letter, 3),
        lambda: tally.acknowledgement(letter, 4),
    ):
        happen()
        seen.add(tally.event_hash())
    assert len(seen) == 5


def test_a_line_of_six_delivers_and_is_clean_afterwards(tmp_path):
    world = run(tmp_path, line())
    m = world.results()
    assert (m["delivered"], m["receipts_back"], m["reach"]["least"]) == (1, 1, 6)
    assert latency_s(world) < 2
    assert m["latency_s"]["max"] < m["receipt_s"]["max"]
    assert m["parcels_left"] == {"relays": 0, "gateways": 0}
    for station in (*world.relays, *world.gateways.values()):
        kept = [records.decode(r) for _, r in station.store.records() if r[:1] == b"P"]
        assert kept == []
    assert m["parcel_frames_per_delivery"] == m["frames_by_type"]["parcel"] >= 5
    assert m["frames_sent"] == sum(m["frames_by_type"].values())
    # of a relay in a line one or two others hear each frame, and nobody else does
    assert m["frames_sent"] < m["frames_heard"] + sum(m["frames_lost"].values())
    assert m["frames_heard"] < 2 * m["frames_sent"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_long_message_through_30_percent_loss(tmp_path, seed):
    world = run(tmp_path, line(loss=0.3, size=LONG, duration=300), seed)
    letter = world.letters[0]
    assert letter.shape is not None
    assert (letter.shape.k, len(letter.parcels)) == (96, 128)
    assert latency_s(world) < 200
    m = world.results()
    assert m["receipts_back"] == 1
    assert 0 < m["store_peak"]["parcels"] <= 95, "no relay holds enough to read it"
    lost = m["frames_lost"]["loss"]
    assert 0.2 < lost / (lost + m["frames_heard"]) < 0.4


def test_a_relay_that_restarts_keeps_what_it_looks_after(tmp_path):
    """Sender gone, receiver not there yet: only the relay between them has it, in its store."""
    away = event(5, 2, "off") + event(40, 0, "off")
    more = away + event(60, 1, "reboot") + event(80, 2, "on")
    world = run(tmp_path, line(count=3, more=more))
    assert 70 < latency_s(world) < 90
    assert world.relays[1].boots == 2
    assert world.results()["receipts_back"] == 0, "the sender is still away"


def test_a_restart_loses_what_was_only_in_ram(tmp_path):
    world = run(tmp_path, line(count=3, more=event(60, 1, "reboot")))
    node = world.relays[1].node
    assert node.clock.now_s(world.now_us // 1000) >= 60, "the clock counts on from the store"
    assert node.stats["parcels_sent"] <= 2, "it has begun to count again"


def test_a_partition_that_heals(tmp_path):
    more = event(5, 3, "off") + event(60, 3, "on")
    world = run(tmp_path, line(more=more))
    assert 50 < latency_s(world) < 60
    assert world.results()["receipts_back"] == 1
    assert run(tmp_path, line(more=event(5, 3, "off"))).letters[0].delivered_us is None


def test_a_relay_that_is_carried_away_and_back(tmp_path):
    far, near = "x = 5000\ny = 0", "x = 300\ny = 0"
    more = event(5, 3, "move", far) + event(60, 3, "move", near)
    assert 50 < latency_s(run(tmp_path, line(duration=240, more=more))) < 150


def test_what_is_written_while_the_gateway_is_off_leaves_when_it_is_back(tmp_path):
    world = run(tmp_path, line(count=3, more=event(5, 0, "off") + event(30, 0, "on")))
    assert 20 < latency_s(world) < 40
    assert world.results()["parcels_left"] == {"relays": 0, "gateways": 0}


def test_switching_twice_within_a_start_leaves_it_off(tmp_path):
    more = event(5, 5, "off") + event(20, 5, "on") + event(20.5, 5, "off")
    world = run(tmp_path, line(more=more))
    for station in (world.relays[5], world.gateways[5]):
        assert station.boots == 1
        assert station.node is None


def test_only_nodes_in_contact_hear_each_other(tmp_path):
    (tmp_path / "trace.txt").write_text("20 CONN 0 1 up\n200 CONN 0 1 down\n300 CONN 1 2 up\n")
    text = line(count=3, duration=600, more='[contacts]\nfile = "trace.txt"\n')
    text = text.replace("count = 3", "count = 3\nspacing_m = 10")
    world = run(tmp_path, text)
    assert 290 < latency_s(world) < 400  # quiet nodes say something once a minute
    assert world.letters[0].came_from == {0: 0, 1: 0, 2: 1}


def test_a_contact_that_is_over_is_over(tmp_path):
    (tmp_path / "trace.txt").write_text("2 CONN 0 1 up\n8 CONN 0 1 down\n")
    world = run(tmp_path, line(count=2, more='[contacts]\nfile = "trace.txt"\n'))
    assert world.results()["frames_heard"] > 0
    assert world.letters[0].came_from == {0: 0}


def test_who_walks_stays_in_the_field_and_keeps_its_pace():
    places = [(0.0, 0.0), (100.0, 0.0), (0.0, 50.0)]
    walks = Walks(Waypoints((1,), 2.0, 3.0, 5.0), places, 1)
    here, steps, rests = places[1], [], 0
    for _ in range(2000):
        moved = walks.step(1.0)
        rests += not moved
        for number, there in moved:
            assert number == 1
            assert 0 <= there[0] <= 100
            assert 0 <= there[1] <= 50
            steps.append(math.dist(here, there))
            here = there
    assert max(steps) <= 3.001
    assert sum(step < 1.99 for step in steps) < len(steps) / 10, "only the last of each way"
    assert rests > 100


def test_a_walker_carries_a_message_between_islands(tmp_path):
    """Two relays that never hear each other; the third walks back and forth between them."""
    text = line(count=2, duration=3000).replace('"line"', '"positions"').replace(
        "count = 2", "positions = [[0, 0], [600, 0], [300, 0]]"
    )  # fmt: skip
    assert run(tmp_path, text).letters[0].delivered_us is None
    walk = "[mobility]\nnodes = [2]\nleast_mps = 3\nmost_mps = 5\npause_s = 5\n"
    world = run(tmp_path, text + walk)
    assert latency_s(world) > 30
    assert world.letters[0].came_from == {0: 0, 2: 0, 1: 2}


def test_a_quiet_mesh_is_polled_no_more_than_it_asks_for(tmp_path):
    quiet = line(duration=600).split("[[messages]]")[0]
    world = run(tmp_path, quiet)
    m = world.results()
    on_air = m["frames_sent"] + m["frames_heard"] + sum(m["frames_lost"].values())
    turns = world.tally.events - on_air
    assert 0.9 * 8 * 600 / 5 < turns < 8 * 600 / 2, "eight nodes, once in five seconds"


def test_any_k_true_pieces_give_a_message_back():
    letter = write(Message(0, 1, 0, 3000, 600), 0, 1)
    assert letter.shape is not None
    dice = random.Random(1)
    some = dice.sample(letter.parcels, letter.needed)
    assert letter.needed < len(letter.parcels)
    assert complete(letter, some)
    assert not complete(letter, some[1:])
    bent = bytearray(some[0])
    bent[-1] ^= 1
    assert not complete(letter, [bytes(bent), *some[1:]])


def test_percentiles_by_nearest_rank():
    assert percentiles([]) is None
    assert percentiles([3.0]) == {"p50": 3.0, "p90": 3.0, "p99": 3.0, "max": 3.0}
    hundred = [float(i) for i in range(1, 101)]
    assert percentiles(hundred[::-1]) == {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}
