"""The backhaul's box and budget: what waits, what is remembered, what may be spent. No server."""

import os

import pytest

from gateway import backhaul_box
from gateway.backhaul_box import AGAIN, FIRST, LATER, MESSAGES, RECEIPTS, SPARE, Box, Found, counts
from gateway.backhaul_budget import Budget
from gateway.backhaul_item import ALL, HubKey, Item
from gateway.config import load_config, template
from gateway.database import open_database
from gateway.errors import UserError
from shared_protocol import parcel, receipt
from shared_protocol.lifetime import LIFETIMES_S, SOS
from shared_protocol.parcel_fields import NO_EXTRAS, Parcel, encode

KEY = HubKey(bytes(range(32)), "")
ME, OTHER = 0x1111, 0x2222
NOW_S, WEEK = 5_000, 10
HERE = f"helio.{KEY.region}.{ALL}.m.>"


@pytest.fixture
def db(tmp_path):
    db = open_database(tmp_path / "heliograph.db")
    yield db
    db.close()


def a_parcel(priority=1, kind=parcel.MESSAGE, mid=None):
    b0 = parcel.first_byte(kind, priority, False)
    return bytes([b0, WEEK << 4]) + (mid or os.urandom(12)) + os.urandom(50)


def a_piece(mid, index, k):
    extras = NO_EXTRAS._replace(piece=parcel.Piece(index, k, k + 2, 0, 1, bytes(4)))
    b0 = parcel.first_byte(parcel.MESSAGE, 1, True)
    return encode(Parcel((0, 0, b0, WEEK << 4, mid, None), bytes(210), extras))[3:]


def put(box, *parcels, address=ALL):
    assert box.put([(address, 1, NOW_S + LIFETIMES_S[WEEK], one) for one in parcels])


def found(immutable, seq, age=0, late_s=0, source=OTHER, address=ALL):
    subject = KEY.subject(address, immutable)
    return Found(seq, subject, KEY.seal(subject, Item(3, age, source, immutable)), late_s)


def to_push(box, **options):
    options = {"only_first": False, "again": True, **options}
    return [row.item.immutable for row in box.to_push(100, NOW_S, **options)]


def delivered_by():
    token = os.urandom(16)
    return receipt.message_id(token), receipt.encode(token, 1, WEEK)


def test_first_things_first(db):
    box = Box(db, KEY, ME)
    mid = os.urandom(12)
    sos, message, record = a_parcel(SOS), a_parcel(), a_parcel(0, parcel.RECORD)
    needed, spare = a_piece(mid, 0, 2), a_piece(mid, 3, 2)
    put(box, spare, record, needed, message, sos)
    assert to_push(box) == [sos, needed, message, record, spare]
    assert to_push(box, only_first=True) == [sos]
    ranks = [FIRST, MESSAGES, MESSAGES, LATER, SPARE]
    assert [backhaul_box.rank_of(one) for one in to_push(box)] == ranks
    assert backhaul_box.rank_of(delivered_by()[1]) == RECEIPTS


def test_pushed_once_and_remembered_over_a_restart(db):
    box = Box(db, KEY, ME)
    one = a_parcel()
    put(box, one, one)
    box.pushed(box.to_push(9, NOW_S, False, True), 7)
    put(box, one)
    assert to_push(box) == []
    again = Box(db, KEY, ME)
    assert again.crossing == {one[2:14]}
    assert to_push(again) == []
    assert again.known_life() == ("", 7)


def test_what_came_is_given_once_and_does_not_go_back(db):
    box = Box(db, KEY, ME)
    one = a_parcel()
    assert box.take(HERE, [found(one, 4)], NOW_S) == 1
    assert box.take(HERE, [found(one, 9)], NOW_S) == 0
    assert box.place(HERE) == 9
    ((row, hops, _, immutable),) = box.to_give(9, NOW_S)
    assert (hops, immutable) == (3, one)
    put(box, one)
    assert to_push(box) == []
    box.given([row], [])
    assert box.to_give(9, NOW_S) == []


def test_age_goes_on_at_the_hub(db):
    box = Box(db, KEY, ME)
    life_s = LIFETIMES_S[WEEK]
    young, old = a_parcel(), a_parcel()
    box.take(HERE, [found(young, 1, age=60, late_s=7200), found(old, 2, late_s=life_s)], NOW_S)
    ((_, _, age, immutable),) = box.to_give(9, NOW_S)
    assert immutable == young
    assert age == 60 + 120  # units of a minute
    assert box.to_give(9, NOW_S + life_s - 60 * 180) == []


def test_garbage_is_counted_and_passed_over(db):
    box = Box(db, KEY, ME)
    good = a_parcel()
    bad = Found(1, KEY.subject(ALL, good), os.urandom(200), 0)
    assert box.take(HERE, [bad, Found(2, "short", b"", 0), found(good, 3)], NOW_S) == 1
    assert box.damaged == 2
    assert box.place(HERE) == 3


