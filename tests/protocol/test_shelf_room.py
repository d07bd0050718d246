"""The shelf without room: eviction, the share of receipts; and the shelf after a restart."""

from checks import held, held_indices, mid, new_shelf, piece, raises, receipt_of, whole

from shared_protocol import records, restart
from shared_protocol.ending import accept_receipt, sweep
from shared_protocol.errors import StoreFull
from shared_protocol.lifetime import LIFETIMES_S, age_unit_s
from shared_protocol.parcel_index import MATCHED, RECEIPT, SEEN, WINDOW
from shared_protocol.shelf import KNOWN, NEW, NO_ROOM, TOMBSTONED
from shared_protocol.store import MemoryStore

DAY = LIFETIMES_S[6]


def test_eviction_takes_the_lowest_priority_then_the_longest_kept():
    s = new_shelf(4)
    for number, priority in ((1, 2), (2, 0), (3, 1), (4, 0)):
        assert s.accept(1, 0, whole(number, priority=priority), 100 + number)[0] == NEW
    everything = (1, 2, 3, 4, 5, 6, 7, 8)
    s.accept(1, 0, whole(5), 200)
    assert held(s, everything) == [1, 3, 4, 5]
    s.accept(1, 0, whole(6), 201)
    assert held(s, everything) == [1, 3, 5, 6]
    s.accept(1, 0, whole(7), 202)
    assert held(s, everything) == [1, 5, 6, 7]
    assert s.accept(1, 0, whole(8, priority=0), 203) == (NO_ROOM, -1)
    assert s.evicted == 3
    assert s.index.size == 4


def from_neighbour(s, number, source, at_s, priority=1):
    verdict, row = s.accept(1, 0, whole(number, priority=priority), at_s)
    if verdict == NEW:
        s.index.source[row] = source
    return verdict, row


def test_no_neighbour_pushes_out_what_came_from_others():
    s = new_shelf(8)
    for number in (1, 2):
        from_neighbour(s, number, 0, number)  # the oldest of all
    for number in range(10, 60):  # and then somebody pours out fifty
        assert from_neighbour(s, number, 1, 100 + number)[0] == NEW
    assert held(s, (1, 2)) == [1, 2]
    assert held(s, range(10, 60)) == [54, 55, 56, 57, 58, 59]
    for number in (3, 4, 5, 6, 7, 8, 9):  # the others get their half, and no more
        from_neighbour(s, number, 0, 200 + number)
    assert len(held(s, range(10, 60))) in (3, 4)
    assert held(s, range(1, 10))[-4:] == [6, 7, 8, 9]


def test_a_share_is_one_of_a_priority():
    s = new_shelf(4)
    for number in (1, 2, 3):
        from_neighbour(s, number, 1, number, priority=2)
    from_neighbour(s, 4, 0, 100)
    from_neighbour(s, 5, 0, 101)  # the lowest priority goes first, whoever it came from
    assert held(s, (1, 2, 3, 4, 5)) == [1, 2, 3, 5]


def test_what_most_neighbours_have_goes_before_what_is_older():
    s = new_shelf(3)
    for number, cover in ((1, 0b1), (2, 0b111), (3, 0b11)):
        _, row = from_neighbour(s, number, 0, 100 + number)
        s.index.cover[row] = cover
    from_neighbour(s, 4, 0, 200)
    assert held(s, (1, 2, 3, 4)) == [1, 3, 4]
    from_neighbour(s, 5, 0, 201)
    assert held(s, (1, 3, 4, 5)) == [1, 4, 5]


def test_where_the_lowest_are_all_ours_the_next_ones_give_way():
    ours = {whole(1, priority=0), whole(2, priority=0)}
    s = new_shelf(3, is_ours=ours.__contains__)
    for number in (1, 2):
        s.accept(0, 0, whole(number, priority=0), number)
    s.accept(1, 0, whole(3), 3)
    assert s.accept(1, 0, whole(4), 4)[0] == NEW
    assert held(s, (1, 2, 3, 4)) == [1, 2, 4]


def test_sos_pushes_out_everything_else_and_nothing_pushes_out_sos():
    s = new_shelf(3)
    for number in (1, 2, 3, 4):
        s.accept(1, 0, whole(number, priority=3), 100 + number)
    assert held(s, (1, 2, 3, 4)) == [2, 3, 4]
    assert s.accept(1, 0, whole(5, priority=2), 200)[0] == NO_ROOM


