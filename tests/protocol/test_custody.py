"""The forwarding window: when a piece may leave it. One node among neighbours played by us."""

from mesh_in_a_box import Box, address

# isort: split
from checks import NOTHING, held_indices, mid, piece, receipt_of

from shared_protocol import beacon, frame, parcel, sync
from shared_protocol.custody import LINGER_S
from shared_protocol.parcel_index import SEEN, WINDOW

K, N = 8, 10


class Bench:
    """Node 1 with neighbours 2 (upstream), 3, 4 that exist only as frames."""

    def __init__(self, neighbours=(2, 3, 4)):
        self.box = Box()
        self.node = self.box.add(1, capacity=32)
        self.counter = 1
        for number in neighbours:
            echo = [(address(1)[3:], 0, self.node.greeting._challenge)]
            self.say(number, frame.BEACON, beacon.encode(0, number, NOTHING, echo))
        assert self.box.fresh(1) == len(neighbours)

    def say(self, number, kind, body):
        self.counter += 1
        self.box.hear(1, number, kind, self.counter, body)

    def send(self, number, index, hops):
        self.say(number, frame.PARCEL, parcel.join(hops, 0, None, piece(1, index, K, N)))

    def have(self, number, index, hops):
        self.say(number, frame.HAVE, sync.encode_have([(self.short(index), hops)]))

    def short(self, index):
        return self.node.shelf.short_of(piece(1, index, K, N))

    def state(self, index):
        row = self.node.index.find(self.short(index))
        return -1 if row < 0 else self.node.index.state[row]

    def window(self):
        return [i for i in range(N) if self.state(i) == WINDOW]

    def fill(self):
        """All pieces from upstream, at hops 1; those in the window."""
        for index in range(N):
            self.send(2, index, 1)
        return self.window()

    def frames(self):
        """(type, body) of what the node sends now."""
        found = []
        self.node.poll(self.box.now_ms)
        while True:
            data = self.node.next_frame(0, self.box.now_ms)
            if data is None:
                return found
            kind, _, body = self.node.cipher.open(address(1), data)
            found.append((kind, body))


def test_the_window_fills_and_refuses():
    bench = Bench()
    assert len(bench.fill()) == 3
    assert len(held_indices(bench.node.shelf, 1)) == K - 1
    assert bench.node.stats["refused"] == 3
    flags = beacon.decode(bench.node.greeting.beacon_body(0, bench.box.now_ms)).flags
    assert flags & beacon.FULL


def test_a_list_is_no_proof():
    bench = Bench()
    index = bench.fill()[0]
    for number in (3, 4):
        bench.say(number, frame.LIST, sync.encode_list(0, sync.ID_MAX, [bench.short(index)]))
    bench.box.run(20_000)
    assert bench.state(index) == WINDOW


def test_a_have_from_farther_and_everybody_served_frees_at_once():
    bench = Bench()
    index = bench.fill()[0]
    bench.have(3, index, 2)
    assert bench.state(index) == WINDOW  # neighbour 4 has not got it from anybody
    bench.have(4, index, 2)
    assert bench.state(index) == SEEN
    bench.send(2, next(i for i in range(N) if bench.state(i) < 0), 1)
    assert len(bench.window()) == 3


def test_a_have_from_nearer_or_beside_frees_nothing():
    bench = Bench()
    index = bench.fill()[0]
    for number, hops in ((2, 0), (3, 1), (4, 1)):
        bench.have(number, index, hops)
    bench.box.run(20_000)
    assert bench.state(index) == WINDOW


def test_passing_on_is_as_good_as_a_have():
    bench = Bench((2, 3))
    index = bench.fill()[0]
    bench.send(3, index, 3)  # at 2 hops with it, 3 when it arrives here
    assert bench.state(index) == SEEN


def test_an_echo_of_the_same_distance_is_not():
    bench = Bench((2, 3))
    index = bench.fill()[0]
    bench.send(3, index, 2)
    bench.box.run(20_000)
    assert bench.state(index) == WINDOW


def test_it_lingers_only_so_long_for_those_who_never_answer():
    bench = Bench()
    index = bench.fill()[0]
    bench.have(3, index, 2)
    bench.box.run((LINGER_S - 1) * 1000)
    assert bench.state(index) == WINDOW
    bench.box.run(2500)
    assert bench.state(index) == SEEN


def test_own_slots_never_leave():
    bench = Bench()
    window = bench.fill()
    slots = [i for i in held_indices(bench.node.shelf, 1) if i not in window]
    assert len(slots) == 4
    for index in slots:
        for number in (3, 4):
            bench.have(number, index, 9)
    bench.box.run(20_000)
    assert held_indices(bench.node.shelf, 1) == sorted(slots + window)


def test_what_is_taken_is_acknowledged():
    bench = Bench()
    bench.frames()
    bench.send(2, 0, 1)
    bench.box.now_ms += 200
    haves = [sync.decode_have(body) for kind, body in bench.frames() if kind == frame.HAVE]
    kept = bench.state(0) >= 0
    assert haves == [[(bench.short(0), 1)]]
    assert kept


def test_what_is_refused_is_not_acknowledged():
    bench = Bench()
    bench.fill()
    told = []
    for _ in range(40):
        bench.box.now_ms += 100
        for kind, body in bench.frames():
            if kind == frame.HAVE:
                told += [short for short, _ in sync.decode_have(body)]
    refused = [i for i in range(N) if bench.state(i) < 0]
    assert len(refused) == 3
    assert len(set(told)) == 7
    assert not [i for i in refused if bench.short(i) in told]


def test_a_receipt_empties_the_window():
    bench = Bench()
    bench.fill()
    bench.say(3, frame.RECEIPTS, parcel.join(1, 0, None, receipt_of(1)))
    assert bench.node.shelf.rows_of(mid(1)) == []
    assert not bench.node.shelf.groups.any_full()
    assert bench.node.index.count_held() == 0


def test_doubtful_custody_is_asked_about_again():
    """Neighbour 3 lists it, so it has it, but its HAVE was lost: the piece is sent again."""
    bench = Bench((2, 3))
    index = bench.fill()[0]
    bench.frames()
    bench.say(3, frame.LIST, sync.encode_list(0, sync.ID_MAX, [bench.short(i) for i in ()]))
    bench.have(3, index, 1)
    sent = []
    for _ in range(80):
        bench.box.now_ms += 100
        sent += [body for kind, body in bench.frames() if kind == frame.PARCEL]
    assert len([body for body in sent if parcel.split(body)[3] == piece(1, index, K, N)]) >= 2
