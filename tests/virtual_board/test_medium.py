"""The channel's physics, one rule at a time."""

import gc
from collections import Counter
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.grid import distance_m
from tools.medium import COLLISION, HALF_DUPLEX, LOSS, Event, Heard, Lost, Medium, Physics, Sent
from tools.virtual_board.air_model import airtime_us, rssi_dbm

DIFS_US, SLOT_US, WINDOW = 50, 20, 16
NO_BACKOFF = Physics(window_slots=1)


def line(*x_m: float, seed: int = 1, physics: Physics | None = None, **settings) -> Medium:
    """Nodes 0, 1, ... on a line."""
    medium = Medium(seed, physics=physics, **settings)
    for node, x in enumerate(x_m):
        medium.place(node, x, 0)
    return medium


def run(medium: Medium) -> list[Event]:
    """Until the channel is idle."""
    events = []
    while (at_us := medium.next_us()) is not None:
        events += medium.advance(at_us)
    return events


def of(kind: type, events: list[Event]) -> list:
    return [event for event in events if isinstance(event, kind)]


def fates(events: list[Event]) -> dict[tuple[int, int], str]:
    """(sender, receiver): "heard" or why not."""
    return {
        (e.sender, e.node): e.why if isinstance(e, Lost) else "heard"
        for e in events
        if not isinstance(e, Sent)
    }


# Time.


@pytest.mark.parametrize(("length", "lasts_us"), [(0, 536), (26, 744), (250, 2536)])
def test_a_frame_lasts_its_airtime_and_is_heard_at_its_end(length: int, lasts_us: int):
    medium = line(0, 100, physics=NO_BACKOFF)
    medium.send(0, bytes(length), 1000)
    assert medium.queued(0) == 1
    end_us = 1000 + DIFS_US + lasts_us
    assert medium.advance(end_us - 1) == []
    assert medium.next_us() == end_us
    assert medium.advance(end_us) == [
        Sent(0, bytes(length), 1000 + DIFS_US, end_us),
        Heard(1, 0, bytes(length), rssi_dbm(100), end_us),
    ]
    assert medium.queued(0) == 0
    assert medium.next_us() is None


def test_time_does_not_go_back():
    medium = line(0)
    medium.advance(10)
    with pytest.raises(ValueError, match="past"):
        medium.send(0, b"", 9)
    with pytest.raises(ValueError, match="past"):
        medium.advance(9)


def test_a_frame_never_starts_before_it_was_handed_over():
    medium = line(0, 100)
    medium.send(0, b"one", 0)
    medium.send(0, b"two", 50_000)  # the caller has not let any time pass in between
    assert of(Sent, run(medium))[1].start_us >= 50_000 + DIFS_US


# Carrier sense.


def test_backoffs_are_whole_slots_and_every_slot_is_as_likely():
    medium = line(0)
    for n in range(3200):
        medium.send(0, b"", n * 10_000)
    waits = [sent.start_us - n * 10_000 - DIFS_US for n, sent in enumerate(of(Sent, run(medium)))]
    counted = Counter(waits)
    assert sorted(counted) == [slot * SLOT_US for slot in range(WINDOW)]
    # 200 expected; chi-square with 15 degrees of freedom is below 37.7 in 999 of 1000 seeds.
    assert sum((count - 200) ** 2 / 200 for count in counted.values()) < 37.7


def test_between_ones_own_frames_there_is_a_backoff_too():
    medium = line(0)
    for _ in range(200):
        medium.send(0, b"", 0)
    gaps = {b.start_us - a.end_us - DIFS_US for a, b in pairwise(of(Sent, run(medium)))}
    assert gaps == {slot * SLOT_US for slot in range(WINDOW)}


def overlapping(events: list[Event]) -> list[tuple[Sent, Sent]]:
    """Pairs of transmissions that were on the air together."""
    sents = sorted(of(Sent, events), key=lambda sent: sent.start_us)
    return [
        (a, b)
        for i, a in enumerate(sents)
        for b in sents[i + 1 :]
        if a.node != b.node and b.start_us < a.end_us
    ]


def busy_line(x_m: list[float], frames: int = 100, **settings) -> list[Event]:
    medium = line(*x_m, **settings)
    for node in range(len(x_m)):
        for n in range(frames):
            medium.send(node, bytes(50), n)
    return run(medium)