def test_what_is_not_held_gives_way_first():
    s = new_shelf(4)
    rows = [s.accept(1, 0, whole(n), 100 + n)[1] for n in (1, 2, 3, 4)]
    s.drop(rows[2])
    s.bury(rows[3], 10_000_000)
    s.accept(1, 0, whole(5), 200)  # the dead one goes
    assert s.index.find(s.short_of(whole(4))) < 0
    s.accept(1, 0, whole(6), 201)  # then the seen one
    assert s.index.find(s.short_of(whole(3))) < 0
    assert held(s, (1, 2, 5, 6)) == [1, 2, 5, 6]
    assert s.evicted == 0


def test_a_full_store_evicts_and_remembers_what_it_had():
    s = new_shelf(16, MemoryStore(3 * len(records.encode_kept(_kept(whole(1))))))
    for number in (1, 2, 3, 4, 5):
        assert s.accept(1, 0, whole(number), 100 + number)[0] == NEW
    assert held(s, (1, 2, 3, 4, 5)) == [3, 4, 5]
    assert s.index.known == 5  # not wanted back
    assert s.accept(1, 0, whole(1), 200)[0] == KNOWN
    assert s.accept(1, 0, whole(6, b"x" * 300), 201)[0] == NO_ROOM


def _kept(immutable):
    return records.Kept(False, 100, 100 + DAY, 1, immutable)


def test_a_full_store_still_saves_the_clock():
    """The send counter must go on, whatever the air has filled the store with."""
    s = new_shelf(64, MemoryStore(6 * 29))
    for number in range(20):
        s.accept(1, 0, whole(number), 100 + number)
    s.save_clock(records.Clock(1, 5, 4096, 0, 0, 0))
    s.save_clock(records.Clock(1, 6, 8192, 0, 0, 0))
    assert new_shelf(64, s.store).clock == records.Clock(1, 6, 8192, 0, 0, 0)


def test_a_store_full_of_receipts_still_saves_the_clock():
    s = new_shelf(64, MemoryStore(3 * 28 + 23))
    s.save_clock(records.Clock(1, 5, 4096, 0, 0, 0))
    for number in range(3):
        assert accept_receipt(s, 1, 0, receipt_of(number), 100 + number)[0] == NEW
    s.save_clock(records.Clock(1, 6, 8192, 0, 0, 0))
    assert new_shelf(64, s.store).clock == records.Clock(1, 6, 8192, 0, 0, 0)
    assert [n for n in range(3) if s.tombstone(mid(n)) >= 0] == [1, 2]


def test_unmatched_receipts_get_a_quarter():
    s = new_shelf(16)
    s.accept(1, 0, whole(99), 90)
    accept_receipt(s, 1, 0, receipt_of(99), 91)
    for number in range(12):
        assert accept_receipt(s, 1, 0, receipt_of(number), 100 + number)[0] == NEW
    index = s.index
    receipts = [r for r in index.rows() if index.state[r] == RECEIPT]
    assert len([r for r in receipts if not index.code[r] & MATCHED]) == 4
    assert s.tombstone(mid(99)) >= 0  # the one that met its message stays
    assert [n for n in range(12) if s.tombstone(mid(n)) >= 0] == [8, 9, 10, 11]


def test_receipts_leave_room_for_parcels():
    """A quarter for messages known here, a quarter for others: mail can always go on."""
    s = new_shelf(16)
    for number in range(40):
        s.accept(1, 0, whole(number), 100 + number)
        assert accept_receipt(s, 1, 0, receipt_of(number), 100 + number)[0] == NEW
    known = [r for r in s.index.rows() if s.index.state[r] == RECEIPT]
    assert len(known) == 4
    assert s.tombstone(mid(39)) >= 0
    assert s.tombstone(mid(35)) < 0, "the oldest gave way"
    for number in range(50, 60):
        assert s.accept(1, 0, whole(number), 200)[0] == NEW
    assert s.tombstone(mid(39)) >= 0, "a parcel never takes a receipt's place"


def look(s):
    """All of the index that a restart must give back."""
    i = s.index
    rows = [
        (i.short[r], i.state[r], i.first_s[r], i.expires_s[r], i.hops[r], i.group[r], i.piece[r])
        for r in i.rows()
        if i.state[r] != SEEN
    ]
    return rows, sorted(s.groups.held), sorted(s.groups.window)


def test_reload_gives_the_same_index():
    s = new_shelf()
    for number in (1, 2):
        s.accept(number, 0, whole(number), 100 + number)
        for i in range(10):
            s.accept(2, 0, piece(10, i), 100 + i)
    accept_receipt(s, 1, 0, receipt_of(3), 200)
    s.sync()
    again = new_shelf(store=s.store)
    assert look(again) == look(s)
    assert again.index.sketch.sums[0] == s.index.sketch.sums[0]
    assert again.index.known == s.index.known
    for i in range(10):
        assert again.accept(1, 0, piece(10, i), 300)[0] == s.accept(1, 0, piece(10, i), 300)[0]
    assert held_indices(again, 10) == held_indices(s, 10)


