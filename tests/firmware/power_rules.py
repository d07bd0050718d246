"""When a relay waits with its radio off; for MicroPython, with the stand-ins, on a blank chip."""

import os

from firmware import power, refused

POWER_ON, RESET, WATCHDOG, SLEPT, BY_HAND = 1, 2, 3, 4, 5
VOLTS = [None]
power.PATH = "power"  # where the test runs


def begin(cause):
    os.putenv("HELIO_RESET_CAUSE", str(cause))
    try:
        power.may_join(VOLTS[0])
    except ValueError as e:
        return e.args[1] // 60_000
    return 0


def count():
    with open("power") as f:
        return int(f.read())


def write(text):
    with open("power", "w") as f:
        f.write(text)


def test_runs_that_are_over_early_lead_to_pauses_that_double():
    write("0")
    assert [begin(POWER_ON) for _ in range(3)] == [0, 0, 0]
    waits = []
    for _ in range(8):
        waits.append(begin(POWER_ON))
        assert begin(POWER_ON) == waits[-1]  # the power was cut while it waited
        assert begin(SLEPT) == 0  # and now its try
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert count() == 9


def test_a_run_that_lasts_ends_it():
    write("9")
    power.proved()
    assert count() == 0
    assert begin(RESET) == 0


def test_other_resets_neither_count_nor_wait():
    write("8")
    assert [begin(cause) for cause in (BY_HAND, RESET, WATCHDOG)] == [0, 0, 0]
    assert count() == 8


def test_a_file_that_a_power_cut_left_empty_is_a_first_run():
    for text in ("", "x", "99999"):
        write(text)
        assert begin(POWER_ON) == (60 if text == "99999" else 0)


def test_a_weak_battery_waits_from_the_first_run_on():
    write("0")
    VOLTS[0] = (3299, 0)
    assert [begin(cause) for cause in (POWER_ON, SLEPT, SLEPT, POWER_ON)] == [1, 2, 4, 8]
    assert [begin(SLEPT) for _ in range(9)][-1] == 60
    VOLTS[0] = (3300, 0)
    assert begin(SLEPT) == 0
    assert begin(POWER_ON) == 60  # it was too weak after all
    VOLTS[0] = None


def test_it_waits_in_deep_sleep_unless_somebody_is_there():
    refused._AWAKE_MS = 50
    import asyncio

    code = 0
    try:
        asyncio.run(refused.run("weak", 60_000))
    except SystemExit as e:
        code = e.args[0]
    assert code == 75