@pytest.mark.parametrize("metres", [1, 120, 156])
def test_neighbours_overlap_only_when_they_start_in_one_slot(metres: float):
    events = busy_line([0, metres, metres / 2])
    pairs = overlapping(events)
    assert pairs  # of 16 slots some are drawn twice
    assert all(b.start_us - a.start_us < SLOT_US for a, b in pairs)
    assert len(pairs) < 60


def test_beyond_the_senses_they_overlap_at_any_moment():
    pairs = overlapping(busy_line([0, 157]))
    assert sum(b.start_us - a.start_us >= SLOT_US for a, b in pairs) > 50


def test_a_frozen_backoff_goes_on_where_it_stood():
    """The loser of one round has fewer slots left in the next, so its turn comes."""
    medium = line(0, 10)
    for node in (0, 1) * 400:
        medium.send(node, bytes(250), 0)
    winners = [sent.node for sent in of(Sent, run(medium))][:600]  # none has run out of frames
    assert 270 <= sum(winners) <= 330
    assert max(len(list(turns)) for _, turns in groupby(winners)) <= 8


def test_a_countdown_loses_exactly_the_slots_that_passed():
    frozen = 0
    for seed in range(40):
        slots = (of(Sent, run(alone(seed)))[0].start_us - DIFS_US) // SLOT_US
        medium = line(0, 10, seed=seed)
        medium.send(0, b"", 0)
        medium.send(1, b"", 7)  # its slots begin within the other's
        first, second = sorted(of(Sent, run(medium)), key=lambda sent: sent.start_us)
        if second.node == 0 and second.start_us > first.end_us:
            frozen += 1
            counted = (first.start_us - DIFS_US) // SLOT_US
            assert second.start_us == first.end_us + DIFS_US + (slots - counted) * SLOT_US
    assert frozen > 10


def alone(seed: int) -> Medium:
    medium = line(0, seed=seed)
    medium.send(0, b"", 0)
    return medium


def test_who_is_placed_beside_a_transmission_senses_it():
    medium = line(0, physics=NO_BACKOFF)
    medium.send(0, bytes(250), 0)
    medium.advance(100)
    medium.place(1, 150, 0)
    medium.send(1, b"", 100)
    first, second = of(Sent, run(medium))
    assert second.start_us == first.end_us + DIFS_US


# What collides, and what survives.


def test_one_slot_two_frames_and_nobody_hears_either():
    medium = line(0, 50, 100, physics=NO_BACKOFF)
    medium.send(0, b"left", 0)
    medium.send(2, b"right", 0)
    assert fates(run(medium)) == {
        (0, 1): COLLISION,
        (2, 1): COLLISION,
        (0, 2): HALF_DUPLEX,
        (2, 0): HALF_DUPLEX,
    }


@pytest.mark.parametrize("later_us", [0, 500, 2535])
def test_hidden_terminals_collide_between_them(later_us: int):
    medium = line(0, 100, 200, physics=NO_BACKOFF)
    medium.send(0, bytes(250), 0)
    medium.send(2, bytes(250), later_us)
    assert fates(run(medium)) == {(0, 1): COLLISION, (2, 1): COLLISION}


def test_one_after_the_other_is_no_collision():
    medium = line(0, 100, 200, physics=NO_BACKOFF)
    medium.send(0, bytes(250), 0)
    medium.send(2, bytes(250), airtime_us(250))
    assert fates(run(medium)) == {(0, 1): "heard", (2, 1): "heard"}


@pytest.mark.parametrize(
    ("far_m", "near_is"),
    # 6 dB with exponent 3 are a factor of 1.585 in distance.
    [(200 + 100 * 1.56, COLLISION), (200 + 100 * 1.6, "heard")],
)
def test_the_near_frame_captures_the_receiver(far_m: float, near_is: str):
    # 0 sends to 1 over 100 m, 2 is heard there too, out of 0's senses.
    medium = line(100, 200, far_m, physics=NO_BACKOFF, range_m=165)
    medium.send(0, bytes(9), 0)
    medium.send(2, bytes(9), 0)
    events = fates(run(medium))
    assert events[0, 1] == near_is
    assert events[2, 1] == COLLISION


