"""Scenarios whose relays sleep: they deliver, each board's energy is told, a run repeats."""

from pathlib import Path

import pytest

from gateway.errors import UserError
from tools.flash.board_file import load_boards
from tools.power.energy import currents_of
from tools.sim.command import summary, table
from tools.sim.scenario import load
from tools.sim.world import World

LINE = """
[sim]
seed = 5
duration_s = 240
[nodes]
layout = "line"
count = 4
gateways = [0, 3]
[power]
profile = "PROFILE"
[[messages]]
from = 0
to = 3
at_s = 100
count = 3
interval_s = 30
EXTRA
"""


def run(folder: Path, profile: str = "balanced", extra: str = "") -> dict:
    file = folder / "power.toml"
    file.write_text(LINE.replace("PROFILE", profile).replace("EXTRA", extra))
    world = World(load(file))
    world.run(lambda now_us: None)
    return summary(world, 1.0)


def test_relays_that_sleep_deliver_and_those_with_a_gateway_do_not_sleep(tmp_path):
    report = run(tmp_path)
    metrics = report["metrics"]
    assert metrics["delivered"] == metrics["receipts_back"] == 3
    nodes = metrics["power"]["nodes"]
    assert [n["awake_pct"] > 99 for n in nodes] == [True, False, False, True]
    for n in nodes[1:3]:
        # Awake for a minute after the start, then 5 % of the time.
        assert 25 < n["awake_pct"] < 33
        assert n["states_s"]["sleep"] > 150
        assert n["days_per_ah"] == pytest.approx(1000 / 24 / n["ma"], abs=0.01)
    assert "days an Ah" in table(report)
    assert run(tmp_path)["event_hash"] == report["event_hash"]


def test_a_reboot_keeps_the_account_of_the_board(tmp_path):
    extra = '[[events]]\nat_s = 150\nnode = 1\nwhat = "reboot"\n'
    metrics = run(tmp_path, extra=extra)["metrics"]
    assert metrics["delivered"] == 3
    states = metrics["power"]["nodes"][1]["states_s"]
    assert 236 < sum(states.values()) < 240  # without power for 1.5 s, twice
    assert states["listen"] > 115  # awake for a minute, twice


def test_a_mesh_that_listens_has_no_such_account_unless_asked(tmp_path):
    power = run(tmp_path, "always")["metrics"]["power"]
    assert power["mean_ma"] == pytest.approx(100, abs=0.5)
    file = tmp_path / "plain.toml"
    file.write_text(LINE.replace('[power]\nprofile = "PROFILE"\n', "").replace("EXTRA", ""))
    world = World(load(file))
    world.run(lambda now_us: None)
    assert summary(world, 1.0)["metrics"]["power"] is None


def test_unknown_currents_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"power\.currents: there is no board toaster"):
        run(tmp_path, extra="", profile='balanced"\ncurrents = "toaster')


def test_every_board_says_what_it_takes():
    for board in load_boards():
        currents = currents_of(board.id)
        assert currents.sleep < currents.cpu < currents.listen < currents.send
