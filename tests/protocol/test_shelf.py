"""The shelf: what is kept, what is refused, what gives way."""

from checks import held_indices, mid, new_shelf, piece, receipt_of, whole

from shared_protocol.ending import accept_receipt, sweep
from shared_protocol.lifetime import LIFETIMES_S, tombstone_s
from shared_protocol.parcel import piece_of
from shared_protocol.parcel_index import DEAD, RECEIPT, WINDOW
from shared_protocol.shelf import DECLINED, EXPIRED, KNOWN, NEW, REFUSED, TOMBSTONED
from shared_protocol.slots import shape

DAY = LIFETIMES_S[6]


def fill(s, number, k=8, n=10, now_s=100):
    """Offer all pieces of a block; the verdicts by index."""
    return [s.accept(1, 0, piece(number, i, k, n), now_s)[0] for i in range(n)]


def test_a_relay_never_holds_k_pieces_of_a_block():
    for k, n in ((2, 3), (3, 5), (8, 10), (20, 24), (40, 50)):
        s = new_shelf()
        for again in range(3):
            for i in range(n):
                s.accept(1, 0, piece(1, i, k, n), 100 + again)
                assert len(held_indices(s, 1)) <= k - 1, (k, i)
        assert len(held_indices(s, 1)) == k - 1
        assert s.groups.held_peak == k - 1


def test_slots_and_window_make_k_minus_1():
    for k in range(2, 129):
        slots, window = shape(k)
        assert slots + window == k - 1
        assert window >= 1
        assert slots >= 0


def test_a_full_window_refuses_and_does_not_call_it_seen():
    s = new_shelf()
    got = fill(s, 1)
    assert got.count(NEW) == 7
    assert got.count(REFUSED) == 3
    for i in range(10):
        known = s.index.find(s.short_of(piece(1, i))) >= 0
        assert known == (got[i] == NEW)
    window = [r for r in s.index.rows() if s.index.state[r] == WINDOW]
    s.drop(window[0])
    late = got.index(REFUSED)
    assert s.accept(1, 0, piece(1, late), 101)[0] == NEW


def test_two_messages_have_windows_of_their_own():
    s = new_shelf()
    fill(s, 1)
    assert fill(s, 2).count(NEW) == 7
    assert s.groups.any_full()
    assert s.groups.least_room() == 0


def test_another_shape_under_the_same_id_is_another_group():
    s = new_shelf()
    fill(s, 1)
    other = s.accept(1, 0, piece(1, 0, 2, 9), 100)
    assert other[0] in (NEW, REFUSED)
    assert len(held_indices(s, 1)) <= 8


def test_an_end_of_the_message_keeps_every_piece():
    s = new_shelf(is_ours=lambda immutable: True)
    assert fill(s, 1) == [NEW] * 10
    assert held_indices(s, 1) == list(range(10))


def test_variants_of_a_whole_message_by_keyed_rank():
    """Whatever the order, the same four of nine survive: the smallest under the node's secret."""
    texts = [b"variant %d" % i for i in range(9)]
    kept = []
    for order in (texts, texts[::-1], texts[4:] + texts[:4]):
        s = new_shelf()
        got = [s.accept(1, 0, whole(1, text), 100)[0] for text in order]
        assert DECLINED in got or got.count(NEW) == 9
        assert s.index.known == 9  # the others count as seen
        kept.append(sorted([s.immutable(r) for r in s.rows_of(mid(1)) if s.index.held(r)]))
    assert len(kept[0]) == 4
    assert kept[0] == kept[1] == kept[2]


def test_two_variants_of_a_piece_at_most():
    s = new_shelf()
    slot = next(i for i in range(10) if s.groups.is_slot(s.groups.find(mid(1), _fields(i)), i))
    for text in (b"a", b"b", b"c", b"d"):
        s.accept(1, 0, piece(1, slot, text=text), 100)
    assert held_indices(s, 1) == [slot, slot]


def _fields(i):
    return piece_of(piece(1, i))