def interfered(*interferers: tuple[float, float, int], length: int = 250) -> str:
    """How a frame over 100 m fares among (x, y, when) that are out of everybody's senses."""
    medium = Medium(1, physics=Physics(window_slots=1, sense_ranges=0.01))
    medium.place(0, 0, 0)
    medium.place(1, 100, 0)
    medium.send(0, bytes(length), 0)
    for node, (x_m, y_m, at_us) in enumerate(interferers, 2):
        medium.place(node, x_m, y_m)
        medium.send(node, b"", at_us)
    return fates(run(medium))[0, 1]


def test_interferers_add_up_while_they_overlap_each_other():
    one, other = (100, 180), (280, 0)  # 180 m from the receiver: 7.7 dB below the wanted frame
    assert interfered((*one, 0)) == interfered((*other, 0)) == "heard"
    assert interfered((*one, 0), (*other, 0)) == COLLISION
    assert interfered((*one, 0), (*other, 535)) == COLLISION
    assert interfered((*one, 0), (*other, 536)) == "heard"  # one has ended when other starts
    # Both were there before the wanted frame: 536 us long, they end after it has started.
    late = Medium(1, physics=Physics(window_slots=1, sense_ranges=0.01))
    for node, (x_m, y_m) in enumerate([(0, 0), (100, 0), one, other]):
        late.place(node, x_m, y_m)
    late.send(2, b"", 0)
    late.send(3, b"", 10)
    late.send(0, b"", 500)
    assert fates(run(late))[0, 1] == COLLISION


def test_interference_ends_at_twice_the_range():
    # A capture threshold that nothing reaches: whatever counts as interference destroys.
    strict = Physics(window_slots=1, sense_ranges=0.01, capture_db=90)
    for metres, fate in ((239, COLLISION), (241, "heard")):
        medium = line(0, 100, 100 + metres, physics=strict)
        medium.send(0, b"", 0)
        medium.send(2, b"", 0)
        assert fates(run(medium))[0, 1] == fate


def test_who_transmits_hears_nothing_for_as_long():
    medium = Medium(1, physics=Physics(window_slots=1, sense_ranges=0.01))
    medium.place(0, 0, 0)
    medium.place(1, 100, 0)
    medium.send(0, bytes(250), 0)
    medium.send(1, b"", 1000)
    assert fates(run(medium)) == {(0, 1): HALF_DUPLEX, (1, 0): HALF_DUPLEX}


# Range and loss.


def test_range_is_a_circle():
    medium = Medium(1)
    medium.place(0, -500, -500)
    medium.place(1, -500, -380)
    medium.place(2, -500 + 85, -500 + 85)  # 120.2 m
    medium.send(0, b"", 0)
    assert fates(run(medium)) == {(0, 1): "heard"}


def test_who_moves_is_heard_where_it_is():
    medium = line(0, 100, 1000)
    heard = []
    for at_us, x_m in enumerate([1000, 121, 120, 500, -119]):
        medium.place(1, x_m, 0)
        medium.send(0, b"", at_us * 10_000)
        heard.append(list(fates(run(medium))))
    assert heard == [[], [], [(0, 1)], [], [(0, 1)]]
    medium.place(0, 900, 0)
    medium.send(0, b"", 100_000)
    assert list(fates(run(medium))) == [(0, 2)]


def lost_of(seed: int, loss: float, chatter: bool = False) -> list[bool]:
    """Which of 0's frames 1 loses, with 2 sending in between or not."""
    medium = line(0, 50, 100, seed=seed, loss=loss)
    events = []
    for n in range(1000):
        medium.send(0, b"x", n * 10_000)
        if chatter:
            medium.send(2, b"y", n * 10_000 + 5_000)
        events += medium.advance(n * 10_000 + 9_999)
    return [isinstance(e, Lost) for e in events if not isinstance(e, Sent) and e.node == 1
            and e.sender == 0]  # fmt: skip


def test_loss_is_what_was_asked_for_and_each_links_own():
    lost = lost_of(1, 0.3)
    assert 250 <= sum(lost) <= 350
    assert lost_of(1, 0.3, chatter=True) == lost
    assert lost_of(2, 0.3) != lost
    assert sum(lost_of(1, 0.0)) == 0
    assert sum(lost_of(1, 1.0)) == 1000


