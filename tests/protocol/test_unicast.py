"""A parcel for a known gateway: down the gradient or over the map, one neighbour at a time."""

from mesh_in_a_box import AIR, TETHER, Box, address

# isort: split
from checks import mid, receipt_of, token, whole

from shared_protocol import frame, parcel, parcel_fields
from shared_protocol.cells import NO_CELL, apart
from shared_protocol.limits import UNDERWAY_MAX
from shared_protocol.parcel_index import PASSED, ROUTED, WHOLE
from shared_protocol.shelf import NEW
from shared_protocol.unicast import PATIENCE_MS

A, B = 100, 200  # gateways
LIFETIME = 6  # a code
SIX = 24 // 4  # receipts get a quarter of an index of 24


def routed(number, to=B, cell=NO_CELL, priority=1):
    """The immutable part of a message for a gateway."""
    b1 = parcel_fields.second_byte(LIFETIME, False, True, cell != NO_CELL)
    b0 = parcel.first_byte(parcel.MESSAGE, priority, False)
    way = address(to)[-3:] + (b"" if cell == NO_CELL else cell.to_bytes(3, "big"))
    return bytes((b0, b1)) + mid(number) + way + b"hello"


def for_b(immutable):
    """is_ours of a gateway where everybody lives."""
    return True


def mesh(pairs, loss_pct=0, cells=None, lives=for_b, seed=1):
    """Relays joined in pairs, gateway A at relay 1 and B at the last one, all acquainted."""
    box = Box(seed=seed, loss_pct=loss_pct)
    box.log = []
    last = max([b for _, b in pairs])
    for number in range(1, last + 1):
        cell = cells[number] if cells else NO_CELL
        box.add(number, capacity=24, gateway=False, cell=cell)
    for a, b in pairs:
        box.join(a, b)
    for gateway, relay in ((A, 1), (B, last)):
        box.add(gateway, lives, capacity=24, cell=cells[relay] if cells else NO_CELL)
        box.join(relay, gateway, TETHER)
    if cells:
        for node in box.nodes.values():
            node.gradients.told = silent
        box.run(20_000)
    else:
        assert box.run(200_000, lambda: away(box, A, B) < 63 and away(box, B, A) < 63)
        box.run(20_000)
    return box


def silent(link, now_s):
    """A gateway that does not make itself known."""
    return []


def away(box, number, gateway):
    node = box.nodes[number]
    return node.gradients.beats.distance(gateway, node.clock.now_s(box.now_ms))


def line(count, **options):
    return mesh([(i, i + 1) for i in range(1, count)], **options)


def state(box, number, message=1):
    """What a node does with a message: its row's state, None if it knows nothing of it."""
    index = box.nodes[number].index
    mid30 = int.from_bytes(mid(message)[:4], "big") >> 2
    found = [index.state[row] for row in index.rows() if index.mid30[row] == mid30]
    return found[0] if found else None


def sent(box, kind):
    """Which nodes sent frames of a kind on the air, in order."""
    cipher = box.nodes[A].cipher
    found = []
    for number, link, data in box.log:
        if link == AIR and cipher.open(address(number), data)[0] == kind:
            found.append(number)
    return found


def flooded(box):
    return sum([node.stats["unicasts_flooded"] for node in box.nodes.values()])


def arrived(box, gateway=B):
    return [event[1] for event in box.nodes[gateway].events if event[0] == "arrived"]


def test_each_relay_on_the_way_sends_it_once_and_nobody_else_has_it():
    box = mesh([(1, 2), (2, 3), (3, 4), (1, 5), (5, 6)])  # B is at 6, two hops by 5
    box.log.clear()
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: arrived(box) == [routed(1)])
    box.run(5000)
    assert sent(box, frame.UNICAST) == [1, 5]
    assert sent(box, frame.PARCEL) == []
    assert [state(box, n) for n in (1, 5, 6)] == [PASSED] * 3
    assert [state(box, n) for n in (2, 3, 4)] == [None] * 3
    assert state(box, B) == state(box, A) == ROUTED
    assert [box.nodes[n].index.known for n in (1, 5, 6)] == [0, 0, 0], "no beacon speaks of it"
    assert flooded(box) == 0