def test_younger_copies_extend_but_never_beyond_the_first_sight():
    s = new_shelf()
    half = DAY // 8  # in units of 4 s
    row = s.accept(9, half, whole(1), 100)[1]
    assert s.index.expires_s[row] == 100 + DAY // 2
    assert s.accept(3, half + 100, whole(1), 100) == (KNOWN, row)
    assert s.index.expires_s[row] == 100 + DAY // 2
    assert s.index.hops[row] == 3
    s.accept(20, half - 100, whole(1), 100)
    assert s.index.expires_s[row] == 100 + DAY // 2 + 400
    assert s.index.hops[row] == 3
    s.accept(3, 0, whole(1), 5000)
    assert s.index.expires_s[row] == 100 + DAY


def test_the_body_has_one_hop_more_and_its_age():
    s = new_shelf()
    row = s.accept(62, 25, whole(1), 100)[1]
    body = s.body(row, 140)
    assert body == b"\x3f\x00\x23" + whole(1)  # 63 hops; 25 + 10 units of 4 s
    s.accept(63, 0, whole(2), 100)
    assert s.body(s.rows_of(mid(2))[0], 100)[0] == 63


def test_the_smallest_parcels_come_out_as_they_went_in():
    """No payload at all, and one byte: a record is not longer than its parcel."""
    for text in (b"", b"x"):
        s = new_shelf()
        row = s.accept(1, 0, whole(1, text), 100)[1]
        assert s.immutable(row) == whole(1, text)


def test_an_old_parcel_is_not_taken():
    s = new_shelf()
    assert s.accept(1, DAY // 4, whole(1), 100) == (EXPIRED, -1)
    assert s.accept(1, DAY // 4 - 1, whole(1), 100)[0] == NEW


def test_expiry_and_graveyard():
    s = new_shelf()
    row = s.accept(1, 0, whole(1), 100)[1]
    assert sweep(s, 100 + DAY - 1) == []
    xor = s.index.sketch.sums[0]
    assert xor == s.index.short[row]
    assert s.index.known == 1
    assert sweep(s, 100 + DAY) == [mid(1)]
    assert s.index.state[row] == DEAD
    assert s.index.known == 0
    assert s.index.sketch.sums[0] == 0
    assert s.store.bytes_used == 0
    assert s.accept(1, 0, whole(1), 101 + DAY) == (KNOWN, row)  # not wanted back
    assert not s.index.held(row)
    assert sweep(s, 100 + DAY + DAY // 20 - 1) == []
    assert s.index.size == 1
    sweep(s, 100 + DAY + DAY // 20)
    assert s.index.size == 0


def test_expiry_frees_the_window_and_the_group():
    s = new_shelf()
    fill(s, 1)
    assert len(sweep(s, 100 + DAY)) == 1, "seven pieces of one message"
    group = s.groups.find(mid(1), _fields(0))
    assert s.groups.held[group] == 0
    assert s.groups.window[group] == 0
    sweep(s, 100 + 2 * DAY)
    assert s.groups.held[group] == 0


def test_receipt_state_and_verdicts():
    s = new_shelf()
    s.accept(1, 0, whole(1), 100)
    fill(s, 1)
    verdict, row = accept_receipt(s, 1, 0, receipt_of(1), 100)
    assert verdict == NEW
    assert s.index.state[row] == RECEIPT
    assert s.index.known == 1
    assert s.index.count_held() == 0
    assert s.rows_of(mid(1)) == []
    assert s.index.expires_s[row] == 100 + tombstone_s(DAY)
    assert s.accept(1, 0, whole(1, b"more"), 101) == (TOMBSTONED, row)
    assert s.accept(1, 0, piece(1, 3, 4, 5), 101)[0] == TOMBSTONED
    assert accept_receipt(s, 1, 0, receipt_of(1), 102) == (KNOWN, row)
    assert s.accept(1, 0, whole(2), 102)[0] == NEW


def test_junk_in_another_shape_leaves_the_window_alone():
    """The same id, index and n under another k: windows and slots of its own."""
    s = new_shelf()
    for i in range(10):
        s.accept(1, 0, piece(1, i, 5, 10), 100)
    assert fill(s, 1).count(NEW) == 7