def test_receivers_and_consecutive_frames_lose_independently():
    medium = line(0, 50, 100, loss=0.5)
    for n in range(2000):
        medium.send(0, b"x", n * 10_000)
    events = run(medium)
    one, two = ([isinstance(e, Lost) for e in events if not isinstance(e, Sent) and e.node == n]
                for n in (1, 2))  # fmt: skip
    assert {e.why for e in of(Lost, events)} == {LOSS}
    for a, b in ((one, two), (one, one[1:]), (two, two[1:])):
        both = sum(x and y for x, y in zip(a, b, strict=False))
        assert 430 <= both <= 570  # 500 expected


# Power.


def test_a_torn_frame_reaches_nobody_but_has_disturbed():
    medium = line(0, 100, 200, physics=NO_BACKOFF)
    medium.send(0, bytes(250), 0)
    medium.send(0, b"queued", 0)
    medium.send(2, bytes(250), 300)
    medium.advance(400)
    medium.remove(0)
    events = run(medium)
    assert [sent.node for sent in of(Sent, events)] == [2]
    assert fates(events) == {(2, 1): COLLISION}
    # It is back, with an empty queue and an antenna that works.
    medium.place(0, 0, 0)
    assert medium.queued(0) == 0
    medium.send(0, b"again", 10_000)
    assert fates(run(medium)) == {(0, 1): "heard"}


@pytest.mark.parametrize(("torn_us", "fate"), [(700, COLLISION), (400, "heard")])
def test_a_torn_frame_disturbs_until_then(torn_us: int, fate: str):
    """Two interferers that only together are too much; one loses its power."""
    medium = Medium(1, physics=Physics(window_slots=1, sense_ranges=0.01))
    for node, (x_m, y_m) in enumerate([(0, 0), (100, 0), (100, 180), (280, 0)]):
        medium.place(node, x_m, y_m)
    medium.send(0, bytes(250), 0)
    medium.send(2, bytes(250), 0)
    medium.send(3, b"", 500)
    medium.advance(torn_us)
    medium.remove(2)
    assert fates(run(medium))[0, 1] == fate


def test_torn_early_it_disturbs_nobody():
    medium = line(0, 100, 200, physics=NO_BACKOFF)
    medium.send(0, bytes(250), 0)
    medium.send(2, bytes(250), 300)
    medium.advance(349)
    medium.remove(0)
    assert fates(run(medium)) == {(2, 1): "heard"}


def test_a_restarted_nodes_new_frame_outlasts_the_end_of_the_torn_one():
    medium = line(0, 100, physics=NO_BACKOFF)
    medium.send(0, bytes(250), 0)  # would end at 2586
    medium.advance(400)
    medium.remove(0)
    medium.place(0, 0, 0)
    medium.send(0, b"", 2400)
    assert medium.advance(2985) == []
    assert len(medium.advance(2986)) == 2


def test_a_receiver_without_power_is_not_told_of():
    medium = line(0, 100)
    medium.send(0, bytes(250), 0)
    medium.advance(1000)
    medium.remove(1)
    medium.place(1, 100, 0)  # too late for the start of this frame
    assert fates(run(medium)) == {}
    medium.send(0, b"", 10_000)
    assert fates(run(medium)) == {(0, 1): "heard"}


def test_a_restart_does_not_repeat_the_losses():
    medium = line(0, 100, loss=0.5)
    patterns = []
    for at_us in (0, 10**6):
        for _ in range(30):
            medium.send(0, b"", at_us)
        patterns.append([isinstance(e, Lost) for e in run(medium) if not isinstance(e, Sent)])
        medium.remove(0)
        medium.place(0, 0, 0)
    assert patterns[0] != patterns[1]


def test_an_idle_channel_holds_on_to_nothing():
    medium = line(*range(0, 1000, 50))
    for node in range(20):
        for n in range(20):
            medium.send(node, bytes(n), n * 500)
    medium.advance(5000)
    for node in range(0, 20, 3):
        medium.remove(node)
    run(medium)
    assert medium._heap == []
    assert list(medium._on_air._cells) == []