def acknowledged(box):
    return ("receipt", mid(1), token(1)) in box.nodes[A].events


def delivered(box):
    """A has written to B, who has it and says so."""
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: arrived(box))
    box.log.clear()
    box.nodes[B].submit_receipt(receipt_of(1, LIFETIME), 0, box.now_ms)


def test_the_receipt_goes_back_the_same_way_and_purges_it_and_nobody_else_hears_of_it():
    box = mesh([(1, 2), (2, 4), (1, 3)])  # 3 is aside
    delivered(box)
    assert box.run(5000, lambda: acknowledged(box))
    box.run(2 * PATIENCE_MS)
    assert flooded(box) == 0
    assert [node.index.count_held() for node in box.nodes.values()] == [0] * 6
    assert sent(box, frame.UNICAST) == [4, 2]
    assert sent(box, frame.RECEIPTS) == []
    assert box.nodes[3].index.size == 0
    assert [node.index.known for node in box.nodes.values()] == [0] * 6
    for number in (1, 2, 4):
        assert box.nodes[number].shelf.tombstone(mid(1)) >= 0


def test_a_receipt_that_finds_no_way_back_is_for_everybody():
    box = mesh([(1, 2), (2, 4), (1, 3), (3, 4)])
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: arrived(box))
    box.stop(2 if state(box, 2) is not None else 3)
    box.nodes[B].submit_receipt(receipt_of(1, LIFETIME), 0, box.now_ms)
    assert box.run(20_000, lambda: acknowledged(box))
    assert flooded(box) == 1


def test_a_receipt_on_its_way_back_meets_the_message_that_is_for_everybody_by_now():
    """The sender had no patience any more: then all the mesh has it, and wants to know."""
    box = line(4)
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: arrived(box))
    box.stop(2)
    box.nodes[B].submit_receipt(receipt_of(1, LIFETIME), 0, box.now_ms)
    box.run(PATIENCE_MS)
    assert state(box, 1) == WHOLE
    box.add(2, capacity=24, gateway=False)
    assert box.run(60_000, lambda: acknowledged(box))
    assert box.run(30_000, lambda: not any([n.index.count_held() for n in box.nodes.values()]))


def test_a_copy_that_comes_to_light_later_is_purged_too():
    """A relay on the way had lost its power, or two were made of one."""
    box = line(3)
    delivered(box)
    assert box.run(5000, lambda: acknowledged(box))
    box.add(4, capacity=24, gateway=False)
    box.join(4, 2)
    verdict, row = box.nodes[4].shelf.accept(1, 0, routed(1), 0)
    assert (verdict, state(box, 4)) == (NEW, WHOLE)
    assert box.run(60_000, lambda: not box.nodes[4].index.held(row))
    assert box.nodes[4].shelf.tombstone(mid(1)) >= 0


def test_every_loss_is_made_good_each_arrives_once_and_each_receipt_comes_back_once():
    box = line(5, loss_pct=30)
    for number in range(1, SIX + 1):
        box.nodes[A].submit(routed(number), 0, 0, box.now_ms)
        box.run(300)
    assert box.run(20_000, lambda: len(arrived(box)) == SIX)
    box.run(5000)
    assert sorted(arrived(box)) == sorted([routed(n) for n in range(1, SIX + 1)])
    for number in range(1, SIX + 1):
        box.nodes[B].submit_receipt(receipt_of(number, LIFETIME), 0, box.now_ms)
    assert box.run(20_000, lambda: box.nodes[A].index.count_held() == 0)
    back = [event for event in box.nodes[A].events if event[0] == "receipt"]
    assert len(back) == SIX


def test_without_a_receipt_everybody_gets_it_after_a_while():
    box = line(3)
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    box.run(PATIENCE_MS - 5000)
    assert state(box, 2) == PASSED
    assert box.run(15_000, lambda: state(box, 2) == state(box, B) == WHOLE)
    assert flooded(box) == 1


