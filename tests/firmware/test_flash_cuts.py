"""Power cuts, a sample of what `make torture` does. Runs on both interpreters."""

import sys

from tests.firmware.flash_cuts import new_cuts, storm
from tools.virtual_board.nor_lab import SHAPES

QUICK = sys.implementation.name == "cpython"
EVERY, DEPTH, STEPS = (16, 2, 700) if QUICK else (80, 1, 400)


def check_sample(encrypted):
    cuts = new_cuts(encrypted, EVERY, DEPTH)
    cuts.run(STEPS)
    assert not cuts.wrong, (cuts.wrong, cuts.first)
    for kind, shapes in cuts.kinds.items():
        assert min(shapes[:SHAPES]) > 0 or (encrypted and kind == "spent"), (kind, shapes)
    assert cuts.deeper > cuts.cuts() // 2, "cuts during and after the starts"
    assert cuts.moved() > 150
    assert cuts.bench.refused > 5, "the ring was full"


def test_a_sample_of_cuts_in_every_kind_of_operation():
    check_sample(False)


def test_a_sample_of_cuts_on_encrypted_flash():
    check_sample(True)


def test_many_cuts_in_a_row_lose_nothing():
    for seed in range(1, 6 if QUICK else 2):
        storm(False, seed, 6, 60 if QUICK else 20)


def test_many_cuts_in_a_row_on_encrypted_flash_lose_nothing():
    for seed in range(1, 4 if QUICK else 2):
        storm(True, seed, 20, 60 if QUICK else 10)
