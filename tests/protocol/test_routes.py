"""Who was heard, gradients and the rate of contacts, on cases done by hand."""

from shared_protocol.beats import ENTRIES_MAX, FORGET_S, GATEWAYS_MAX, SETTLED_S, UNKNOWN
from shared_protocol.routes import Routes, q

DAY = 86_400


def test_q_is_one_byte_and_never_falls():
    last = 0
    for x in range(65_536):
        value = q(x)
        assert last <= value <= 104
        last = value
    assert [q(x) for x in (0, 1, 7, 8, 10, 24, 56, 65_535)] == [0, 1, 7, 8, 9, 16, 24, 104]


def test_q_has_eight_steps_in_an_octave():
    for exponent in range(4, 16):
        assert q((1 << exponent) - 8) == 8 * (exponent - 3)


def test_ages_grow():
    routes = Routes(0)
    assert routes.age(7, 0) == UNKNOWN
    routes.hear(7, 0, 1000)
    assert routes.age(7, 1003) == 0
    assert routes.age(7, 1000 + 4 * 56) == 24
    assert routes.age(8, 1000) == UNKNOWN
    routes.hear(7, 0, 2000)
    assert routes.age(7, 2000) == 0


def test_who_was_heard_days_ago_is_forgotten_before_the_time_wraps():
    routes = Routes(0)
    routes.hear(7, 0, 0)
    for now in range(0, 5 * DAY, 3600):
        routes.tick(now)
        assert (routes.age(7, now) == UNKNOWN) == (now >= 54 * 3600 + 2208)  # 0xC000 units
    assert routes.size == 0


def test_a_full_table_forgets_who_was_heard_longest_ago():
    routes = Routes(0)
    for node in range(ENTRIES_MAX):
        routes.hear(node, 0, 100 + 4 * node)
    routes.hear(0, 0, 500)
    routes.hear(1000, 0, 504)
    assert routes.size == ENTRIES_MAX
    assert routes.age(1, 504) == UNKNOWN
    assert routes.age(1000, 504) == 0
    assert [routes.age(node, 504) for node in range(64)].count(UNKNOWN) == 1


def test_a_contact_is_counted_once_however_often_it_is_heard():
    routes = Routes(0)
    for now in range(0, 600, 30):
        routes.hear(7, 0, now)
    assert routes.contacts == 16
    routes.hear(7, 0, 570 + 600)
    assert routes.contacts == 31, "the second; a step of decay was at 675 s"


def test_the_counter_decays_to_nothing_in_steps():
    routes = Routes(0)
    for node in range(60):
        routes.hear(node, 0, 0)
    assert routes.contacts == 960
    routes.tick(674)
    assert routes.contacts == 960
    routes.tick(675)
    assert routes.contacts == 900
    routes.tick(10_800)
    assert 320 < routes.contacts <= 960 * 15**16 // 16**16
    routes.tick(2 * DAY)
    assert routes.contacts == 0


def test_the_counter_does_not_overflow():
    routes = Routes(0)
    for node in range(5000):
        routes.hear(node, 255, 0)
    assert routes.contacts == 0xFFFF
    assert routes.rate() == 104
    assert routes.average >> 8 <= 104


def test_expected_contacts():
    routes = Routes(0)
    for node in range(30):
        routes.hear(node, 0, 0)
    assert routes.expected(3600, 0) == 180, "30 in ten minutes, that much is taken as the least"
    assert routes.expected(3600, 600) == 90


def test_a_gradient_rises_by_a_hop_and_takes_the_shortest_way_of_the_latest_beat():
    routes = Routes(0)
    assert routes.distance(9, 0) == UNKNOWN
    assert routes.beat(9, 5, 3, 0)
    assert routes.distance(9, 0) == 4
    assert not routes.beat(9, 5, 3, 1), "no news"
    assert not routes.beat(9, 5, 8, 1)
    assert routes.beat(9, 5, 0, 1)
    assert routes.distance(9, 1) == 1
    assert not routes.beat(9, 6, 6, 120), "a newer beat by a longer way waits for the other one"
    assert routes.beat(9, 6, 6, 120, False), "unless there is none"
    assert routes.distance(9, 120) == 7
    assert not routes.beat(9, 5, 0, 121), "an older one"
    assert routes.distance(9, 120 + 359) == 7
    assert routes.distance(9, 120 + 360) == UNKNOWN


def test_beats_wrap():
    routes = Routes(0)
    routes.beat(9, 0xFFFF, 1, 0)
    assert routes.beat(9, 0, 4, SETTLED_S + 4)
    assert routes.distance(9, SETTLED_S + 4) == 5


def test_a_beat_that_cannot_have_been_is_not_believed():
    routes = Routes(0)
    routes.beat(9, 100, 3, 0)
    assert not routes.beat(9, 30_000, 0, 10)
    assert not routes.beat(9, 103, 0, 10)
    assert routes.beat(9, 102, 0, 10)
    assert not routes.beat(9, 102, 0, 1000), "its last one, which goes round without it"
    assert not routes.beat(9, 3, 0, 1000)
    assert routes.beat(9, 3, 0, 10 + FORGET_S), "after a long silence it may have begun again"


def test_made_up_gateways_do_not_drive_out_who_was_heard():
    routes = Routes(0)
    for node in range(ENTRIES_MAX):
        routes.hear(node, 0, 0)
    taken = [routes.beat(1000 + n, 1, 0, 4) for n in range(100)]
    assert taken.count(True) == GATEWAYS_MAX
    assert [routes.age(n, 4) for n in range(64)].count(UNKNOWN) == GATEWAYS_MAX


def test_a_gateway_is_older_by_two_minutes_a_hop_and_near_when_it_is_met():
    routes = Routes(0)
    routes.beat(9, 1, 3, 0)
    assert routes.age(9, 0) == q(4 * 30)
    routes.hear(9, 0, 8)
    assert routes.distance(9, 8) == 1
    assert routes.age(9, 8) == q(30)


def test_hops_are_clamped():
    routes = Routes(0)
    routes.beat(9, 1, 255, 0)
    assert routes.distance(9, 0) == 63


def test_the_table_takes_half_a_kilobyte():
    routes = Routes(0)
    arrays = (routes._node, routes._heard, routes._beat)
    assert sum([2 * len(a) for a in arrays]) + len(routes._hops) == 448
