"""Who is how far from which gateway, told from neighbour to neighbour in beacons."""

from mesh_in_a_box import AIR, TETHER, Box, address

# isort: split
from checks import NOTHING

from shared_protocol import beacon, frame
from shared_protocol.beats import BEAT_S, FORGET_S, GATEWAYS_MAX, LIVE_S, UNKNOWN
from shared_protocol.gradient import Gradients
from shared_protocol.limits import GATEWAYS_REPEATED, GATEWAYS_TOLD_MAX

A, B = 100, 200  # the gateways of Box.line, and the last two bytes of their addresses


def hops(box, number, gateway):
    node = box.nodes[number]
    return node.gradients.beats.distance(gateway, node.clock.now_s(box.now_ms))


def line(count, loss_pct=0):
    """Relays 1.. in a line, gateways at both ends."""
    box = Box(loss_pct=loss_pct)
    for number in range(1, count + 1):
        box.add(number, capacity=24, gateway=False)
        if number > 1:
            box.join(number - 1, number)
    for gateway, relay in ((A, 1), (B, count)):
        box.add(gateway, capacity=24)
        box.join(relay, gateway, TETHER)
    return box


def settled(box, count):
    return box.run(
        120_000,
        lambda: all(
            [
                hops(box, i, A) == i and hops(box, i, B) == count + 1 - i
                for i in range(1, count + 1)
            ]
        ),
    )


def test_every_relay_of_a_line_learns_how_far_both_gateways_are():
    box = line(4)
    assert settled(box, 4)
    assert box.run(120_000, lambda: hops(box, A, B) == hops(box, B, A) == 5)
    assert hops(box, A, A) == UNKNOWN  # it is that


def test_it_lasts_and_a_gateway_that_is_gone_is_forgotten():
    box = line(3, loss_pct=10)
    assert settled(box, 3)
    for _ in range(20):
        box.run(60_000)
        assert [hops(box, i, A) for i in (1, 2, 3)] == [1, 2, 3]
    box.nodes[1].link_down(TETHER)
    del box.nodes[A]
    box.run((LIVE_S + 3 * 60 + 60) * 1000)
    assert [hops(box, i, A) for i in (1, 2, 3)] == [UNKNOWN] * 3
    assert [hops(box, i, B) for i in (1, 2, 3)] == [3, 2, 1]


def test_a_shorter_way_is_taken_when_it_opens():
    box = line(3)
    assert settled(box, 3)
    box.join(1, 3)
    assert box.run(240_000, lambda: hops(box, 3, A) == 2)


def test_beats_of_a_neighbour_that_does_not_hear_me_do_not_count():
    """The way back would lead nowhere."""
    for hears in (True, False):
        box = Box()
        node = box.add(1, capacity=24, gateway=False)
        node.poll(box.now_ms)
        told = beacon.decode(node.greeting.beacon_body(AIR, box.now_ms))
        echo = [(address(1)[3:], 0, told.challenge)]
        box.hear(1, 2, frame.BEACON, 1, beacon.encode(0, 5, NOTHING, echo))
        for counter in range(2, 12):
            hello = address(1)[-2:] if hears else b""
            box.hear(1, 2, frame.HELLO, counter, hello)
        box.hear(1, 2, frame.BEACON, 12, beacon.encode(0, 5, NOTHING, echo, [(A, 1, 2)]))
        assert hops(box, 1, A) == (3 if hears else UNKNOWN)


class Near:
    """A neighbour on the tether, which needs no proof of how well it is heard."""

    link = TETHER
    bit = 1

    @staticmethod
    def heard_lately():
        return 16


def test_a_gateway_numbers_its_beats_and_believes_nobody_about_itself():
    g = Gradients(bytes((2, 0, 0, 0, 0x3F, 0x2A)), True)
    assert g.told(AIR, 0) == [(0x3F2A, 0, 0)]
    assert g.told(AIR, 5 * BEAT_S) == [(0x3F2A, 5, 0)]
    assert not g.heard(Near, [(0x3F2A, 6, 1)], 5 * BEAT_S)
    assert g.told(AIR, 0x10000 * BEAT_S) == [(0x3F2A, 0, 0)]


def test_of_many_gateways_a_beacon_tells_some_and_the_next_one_others():
    g = Gradients(bytes(6), False)
    for gateway in range(1, 12):
        assert g.heard(Near, [(gateway, 1, gateway)], 10)
        assert not g.heard(Near, [(gateway, 1, gateway)], 11)
    assert len(g.told(AIR, 11)) == GATEWAYS_TOLD_MAX
    assert len(g.untold) == 11 - GATEWAYS_TOLD_MAX
    news = list(g.untold)
    assert [gateway for gateway, _, _ in g.told(AIR, 12)][: len(news)] == news, "first of all"
    assert not g.untold
    told = [set(), set()]
    for _ in range(6):
        for link in (AIR, TETHER):  # a beacon goes out on both; the tether costs nothing
            some = g.told(link, 20)
            most = (GATEWAYS_REPEATED, GATEWAYS_TOLD_MAX)[link]
            assert len(some) == len({gateway for gateway, _, _ in some}) == most
            told[link].update(some)
    for link in (AIR, TETHER):
        assert sorted(told[link]) == [(gateway, 1, gateway + 1) for gateway in range(1, 12)]


def test_a_beat_is_owed_until_it_is_told_on_the_air():
    """Beacons of others with the same digest suppress mine; they may not know this."""
    g = Gradients(bytes(6), False)
    assert not g.untold
    g.heard(Near, [(1, 1, 0)], 10)
    assert g.untold
    g.told(TETHER, 11)
    assert g.untold
    g.told(AIR, 12)
    assert not g.untold


def test_who_is_gone_stays_gone_however_long_nobody_says_anything():
    g = Gradients(bytes(6), False)
    g.heard(Near, [(1, 1, 0)], 10)
    for now_s in range(400, 300_000, 60):
        assert not g.told(AIR, now_s)


def test_dead_gateways_give_way_to_a_living_one():
    g = Gradients(bytes(6), False)
    for gateway in range(GATEWAYS_MAX):
        g.heard(Near, [(gateway, 1, 0)], 10 + gateway)
    assert not g.heard(Near, [(99, 1, 0)], 1000)
    assert g.heard(Near, [(99, 1, 0)], 10 + FORGET_S + 4)
    assert g.beats.distance(99, 10 + FORGET_S + 4) == 1
