"""Who is a neighbour: the handshake, replays, reboots, a crowded table."""

from mesh_in_a_box import AIR, Box, address, ecb

# isort: split
from checks import NOTHING, mid, whole

from shared_protocol import beacon, frame, parcel
from shared_protocol.frame import FrameCipher
from shared_protocol.neighbours import Neighbour, Neighbours


def pair(seed=1):
    """Two nodes that have met."""
    box = Box(seed)
    box.log = []
    box.add(1, capacity=24)
    box.add(2, capacity=24)
    box.join(1, 2)
    assert box.run(5000, lambda: box.fresh(1) and box.fresh(2))
    return box


def counters(box, number):
    """The send counters in the log of a node's frames."""
    cipher = FrameCipher(box.key, 0, ecb)
    return [cipher.open(address(n), data)[1] for n, _, data in box.log if n == number]


def test_no_parcel_before_freshness():
    box = Box()
    node = box.add(1, capacity=24)
    body = parcel.join(1, 0, None, whole(1))
    box.hear(1, 2, frame.PARCEL, 1, body)
    box.hear(1, 2, frame.BEACON, 2, beacon.encode(0, 5, NOTHING, []))
    box.hear(1, 2, frame.PARCEL, 3, body)
    wrong = (node.greeting._challenge + 1) & 0x7FFFFF
    box.hear(1, 2, frame.BEACON, 4, beacon.encode(0, 5, NOTHING, [(address(1)[3:], 0, wrong)]))
    other = [(address(3)[3:], 0, node.greeting._challenge)]
    box.hear(1, 2, frame.BEACON, 5, beacon.encode(0, 5, NOTHING, other))
    box.hear(1, 2, frame.PARCEL, 6, body)
    assert node.stats["not_fresh"] == 3
    assert node.index.size == 0
    assert not box.fresh(1)
    right = [(address(1)[3:], 0, node.greeting._challenge)]
    box.hear(1, 2, frame.BEACON, 7, beacon.encode(0, 5, NOTHING, right))
    box.hear(1, 2, frame.PARCEL, 8, body)
    assert node.index.size == 1
    assert box.fresh(1) == 1


def test_a_node_does_not_hear_itself():
    box = Box()
    box.add(1, capacity=24)
    box.hear(1, 1, frame.BEACON, 1, beacon.encode(0, 5, NOTHING, []))
    assert box.nodes[1].neighbours.all == []


def test_replays_are_refused():
    box = pair()
    box.nodes[2].submit(whole(1), 0, 0, box.now_ms)
    assert box.run(3000, lambda: box.nodes[1].index.known == 1)
    node = box.nodes[1]
    heard = node.neighbours.all[0].heard_ms
    box.run(50)
    frames = len([n for n, _, _ in box.log if n == 2])
    before = node.stats["replayed"]
    box.replay(1)
    assert node.stats["replayed"] - before == frames
    assert node.neighbours.all[0].heard_ms <= heard + 100
    assert len(node.events) == 1


def test_recorded_beacons_do_not_make_fresh_after_a_reboot():
    box = pair()
    box.nodes[2].submit(whole(1), 0, 0, box.now_ms)
    box.run(2000)
    box.stop(1)
    box.stop(2)
    box.stores.clear()
    node = box.add(1, capacity=24)
    box.replay(1)
    box.replay(1)
    assert box.fresh(1) == 0
    assert node.index.size == 0
    assert node.stats["not_fresh"] > 0


def test_recorded_beacons_do_not_make_fresh_after_a_silence():
    box = pair()
    box.stop(2)
    node = box.nodes[1]
    box.run(210_000)
    assert node.neighbours.all == []
    box.replay(1)
    assert box.fresh(1) == 0


def test_both_meet_again_after_a_silence():
    box = pair()
    lost = box.nodes.pop(2)
    box.run(210_000)
    assert box.fresh(1) == 0
    box.nodes[2] = lost
    assert box.run(70_000, lambda: box.fresh(1) and box.fresh(2))


def test_counters_rise_over_reboots():
    box = pair()
    for _ in range(3):
        box.stop(2)
        box.add(2, capacity=24)
        assert box.run(5000, lambda: box.fresh(2) == 1)
    box.nodes[1].submit(whole(1), 0, 0, box.now_ms)
    assert box.run(3000, lambda: box.nodes[2].index.known == 1)
    sent = counters(box, 2)
    assert all([sent[i] < sent[i + 1] for i in range(len(sent) - 1)])
    assert sent[-1] > 3 * 4096


def test_counters_are_reserved_before_they_are_used():
    box = pair()
    node = box.nodes[2]
    for _ in range(5000):
        last = node.clock.next_counter(AIR, box.now_ms)
        assert last <= node.shelf.clock.counter_limit
    box.stop(2)
    assert box.add(2, capacity=24).clock.next_counter(AIR, box.now_ms) > last


def test_a_reboot_of_one_is_noticed_by_it_and_mended():
    box = pair()
    box.stop(2)
    box.stores[2] = None
    box.nodes[1].submit(whole(1), 0, 0, box.now_ms)
    box.stores.pop(2)
    box.run(1000)
    clock = box.nodes[1].shelf.clock  # as a board with its counter kept and its parcels lost
    node = box.add(2, capacity=24)
    node.clock._counters = [clock.counter_limit] * 2
    assert box.run(70_000, lambda: node.shelf.rows_of(mid(1)))


def test_the_counter_window():
    n = Neighbour(AIR, address(2), 1, 0)
    n.freshen(100)
    assert n.replayed(100)
    assert n.replayed(99)
    assert n.replayed(1)
    assert not n.replayed(130)
    assert not n.replayed(101)
    assert n.replayed(101)
    assert not n.replayed(129)
    assert n.replayed(129)
    assert n.replayed(100)
    assert not n.replayed(135)
    assert not n.replayed(106)
    assert n.replayed(105)
    assert n.replayed(130)
    assert not n.replayed(10_000)
    assert n.replayed(129)
    assert not n.replayed(9999)
    n.freshen(5)
    assert n.replayed(5)


def test_a_full_table_gives_way_to_the_unproven_only():
    table = Neighbours()
    for i in range(30):
        n = table.add(AIR, address(i), 0)
        assert n.bit == 1 << i
        n.fresh = i < 10
    assert table.add(AIR, address(99), 0) is None
    assert table.lapsed(5000) == []
    assert len(table.lapsed(5001)) == 20
    assert len(table.all) == 10
    assert table.add(AIR, address(99), 5001).bit == 1 << 10
    assert table.mask() == 0x3FF
    assert len(table.unlink(AIR)) == 11
    assert table.mask() == 0


def test_ghosts_do_not_starve_a_newcomer_of_its_echo():
    """More silent unproven neighbours than a beacon has echoes: the sixteenth gets its turn."""
    box = Box()
    node = box.add(1, capacity=24)
    for number in range(10, 28):
        box.hear(1, number, frame.BEACON, 1, beacon.encode(0, number, NOTHING, []))
    echoed = {}
    for _ in range(2):
        for tail, _, challenge in beacon.decode(node.greeting.beacon_body(AIR, box.now_ms)).echoes:
            echoed[tail[2]] = challenge
    assert sorted(echoed) == list(range(10, 28))
    assert all([echoed[number] == number for number in echoed])
