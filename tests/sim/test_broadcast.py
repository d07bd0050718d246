"""Broadcast on fields of radios: the bounds, and what each scheme sends."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_protocol import frame
from shared_protocol.frame import BODY_MAX, HEADER
from shared_protocol.parcel import priority
from tools.broadcast import schemes
from tools.broadcast.field import RANGE_M, Field, Message, parcel_of
from tools.broadcast.graphs import graph_of, greedy_cds, oracle
from tools.sim.layouts import line

LINE = line(5, 50)  # each hears the next one only
CLOSE = [(10.0 * i, 0.0) for i in range(6)]  # everybody hears everybody
HIDDEN = line(3, 55)  # and the ends are beyond what they sense
PATH = graph_of(LINE, RANGE_M)
COMPLETE = graph_of(CLOSE, RANGE_M)


@st.composite
def connected_graphs(draw):
    """Any connected graph: a random tree and some more edges."""
    count = draw(st.integers(2, 30))
    near = [set() for _ in range(count)]
    edges = [(node, draw(st.integers(0, node - 1))) for node in range(1, count)]
    more = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    for a, b in edges + draw(st.lists(more, max_size=60)):
        if a != b:
            near[a].add(b)
            near[b].add(a)
    return [sorted(others) for others in near]


@given(connected_graphs())
def test_the_greedy_set_dominates_and_is_connected(graph):
    chosen = greedy_cds(graph)
    assert len(set(chosen)) == len(chosen)
    assert set(chosen).union(*(graph[u] for u in chosen)) == set(range(len(graph)))
    for at in range(1, len(chosen)):
        assert set(graph[chosen[at]]) & set(chosen[:at]), "it grows in one piece"


def test_the_greedy_set_where_the_smallest_is_known():
    assert len(greedy_cds(PATH)) == 3
    assert len(greedy_cds(COMPLETE)) == 1
    star = [[1, 2, 3, 4], [0], [0], [0], [0]]
    assert greedy_cds(star) == [0]
    # Two hubs of three leaves each: it takes the larger gain first, not the lower number.
    hubs = [[4], [4], [4], [5], [0, 1, 2, 5], [3, 4, 6, 7], [5], [5]]
    assert greedy_cds(hubs) == [4, 5] or greedy_cds(hubs) == [5, 4]


def test_the_oracle_sends_no_more_than_it_must():
    dice = random.Random(1)
    assert oracle(PATH, 0, 0.0, dice) == 4
    assert oracle(PATH, 2, 0.0, dice) == 3
    assert oracle(COMPLETE, 3, 0.0, dice) == 1
    tries = [oracle([[1], [0]], 0, 0.3, dice) for _ in range(1000)]
    assert sum(tries) / 1000 == pytest.approx(1 / 0.7, abs=0.07)


def broadcast(scheme, places, source=0, seed=1, seconds=5):
    """One message through a field; nobody warms up."""
    field = Field(places, 0.0, scheme, seed)
    message = Message(0, 0, source, parcel_of(seed, 0, 1))
    field.submit(message)
    field.run(seconds * 1_000_000)
    return field, message


@pytest.mark.parametrize("scheme", [schemes.Flood, schemes.Counter, schemes.Managed])
def test_on_a_line_everybody_has_to_send(scheme):
    field, message = broadcast(scheme, LINE)
    assert message.transmissions == 5
    assert sorted(message.heard_us) == [0, 1, 2, 3, 4]
    assert sorted(message.heard_us.values()) == list(message.heard_us.values())
    assert (field.collisions, field.control) == (0, [])


def one_after_another(scheme):
    """A scheme whose nodes wait 10 ms longer each."""

    class Ordered(scheme):
        def __init__(self, number, cipher, seed):
            super().__init__(number, cipher, seed)
            self.number = number

        def wait_ms(self, rssi_dbm):
            return 10 * self.number

    return Ordered


@pytest.mark.parametrize(
    ("scheme", "transmissions"),
    [(schemes.Flood, 6), (schemes.Counter, 2), (schemes.Managed, 2)],
)
def test_where_all_hear_all_a_second_copy_is_enough(scheme, transmissions):
    _, message = broadcast(one_after_another(scheme), CLOSE)
    assert message.transmissions == transmissions
    assert len(message.heard_us) == 6


def test_flooding_waits_up_to_a_tenth_of_a_second_however_strong_it_hears():
    node = schemes.Flood(1, None, 1)
    for rssi_dbm in (-90, -50):
        assert {node.wait_ms(rssi_dbm) for _ in range(5000)} == set(range(100))


def test_managed_flooding_lets_the_weakly_heard_go_first():
    def waits(rssi_dbm):
        node = schemes.Managed(1, None, 1)
        return {node.wait_ms(rssi_dbm) for _ in range(5000)}

    # Contention windows of 2^3 to 2^8 slots of 3 ms, behind 16 that are left to routers.
    assert waits(-94) == {48 + 3 * slot for slot in range(8)}
    assert waits(-95) == waits(-94)
    assert waits(-82) == {48 + 3 * slot for slot in range(32)}
    assert waits(-64) == {48 + 3 * slot for slot in range(256)}
    assert waits(-40) == waits(-64)


def test_two_hidden_senders_collide_in_the_middle():
    field = Field(HIDDEN, 0.0, schemes.Flood, 1)
    messages = [Message(i, 0, source, parcel_of(1, i, 1)) for i, source in enumerate((0, 2))]
    for message in messages:
        field.submit(message)
    field.run(1_000_000)
    assert [list(m.heard_us) for m in messages] == [[0], [2]]
    assert field.collisions == 2


class Silent(schemes.Flood):
    """Passes nothing on."""

    copies_enough = 1


class Beaconing(Silent):
    """All send a beacon at the same moment."""

    said = False

    def receive(self, src, data, rssi_dbm, now_ms):
        if now_ms < 100:
            super().receive(src, data, rssi_dbm, now_ms)

    def poll(self, now_ms):
        return 100 - now_ms if now_ms < 100 else super().poll(now_ms)

    def next_frame(self, now_ms):
        if now_ms < 100 or self.said:
            return super().next_frame(now_ms)
        self.said = True
        return self._cipher.seal(frame.BEACON, 9, self._address, bytes(7))


def test_only_parcels_count_as_collided():
    field = Field(HIDDEN, 0.0, Beaconing, 1)
    message = Message(0, 0, 0, parcel_of(1, 0, 1))
    field.submit(message)
    field.run(1_000_000)
    assert list(message.heard_us) == [0, 1]
    assert [(kind, size) for _, kind, size in field.control] == [(frame.BEACON, 18)] * 3
    assert field.collisions == 0


def twenty_between_two(loss):
    """A second in which one of two nodes sends twenty messages, and nobody answers."""
    field = Field(CLOSE[:2], loss, Silent, 1)
    messages = [Message(i, 0, 0, parcel_of(1, i, 1)) for i in range(20)]
    for message in messages:
        field.submit(message)
    field.run(1_000_000)
    return field, messages


def test_losses_are_no_collisions():
    field, messages = twenty_between_two(0.5)
    assert sum(len(m.heard_us) == 1 for m in messages) == pytest.approx(10, abs=6)
    assert field.collisions == 0


def test_a_burst_passes_through_the_four_places_of_a_radio():
    _, messages = twenty_between_two(0.0)
    assert [len(m.heard_us) for m in messages] == [2] * 20


def test_who_hears_it_and_does_not_take_it_has_not_got_it():
    class Refusing(schemes.Flood):
        def has(self, immutable):
            return False

    _, message = broadcast(Refusing, CLOSE)
    assert message.transmissions == 6
    assert message.heard_us == {0: 0}


def test_parcels_are_full_frames_of_random_content():
    immutable = parcel_of(1, 0, 3)
    assert HEADER + 3 + len(immutable) == 250
    assert 3 + len(immutable) == BODY_MAX
    assert priority(immutable[0]) == 3
    assert len({parcel_of(seed, n, 1) for seed in (1, 2) for n in (0, 1)}) == 4


@pytest.mark.parametrize("scheme", [schemes.Mesh, schemes.CounterMesh])
def test_real_nodes_bring_it_everywhere(scheme):
    field = Field(LINE, 0.3, scheme, 1)
    field.run(30_000_000)
    quiet = len(field.control)
    message = Message(0, field.now_us, 2, parcel_of(1, 0, 1))
    field.submit(message)
    field.run(90_000_000)
    assert len(message.heard_us) == 5
    assert 3 <= message.transmissions < 30
    assert len(field.control) > quiet > 5
    assert all(HEADER + 2 <= size <= 250 for _, _, size in field.control)


def test_push_by_a_counter_sends_at_most_twice_where_all_hear_all():
    sent = []
    for seed in range(10):
        field = Field(CLOSE, 0.0, schemes.CounterMesh, seed)
        field.run(30_000_000)
        message = Message(0, field.now_us, 0, parcel_of(seed, 0, 1))
        field.submit(message)
        field.run(60_000_000)
        assert len(message.heard_us) == 6
        sent.append(message.transmissions)
    assert min(sent) == 2, "the source, and the one whose turn came first"
    assert sorted(sent)[5] == 2, "unless two turns come within a frame"
