"""`helio bench broadcast` with tiny fields, and `helio bench gossip` with few runs."""

import json
import random
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.cli import main as helio
from gateway.errors import UserError
from tools import bench, bench_broadcast, bench_gossip
from tools.bench_broadcast import LOSSES, OURS, REPAIRED, Plan
from tools.broadcast.classes import summary
from tools.broadcast.loads import Trial, run
from tools.broadcast.schemes import SCHEMES

LOADS = ("minute", "sos", "second", "tenth", "burst")
TINY = Plan({load: (2, 3) if load == "minute" else (1, 2) for load in LOADS}, repaired=(0.1,))
TARGETS = {
    "data / CDS, mean of the classes, 0% loss": ("most", 1.6),
    "data / CDS, mean of the classes, 10% loss": ("most", 1.6),
    "data / CDS, mean of the classes, 30% loss": ("most", 2.2),
    "data / CDS, the worst class, 0% loss": ("most", 1.8),
    "data / CDS, the worst class, 10% loss": ("most", 1.8),
    "data / CDS, the worst class, 30% loss": ("most", 2.6),
    "messages that came to be everywhere, 0% loss": ("least", 100),
    "messages that came to be everywhere, 10% loss": ("least", 100),
    "messages that came to be everywhere, 30% loss": ("least", 100),
    "time to the last of 12 nodes, 10% loss, mean": ("most", 4),
    "time to the last of 12 nodes, 10% loss, p95": ("most", 20),
    "control a node and message, 1 a minute, worst class": ("most", 190),
    "SOS: time to the last node, 10% loss, worst class": ("most", 1),
    "control a node and message, 1 a second, worst class": ("most", 30),
    "burst of 20: data / CDS, 10% loss, worst class": ("most", 2.5),
    "10 a second: data / CDS, 10% loss, worst class": ("most", 2.5),
    "SOS, 1 and 10 a second, burst: messages everywhere, worst": ("least", 100),
}
CLASS = {
    "load", "loss_pct", "nodes", "degree", "scheme", "cds", "oracle_per_cds", "data_per_oracle",
    "data_per_cds", "data_per_cds_p95", "reach", "reach_60s", "complete", "t50_s", "t95_s",
    "t100_s", "t100_p95_s", "t100_max_s", "control_bytes", "control_by_type", "collisions",
}  # fmt: skip


