"""The store against a dict: random operations and starts. Runs on both interpreters."""

import sys

from tests.firmware.flash_lab import Bench

STEPS = 8000 if sys.implementation.name == "cpython" else 1200


def check(sectors, rows, encrypted, seed):
    bench = Bench(sectors, rows, encrypted, seed)
    done = 0
    while done < STEPS:
        steps = 1 + bench.dice.below(200)
        bench.run(steps)
        bench.check()
        if bench.dice.below(2):
            bench.again()
        done += steps
    bench.again()
    return bench


def test_against_a_dict():
    bench = check(8, 300, False, 1)
    assert bench.refused
    assert bench.moved


def test_against_a_dict_on_encrypted_flash():
    bench = check(8, 300, True, 2)
    assert bench.refused
    assert bench.moved


def test_against_a_dict_when_the_index_is_what_is_full():
    for encrypted in (False, True):
        bench = check(12, 60, encrypted, 3)
        assert bench.refused


def test_against_a_dict_on_the_smallest_ring():
    for encrypted in (False, True):
        check(5, 300, encrypted, 4)


def test_handles_stay_the_same_over_a_start():
    bench = Bench(8, 300)
    bench.run(200)
    before = dict(bench.store.records())
    bench.again()
    assert dict(bench.store.records()) == before == bench.model


def test_a_handle_is_given_again_only_when_its_record_is_gone():
    bench = Bench(8, 30)
    for _ in range(400):
        bench.insist(bench.record())  # put() raises Wrong for a handle in use
        if bench.dice.below(3) == 0:
            bench.delete(bench.any())
    bench.again()
