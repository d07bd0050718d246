"""Differences that must come to an end: what once kept two nodes apart, or busy, for ever."""

from mesh_in_a_box import AIR, Box, address

# isort: split
from checks import NOTHING, mid, receipt_of, whole
from test_gossip import ME, Bench, about_to_end, digest

from shared_protocol import frame, sync


def fill(node, box, numbers):
    """The node has got these messages, without telling anybody."""
    for number in numbers:
        node.shelf.accept(0, 0, whole(number), node.clock.now_s(box.now_ms))


def full_and_empty():
    """A node with 140 messages and one with none, not joined yet."""
    box = Box()
    one, two = box.add(1, capacity=150), box.add(2, capacity=150)
    fill(one, box, range(140))
    return box, one, two


def test_a_receipt_that_nobody_takes_any_more_does_not_stop_the_pull():
    """It is kept for an hour longer than others take it, as a tombstone."""
    box = Box()
    one, two = box.add(1, capacity=24), box.add(2, capacity=24)
    one.submit(whole(1, code=0), 0, 147, box.now_ms)  # ten minutes of life, ten seconds left
    one.submit_receipt(receipt_of(1, code=0), 147, box.now_ms)
    box.run(60_000)
    fill(two, box, range(2, 5))
    box.join(1, 2)
    assert box.run(60_000, lambda: len([n for n in (2, 3, 4) if one.shelf.rows_of(mid(n))]) == 3)


def test_an_empty_node_beside_a_full_one_catches_up():
    box, _, two = full_and_empty()
    box.run(100_000)
    box.join(1, 2)
    assert box.run(60_000, lambda: two.index.count_held() == 140)


def test_what_was_passed_on_does_not_hide_what_is_held():
    box, one, two = full_and_empty()
    for row in list(one.index.rows())[:100]:
        one.shelf.drop(row)
    box.join(1, 2)
    assert box.run(60_000, lambda: two.index.count_held() == 40)


def test_what_is_dead_here_is_not_wanted_back():
    bench = Bench((2,))
    bench.parcel(2, 7)
    bench.frames(1000)
    bench.node.shelf.bury(bench.node.index.find(bench.short(7)), 1_000_000)
    bench.beacon(2, digest([bench.short(7)]))
    assert frame.WANT not in bench.kinds(1000)


def test_who_lacks_much_hears_my_beacon_soon():
    bench = Bench((2,))
    known = [bench.short(number) for number in range(12)]
    fill(bench.node, bench.box, range(12))
    for _ in range(3):
        bench.beacon(2, digest(known))
        bench.frames(60_000)
    fill(bench.node, bench.box, range(12, 22))
    bench.beacon(2, digest(known, sync.QUIET_SUMS))
    asked = [body for kind, body in bench.frames(70) if kind == frame.SKETCH_REQUEST]
    sums = sync.decode_sketch(digest(known, sync.decode_request(asked[0])[1]))[2]
    bench.say(2, frame.SKETCH_MORE, sync.pack(sums[sync.QUIET_SUMS :]))
    assert frame.BEACON in bench.kinds(1000)


def test_what_comes_by_itself_does_not_hurry_a_want():
    bench = Bench((2, 3))
    bench.beacon(2, digest([5, 6]))
    bench.frames(10)
    bench.parcel(3, 30)
    assert frame.WANT not in bench.kinds(100)


def test_a_record_gone_bad_is_no_fault():
    bench, _ = about_to_end()

    def gone_bad(handle):
        raise KeyError(handle)

    bench.node.shelf.store.get = gone_bad
    bench.beacon(2, NOTHING)
    assert bench.node.index.find(bench.short(7)) < 0


def test_a_restart_does_not_make_a_node_badly_heard():
    box = Box()
    box.add(1, capacity=24)
    two = box.add(2, capacity=24)
    box.join(1, 2)
    box.run(120_000)
    box.stop(1)
    box.add(1, capacity=24)
    box.run(4000)
    assert two.neighbours.find(AIR, address(1)).heard_well()
    for _ in range(40):
        box.run(500)
        assert box.nodes[1].neighbours.reached_mask[AIR]


def test_unasked_sketches_are_not_decoded():
    bench = Bench((2,))
    fill(bench.node, bench.box, range(30))
    bench.frames(3000)
    decoded = []
    decoder = bench.node.index.decoder
    honest = decoder.decode

    def counted(sums, odd, net, is_mine):
        decoded.append(len(sums))
        return honest(sums, odd, net, is_mine)

    decoder.decode = counted
    for _ in range(20):
        bench.say(2, frame.SKETCH, digest(range(1, 30), 40))
        bench.say(2, frame.SKETCH_MORE, bytes(150))
        bench.beacon(2, digest(range(1, 30), 15))
    assert decoded == [sync.BEACON_SUMS], "the same beacon only once, and only its first sums"


def test_a_push_that_the_link_forgot_is_no_copy_on_its_way():
    bench = Bench((2, 3))
    bench.hello(3, ME)
    bench.parcel(2, 7)
    bench.box.now_ms += 600
    bench.node.poll(bench.box.now_ms)
    bench.node.link_down(AIR)
    bench.node.link_up(AIR, bench.box.now_ms)
    bench.counters = {}
    bench.beacon(2, NOTHING, True)
    bench.frames(2000)
    row = bench.node.index.find(bench.short(7))
    two = bench.node.neighbours.find(AIR, address(2))
    assert bench.node.push.lacks(two, row, bench.box.now_ms)


def test_who_takes_a_place_is_not_taken_for_its_predecessor():
    bench = Bench((2, 3))
    bench.parcel(2, 7)
    bench.frames(1000)
    bench.node.link_down(AIR)
    bench.node.link_up(AIR, bench.box.now_ms)
    bench.counters = {}
    bench.beacon(6, NOTHING, True)
    assert bench.node.push.owed(bench.box.now_ms)


def test_a_hello_of_a_crowd_is_refused():
    bench = Bench((2, 3))
    bench.say(2, frame.HELLO, bytes(2 * 31))
    assert bench.node.stats["bad_bodies"] == 1