@pytest.fixture(scope="module")
def small():
    """Fields of ten and twelve."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_broadcast, "GRAPHS", [(10, 4), (12, 5)])
        patch.setattr(bench_broadcast, "LOADED", [(10, 4, 0.1), (12, 5, 0.1), (12, 5, 0.3)])
        patch.setattr(bench_broadcast, "USUAL", TINY)
        yield


@pytest.fixture(scope="module")
def report(small):
    return bench_broadcast.measure(1, TINY)


def test_every_target_is_there(report):
    found = {r["what"]: (r["bound"], r["target"]) for r in report["results"] if r["bound"]}
    assert found == TARGETS


def test_every_class_scheme_and_load_has_a_row(report):
    assert all(set(c) == CLASS for c in report["classes"])
    found = [(c["load"], c["loss_pct"], c["nodes"], c["scheme"]) for c in report["classes"]]
    assert len(set(found)) == len(found)
    minute = {("minute", round(100 * loss), nodes, scheme)
              for loss in LOSSES for nodes in (10, 12) for scheme in SCHEMES
              if scheme != REPAIRED or loss == 0.1}  # fmt: skip
    loaded = {(load, loss, nodes, OURS)
              for load in LOADS[1:] for loss, nodes in ((10, 10), (10, 12), (30, 12))}  # fmt: skip
    assert set(found) == minute | loaded


def test_a_class_is_the_summary_of_its_graphs_run_alone(report):
    """In other processes, and in any order."""
    theirs = next(
        c for c in report["classes"]
        if (c["load"], c["loss_pct"], c["nodes"], c["scheme"]) == ("minute", 10, 12, OURS)
    )  # fmt: skip
    alone = [run(Trial(12, 5, 0.1, graph, OURS, "minute", 3, 1)) for graph in (0, 1)]
    assert {name: theirs[name] for name in summary(alone, 12)} == summary(alone, 12)


def test_the_rows_say_what_the_classes_say(report):
    value = {r["what"]: r["value"] for r in report["results"]}
    peer = {r["what"]: r["peer"] for r in report["results"]}

    def of(scheme, load, loss_pct, name):
        like = (scheme, load, loss_pct)
        return [
            c[name] for c in report["classes"] if (c["scheme"], c["load"], c["loss_pct"]) == like
        ]

    ratios = of(OURS, "minute", 30, "data_per_cds")
    assert value["data / CDS, mean of the classes, 30% loss"] == round(sum(ratios) / 2, 2)
    assert value["data / CDS, the worst class, 30% loss"] == max(ratios)
    complete = of(OURS, "minute", 30, "complete")
    assert value["messages that came to be everywhere, 30% loss"] == 50 * sum(complete)
    theirs = of("flooding", "minute", 30, "data_per_cds")
    said = f", flooding {round(sum(theirs) / 2, 2)} (reached "
    assert said in peer["data / CDS, mean of the classes, 30% loss"]
    assert value["SOS: time to the last node, 10% loss, worst class"] == max(
        of(OURS, "sos", 10, "t100_s")
    )
    assert value["burst of 20: data / CDS, 10% loss, worst class"] == max(
        of(OURS, "burst", 10, "data_per_cds")
    )
    last_s = of(OURS, "minute", 10, "t100_s")[1]
    assert value["time to the last of 12 nodes, 10% loss, mean"] == last_s
    control = [b for pct in (0, 10, 30) for b in of(OURS, "minute", pct, "control_bytes")]
    assert value["control a node and message, 1 a minute, worst class"] == max(control)


def test_a_load_that_did_not_come_everywhere_has_no_cost(report):
    classes = [dict(c) for c in report["classes"]]
    spoilt = next(c for c in classes if (c["load"], c["loss_pct"]) == ("burst", 10))
    spoilt["complete"] = 0.5
    value = {r["what"]: r["value"] for r in bench_broadcast.loaded(classes)}
    assert value["burst of 20: data / CDS, 10% loss, worst class"] is None
    assert value["10 a second: data / CDS, 10% loss, worst class"] is not None
    assert value["SOS, 1 and 10 a second, burst: messages everywhere, worst"] == 50


def test_as_json_and_as_text(small, capsys):
    assert helio(["bench", "broadcast", "--json"]) == 0
    said, error = capsys.readouterr()
    assert error == "", "no progress where there is no terminal"
    report = json.loads(said)
    assert set(report) == {"bench", "seed", "results", "classes"}
    assert (report["bench"], report["seed"]) == ("broadcast", 1)
    assert helio(["bench", "broadcast"]) == 0
    text = capsys.readouterr().out
    assert all(f"{r['what']:<58}" in text for r in report["results"])
    assert "managed flooding" in text
    assert "oracle" in text


def test_a_field_that_cannot_be_connected_is_one_line(monkeypatch):
    monkeypatch.setattr(bench_broadcast, "GRAPHS", [(60, 1)])
    with pytest.raises(UserError, match="no connected field of 60 nodes"):
        bench_broadcast.measure(1, TINY)


def test_a_bench_that_never_came_to_an_end_has_missed():
    assert bench.row("last node", None, "s", most=4)["holds"] is False
    assert bench.row("last node", None, "s")["holds"] is None


def test_a_table_is_aligned_and_tells_what_never_came():
    rows = [{"name": "a", "t": 1234.5}, {"name": "bcdef", "t": None}]
    assert bench.table(rows) == [" name        t", "    a  1,234.5", "bcdef    never"]


def test_gossip_keeps_to_the_theory():
    rows = bench_gossip.measure(1, divisor=10)
    assert len(rows) == 10
    assert rows[-1]["holds"], rows[-1]
    assert rows == bench_gossip.measure(1, divisor=10)
    means = {r["what"]: r["value"] for r in rows}
    named = [next(v for what, v in means.items() if what.startswith(f"{name}, 1,000 "))
             for name in ("push", "pull", "push-pull")]  # fmt: skip
    assert sorted(named) == [named[2], named[1], named[0]]


def test_the_formulas():
    found = {name: formula(1_000) for name, (_, _, formula) in bench_gossip.PROTOCOLS.items()}
    assert found == pytest.approx({"push": 16.87, "pull": 12.75, "push-pull": 9.08}, abs=0.01)


def test_gossip_between_two_takes_as_long_as_a_coin():
    """Each call of one of two hits the other with one half; push-pull has two calls a round."""
    dice = random.Random(1)
    for how, expected in ((bench_gossip.PUSH, 2), (bench_gossip.PULL, 2), (3, 4 / 3)):
        mean = sum(bench_gossip.rounds(2, how, dice) for _ in range(4000)) / 4000
        assert mean == pytest.approx(expected, abs=0.1)


def test_a_bench_of_that_name_gets_the_long_form(monkeypatch, capsys):
    plans = []
    monkeypatch.setattr(bench_broadcast, "measure", lambda seed, plan: plans.append(plan) or {
        "results": [], "classes": [], "text": []})  # fmt: skip
    for full in (False, True):
        bench.main(
            Namespace(name="broadcast", seed=1, json=True, full=full, trace=None, seconds=None)
        )
    assert plans == [bench_broadcast.USUAL, bench_broadcast.FULL]


def test_a_terminal_sees_how_far_it_is(monkeypatch, capsys):
    for patience_s, terminal, seen in ((-1, True, True), (-1, False, False), (60, True, False)):
        monkeypatch.setattr(bench, "_BAR_AFTER_S", patience_s)
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal)
        with ThreadPoolExecutor(1) as pool:
            futures = {pool.submit(pow, 2, n): n for n in (1, 2)}
            assert bench.gather(pool, futures) == {1: 2, 2: 4}
        error = capsys.readouterr().err
        assert ("#" * 15 + "." * 15 + " 1/2" in error) == seen
        assert not error.strip("\r ").endswith("2/2"), "it is gone at the end"
