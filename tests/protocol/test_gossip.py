"""When a node passes something on, and what it makes of others' beacons. One node among
neighbours played by us; on the air, with messages that fit one parcel."""

from mesh_in_a_box import AIR, Box, address

# isort: split
from checks import NOTHING, receipt_of, whole

from shared_protocol import beacon, frame, parcel, sync
from shared_protocol.limits import DIFFERENCES_MAX
from shared_protocol.parcel_index import DEAD
from shared_protocol.sketch import Sketch

ME = 1


class Bench:
    """Node 1; its neighbours exist only as frames, and all of them hear it."""

    def __init__(self, neighbours=(2, 3, 4), start_ms=1000):
        self.box = Box()
        self.box.now_ms = start_ms
        self.node = self.box.add(ME, capacity=80)
        self.counters = {}
        for number in neighbours:
            self.beacon(number, NOTHING, True)
        assert self.box.fresh(ME) == len(neighbours)
        self.frames(20_000)

    def say(self, number, kind, body):
        self.counters[number] = self.counters.get(number, 0) + 1
        self.box.hear(ME, number, kind, self.counters[number], body)

    def beacon(self, number, digest, echo=False):
        echoes = [(address(ME)[3:], 0, self.node.greeting._challenge)] if echo else []
        self.say(number, frame.BEACON, beacon.encode(0, number, digest, echoes))

    def hello(self, number, *hears):
        self.say(number, frame.HELLO, b"".join([address(n)[-2:] for n in hears]))

    def parcel(self, number, which, priority=1):
        self.say(number, frame.PARCEL, parcel.join(1, 0, None, whole(which, priority=priority)))

    def short(self, which, priority=1):
        return self.node.shelf.short_of(whole(which, priority=priority))

    def holding(self, count):
        """The node wrote messages 0, 1, ... and has sent them; their short ids."""
        for which in range(count):
            self.node.submit(whole(which), 0, 0, self.box.now_ms)
        self.frames(4000)
        return [self.short(which) for which in range(count)]

    def frames(self, ms):
        """(type, body) of all that the node sends in this time."""
        found = []
        for _ in range(ms // 5):
            self.node.poll(self.box.now_ms)
            data = self.node.next_frame(AIR, self.box.now_ms)
            while data is not None:
                kind, _, body = self.node.cipher.open(address(ME), data)
                found.append((kind, body))
                data = self.node.next_frame(AIR, self.box.now_ms)
            self.box.now_ms += 5
        return found

    def kinds(self, ms):
        return [kind for kind, _ in self.frames(ms)]


def digest(shorts, sums=sync.BEACON_SUMS):
    """What a node that knows these would say."""
    from shared_protocol import gf30

    sketch = Sketch(gf30, 48)
    count = sketch.become(shorts)
    return sync.encode_sketch(count, sketch.odd, sketch.sums[:sums])


# --- push


def test_what_the_sender_reached_is_not_sent_again():
    bench = Bench()
    bench.hello(3, ME, 2)
    bench.hello(4, ME, 2)
    bench.parcel(2, 7)
    assert frame.PARCEL not in bench.kinds(600)


def test_who_alone_reaches_somebody_sends_at_once():
    bench = Bench((2, 3, 4))
    bench.hello(3, ME)
    bench.hello(4, ME, 2)  # 4 heard it too, and does not reach 3
    bench.parcel(2, 7)
    assert bench.kinds(30).count(frame.PARCEL) == 1
    assert frame.PARCEL not in bench.kinds(600)


def test_who_has_rivals_waits_for_them():
    bench = Bench((2, 3, 4))
    bench.hello(3, ME, 2)  # 3 heard the same copy
    bench.hello(4, ME, 3)  # and reaches 4, as I do
    bench.parcel(2, 7)
    assert frame.PARCEL not in bench.kinds(120)
    assert bench.kinds(100).count(frame.PARCEL) == 1


def test_a_rivals_copy_makes_mine_superfluous():
    bench = Bench((2, 3, 4))
    bench.hello(3, ME, 2)
    bench.hello(4, ME, 3)
    bench.parcel(2, 7)
    bench.frames(50)
    bench.parcel(3, 7)
    assert frame.PARCEL not in bench.kinds(600)


def test_what_comes_while_the_channel_is_busy_counts_too():
    bench = Bench((2, 3, 4))
    bench.hello(3, ME, 2)
    bench.hello(4, ME, 3)
    bench.parcel(2, 7)
    bench.box.now_ms += 400
    bench.node.poll(bench.box.now_ms)  # it is due, and waits for the channel
    bench.parcel(3, 7)
    assert frame.PARCEL not in bench.kinds(600)


def test_a_minority_is_left_to_pull_except_in_need():
    for priority, sent in ((1, 0), (3, 1)):
        bench = Bench(range(2, 10))
        for number in range(3, 7):
            bench.hello(number, ME, 2)
        for number in range(7, 10):
            bench.hello(number, ME)  # three of eight are not reached: 2 x 3 = 8 - 2
        bench.parcel(2, 7, priority)
        assert bench.kinds(600).count(frame.PARCEL) == sent, priority


def test_nobody_is_sent_to_who_does_not_hear_me():
    bench = Bench((2, 3))
    bench.hello(3, 9)
    bench.parcel(2, 7)
    assert frame.PARCEL not in bench.kinds(600)


def test_one_s_own_messages_are_paced_and_all_sent():
    bench = Bench((2, 3))
    for which in range(10):
        bench.node.submit(whole(which), 0, 0, bench.box.now_ms)
    assert 3 <= bench.kinds(200).count(frame.PARCEL) <= 5
    assert bench.kinds(400).count(frame.PARCEL) >= 5


def test_what_only_i_could_bring_keeps_my_beacons_coming():
    """Others' equal beacons do not silence a node that owes somebody."""
    for shown, least, most in ((False, 4, 9), (True, 0, 2)):
        bench = Bench((2, 3, 4))
        for number in (3, 4):
            bench.hello(number, ME)
        bench.hello(4, ME, 2)
        bench.parcel(2, 7)
        bench.frames(100)  # sent to 3, who says nothing
        mine = digest([bench.short(7)])
        count = 0
        for _ in range(150):
            bench.beacon(2, mine)
            bench.beacon(4, mine)
            if shown:
                bench.beacon(3, mine)
            count += bench.kinds(100).count(frame.BEACON)
        assert least <= count <= most, (shown, count)


def test_clocks_that_run_for_weeks():
    """Milliseconds since boot outgrow 30 bits after twelve days, and 32 after seven weeks."""
    for start_ms in (0x40000000 - 25_000, 0x100000000 - 25_000):
        bench = Bench((2, 3, 4), start_ms)
        bench.hello(3, ME, 2)
        bench.hello(4, ME, 3)
        for which in range(12):
            bench.parcel(2, which)
            assert frame.PARCEL not in bench.kinds(120), which
            assert bench.kinds(1000).count(frame.PARCEL) == 1, which


# --- who hears whom


def test_a_hello_names_those_heard_well():
    bench = Bench((2, 3))
    for _ in range(16):
        bench.counters[3] = bench.counters.get(3, 0) + 3  # three of four of its frames are lost
        bench.beacon(3, NOTHING)
    hellos = [body for kind, body in bench.frames(4000) if kind == frame.HELLO]
    assert hellos[-1] == address(2)[-2:]


def test_a_neighbour_that_is_gone_leaves_no_cover_behind():
    bench = Bench((2, 3))
    bench.hello(3, ME, 2)
    two = bench.node.neighbours.find(AIR, address(2))
    assert two.cover == bench.node.neighbours.find(AIR, address(3)).bit
    for _ in range(21):
        bench.frames(10_000)
        bench.beacon(2, NOTHING)
    assert bench.node.neighbours.find(AIR, address(3)) is None
    assert two.cover == 0


# --- what beacons tell


def test_a_small_difference_is_asked_for_from_the_beacon_alone():
    bench = Bench((2, 3))
    bench.beacon(2, digest([5, 6, 7]))
    sent = bench.frames(700)
    wants = [sync.decode_want(body) for kind, body in sent if kind == frame.WANT]
    assert wants[0][0] == address(2)[3:]
    assert sorted(wants[0][1]) == [5, 6, 7]
    kinds = [kind for kind, _ in sent]
    assert frame.SKETCH_REQUEST not in kinds
    assert frame.LIST not in kinds


def test_a_larger_one_asks_for_more_sums_and_decodes_those():
    bench = Bench((2,))
    known = bench.holding(40)
    theirs = known[:33]
    theirs.extend([11, 12, 13])
    bench.beacon(2, digest(theirs))
    asked = [body for kind, body in bench.frames(100) if kind == frame.SKETCH_REQUEST]
    whose, sums = sync.decode_request(asked[0])
    assert whose == address(2)[-1]
    assert 10 <= sums <= DIFFERENCES_MAX
    more = sync.decode_sketch(digest(theirs, sums))[2][sync.BEACON_SUMS :]
    bench.say(2, frame.SKETCH_MORE, sync.pack(more))
    wants = [sync.decode_want(body)[1] for kind, body in bench.frames(500) if kind == frame.WANT]
    assert sorted(wants[0]) == [11, 12, 13]


def test_of_one_sum_nothing_is_concluded():
    bench = Bench((2,))
    known = bench.holding(12)
    bench.beacon(2, digest(known[:11], sync.QUIET_SUMS))
    assert frame.SKETCH_REQUEST in bench.kinds(100)


def test_a_question_that_somebody_else_asked_is_not_repeated():
    bench = Bench((2, 3))
    for which in range(40):
        bench.node.submit(whole(which), 0, 0, bench.box.now_ms)
    bench.frames(4000)
    bench.beacon(2, digest([bench.short(which) for which in range(30)]))
    bench.say(3, frame.SKETCH_REQUEST, sync.encode_request(address(2)[-1], 40))
    assert frame.SKETCH_REQUEST not in bench.kinds(100)


def test_answers_continue_the_beacon_while_it_holds():
    bench = Bench((2,))
    for which in range(6):
        bench.node.submit(whole(which), 0, 0, bench.box.now_ms)
    told = [b for kind, b in bench.frames(3000) if kind == frame.BEACON][-1]
    request = sync.encode_request(address(ME)[-1], 20)
    bench.say(2, frame.SKETCH_REQUEST, request)
    ((kind, more),) = bench.frames(10)
    whole_sketch = digest([bench.short(which) for which in range(6)], 20)
    first = sync.decode_sketch(beacon.decode(told).digest)[2]
    assert kind == frame.SKETCH_MORE
    assert first + sync.decode_sums(more) == sync.decode_sketch(whole_sketch)[2]
    bench.say(2, frame.SKETCH_REQUEST, request)
    assert frame.SKETCH_MORE not in bench.kinds(60), "two questions at once have one answer"
    bench.node.submit(whole(6), 0, 0, bench.box.now_ms)
    bench.say(2, frame.SKETCH_REQUEST, request)
    sent = dict(bench.frames(10))
    assert sent[frame.SKETCH] == digest([bench.short(which) for which in range(7)], 20)


def test_a_huge_difference_is_listed():
    bench = Bench((2,))
    bench.beacon(2, digest(range(1, 100)))
    assert frame.LIST in bench.kinds(200)


def test_receipts_go_first_and_nothing_is_wanted():
    bench = Bench((2,))
    bench.node.submit_receipt(receipt_of(1), 0, bench.box.now_ms)
    bench.frames(2000)
    bench.beacon(2, digest([bench.short(1), 9]))
    kinds = bench.kinds(600)
    assert frame.RECEIPTS in kinds
    assert frame.WANT not in kinds


def about_to_end():
    """A node, and the row of a parcel that it and its neighbour 3 hold for another minute."""
    bench = Bench((2, 3))
    bench.parcel(2, 7)
    bench.beacon(3, digest([bench.short(7)]))
    row = bench.node.index.find(bench.short(7))
    bench.frames(2000)
    bench.node.index.expires_s[row] = bench.node.clock.now_s(bench.box.now_ms) + 60
    return bench, row


def test_what_is_about_to_end_is_retired_rather_than_offered():
    bench, row = about_to_end()
    bench.beacon(2, NOTHING)
    assert bench.node.index.state[row] == DEAD


def test_an_overheard_want_postpones_mine():
    bench = Bench((2, 3))
    bench.beacon(2, digest([5]))
    bench.frames(100)
    for _ in range(20):
        bench.say(3, frame.WANT, sync.encode_want(address(2)[3:], [5]))
        assert frame.WANT not in bench.kinds(50)
    assert frame.WANT in bench.kinds(400)
