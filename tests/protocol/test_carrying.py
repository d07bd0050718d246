"""The routing rule on cases small enough to do by hand."""

from shared_protocol import carrying
from shared_protocol.beats import UNKNOWN
from shared_protocol.carrying import (
    COPIES_MAX,
    FAILED,
    HALF,
    NO_LEVEL,
    QUARTER,
    TRIED,
    UNLIMITED,
    birth,
    drop_order,
    give,
    received,
    refresh,
    send_order,
)
from shared_protocol.lifetime import BACKGROUND, HIGH, NORMAL, SOS
from shared_protocol.routes import Routes

HOUR = 3600
NOBODY = (UNKNOWN, UNKNOWN, 0)  # said by one who knows nothing and meets nobody


def choosy():
    """A node that meets many, all of them sociable: it does not give to just anybody."""
    routes = Routes(0)
    for node in range(100, 200):
        routes.hear(node, 100, 1200)
    assert not routes.sociable(0, HOUR, 24, 1200)
    return routes


def test_copies_are_halved_and_none_is_made():
    routes = Routes(0)
    for copies in range(2, COPIES_MAX + 1):
        given, kept = give(routes, (copies, NO_LEVEL, 0), 9, HOUR, NOBODY, 0)
        assert given == copies // 2
        assert given + kept[0] == copies


def test_the_last_copy_stays():
    assert give(Routes(0), (1, NO_LEVEL, 0), 9, HOUR, NOBODY, 0) == (0, (1, NO_LEVEL, 0))


def test_the_last_copy_makes_one_more_only_for_a_clearly_better_carrier():
    routes = Routes(0)
    routes.hear(9, 0, 0)
    now = 800
    mine = routes.age(9, now)
    for age in range(256):
        given, kept = give(routes, (1, NO_LEVEL, 0), 9, 24 * HOUR, (age, UNKNOWN, 0), now)
        if age + 6 <= mine:
            assert (given, kept) == (1, (1, age, 0))
        else:
            assert (given, kept) == (0, (1, NO_LEVEL, 0))


def test_the_level_is_of_the_best_carrier_so_far():
    routes = Routes(0)
    state = (1, NO_LEVEL, 0)
    given = []
    for age in (40, 35, 34, 34, 29, 28, 5, 200):
        copies, state = give(routes, state, 9, 24 * HOUR, (age, UNKNOWN, 0), 0)
        given.append(copies)
    assert given == [1, 0, 1, 0, 0, 1, 1, 0]
    assert state == (1, 5, 0)


def test_where_nobody_ever_heard_of_it_the_last_copy_makes_one_more_for_who_meets_more():
    routes = Routes(0)
    state = (1, NO_LEVEL, 0)
    given = []
    for rate in (4, 5, 9, 10, 255, 255):
        copies, state = give(routes, state, 9, HOUR, (UNKNOWN, UNKNOWN, rate), 600)
        given.append(copies)
    assert given == [0, 1, 0, 1, 1, 0]
    assert state == (1, NO_LEVEL + 104, 0)
    assert give(routes, state, 9, HOUR, (30, UNKNOWN, 0), 600) == (1, (1, 30, 0))
    assert give(routes, (1, 30, 0), 9, HOUR, (UNKNOWN, UNKNOWN, 104), 600)[0] == 0
    assert give(routes, (1, NO_LEVEL, 0), 9, HOUR, (UNKNOWN, UNKNOWN, 104), 599)[0] == 0
    routes.hear(9, 0, 600)
    assert give(routes, (1, NO_LEVEL, 0), 9, HOUR, (UNKNOWN, UNKNOWN, 104), 600)[0] == 0


def test_heard_more_than_a_quarter_of_the_lifetime_ago_says_nothing():
    lifetime_s = 6400  # a quarter is 400 units: q = 44
    assert give(Routes(0), (1, NO_LEVEL, 0), 9, lifetime_s, (44, UNKNOWN, 0), 0)[0] == 1
    assert give(Routes(0), (1, NO_LEVEL, 0), 9, lifetime_s, (45, UNKNOWN, 0), 0)[0] == 0


def test_who_can_choose_gives_halves_to_the_sociable_or_the_closer():
    routes = choosy()
    assert give(routes, (8, NO_LEVEL, 0), 9, HOUR, NOBODY, 1200)[0] == 0
    assert give(routes, (8, NO_LEVEL, 0), 9, HOUR, (UNKNOWN, UNKNOWN, 104), 1200)[0] == 4
    assert give(routes, (8, NO_LEVEL, 0), 9, HOUR, (20, UNKNOWN, 0), 1200) == (4, (4, 20, 0))