def test_frames_are_forgotten_even_if_the_air_is_never_silent():
    medium = line(0, 100, 200)
    for n in range(500):
        medium.send(0, bytes(200), n)
        medium.send(2, bytes(250), n)
    medium.advance(500_000)
    gc.collect()
    assert medium.queued(0) > 100
    assert sum(type(thing).__name__ == "_Transmission" for thing in gc.get_objects()) < 10


# Everything at once.

metres = st.integers(-250, 250)
places = st.lists(st.tuples(metres, metres), min_size=2, max_size=9)
handed = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 20_000), st.integers(0, 250)),
                  max_size=30)  # fmt: skip


def play(seed: int, where: list, sends: list, step_us: int | None) -> list[Event]:
    """Hand over all at its time; let time pass in steps, or from one frame to the next."""
    medium = Medium(seed, loss=0.2)
    for node, (x, y) in enumerate(where):
        medium.place(node, x, y)
    events = []
    for node, at_us, length in sorted(sends, key=lambda send: send[1]):
        if step_us is None:
            events += medium.advance(at_us)
        medium.send(node % len(where), bytes([node]) * length, at_us)
    end_us = 20_000 + 31 * 5_000
    for at_us in range(20_000, end_us, step_us or end_us):
        events += medium.advance(at_us)
    events += medium.advance(end_us)
    assert medium.next_us() is None
    return events


class Spot:
    def __init__(self, place: tuple[int, int]) -> None:
        self.x_m, self.y_m = place


@settings(max_examples=150, deadline=None)
@given(st.integers(), places, handed, st.integers(100, 5000))
def test_the_laws_of_the_channel(seed: int, where: list, sends: list, step_us: int):
    events = play(seed, where, sends, None)
    # Neither who else asks nor how often changes what happens.
    assert play(seed, where, sends, None) == events == play(seed, where, sends, step_us)

    # Every frame is sent once, each sender's in the order it gave them.
    sents = of(Sent, events)
    for node in range(len(where)):
        mine = [s for s in sents if s.node == node]
        given_over = sorted((s for s in sends if s[0] % len(where) == node), key=lambda s: s[1])
        assert [s.frame for s in mine] == [bytes([n]) * length for n, _, length in given_over]
        assert all(b.start_us - a.end_us >= DIFS_US for a, b in pairwise(mine))
    assert all(s.end_us - s.start_us == airtime_us(len(s.frame)) for s in sents)
    assert sents == sorted(sents, key=lambda s: s.end_us)

    # Every transmission is followed by one fate for each node in range, and no other.
    spots = [Spot(place) for place in where]
    for a, b in pairwise([i for i, e in enumerate(events) if isinstance(e, Sent)] + [len(events)]):
        sent, told = events[a], events[a + 1 : b]
        in_range = [n for n, spot in enumerate(spots)
                    if n != sent.node and distance_m(spot, spots[sent.node]) <= 120]  # fmt: skip
        assert [e.node for e in told] == in_range
        assert all((e.sender, e.frame) == (sent.node, sent.frame) for e in told)
        together = [s for s in sents if s.node != sent.node
                    and s.start_us < sent.end_us and sent.start_us < s.end_us]  # fmt: skip
        for event in told:
            # Half duplex is exact; with nobody else on the air nothing collides.
            transmits = event.node in {s.node for s in together}
            why = event.why if isinstance(event, Lost) else ""
            assert (why == HALF_DUPLEX) == transmits
            assert together or why != COLLISION

    # Neighbours overlap in one slot only.
    for a, b in overlapping(events):
        if distance_m(spots[a.node], spots[b.node]) <= 156:
            assert abs(a.start_us - b.start_us) < SLOT_US


def test_backoffs_are_the_seeds_and_each_nodes_own():
    waits = set()
    for seed in (1, 2):
        medium = line(0, 1000, seed=seed)
        for n in range(20):
            for node in (0, 1):
                medium.send(node, b"", n * 10_000)
        sents = of(Sent, run(medium))
        waits |= {tuple(s.start_us for s in sents if s.node == node) for node in (0, 1)}
    assert len(waits) == 4


def test_the_seed_is_the_only_chance():
    where, sends = [(0, 0), (100, 0), (200, 0)], [(n % 3, n * 100, 50) for n in range(30)]
    assert (
        play(1, where, sends, None) == play(1, where, sends, None) != play(2, where, sends, None)
    )
