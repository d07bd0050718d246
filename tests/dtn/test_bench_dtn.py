"""`helio bench dtn`: how runs are added up and judged, and what is asked for wrongly."""

import json
from argparse import Namespace

import pytest

from gateway.errors import UserError
from tools import bench_dtn
from tools.bench import main
from tools.dtn.agents import Message

MESSAGES = [Message(n, 0, 1, 100 * n, 1000, 3600) for n in range(4)]


def test_runs_are_added_up():
    total = bench_dtn.Sum()
    total.add(MESSAGES, {0: 10, 1: 110, 2: 210}, {0: 20, 1: 130}, 9)
    total.add(MESSAGES, {3: 310}, {3: 330}, 3)
    assert (total.came, total.possible, total.sent) == (3, 4, 12)
    assert total.share == 0.75
    assert total.worst == 2 / 3
    assert total.mean_s == 80 / 3
    assert total.times_oracle == 80 / 3 / 10
    assert total.per_delivery == 4


def test_a_mesh_holds_its_targets():
    rows = bench_dtn._mesh(range(1, 2))
    assert [r["holds"] for r in rows] == [True, True]


def test_a_trace_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        bench_dtn.measure(1, tmp_path / "none")


def test_its_options_are_its_own():
    for options in ({"trace": "x", "full": False}, {"trace": None, "full": True}):
        with pytest.raises(UserError, match="is for helio bench"):
            main(Namespace(name="codec", seed=1, json=True, seconds=None, **options))


def test_it_is_called_with_its_options(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(bench_dtn, "measure", lambda *options: asked.append(options) or [])
    assert main(Namespace(name="dtn", seed=5, json=True, trace=None, full=True, seconds=None)) == 0
    assert asked == [(5, None, True)]
    assert json.loads(capsys.readouterr().out) == {"bench": "dtn", "seed": 5, "results": []}
