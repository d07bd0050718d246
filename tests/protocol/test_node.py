"""Two or three nodes: push, pull, receipts, quiet."""

from mesh_in_a_box import AIR, TETHER, Box, address

# isort: split
from checks import mid, piece, receipt_of, token, whole

from shared_protocol import frame, parcel
from shared_protocol.shelf import NEW, TOMBSTONED


def chain(count, seed=1, loss_pct=0):
    """Nodes 1.. in a line, all fresh."""
    box = Box(seed, loss_pct)
    for i in range(1, count + 1):
        box.add(i, capacity=24)
        if i > 1:
            box.join(i - 1, i)
    wanted = [1] + [2] * (count - 2) + [1]
    assert box.run(120_000, lambda: [box.fresh(i) for i in box.nodes] == wanted)
    return box


def have(box, number):
    """Which nodes hold message `number`."""
    nodes = box.nodes
    return [
        i
        for i in sorted(nodes)
        if any([nodes[i].index.held(r) for r in nodes[i].shelf.rows_of(mid(number))])
    ]


def test_push_is_quick():
    box = chain(3)
    assert box.nodes[1].submit(whole(1), 0, 0, box.now_ms) == NEW
    assert box.run(300, lambda: have(box, 1) == [1, 2, 3])
    kind, immutable, hops = box.nodes[3].events[0]
    assert (kind, immutable, hops) == ("arrived", whole(1), 2)
    assert box.nodes[1].events == []


def test_priority_is_no_matter_of_the_way():
    """SOS travels like everything else; only eviction asks for the priority."""
    box = chain(3)
    box.nodes[1].submit(whole(1, priority=3), 0, 0, box.now_ms)
    box.nodes[1].submit(whole(2, priority=0), 0, 0, box.now_ms)
    assert box.run(500, lambda: have(box, 1) == have(box, 2) == [1, 2, 3])


def test_a_late_comer_pulls_what_it_missed():
    box = chain(2)
    for number in range(1, 9):
        box.nodes[1].submit(whole(number), 0, 0, box.now_ms)
    box.run(30_000)
    box.add(3, capacity=24)
    box.join(2, 3)
    everything = [3] * 8
    assert box.run(5000, lambda: [3 for n in range(1, 9) if 3 in have(box, n)] == everything)


def test_both_directions_at_once():
    box = chain(2)
    box.edges, edges = {}, box.edges
    for number in range(1, 7):
        box.nodes[1].submit(whole(number), 0, 0, box.now_ms)
        box.nodes[2].submit(whole(10 + number), 0, 0, box.now_ms)
    box.run(1000)
    box.edges = edges
    assert box.run(70_000, lambda: box.nodes[1].index.known == box.nodes[2].index.known == 12)
    assert box.nodes[1].index.sketch.sums[0] == box.nodes[2].index.sketch.sums[0]


def test_losses_are_pulled():
    for seed in (1, 2):
        box = chain(3, seed, 40)
        for number in range(1, 6):
            box.nodes[1].submit(whole(number), 0, 0, box.now_ms)
        assert box.run(120_000, lambda box=box: box.nodes[3].index.known == 5)


def test_receipts_purge_everywhere_and_reach_the_sender():
    box = chain(3)
    box.nodes[1].submit(whole(1), 0, 0, box.now_ms)
    box.run(1000)
    assert box.nodes[3].submit_receipt(receipt_of(1), 0, box.now_ms) == NEW
    assert box.run(500, lambda: have(box, 1) == [])
    assert box.nodes[1].events == [("receipt", mid(1), token(1))]
    assert [box.nodes[i].index.known for i in (1, 2, 3)] == [1, 1, 1]
    assert box.nodes[2].submit(whole(1, b"more"), 0, 0, box.now_ms) == TOMBSTONED


def test_a_receipt_finds_who_was_away():
    """The middle is off when the receipt comes, and back again later with the message."""
    box = chain(3)
    box.nodes[1].submit(whole(1), 0, 0, box.now_ms)
    box.run(1000)
    box.stop(2)
    box.nodes[3].submit_receipt(receipt_of(1), 0, box.now_ms)
    box.run(5000)
    assert have(box, 1) == [1]
    box.add(2, capacity=24)
    assert have(box, 1) == [1, 2]
    assert box.run(70_000, lambda: have(box, 1) == [] and box.nodes[1].events != [])