@pytest.mark.parametrize(
    ("came", "to"), [(True, OTHER), (False, 0x3333)], ids=["from the hub", "to the hub"]
)
def test_a_receipt_goes_where_its_message_went(db, came, to):
    box = Box(db, KEY, ME)
    mid, proof = delivered_by()
    one = a_parcel(mid=mid)
    if came:
        box.take(HERE, [found(one, 1, address=KEY.address(ME))], NOW_S)
    else:
        put(box, one, address=KEY.address(to))
        box.pushed(box.to_push(9, NOW_S, False, True), 1)
    assert box.delivered(proof, NOW_S + 9000)
    (row,) = box.to_push(9, NOW_S, False, True)
    assert (row.item.immutable, row.address) == (proof, KEY.address(to))
    assert box.crossing == set()
    assert box.to_give(9, NOW_S) == []
    box.pushed([row], 2)
    ((owed, ended),) = box.to_purge(9)
    assert ended == mid
    box.purged([owed])
    assert box.to_purge(9) == []
    assert box.take(HERE, [found(one, 3)], NOW_S) == 0  # it stays delivered
    assert box.receipt_of(mid) == proof


def test_a_message_that_was_delivered_before_it_left_needs_no_hub(db):
    box = Box(db, KEY, ME)
    mid, proof = delivered_by()
    put(box, a_parcel(mid=mid))
    box.delivered(proof, NOW_S + 9000)
    assert to_push(box) == []
    assert counts(db)["known"] == 0


def test_what_is_under_way_may_be_at_the_hub(db):
    """A receipt that comes before the hub's acknowledgement follows the message."""
    box = Box(db, KEY, ME)
    mid, proof = delivered_by()
    put(box, a_parcel(mid=mid))
    rows = box.to_push(9, NOW_S, False, True)
    box.under_way = {row.id for row in rows}
    box.delivered(proof, NOW_S + 9000)
    box.pushed(rows, 1)
    assert to_push(box) == [proof]


def test_a_hub_that_was_rebuilt(db):
    """Gets our own back first; what came from it last, and not if it is there again already."""
    box = Box(db, KEY, ME)
    ours, theirs, both = a_parcel(), a_parcel(), a_parcel(SOS)
    put(box, ours)
    box.pushed(box.to_push(9, NOW_S, False, True), 1)
    box.take(HERE, [found(theirs, 2), found(both, 3)], NOW_S)
    assert box.begin_life("second") == 3
    assert box.place(HERE) == 0
    assert to_push(box, again=False) == [ours]
    assert to_push(box) == [ours, both, theirs]
    box.take(HERE, [found(both, 1)], NOW_S)
    assert to_push(box) == [ours, theirs]
    rows = box.to_push(9, NOW_S, False, True)
    assert [row.rank for row in rows] == [MESSAGES, MESSAGES + AGAIN]
    box.pushed(rows, 4)
    assert to_push(box) == []
    assert box.known_life() == ("second", 4)


def test_a_full_box(db, monkeypatch):
    """What is only remembered gives way; what waits does not, and then nothing more is taken."""
    monkeypatch.setattr(backhaul_box, "ROWS_MAX", 3)
    box = Box(db, KEY, ME)
    first, waiting = a_parcel(), [a_parcel() for _ in range(3)]
    put(box, first)
    box.pushed(box.to_push(9, NOW_S, False, True), 1)
    put(box, *waiting)
    assert box.crossing == {one[2:14] for one in waiting}
    assert not box.put([(ALL, 0, NOW_S + 99, a_parcel())])
    assert box.take(HERE, [found(a_parcel(), 5)], NOW_S) is None
    assert box.place(HERE) == 0
    box.tidy(NOW_S + LIFETIMES_S[WEEK])
    assert counts(db)["known"] == 0
    assert box.crossing == set()


def test_budget(db):
    now = [7200]
    budget = Budget(db, 100_000, lambda: now[0])
    start = budget.left(True)
    assert start <= 100_000
    assert budget.spend(start - 10_000, False)
    assert not budget.spend(1, False)
    assert budget.spend(6_000, True)
    assert not budget.spend(6_000, True)
    budget.give_back(4_000)
    again = Budget(db, 100_000, lambda: now[0])  # after a power cut
    assert again.left(True) == budget.left(True) == 8_000
    assert again.next_hour_s() == 3600
    now[0] += 3600
    assert again.left(True) == start
    assert Budget(db, 0, lambda: 0).spend(10**9, False)


def config(tmp_path, lines):
    path = tmp_path / "gateway.toml"
    before, _ = template("g", "00" * 32, "", "127.0.0.1:0").split("[backhaul]")
    path.write_text(f"{before}[backhaul]\n{lines}\n")
    return load_config(path).backhaul


def test_settings(tmp_path):
    assert config(tmp_path, "servers = []") is None
    read = config(tmp_path, 'servers = ["tls://hub.example", "[::1]:5000"]\nregion = "alps"')
    assert read.servers == ("tls://hub.example:4222", "nats://[::1]:5000")
    assert (read.region, read.after_s, read.bytes_per_hour) == ("alps", 600, 0)


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ('servers = "tls://hub"', "servers"),
        ("servers = [1]", "servers"),
        ('servers = ["http://hub"]', "servers"),
        ('servers = ["tls://hub:99999"]', "servers"),
        ('servers = ["tls://me:secret@hub"]', "password"),
        ('servers = ["tls://hub"]\nregion = "A.B"', "region"),
        ('servers = ["tls://hub"]\nuser = "a"\ncredentials = "b"', "credentials"),
        ('servers = ["tls://hub"]\nbytes_per_hour = 5', "bytes_per_hour"),
        ('servers = ["tls://hub"]\nafter_s = -1', "after_s"),
        ('servers = ["tls://hub"]\nuser = 7', "user"),
        ("colour = 1", "colour"),
    ],
)
def test_mistakes_in_the_settings(tmp_path, lines, word):
    with pytest.raises(UserError, match=f"line [0-9]+: .*{word}"):
        config(tmp_path, lines)
