"""`helio bench power`: its table, and its short form, which runs everything but the long ones."""

import pytest

from tools import bench_power
from tools.power import trials
from tools.power.energy import CHIPS, Currents, Meter, awake_pct, days, mean_ma
from tools.power.trials import Trial


def test_a_meter_counts_what_was_where():
    meter = Meter(1_000)
    meter.sent(500)
    meter.enter("sleep", 3_000)
    meter.enter("start", 13_000)
    meter.enter("listen", 14_000)
    us = meter.read(15_000)
    assert us == {"sleep": 10_000, "start": 1_000, "listen": 2_500, "send": 500, "cpu": 0}
    assert meter.starts == 1
    assert mean_ma(us, Currents(1, 14, 28, 70, 0)) == pytest.approx(129_000 / 14_000)
    assert awake_pct(us) == pytest.approx(100 * 4 / 14)
    assert days(5.0, 3.0) == 25


def test_the_accounting_is_the_closed_formula():
    assert abs(trials.formula(3)) < 2


def test_a_small_mesh_sleeps_and_delivers():
    t = trials.traffic(Trial(5, nodes=20, rate=6, minutes=3))
    assert t["delivered_pct"] == 100
    assert t["schedules"] == 1
    assert t["skew_p99_ms"] < 60
    assert t["awake_pct"] < 6
    assert t["ma"]["esp32"] < 7 < CHIPS["esp32"].listen


def test_a_run_repeats_and_another_seed_differs():
    logs = [trials.traffic(Trial(s, nodes=10, minutes=1))["log"] for s in (7, 7, 8)]
    assert logs[0] == logs[1] != logs[2]


def test_targets_that_are_missed_are_said():
    found = {"bridge": 200, "formula": 0.1, "wrap": False}
    assert [r["holds"] for r in bench_power.rows(found)] == [False, False, True]


@pytest.mark.system
def test_the_short_form_holds_all_its_targets():
    report = bench_power.measure(9, short=True)
    missed = [r["what"] for r in report["results"] if r["holds"] is False]
    # The first wait is shared by fewer hops in a small field.
    assert [what for what in missed if "per hop" not in what] == []
    assert {"minute", "tenth", "boots", "bridge", "formula", "wrap"} == set(report["trials"])