def test_a_neighbour_that_is_gone_is_gone_round_and_with_no_other_it_is_for_everybody():
    box = mesh([(1, 2), (2, 4), (1, 3), (3, 4)])
    first = box.nodes[1].neighbours.all
    quick = next(n.address[-1] for n in first if n.link == AIR)
    box.stop(quick)
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: arrived(box))
    assert flooded(box) == 0
    box.stop(5 - quick)
    box.nodes[A].submit(routed(2), 0, 0, box.now_ms)
    assert box.run(10_000, lambda: state(box, 1, 2) == WHOLE), "it waits for whoever comes"


def test_a_relay_that_loses_its_power_floods_what_it_had():
    """What it was sending it does not know any more; its store does."""
    box = line(4)
    box.stop(3)
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(3000, lambda: state(box, 2) == ROUTED)
    box.stop(2)
    box.add(2, capacity=24, gateway=False)
    assert state(box, 2) == WHOLE
    box.add(3, capacity=24, gateway=False)
    assert box.run(60_000, lambda: arrived(box))


def test_a_gateway_that_starts_again_keeps_what_came_to_it_alone_to_itself():
    box = line(2)
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: arrived(box))
    box.run(1000)
    box.stop(B)
    box.add(B, for_b, capacity=24)
    assert state(box, B) == ROUTED
    box.run(20_000)
    assert state(box, 1) == state(box, 2) == PASSED


def test_a_second_copy_by_another_way_is_answered_and_floods_nothing():
    """Lost acknowledgements make two of one."""
    box = mesh([(1, 2), (2, 4), (1, 3), (3, 4)])
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: arrived(box))
    box.run(3000)
    by = 3 if state(box, 2) == PASSED else 2
    counter = box.nodes[4].neighbours.find(AIR, address(by))._highest + 50
    for i in range(2, 5):  # as far as the first copy, and as if it had come farther
        body = address(4)[-2:] + parcel.join(i, 0, None, routed(1))
        box.hear(4, by, frame.UNICAST, counter + i, body)
        box.run(3000)
    assert len(arrived(box)) == 1
    assert flooded(box) == 0
    assert state(box, 4) == PASSED


def test_with_sixteen_under_way_a_relay_leaves_the_next_to_others():
    box = line(3)
    box.stop(3)
    counter = box.nodes[2].neighbours.find(AIR, address(1))._highest + 50
    for number in range(1, 19):
        body = address(2)[-2:] + parcel.join(1, 0, None, routed(number))
        box.hear(2, 1, frame.UNICAST, counter + number, body)
    node = box.nodes[2]
    assert len(node.unicast.journeys) == UNDERWAY_MAX == 16
    assert node.index.count_held() == 16, "nothing else was taken, so nothing had to give way"
    assert node.stats["refused"] == 2


def test_what_goes_alone_does_not_give_way_on_a_full_relay():
    box = line(3)
    box.stop(3)
    counter = box.nodes[2].neighbours.find(AIR, address(1))._highest + 50
    box.hear(2, 1, frame.UNICAST, counter, address(2)[-2:] + parcel.join(1, 0, None, routed(1)))
    for number in range(2, 60):
        box.nodes[2].submit(whole(number), 0, 0, box.now_ms)
    assert box.nodes[2].shelf.evicted > 0
    assert state(box, 2) == ROUTED


def test_a_neighbour_that_does_not_answer_is_left_after_twelve_times_also_on_the_way_back():
    cells = [at(10 * n, 0) for n in range(4)]
    box = mesh([(1, 2), (2, 3)], cells=cells)
    box.stop(3)
    counter = box.nodes[2].neighbours.find(AIR, address(1))._highest + 50
    box.stop(1)
    box.log.clear()
    body = address(2)[-2:] + parcel.join(1, 0, None, routed(1, cell=cells[3]))
    box.hear(2, 1, frame.UNICAST, counter, body)
    assert box.run(8000, lambda: state(box, 2) == WHOLE)
    assert len(sent(box, frame.UNICAST)) <= 12


