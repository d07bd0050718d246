"""What a node asks for: one neighbour at a time, no more than three times, nothing it refused."""

from mesh_in_a_box import AIR, Box, address

# isort: split
from checks import NOTHING, mid, piece, receipt_of, whole

from shared_protocol import beacon, frame, parcel, sync
from shared_protocol.pull import Missing


class Bench:
    """Node 1; neighbour 2 exists only as frames."""

    def __init__(self, capacity=24):
        self.box = Box()
        self.node = self.box.add(1, capacity=capacity)
        self.counter = 0
        echo = [(address(1)[3:], 0, self.node.greeting._challenge)]
        self.say(frame.BEACON, beacon.encode(0, 9, NOTHING, echo))

    def say(self, kind, body):
        self.counter += 1
        self.box.hear(1, 2, kind, self.counter, body)

    def wants(self, ms):
        """The ids of each WANT in that time."""
        found = []
        for _ in range(ms // 10):
            self.box.now_ms += 10
            self.node.poll(self.box.now_ms)
            data = self.node.next_frame(AIR, self.box.now_ms)
            while data is not None:
                kind, _, body = self.node.cipher.open(address(1), data)
                if kind == frame.WANT:
                    found.append(sync.decode_want(body)[1])
                data = self.node.next_frame(AIR, self.box.now_ms)
        return found

    def list(self, ids):
        self.say(frame.LIST, sync.encode_list(0, sync.ID_MAX, sorted(ids)))


def test_asked_three_times_and_not_again_till_the_next_list():
    bench = Bench()
    bench.list([5])
    assert bench.wants(5000) == [(5,)] * 3
    bench.list([5])
    assert len(bench.wants(5000)) == 3


def test_what_has_come_is_not_asked_for_again():
    bench = Bench()
    bench.list([bench.node.shelf.short_of(whole(1)), 7])
    assert len(bench.wants(50)[0]) == 2
    bench.say(frame.PARCEL, parcel.join(1, 0, None, whole(1)))
    assert set(bench.wants(5000)) == {(7,)}


def test_of_a_tombstoned_message_neither():
    bench = Bench()
    bench.node.submit_receipt(receipt_of(1), 0, bench.box.now_ms)
    short = bench.node.shelf.short_of(whole(1))
    tomb = bench.node.index.short[bench.node.shelf.tombstone(mid(1))]
    bench.list([short, tomb])
    assert bench.wants(50) == [(short,)]
    bench.say(frame.PARCEL, parcel.join(1, 0, None, whole(1)))
    assert bench.wants(5000) == []


def test_a_refused_piece_is_not_asked_for_till_there_is_room():
    bench = Bench()
    for i in range(10):
        bench.say(frame.PARCEL, parcel.join(1, 0, None, piece(1, i)))
    shorts = [bench.node.shelf.short_of(piece(1, i)) for i in range(10)]
    refused = [s for s in shorts if bench.node.index.find(s) < 0]
    assert len(refused) == 3
    bench.list(shorts)
    assert bench.wants(5000) == []
    assert bench.node.pull.room_again()
    bench.list(shorts)
    assert set(bench.wants(100)[0]) <= set(refused)


def test_expiry_makes_room_for_what_was_refused():
    bench = Bench(2)
    for number in (1, 2):
        bench.node.submit(whole(number, priority=3, code=0), 0, 0, bench.box.now_ms)
    bench.say(frame.PARCEL, parcel.join(1, 0, None, whole(3, code=5)))
    short = bench.node.shelf.short_of(whole(3, code=5))
    bench.list([short])
    assert bench.wants(1000) == []
    for _ in range(650):
        bench.box.now_ms += 1000
        bench.node.poll(bench.box.now_ms)
        bench.node.neighbours.all[0].heard_ms = bench.box.now_ms
    assert bench.node.shelf.rows_of(mid(1)) == []
    bench.list([short])
    assert bench.wants(100) == [(short,)]


def test_missing_forgets_all_of_it():
    missing = Missing()
    for short in (1, 2, 3):
        missing.note(short, 1, 0)
    missing.asked([1, 2, 3])
    missing.clear()
    assert [missing.ids, missing.holders, missing.tries, missing.since_ms] == [[]] * 4
    missing.note(4, 2, 0)
    missing.note(4, 4, 0)
    missing.not_there(2)
    assert missing.of(4, [], 9) == [4]
    missing.not_there(4)
    assert missing.ids == []
