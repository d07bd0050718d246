"""Flipped bits, a sample of what `make torture` does. Runs on both interpreters."""

import sys

from firmware.flash_ring import HEAD, MARK
from tests.firmware.flash_chip import SECTOR
from tests.firmware.flash_flips import Flips, used_bench

EVERY, EVERY_HEAD = (61, 1) if sys.implementation.name == "cpython" else (2401, 11)


def test_a_sample_of_flips_all_over_the_chip():
    flips = Flips(used_bench())
    flips.run(range(0, 5 * SECTOR * 8, EVERY))
    assert not flips.wrong, (flips.wrong, flips.first)
    assert flips.mended > flips.flips // 100


def test_every_bit_of_a_sector_s_header_and_of_a_record_s():
    flips = Flips(used_bench())
    ring = flips.bench.store.ring
    last = ring.start + ring.size(0)
    for sector in (ring.head, ring.tail, ring.next_in(0xFFFD)):
        flips.run(range(sector * SECTOR * 8, (sector * SECTOR + last) * 8, EVERY_HEAD))
    assert ring.next_in(0xFFFD) >= 0
    assert not flips.wrong, (flips.wrong, flips.first)
    assert flips.mended * EVERY_HEAD > (len(MARK) + HEAD) * 8


def test_a_sample_of_flips_on_encrypted_flash():
    flips = Flips(used_bench(True))
    flips.run(range(0, 5 * SECTOR * 8, EVERY * 16 + 128))
    assert not flips.wrong, (flips.wrong, flips.first)
    assert flips.lost


def test_a_mended_record_is_written_anew_when_it_is_read():
    bench = used_bench()
    handle = bench.oldest()
    while bench.store.ring.end > SECTOR - 600:
        bench.insist(bench.record())
    at = bench.store.table[handle]
    for byte in (HEAD + 1, HEAD + 2):  # the second flip would have been too much
        at = bench.store.table[handle]
        bench.chip.flip((at + byte) * 8)
        assert bench.store.get(handle) == bench.model[handle]
        assert bench.store.table[handle] != at
    assert bench.store.damaged == 2
    bench.again()


def test_two_flips_in_a_record_are_noticed_and_counted():
    bench = used_bench()
    handle = bench.oldest()
    at = bench.store.table[handle]
    for byte in (HEAD + 1, HEAD + 3):
        bench.chip.flip((at + byte) * 8)
    try:
        bench.store.get(handle)
        raise AssertionError("no KeyError")
    except KeyError:
        pass
    assert bench.store.damaged == 1
    bench.store.delete(handle)
    del bench.model[handle]
    bench.again()
