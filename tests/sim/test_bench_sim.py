"""`helio bench sim` on tiny fields, and how `helio bench boards` compares; no timing decides."""

import json
import subprocess
from argparse import Namespace
from collections import Counter

import pytest

from gateway.errors import UserError
from tools import bench_boards, bench_sim
from tools.bench import main
from tools.bench_boards import Outcome


def cost(rows, name):
    (found,) = [r for r in rows if r["what"].startswith(name)]
    return found


@pytest.fixture
def tiny(monkeypatch):
    """Fields whose cost is known, and no PONS."""

    def run(nodes, messages, seed):
        return {
            "events": 1_000 * nodes, "cpu_s": nodes * nodes / 10_000, "wall_s": 700, "peak_mb": 99,
            "messages": messages, "delivered": messages,
        }  # fmt: skip

    monkeypatch.setattr(bench_sim, "_pons", lambda seed: [])
    monkeypatch.setattr(bench_sim, "field_run", run)
    monkeypatch.setattr(bench_sim, "_apart", run)


def test_the_dearest_event_is_that_of_the_largest_field(tiny):
    rows = bench_sim.measure(1)
    times = cost(rows, "cost of an event")
    assert (times["value"], times["target"], times["holds"]) == (10, 1.5, False)
    assert cost(rows, "10 fields of 100 nodes, 60 s: events")["value"] == 1_000_000
    assert cost(rows, "10 fields of 100 nodes, 60 s: cost of an event")["value"] == 10
    assert cost(rows, "a field of 1,000 nodes, 60 s: speed")["value"] == 10_000
    assert not [r for r in rows if "10,000" in r["what"]]


def test_full_adds_the_largest_with_its_limits(tiny):
    rows = bench_sim.measure(1, True)
    assert cost(rows, "cost of an event")["value"] == 100
    judged = {r["what"]: (r["value"], r["target"], r["holds"]) for r in rows if r["bound"]}
    assert judged["10,000 nodes, 100 messages: wall-clock, build and run"] == (700, 600, False)
    assert judged["10,000 nodes, 100 messages: peak memory"] == (99, 4096, True)


def test_a_field_delivers_and_comes_again():
    runs = [bench_sim.field_run(30, 2, 3) for _ in range(2)]
    assert [(r["delivered"], r["messages"]) for r in runs] == [(2, 2)] * 2
    assert runs[0]["events"] == runs[1]["events"] > 1_000
    assert bench_sim.field_run(30, 2, 4)["events"] != runs[0]["events"]


def test_a_field_in_a_process_of_its_own_is_the_same():
    there, here = bench_sim._apart(20, 1, 1), bench_sim.field_run(20, 1, 1)
    assert (there["events"], there["delivered"]) == (here["events"], here["delivered"])
    assert 0 < there["peak_mb"] < 1_000


def test_all_messages_are_between_two_within_the_time():
    scenario = bench_sim.scenario(40, 5, 1)
    assert len(scenario.messages) == 5
    assert all(m.sender != m.to for m in scenario.messages)
    assert {m.at_us // 1_000_000 for m in scenario.messages} == {10, 16, 22, 28, 34}


def test_options_are_passed_on_or_refused(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(bench_sim, "measure", lambda *options: asked.append(options) or [])
    assert main(Namespace(name="sim", seed=5, json=True, trace=None, full=True, seconds=None)) == 0
    assert asked == [(5, True)]
    assert json.loads(capsys.readouterr().out) == {"bench": "sim", "seed": 5, "results": []}
    with pytest.raises(UserError, match="--full is for helio bench broadcast, dtn, sim"):
        main(Namespace(name="boards", seed=5, json=True, trace=None, full=True, seconds=None))


def test_a_process_that_fails_is_one_line(monkeypatch, capsys):
    done = subprocess.CompletedProcess([], 3, "")
    monkeypatch.setattr(bench_sim.subprocess, "run", lambda *a, **k: done)
    monkeypatch.setattr(bench_sim, "measure", lambda *o: bench_sim._apart(2, 1, 1))
    assert main(Namespace(name="sim", seed=1, json=True, trace=None, full=True, seconds=None)) == 1
    assert capsys.readouterr().err == "helio bench: 2 nodes: exit code 3\n"


# --- the simulator beside virtual boards


def outcome(delivered, parcels, receipts):
    return Outcome(delivered, Counter({"parcel": parcels, "receipt": receipts}))


def test_the_simulators_grid_delivers_everything():
    found = bench_boards.simulated(1, 2)
    assert found.delivered == 2
    assert found.sent["parcel"] >= 2 * 5  # five hops from corner to corner
    assert found.sent["receipt"] >= 2 * 5


def test_means_are_compared(monkeypatch):
    ours = {1: outcome(10, 100, 100), 2: outcome(10, 120, 100)}
    theirs = {1: outcome(10, 120, 80), 2: outcome(10, 120, 84)}
    monkeypatch.setattr(bench_boards, "simulated", lambda seed, messages: ours[seed])
    monkeypatch.setattr(bench_boards, "on_boards", lambda seed, messages: theirs[seed])
    rows = {r["what"]: (r["value"], r["holds"]) for r in bench_boards.measure(1, 2)}
    assert rows["delivered: boards differ by"] == (0, True)
    assert rows["parcel frames: boards differ by"] == (0.091, True)
    assert rows["receipt frames: boards differ by"] == (0.18, False)
    assert rows["boards: parcel frames a message"] == (12, None)