def test_a_parcel_of_a_tombstoned_message_is_answered_with_the_receipt():
    box = chain(2)
    box.nodes[2].submit_receipt(receipt_of(1), 0, box.now_ms)
    box.run(1000)
    box.log = []
    neighbour = box.nodes[2].neighbours.all[0]
    counter = neighbour._highest + 50
    box.hear(2, 1, frame.PARCEL, counter, parcel.join(1, 0, None, whole(1)))
    box.run(100)
    assert box.nodes[2].shelf.rows_of(mid(1)) == []
    assert [number for number, _, data in box.log if data[0] & 15 == frame.RECEIPTS] == [2]


def test_a_receipt_in_a_parcel_frame_and_unknown_kinds():
    box = chain(2)
    node = box.nodes[2]
    counter = node.neighbours.all[0]._highest + 50
    body = parcel.join(1, 0, None, b"\x08\xa0" + token(1))
    box.hear(2, 1, frame.PARCEL, counter, body)
    assert node.stats["bad_bodies"] == 1
    assert node.index.size == 0
    statement = bytes((parcel.first_byte(parcel.STATEMENT, 1, False), 0x60)) + mid(3) + b"text"
    box.hear(2, 1, frame.PARCEL, counter + 1, parcel.join(1, 0, None, statement))
    assert node.stats["unknown_kinds"] == 1
    assert node.index.count_held() == 1
    box.hear(2, 1, 15, counter + 2, b"")
    assert node.stats["unknown_types"] == 1


def test_equal_stores_go_quiet():
    box = chain(3)
    for number in range(1, 6):
        box.nodes[2].submit(whole(number), 0, 0, box.now_ms)
    box.run(130_000)
    box.log = []
    box.run(300_000)
    kinds = [data[0] & 15 for _, _, data in box.log]
    assert set(kinds) == {frame.BEACON, frame.HELLO}
    assert kinds.count(frame.BEACON) <= 2 * 3 * 10
    assert kinds.count(frame.HELLO) <= 3 * 6


def test_a_full_relay_still_listens():
    """A queue of events nobody fetches is bounded, and the newest are kept."""
    box = chain(2)
    for number in range(300):
        box.nodes[1].event("arrived", number)
    assert len(box.nodes[1].events) == 256
    assert box.nodes[1].stats["events_lost"] == 44
    assert box.nodes[1].events[-1] == ("arrived", 299)


def test_the_tether_is_a_link_of_its_own():
    box = Box()
    box.add(1, capacity=24)
    box.add(2, capacity=24, gateway=True)
    box.join(1, 2, TETHER)
    assert box.run(3000, lambda: box.fresh(1) and box.fresh(2))
    assert box.nodes[1].neighbours.find(AIR, address(2)) is None
    box.nodes[2].submit(whole(1), 0, 0, box.now_ms)
    assert box.run(500, lambda: have(box, 1) == [1, 2])
    box.nodes[1].link_down(TETHER)
    assert box.fresh(1) == 0
    assert box.nodes[1].next_frame(TETHER, box.now_ms) is None
    box.nodes[1].link_up(TETHER, box.now_ms)
    box.nodes[2].link_down(TETHER)
    box.nodes[2].link_up(TETHER, box.now_ms)
    assert box.run(3000, lambda: box.fresh(1) and box.fresh(2))


def test_expiry_is_told():
    box = chain(2)
    box.nodes[1].submit(whole(1, code=0), 0, 0, box.now_ms)
    assert box.run(700_000, lambda: ("expired", mid(1)) in box.nodes[2].events)
    assert have(box, 1) == [] or box.run(60_000, lambda: have(box, 1) == [])


def test_the_smallest_parcel_travels():
    box = chain(2)
    box.nodes[1].submit(whole(1, b""), 0, 0, box.now_ms)
    box.nodes[1].submit(piece(2, 0, text=b""), 0, 0, box.now_ms)
    assert box.run(500, lambda: have(box, 1) == [1, 2])


def test_a_link_that_is_down_keeps_nobody_awake():
    """Frames queued for nobody would have poll() wanted again at once, for ever."""
    box = Box()
    node = box.add(1)
    node.link_down(TETHER)
    node.submit(whole(1), 0, 0, box.now_ms)
    box.run(5000)
    node.poll(box.now_ms)
    assert node.next_frame(TETHER, box.now_ms) is None
    assert node.poll(box.now_ms) > 5
    node.link_up(TETHER, box.now_ms)
    assert node.next_frame(TETHER, box.now_ms) is not None