def test_receipts_purge_after_a_reload():
    """A power cut may forget the deletions: the parcels are there again, the receipt too."""
    store = MemoryStore(10_000)
    s = new_shelf(store=store)
    accept_receipt(s, 1, 0, receipt_of(1), 100)
    store.put(records.encode_kept(_kept(whole(1))))
    for i in range(4):
        store.put(records.encode_kept(_kept(piece(1, i))))
    store.put(records.encode_kept(_kept(whole(2))))
    again = new_shelf(store=store)
    assert again.rows_of(mid(1)) == []
    assert held(again, (1, 2)) == [2]
    assert again.accept(1, 0, whole(1), 100)[0] in (KNOWN, TOMBSTONED)
    assert len(store.records()) == 2


def test_deletions_forgotten_do_not_fill_the_window_beyond_its_size():
    store = MemoryStore(10_000)
    for i in range(10):
        store.put(records.encode_kept(_kept(piece(1, i))))
    s = new_shelf(store=store)
    assert len(held_indices(s, 1)) == 7
    assert len([r for r in s.index.rows() if s.index.state[r] == WINDOW]) == 3
    assert len(store.records()) == 7  # nothing is left that no row names


def test_two_clock_records_the_higher_counter_counts():
    clocks = [records.Clock(3, 700, 8192, 0, 0, 0), records.Clock(3, 900, 12288, 0, 0, 0)]
    for order in (clocks, clocks[::-1]):
        store = MemoryStore(1000)
        for clock in order:
            store.put(records.encode_clock(clock))
        assert new_shelf(store=store).clock == clocks[1]
        assert len(store.records()) == 1


def test_a_parcel_put_while_the_node_was_off_has_its_whole_life():
    for clock_first in (True, False):
        store = MemoryStore(1000)
        clock = records.encode_clock(records.Clock(3, 50 * DAY, 8192, 0, 0, 0))
        if clock_first:
            store.put(clock)
        store.put(records.encode_kept(records.Kept(False, records.UNSET_S, 0, 0, whole(1))))
        if not clock_first:
            store.put(clock)
        s = new_shelf(store=store)
        assert sweep(s, 50 * DAY + 60) == []
        assert held(s, (1,)) == [1]


def test_rubbish_in_the_store_is_skipped_and_counted():
    store = MemoryStore(1000)
    for record in (b"", b"P", b"?" * 40, b"C" + bytes(9), b"R" + bytes(40)):
        store.put(record)
    store.put(records.encode_kept(_kept(piece(1, 9)[:15] + b"\xff")))
    store.put(records.encode_kept(_kept(whole(2))))
    s = new_shelf(store=store)
    assert s.bad_records == 6
    assert held(s, (2,)) == [2]


def test_adoption_makes_room_or_leaves_it():
    s = new_shelf(2)
    for number in (1, 2):
        s.accept(1, 0, whole(number, priority=number), 100)
    handle = s.store.put(records.encode_kept(_kept(whole(3))))
    assert restart.adopt(s, handle, _kept(whole(3)), 100) >= 0
    assert s.index.size == 2
    assert held(s, (1, 2, 3)) == [2, 3]


def test_store_in_memory():
    store = MemoryStore(10)
    handle = store.put(b"12345678")
    assert raises(StoreFull, store.put, b"123")
    assert store.get(handle) == b"12345678"
    store.delete(handle)
    assert store.put(b"123") != handle
    assert store.bytes_used == 3


def test_a_group_of_pieces_ends_with_its_last_piece():
    """Delivered messages must not use up the groups for as long as their tombstones last."""
    s = new_shelf(400)
    for number in range(200):
        assert s.accept(1, 0, piece(number, 0, k=2, n=3), 100)[0] == NEW, number
        accept_receipt(s, 1, 0, receipt_of(number), 100)
    for number in range(200, 300):
        verdict, row = s.accept(1, 0, piece(number, 0, k=2, n=3), 100)
        assert verdict == NEW, number
        s.drop(row)


def test_a_receipt_goes_on_ageing():
    s = new_shelf(16)
    code = receipt_of(1)[1] >> 4
    _, row = accept_receipt(s, 1, 900, receipt_of(1), 100_000)
    later = s.body(row, 100_000 + 400)
    assert int.from_bytes(later[1:3], "big") == 900 + 400 // age_unit_s(code)
