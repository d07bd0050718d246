"""The directory: no old list comes back, no name is taken over, no flood washes friends away."""

import random
import time

import pytest

from gateway import directory as d
from gateway.database import open_database
from gateway.directory import Directory
from gateway.directory_records import ACCOUNT, read
from tests.gateway.people_kit import Somebody, public

ANA, EVE = Somebody("Ana"), Somebody("Eve")


class Book(Directory):
    """A directory that hears everything from one neighbour at one moment."""

    def __init__(self, db, keep=set):
        super().__init__(db, keep)

    def hear(self, *payloads, ingress=1, clock_s=1000, unix_s=500):
        return [self.take(p, ingress, clock_s, unix_s) for p in payloads]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heliograph.db"


@pytest.fixture
def book(path):
    db = open_database(path)
    yield Book(db)
    db.close()


def only(book, name):
    (entry,) = book.find(name)
    return entry


def prekeys(book, somebody):
    return [record.prekey_seq for record in book.devices(somebody.account)]


def test_the_highest_sequence_counts_whatever_comes_first(book):
    assert book.hear(ANA.says(2, (1, 2)), ANA.says(1, (1,)), ANA.says(3, (2,), "Ana B")) == [
        d.NEW, d.OLD, d.NEWER
    ]  # fmt: skip
    entry = only(book, "ana")
    assert entry.record.sequence == 3
    assert entry.record.name == "Ana B"
    assert [h.hex() for h in entry.devices] == [ANA.device_id(2)]


def test_a_forged_record_changes_nothing(book):
    book.hear(ANA.says(1))
    forged = bytearray(ANA.says(2, (1, 2)))
    forged[-1] ^= 1
    cut = ANA.says(2)[:-1]
    by_eve = bytes([ACCOUNT]) + ANA.says(2)[1:-64] + EVE.key.sign(b"x")
    assert book.hear(bytes(forged), cut, by_eve, b"", b"\1", b"\7" * 100) == [d.REFUSED] * 6
    assert only(book, "Ana").record.sequence == 1
    assert book.counts[d.REFUSED] == 6


def test_a_replayed_old_device_list_does_not_bring_a_removed_device_back(book, path):
    old, new = ANA.says(1, (1, 2)), ANA.says(2, (2,))
    book.hear(old, ANA.device_says(1), ANA.device_says(2))
    lost = public(ANA.device(1))
    assert not book.is_removed(ANA.account, lost)
    book.hear(new)
    assert book.hear(old) == [d.OLD]
    again = Book(open_database(path))  # after a restart too
    for each in (book, again):
        assert each.hear(old) == [d.OLD]
        assert each.is_removed(ANA.account, lost)
        assert [r.device for r in each.devices(ANA.account)] == [public(ANA.device(2))]


def test_of_what_nothing_was_heard_nothing_is_removed(book):
    assert not book.is_removed(ANA.account, public(ANA.device(1)))


def test_the_records_of_a_device_come_in_any_order(book):
    book.hear(ANA.device_says(1, prekey_seq=3))
    assert prekeys(book, ANA) == [], "no account lists it yet"
    book.hear(ANA.says(1, (1,)))
    assert prekeys(book, ANA) == [3]
    assert book.hear(ANA.device_says(1, prekey_seq=2)) == [d.OLD]
    assert book.hear(ANA.device_says(1, prekey_seq=4)) == [d.NEWER]
    assert prekeys(book, ANA) == [4]


def test_a_device_that_names_an_account_is_not_its_own_before_the_account_says_so(book):
    book.hear(ANA.says(1, (1,)), ANA.device_says(1))
    mallory = Somebody("Ana")
    mallory.device = EVE.device  # Eve's device claims to be Ana's
    assert book.hear(mallory.device_says(1)) == [d.NEW]
    assert [r.device for r in book.devices(ANA.account)] == [public(ANA.device(1))]


def test_two_records_of_one_sequence_are_a_conflict_and_both_are_shown(book, path):
    one, two = ANA.says(5, (1, 2), "Ana"), ANA.says(5, (2, 3), "Anna")
    book.hear(ANA.device_says(1), ANA.device_says(2), ANA.device_says(3))
    assert book.hear(one, two, one, two) == [d.NEW, d.CONFLICT, d.KNOWN, d.KNOWN]
    entry = only(Book(open_database(path)), "Ana")
    assert (entry.payload, entry.rival) == (one, two)
    assert [h.hex() for h in entry.devices] == [ANA.device_id(2)], "only what both say"
    assert [r.device for r in book.devices(ANA.account)] == [public(ANA.device(2))]
    assert book.hear(ANA.says(5, (4,), "Ann")) == [d.CONFLICT]
    assert only(book, "Ana").rival == two, "a third is not kept"
    book.hear(ANA.says(6, (3,)))
    assert only(book, "Ana").rival is None


def test_the_same_content_signed_again_is_no_conflict(book):
    book.hear(ANA.says(5))
    assert book.hear(ANA.says(5)) == [d.KNOWN]


def line(book):
    return {e.id: (e.former, e.later, e.others, e.first) for e in book.find("Ana")}


@pytest.mark.parametrize("late", [False, True])
def test_a_key_change_that_was_announced_is_quiet(book, late):
    after = ANA.next()
    records = [ANA.says(4), after.says(1, (1,))]
    assert book.hear(*(reversed(records) if late else records)) == [d.NEW, d.NEW]
    assert line(book) == {
        ANA.id: (None, after.id, (), True),
        after.id: (ANA.id, None, (), True),
    }
    assert book.now(ANA.account) == after.account
    assert book.hear(ANA.says(9, (1, 2))) == [d.GONE_ON], "the former key is not heard any more"