def test_an_sos_goes_to_everybody_undivided():
    state = birth(choosy(), SOS, HOUR, 60, 1200)
    assert state == (UNLIMITED, NO_LEVEL, 0)
    assert give(choosy(), state, 9, HOUR, NOBODY, 1200) == (UNLIMITED, state)
    assert refresh(state, SOS, HOUR, HOUR) == state
    assert received(3, SOS)[0] == UNLIMITED


def test_down_a_live_gradient_go_all_copies():
    routes = Routes(0)
    assert routes.beat(9, 1, 3, 0)  # four hops from here
    state = (7, NO_LEVEL, 0)
    for hops in range(256):
        given, kept = give(routes, state, 9, HOUR, (UNKNOWN, hops, 104), 100)
        assert (given, kept) == ((7, (0, NO_LEVEL, TRIED)) if hops < 4 else (0, state))
    assert give(routes, (0, NO_LEVEL, TRIED), 9, HOUR, (UNKNOWN, 1, 104), 100)[0] == 0


def test_a_gradient_that_is_silent_or_failed_is_left():
    routes = Routes(0)
    routes.beat(9, 1, 3, 0)
    assert give(routes, (8, NO_LEVEL, 0), 9, HOUR, NOBODY, 359)[0] == 0
    assert give(routes, (8, NO_LEVEL, 0), 9, HOUR, NOBODY, 360)[0] == 4
    assert give(routes, (8, NO_LEVEL, FAILED), 9, HOUR, NOBODY, 100)[0] == 4
    assert give(routes, (8, NO_LEVEL, QUARTER), 9, HOUR, NOBODY, 100)[0] == 0


def test_copies_at_birth():
    routes = Routes(0)
    assert [birth(routes, p, HOUR, 1000, 599)[0] for p in (BACKGROUND, NORMAL, HIGH)] == [6, 7, 64]
    assert birth(routes, NORMAL, HOUR, 1000, 600)[0] == COPIES_MAX, "it has met nobody"
    assert birth(routes, NORMAL, HOUR, 6, 600)[0] == 13, "2 / 32 of 6 cubed"
    rarely = [birth(choosy(), NORMAL, HOUR, nodes, 1200)[0] for nodes in range(1, 3000)]
    assert rarely == sorted(rarely)
    assert (rarely[0], rarely[-1]) == (7, COPIES_MAX)


def test_a_neighbour_cannot_make_copies_without_end():
    for copies in range(256):
        assert received(copies, NORMAL) == (min(copies, COPIES_MAX), NO_LEVEL, 0)


def test_refresh_at_a_quarter_and_at_half_of_the_lifetime():
    state = (1, 30, 0)
    state = refresh(state, NORMAL, HOUR // 4 - 1, HOUR)
    assert state == (1, 30, 0)
    state = refresh(state, NORMAL, HOUR // 4, HOUR)
    assert state == (2, 30, QUARTER)
    assert refresh(state, NORMAL, HOUR // 2 - 1, HOUR) == state
    state = refresh(state, NORMAL, HOUR // 2, HOUR)
    assert state == (9, 30, QUARTER | HALF)
    assert refresh(state, NORMAL, HOUR, HOUR) == state
    assert refresh((190, 30, 0), HIGH, HOUR // 4, HOUR) == (COPIES_MAX, 30, QUARTER)


def test_refresh_leaves_a_gradient_that_brought_no_receipt():
    state = refresh((0, NO_LEVEL, TRIED), NORMAL, HOUR // 4, HOUR)
    assert state == (7, NO_LEVEL, FAILED)
    assert refresh(state, NORMAL, HOUR // 2, HOUR) == (COPIES_MAX, NO_LEVEL, FAILED | HALF)


def test_order_of_sending():
    first_to_last = [
        send_order(True, BACKGROUND, 0, 10**9),
        send_order(False, SOS, 1, 0),
        send_order(False, NORMAL, 8, 100),
        send_order(False, NORMAL, 8, 200),
        send_order(False, NORMAL, 7, 0),
        send_order(False, BACKGROUND, UNLIMITED, 0),
    ]
    assert first_to_last == sorted(first_to_last, reverse=True)
    assert send_order(True, SOS, UNLIMITED, 0) < 1 << 30, "a small int on a 32-bit MicroPython"


def test_order_of_dropping():
    first_to_last = [
        drop_order(True, True, 0, 0),
        drop_order(False, False, 2, 0),
        drop_order(False, False, 1, 10**7),
        drop_order(False, False, 1, 100),
        drop_order(True, False, 0, 10**6),
    ]
    assert first_to_last == sorted(first_to_last, reverse=True)
    assert first_to_last[-1] == -1
    assert drop_order(False, True, 63, 10**9) < 1 << 30


def test_all_of_it_is_integers():
    for name in dir(carrying):
        assert not isinstance(getattr(carrying, name), float)
