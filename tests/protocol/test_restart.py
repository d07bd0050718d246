"""What a node still knows after a restart, and what it does when the store lets it down."""

from checks import held, new_shelf, raises, receipt_of, whole

from shared_protocol import records
from shared_protocol.ending import accept_receipt
from shared_protocol.lifetime import LIFETIMES_S
from shared_protocol.parcel_index import FARTHER
from shared_protocol.shelf import KNOWN, NEW, TOMBSTONED
from shared_protocol.store import MemoryStore

DAY = LIFETIMES_S[6]


class Rotting(MemoryStore):
    """One of its records cannot be read any more."""

    rotten = -1

    def get(self, handle: int) -> bytes:
        if handle == self.rotten:
            raise KeyError(handle)
        return super().get(handle)


def passed_on(s, row):
    """A node farther on has said that it has it."""
    s.mark_farther(row)
    s.drop(row)


def test_what_was_passed_on_is_still_known_after_a_restart():
    s = new_shelf()
    rows = [s.accept(1, 0, whole(number), 100)[1] for number in range(5)]
    passed_on(s, rows[1])
    s.bury(rows[2], 500)  # expired
    passed_on(s, rows[3])
    s.drop(rows[4])  # evicted
    accept_receipt(s, 1, 0, receipt_of(3), 110)
    again = new_shelf(store=s.store)
    assert held(again, (0, 1, 2, 3)) == [0]
    verdict, row = again.accept(1, 0, whole(1), 200)
    assert verdict == KNOWN
    assert again.index.code[row] & FARTHER, "whoever asks gets a HAVE"
    assert again.accept(1, 0, whole(4), 200)[0] == NEW, "nobody else may have it"
    assert again.accept(1, 0, whole(2), 200)[0] == NEW, "its age would tell; nothing else does"
    assert again.accept(1, 0, whole(3), 200)[0] == TOMBSTONED


def test_of_the_passed_on_only_the_unexpired_and_the_newest_come_back():
    s = new_shelf(64)
    for number in range(60):
        passed_on(s, s.accept(1, 0, whole(number), 100 + number)[1])
    s.save_clock(records.Clock(1, 100 + 20 + DAY, 4096, 0, 0, 0))
    again = new_shelf(16, s.store)
    assert again.index.size == 12
    assert [n for n in range(60) if again.index.find(again.short_of(whole(n))) >= 0] == list(
        range(48, 60)
    )
    again = new_shelf(64, s.store)
    assert again.index.size == 39, "21 had expired when the clock was saved"


def test_history_counts_on_over_restarts():
    s = new_shelf(2)
    for number in range(5):
        s.accept(1, 0, whole(number), 100)
    s.bad_records += 2
    s.save_clock(records.Clock(1, 200, 4096, s.evicted, s.bad_records, 0))
    again = new_shelf(64, s.store)
    assert (again.evicted, again.bad_records) == (3, 2)


def test_a_parcel_gone_bad_in_the_store_is_taken_again():
    s = new_shelf(store=Rotting(1000))
    _, row = s.accept(1, 0, whole(1), 100)
    s.store.rotten = s.index.handle[row]
    assert raises(KeyError, s.immutable, row)
    assert s.accept(1, 0, whole(1), 100)[0] == NEW
