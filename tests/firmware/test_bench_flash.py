"""`helio bench flash` with few records: its rows, its targets, and who wears the flash more."""

from argparse import Namespace

import pytest

from tools.bench import BENCHES, main, on_micropython, row
from tools.bench_flash import measure

TARGETS = {
    "write amplification, first in first out": ("most", 1.1),
    "write amplification, half of each sector live": ("most", 2.2),
    "write amplification, deleted at random, half live": ("most", 2.2),
    "erases per 1,000 records": ("most", 75),
    "flash time per record (model)": ("most", 4.5),
    "worst put, first in first out": ("most", 46),
    "worst put, half of each sector live": ("most", 46),
    "worst put, deleted at random, half live": ("most", 46),
    "worst put after idle(), first in first out": ("most", 2),
    "worst put after idle(), half of each sector live": ("most", 2),
    "worst put after idle(), deleted at random, half live": ("most", 2),
    "wear, max over mean, 2,000 records": ("most", 1.2),
    "messages per MB": ("least", 3_800),
    "heap per stored message, with 4,000": ("most", 10),
    "heap growth over 400 puts": ("most", 0),
    "reads to recover 4,000 messages, fresh store": ("most", 5_000),
    "bytes read to recover 4,000, fresh store": ("most", 65_536),
    "reads to recover 4,000 messages, ring that went round": ("most", 5_000),
    "bytes read to recover 4,000, ring that went round": ("most", 65_536),
    "life, 1.5 MB, 1,000 messages an hour": ("least", 50),
}


@pytest.fixture(scope="module")
def rows():
    return measure(seed=1, divisor=50)


def test_every_target_is_there(rows):
    found = {r["what"]: (r["bound"], r["target"]) for r in rows if r["bound"]}
    assert found == TARGETS


def test_the_store_wears_the_flash_less_than_littlefs(rows):
    start = "erases per 1,000 records"
    erases = [r["value"] for r in rows if r["what"].startswith(start)]
    ours, log, files = erases
    assert 0 < 5 * ours < min(log, files)


def test_half_of_a_reclaimed_sector_was_live(rows):
    live = [r["value"] for r in rows if r["what"].startswith("live in a sector")]
    assert len(live) == 2
    # So few records are counted that a sector more or less shows.
    assert all(40 <= pct <= 60 for pct in live)


def test_a_target_is_a_least_or_a_most_value():
    assert row("speed", 2.0, "x", least=2)["holds"] is True
    assert row("speed", 1.9, "x", least=2)["holds"] is False
    assert row("cost", 2.0, "x", most=2)["holds"] is True
    assert row("cost", 2.1, "x", most=2)["holds"] is False
    free = row("colour", 2.0, "x", "theirs")
    assert (free["bound"], free["target"], free["holds"]) == (None, None, None)


def test_a_script_that_fails_is_told_in_one_line(monkeypatch, capsys):
    def fails(args):
        return on_micropython("bench_flash_device.py", ["heap", "many", "1"], "1m")

    monkeypatch.setitem(BENCHES, "fails", fails)
    given = {"seed": 1, "json": False, "full": False, "trace": None, "seconds": None}
    assert main(Namespace(name="fails", **given)) == 1
    said, error = capsys.readouterr()
    assert not said
    assert error.startswith("helio bench: MicroPython: ValueError")
    assert error.count("\n") == 1
