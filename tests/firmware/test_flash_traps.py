"""Traps that flash stores fall into, one by one. Runs on both interpreters."""

import sys

from firmware.flash_ring import DEAD, HEAD, REMEMBERED, STRUCK
from shared_protocol.errors import MediumFull
from tests.firmware.flash_chip import KINDS, SECTOR
from tests.firmware.flash_lab import Bench, cut

STEP = 9 if sys.implementation.name == "cpython" else 60
TORN = bytes(range(256))


def used_bench(encrypted=False, seed=1):
    bench = Bench(8, 300, encrypted, seed)
    bench.run(250)
    return bench


def fill_on(bench, sectors):
    """Put until the head has moved on by so many sectors."""
    opened = bench.store.ring.seq
    while bench.store.ring.seq < opened + sectors:
        bench.insist(bench.record())


def each_record(bench, sector):
    """(offset, kind) of the records in a sector, whatever became of its header."""
    ring = bench.store.ring
    at = ring.start
    head = bytearray(HEAD)
    while at + HEAD <= SECTOR:
        bench.part.readblocks(sector, head, at)
        if head[1] not in b"RSF":
            break
        yield at, head[1]
        at += ring.size(head[2] << 8 | head[3])


def test_a_torn_record_with_a_valid_header_stops_being_the_last():
    """Only the head's records are read whole at a start: a torn one must be struck by then."""
    for encrypted in (False, True):
        for cut_starts in range(4):
            bench = used_bench(encrypted, 3 + cut_starts)
            fill_on(bench, 1)
            assert cut(bench, 0, 0, lambda bench=bench: bench.put(TORN), HEAD + 100)
            for _ in range(cut_starts):
                bench.chip.power_on()
                cut(bench, 0, 1, bench.mount)
            bench.again()
            assert TORN not in bench.model.values()
            fill_on(bench, 2)
            bench.again()


def test_a_half_erased_sector_whose_header_still_looks_valid():
    """At its worst an erase takes nothing at first but what says that the records are gone."""
    for encrypted in (False, True):
        bench = Bench(5, 300, encrypted)
        bench.run(200)
        moments = []
        records = 0

        def freeze(sector, bench=bench, moments=moments):
            if len(moments) < 4:
                moments.append((sector, bench.freeze()))

        bench.chip.before_erase = freeze
        bench.run(250)
        bench.chip.before_erase = None
        for sector, moment in moments:
            bench.thaw(moment)
            image = bytearray(bench.chip.snapshot())
            for offset, kind in each_record(bench, sector):
                records += 1
                if not encrypted:
                    image[sector * SECTOR + offset] = 0xFF
                elif kind == STRUCK:
                    image[sector * SECTOR + offset] ^= 1
            bench.chip.restore(image)
            bench.again()
            fill_on(bench, 2)
            bench.again()
        assert len(moments) == 4
        assert records > 50


def test_what_an_erase_left_behind_is_of_another_time():
    """Records of the sector's earlier life, whole, behind the header of its new one."""
    for encrypted in (False, True):
        bench = used_bench(encrypted)
        fill_on(bench, 1)
        sector = bench.store.ring.head
        first, last = sector * SECTOR, (sector + 1) * SECTOR
        fill_on(bench, 1)
        old = bench.chip.snapshot()[first:last]
        while bench.store.ring.head != sector:
            bench.insist(bench.record())
        image = bytearray(bench.chip.snapshot())
        end = (bench.store.ring.end + 3) & -4
        image[first + end : last] = old[end:]
        bench.chip.restore(image)
        bench.again()
        fill_on(bench, 2)
        bench.again()


def test_a_cut_costs_a_place_and_not_a_sector():
    """On encrypted flash a place that was written to looks like any other."""
    for encrypted in (False, True):
        bench = Bench(8, 300, encrypted)
        bench.insist(b"a record")
        opened = bench.store.ring.seq
        for cuts in range(3):
            while bench.store.idle():  # then what is cut is the put
                pass
            assert cut(bench, 0, 0, lambda bench=bench: bench.put(TORN), 0)
            assert bench.chip.kind() == "put"
            bench.again()
            if cuts == 0:
                bench.insist(b"behind it")
                assert bench.store.ring.write_errors == 0
        bench.insist(b"behind them all")
        assert bench.store.ring.seq == opened
        bench.again()


def test_an_older_copy_that_was_not_struck_is_struck_at_the_start():
    """Or it comes back when the newer one is deleted."""
    bench = used_bench()
    while True:
        step = bench.next_step()
        before = bench.freeze()
        bench.chip.log = log = []
        bench.do(step)
        bench.chip.log = None
        if "move" in log and "release" not in log:
            break
    bench.thaw(before)
    assert cut(bench, log.index("move"), 0, lambda: bench.do(step), SECTOR)
    bench.again()
    bench.delete(max(bench.model, key=lambda handle: _age(bench, handle)))
    bench.again()


def _age(bench, handle):
    """How far from the tail its record lies."""
    ring, at = bench.store.ring, bench.store.table[handle]
    return ((at >> 12) - ring.tail) % ring.sectors << 12 | at & 0xFFF


def test_a_cut_at_every_byte_of_every_kind_of_program():
    for encrypted in (False, True):
        bench = used_bench(encrypted)
        left = [kind for kind in KINDS if kind != "erase" and not (encrypted and kind == "spent")]
        while left:
            step = bench.next_step()
            before = bench.freeze()
            bench.do(step)
            after = bench.freeze()
            operation = 0
            while True:
                bench.thaw(before)
                if not cut(bench, operation, 0, lambda b=bench, s=step: b.do(s)):
                    break
                kind = bench.chip.kind()
                if kind in left:
                    left.remove(kind)
                    length = len(bench.chip.last[1])
                    head = list(range(min(length, 20)))
                    for at_byte in head + list(range(20, length + 1, STEP)):
                        bench.thaw(before)
                        assert cut(bench, operation, 0, lambda b=bench, s=step: b.do(s), at_byte)
                        bench.again()
                        bench.insist(b"and on")
                        bench.again()
                operation += 1
            bench.thaw(after)


def test_full_leaves_everything_as_it_was():
    for encrypted in (False, True):
        bench = Bench(6, 300, encrypted)
        while bench.put(bench.record()):
            pass
        for _ in range(20):
            bench.put(bench.record())
        bench.check()
        bench.again()
        assert bench.refused >= 1
        assert len(bench.model) > 40


def test_a_full_index_is_full():
    bench = Bench(8, 20)
    for _ in range(20):
        assert bench.put(bench.record())
    assert not bench.put(b"one too many")
    bench.again()
    bench.delete(7)
    assert bench.put(b"in its place")
    assert bench.model[7] == b"in its place"
    bench.again()


def test_what_is_too_long_is_refused():
    bench = Bench(4, 20)
    for length in (0, 1, 512):
        assert bench.put(bytes(length))
    try:
        bench.store.put(bytes(513))
        raise AssertionError("it was taken")
    except MediumFull:
        pass
    bench.again()


def test_no_handle_no_record():
    bench = Bench(4, 20)
    bench.insist(b"a record")
    for call in (bench.store.get, bench.store.delete):
        try:
            call(5)
            raise AssertionError("no KeyError")
        except KeyError:
            pass
    bench.again()


def test_the_marks_of_a_record_cannot_be_taken_for_each_other():
    """Half of the one is never the other: they clear different bits."""
    assert (REMEMBERED ^ 0xFF) & (DEAD ^ 0xFF) == 0
