"""The oracle against brute force, and shortest ways."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tools.dtn.agents import Message
from tools.dtn.contacts import Meeting
from tools.dtn.oracle import arrivals, hops

NODES = 4


def brute_force(meetings, message, holes):
    """The earliest arrival over every order of meetings, each used at most once."""
    best = None
    end_s = message.at_s + message.lifetime_s
    for count in range(len(meetings) + 1):
        for way in permutations(meetings, count):
            now_s, node = message.at_s, message.src
            for m in way:
                if node not in (m.a, m.b) or (node in holes and node != message.src):
                    break
                now_s = max(now_s, m.up_s)
                if now_s >= m.down_s or now_s > end_s:
                    break
                node = m.a + m.b - node
            else:
                if node == message.dst and (best is None or now_s < best):
                    best = now_s
    return best


@st.composite
def meeting(draw):
    a, b = sorted(draw(st.sets(st.integers(0, NODES - 1), min_size=2, max_size=2)))
    up_s = draw(st.integers(0, 12))
    return Meeting(up_s, up_s + draw(st.integers(1, 6)), a, b)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(meeting(), max_size=5),
    st.integers(0, 8),
    st.integers(0, 12),
    st.sets(st.integers(0, NODES - 1), max_size=2),
)
def test_the_earliest_arrival_is_the_best_of_all_ways(meetings, at_s, lifetime_s, holes):
    message = Message(0, 0, 3, at_s, 1000, lifetime_s)
    found = arrivals(meetings, [message], frozenset(holes))
    assert found.get(0) == brute_force(meetings, message, holes)


def test_a_contact_may_be_used_until_it_ends():
    chain = [Meeting(0, 10, 0, 1), Meeting(5, 6, 1, 2)]
    messages = [Message(n, 0, 2, at_s, 1000, 100) for n, at_s in enumerate((0, 5, 6))]
    assert arrivals(chain, messages) == {0: 5, 1: 5}


def test_shortest_ways():
    ring = [Meeting(0, 1, 0, 1), Meeting(0, 1, 1, 2), Meeting(0, 1, 2, 3), Meeting(0, 1, 0, 3)]
    assert hops([*ring, Meeting(0, 1, 3, 4)], 0) == {0: 0, 1: 1, 3: 1, 2: 2, 4: 2}