def test_somebody_who_lives_elsewhere_now_is_looked_for_everywhere():
    box = line(3, lives=lambda immutable: False)
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: state(box, 1) == state(box, 2) == WHOLE)


def test_an_sos_and_a_message_for_nobody_known_go_to_everybody():
    box = line(3)
    box.nodes[A].submit(routed(1, priority=3), 0, 0, box.now_ms)
    box.nodes[A].submit(routed(2, to=77), 0, 0, box.now_ms)
    assert box.run(5000, lambda: state(box, B, 1) == state(box, B, 2) == WHOLE)
    assert sent(box, frame.UNICAST) == []


def test_a_receipt_that_is_there_already_answers():
    box = line(3)
    box.nodes[2].submit_receipt(receipt_of(1, LIFETIME), 0, box.now_ms)
    box.nodes[A].submit(routed(1), 0, 0, box.now_ms)
    assert box.run(5000, lambda: acknowledged(box))
    assert arrived(box) == []


def test_garbage_is_counted():
    box = line(2)
    node = box.nodes[2]
    counter = node.neighbours.find(AIR, address(1))._highest + 50
    to = address(2)[-2:]
    plain = parcel.join(1, 0, None, bytes((0, 0x60)) + mid(3) + b"no route")
    piece = parcel.join(1, 0, None, bytes((1, 0x68)) + mid(3) + bytes((0, 2, 3, 0)) + b"tag!gwy")
    bodies = (b"", b"\0", to, to + plain, to + piece, to + parcel.join(1, 0, None, routed(4)[:16]))
    for i in range(len(bodies)):
        box.hear(2, 1, frame.UNICAST, counter + i, bodies[i])
    assert node.stats["bad_bodies"] == len(bodies)
    assert node.index.size == 0


# --- over the map


def at(column, row):
    return column << 12 | row


def test_cells_are_apart_by_the_shorter_way_round():
    assert apart(at(3, 4), at(0, 0)) == 25
    assert apart(at(0, 0), at(0xFFF, 0xFFF)) == 2
    assert apart(at(0, 0), at(0x800, 0x800)) == 0x800 * 0x800 * 2


def test_without_gradients_it_goes_where_it_is_nearer_and_back_from_a_dead_end():
    # B is at 7. From 1 the nearest way leads to 3, behind which there is nobody.
    #     2 - 3
    # 1 <             7
    #     4 - 5 - 6 /
    places = ((0, 0), (0, 0), (10, 0), (20, 0), (0, 10), (10, 20), (20, 20), (30, 0))
    cells = [at(*place) for place in places]
    box = mesh([(1, 2), (2, 3), (1, 4), (4, 5), (5, 6), (6, 7)], cells=cells)
    box.log.clear()
    box.nodes[A].submit(routed(1, cell=cells[7]), 0, 0, box.now_ms)
    assert box.run(8000, lambda: arrived(box))
    assert sent(box, frame.UNICAST) == [1, 2, 3, 2, 1, 4, 5, 6]
    box.nodes[B].submit_receipt(receipt_of(1, LIFETIME), 0, box.now_ms)
    assert box.run(8000, lambda: acknowledged(box))
    box.log.clear()
    box.nodes[A].submit(routed(2, cell=cells[7]), 0, 0, box.now_ms)
    assert box.run(8000, lambda: len(arrived(box)) == 2)
    assert sent(box, frame.UNICAST) == [1, 4, 5, 6], "the way of the receipt is remembered"
    assert flooded(box) == 0
    box.stop(4)
    box.nodes[A].submit(routed(3, cell=cells[7]), 0, 0, box.now_ms)
    assert box.run(20_000, lambda: state(box, 1, 3) == WHOLE), "and given up when it is closed"


def test_where_the_map_leads_nowhere_everybody_gets_it():
    cells = [at(n, 0) for n in range(5)]
    box = mesh([(1, 2), (2, 3), (3, 4)], cells=cells)
    box.stop(4)
    box.nodes[A].submit(routed(1, cell=cells[4]), 0, 0, box.now_ms)
    assert box.run(20_000, lambda: state(box, 1) == state(box, 2) == state(box, 3) == WHOLE)