def test_another_key_under_a_known_name_is_loud_and_replaces_nothing(book):
    book.hear(ANA.says(1))
    thief = Somebody("Ana", key=7)
    book.hear(thief.says(99, (5,), "ANA"))
    assert line(book) == {
        ANA.id: (None, None, (thief.id,), True),
        thief.id: (None, None, (ANA.id,), False),
    }
    assert book.now(ANA.account) == ANA.account
    assert [h.hex() for h in only(book, ANA.id).devices] == [ANA.device_id(1)]


def test_who_renames_himself_to_a_known_name_is_as_loud(book):
    book.hear(ANA.says(1), EVE.says(1), EVE.says(2, (1,), "Ana"))
    assert line(book)[EVE.id] == (None, None, (ANA.id,), False)


def test_nobody_hands_those_who_know_him_to_somebody_else(book):
    """Mallory commits to Ana's key, which he has seen: no change of key unless the name agrees."""
    mallory = Somebody("Mallory")
    mallory.next = lambda: ANA
    book.hear(ANA.says(1), mallory.says(1))
    assert book.now(mallory.account) == mallory.account
    assert line(book)[ANA.id] == (None, None, (), True)


def test_a_deleted_account_stays_deleted(book, path):
    book.hear(ANA.says(3), ANA.device_says(1))
    assert book.hear(ANA.says(2, ())) == [d.NEWER]
    again = Book(open_database(path))
    assert again.hear(ANA.says(9), ANA.device_says(1, prekey_seq=7)) == [d.DELETED] * 2
    assert again.find("Ana") == again.devices(ANA.account) == []
    assert again.is_removed(ANA.account, public(ANA.device(1)))


def test_a_tombstone_is_kept_for_a_year(book):
    book.hear(ANA.says(1, ()), clock_s=0)
    year = d.DELETED_KEPT_S
    book.hear(Somebody("B").says(1, ()), clock_s=year)
    assert book.hear(ANA.says(2), clock_s=year) == [d.DELETED]
    book.hear(Somebody("C").says(1, ()), clock_s=year + 1)
    assert book.hear(ANA.says(2), clock_s=year + 1) == [d.NEW]


def test_a_flood_of_names_is_dammed_at_the_neighbour_it_comes_from(book):
    crowd = [Somebody(f"n{n}").says() for n in range(d.NEW_NAMES_MAX + 1)]
    done = book.take_all(crowd, 3, 1000, 0)
    assert done == [d.NEW] * d.NEW_NAMES_MAX + [d.FLOOD]
    assert book.hear(ANA.says(1), ingress=4) == [d.NEW], "others are heard"
    assert book.hear(ANA.says(2), ingress=3) == [d.NEWER], "as are names that are known"
    assert book.hear(EVE.says(1), ingress=3, clock_s=1000 + 3599) == [d.FLOOD]
    assert book.hear(EVE.says(1), ingress=3, clock_s=1000 + 3600) == [d.NEW]


def test_the_longest_unheard_gives_way_and_a_contact_never(path, monkeypatch):
    monkeypatch.setattr(d, "ACCOUNTS_MAX", 3)
    people = [Somebody(name) for name in ("Ana", "Bo", "Cy", "Di", "Ed")]
    ana, bo, cy, di, ed = people
    db = open_database(path)
    book = Book(db, lambda: {ana.account})
    book.hear(ana.says(), bo.says(), bo.device_says(), cy.says())
    book.hear(bo.says())  # again: Cy is now the longest unheard, but for Ana
    book.hear(di.says())
    assert {e.record.name for e in book.find("")} == {"Ana", "Bo", "Di"}
    book.hear(ed.says())
    assert {e.record.name for e in book.find("")} == {"Ana", "Di", "Ed"}
    assert db.execute("SELECT count(*) FROM directory_device").fetchone()[0] == 0
    everybody = Book(db, lambda: {p.account for p in people})
    assert everybody.hear(Somebody("Fi").says()) == [d.FULL]


def test_device_records_that_nobody_lists_are_bounded(book, monkeypatch):
    monkeypatch.setattr(d, "UNLISTED_MAX", 5)
    book.hear(ANA.says(1, (1,)), ANA.device_says(1))
    book.hear(*(ANA.device_says(n) for n in range(2, 12)))
    book.hear(ANA.says(2, tuple(range(5, 12))))
    assert len(book.devices(ANA.account)) == 5, "the last five"


@pytest.fixture(scope="module")
def crowd():
    """5,000 accounts with a device each, forty of each name."""
    everybody = [Somebody(f"name {n % 125} of {n}") for n in range(d.ACCOUNTS_MAX)]
    return [p for s in everybody for p in (s.says(1, (1,), s.who.split(" of ")[0]),
                                           s.device_says())]  # fmt: skip


def test_five_thousand_accounts_are_listed_quickly(book, crowd):
    random.Random(1).shuffle(crowd)
    for hour in range(100):
        part = crowd[hour * 100 : hour * 100 + 100]
        assert d.FLOOD not in book.take_all(part, 1, hour * 3600, 0)
    start = time.process_time()
    listed = book.find("")
    assert time.process_time() - start < 5, "0.3 s on a laptop"
    assert len(listed) == d.ACCOUNTS_MAX
    assert all(len(e.others) == 8 for e in listed), "each of forty of one name says so"
    start = time.process_time()
    assert len(book.find("name 7", 60)) == 60
    assert time.process_time() - start < 0.5
    assert len([e for e in listed if e.first]) == 125
    assert book._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_what_is_listed_can_be_checked_by_whoever_asked(book):
    """The gateway need not be believed: the records that it hands on are signed."""
    book.hear(ANA.says(1), ANA.device_says(1))
    entry = only(book, "Ana")
    assert read(entry.payload).account == ANA.account
    assert [read(p).device for p in entry.known] == [public(ANA.device(1))]
