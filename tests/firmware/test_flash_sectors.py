"""Sectors that go bad while the store is used. Runs on both interpreters."""

import sys

from tests.firmware.flash_chip import SECTOR
from tests.firmware.flash_lab import Bench, Wrong, cut, genuine
from tools.virtual_board.nor_lab import SHAPES

SECTORS = 10
TURNS = 25 if sys.implementation.name == "cpython" else 6


def again(bench):
    """As bench.again(); what was struck in a dead sector, which takes no mark, may be back."""
    try:
        bench.again()
    except Wrong as error:
        if error.verdict != "resurrected" or not bench.chip._dead:
            raise
        bench.model = dict(bench.store.records())
        for record in bench.model.values():
            assert genuine(record)


def check(encrypted, kind, count, cuts):
    bench = Bench(SECTORS, 300, encrypted, seed=count)
    bench.forgiving = True
    bench.run(200)
    for _ in range(count):  # in places by lot
        getattr(bench.chip, kind)(bench.dice.below(SECTORS))
        bench.run(60)
    errors = bench.store.ring.write_errors
    for _ in range(TURNS):
        if cuts:
            cut(bench, bench.dice.below(120), bench.dice.below(SHAPES), lambda: bench.run(80))
        else:
            bench.run(bench.dice.below(60))
            bench.check()
        errors += bench.store.ring.write_errors
        again(bench)
    for _ in range(60):
        bench.insist(bench.record())
    again(bench)
    assert errors, "it was counted"
    assert len(bench.model) > 60, "the store is as large as before but for these"


def test_sectors_that_cannot_be_programmed():
    for encrypted in (False, True):
        check(encrypted, "bad_program", 1, False)
        check(encrypted, "bad_program", 2, True)


def test_sectors_that_cannot_be_erased():
    for encrypted in (False, True):
        check(encrypted, "bad_erase", 1, False)
        check(encrypted, "bad_erase", 2, True)


def test_sectors_that_fail_with_an_error():
    for encrypted in (False, True):
        check(encrypted, "dead", 1, False)
        check(encrypted, "dead", 2, True)


def test_what_a_dead_sector_holds_does_not_come_before_what_is_newer():
    """It keeps its header and its records for ever; after some rounds these are the oldest of all,
    though sectors behind them in the ring are older than those before."""
    bench = Bench(SECTORS, 40)
    bench.forgiving = True
    bench.run(200)
    dead = bench.store.ring.head
    bench.chip.dead(dead)
    opened = bench.store.ring.seq
    while bench.store.ring.seq < opened + 3 * SECTORS:
        bench.run(1)
    bench.again()
    assert bench.store.ring.state[dead] > 0xFFF0


def test_the_older_copy_of_a_moved_record_helps_when_the_newer_went_bad():
    bench = Bench(SECTORS, 300)
    bench.run(250)
    old = bench.store.ring.tail
    bench.chip.dead(old)
    before = {h: r for h, r in bench.model.items() if bench.store.table[h] >> 12 == old}
    while bench.store.ring.tail == old:  # by moving, not by giving up
        if not bench.put(bench.record()):
            bench.delete(max(set(bench.model) - set(before)))
    opened = bench.store.ring.seq
    while bench.store.ring.seq == opened:  # only the head is read whole anyway
        if not bench.put(bench.record()):
            bench.delete(max(set(bench.model) - set(before)))
    for handle in before:
        at = bench.store.table[handle]
        assert at >> 12 != old
        bench.chip.flip((at + 13) * 8)
        bench.chip.flip((at + 14) * 8)
    again(bench)


def test_a_place_that_went_bad_is_read_back_at_once():
    bench = Bench(SECTORS, 300)
    bench.run(100)
    bench.chip.bad_program(bench.store.ring.head)
    bench.insist(bench.record())
    assert bench.store.ring.write_errors == 1
    bench.check()
    bench.again()


def test_a_header_that_was_not_taken_is_noticed():
    for encrypted in (False, True):
        for offset in (0, 16 if encrypted else 4):
            bench = Bench(SECTORS, 300, encrypted)
            bench.run(100)
            bench.chip.deaf = [sector * SECTOR + offset for sector in (2, 6)]
            errors = 0
            for turn in range(16):
                if turn == 8:
                    bench.chip.deaf = ()
                bench.run(40)
                bench.check()
                errors += bench.store.ring.write_errors
                bench.again()
            assert errors


def test_a_blank_place_that_is_not_blank_any_more():
    bench = Bench(SECTORS, 300)
    bench.run(100)
    while bench.store.ring.end > SECTOR // 2:
        bench.insist(bench.record())
    ring = bench.store.ring
    bench.chip.flip((ring.head * SECTOR + ring.end + 20) * 8)
    bench.insist(b"\xff" * 40)
    assert ring.write_errors == 1
    bench.check()
    bench.again()
