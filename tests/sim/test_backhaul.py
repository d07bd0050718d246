"""Meshes that a hub joins, in virtual time."""

import re
from pathlib import Path

import pytest

from gateway.errors import UserError
from tests.sim.scenes import run
from tools.sim.scenario import load

VALLEYS = Path(__file__).parents[2] / "scenarios" / "valleys.toml"


def valleys(**changes):
    """The scenario, with other values of these keys."""
    text = VALLEYS.read_text()
    for key, value in changes.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text, count=1)
        assert count == 1, key
    return text


def test_valleys_are_joined(tmp_path):
    world = run(tmp_path, valleys())
    m = world.results()
    assert (m["delivered"], m["receipts_back"]) == (3, 3)
    over = m["backhaul"]
    # the message, the pieces of the long one, and their receipts; nothing of the third
    assert 2 + 2 <= over["pushed"] == over["taken"]
    assert over["left"] == 2
    assert m["parcels_left"] == {"relays": 0, "gateways": 0}
    first, _, near = world.letters
    assert first.delivered_us - first.message.at_us >= 10_000_000  # after_s
    assert near.delivered_us - near.message.at_us < 2_000_000
    again = run(tmp_path, valleys())
    assert again.tally.event_hash() == world.tally.event_hash()
    assert again.results() == m


def test_without_a_hub_they_are_not(tmp_path):
    text = re.sub(r"(?s)\[backhaul\].*?\n\n", "", valleys())
    m = run(tmp_path, text).results()
    assert m["delivered"] == 1
    assert "backhaul" not in m


def test_a_message_with_a_route_crosses_at_once(tmp_path):
    text = valleys().replace("at_s = 10\n", "at_s = 10\nrouted = true\n", 1)
    (first, *_) = run(tmp_path, text).letters
    assert first.delivered_us - first.message.at_us < 10_000_000


def test_two_dishes_in_a_valley_store_it_once(tmp_path):
    world = run(tmp_path, valleys(gateways="[0, 3, 5, 6, 9, 11]").replace("[3, 9]", "[3, 5, 9]"))
    m = world.results()
    assert m["delivered"] == 3
    assert m["backhaul"]["refused"] <= m["backhaul"]["pushed"] // 2


@pytest.mark.parametrize(
    ("was", "becomes", "what"),
    [
        ("[3, 9]", "[3, 4]", "gateways: node 4 has no gateway"),
        ("delay_s = 0.6", "delay_s = -1", "delay_s: must be"),
        ("after_s = 10", 'after_s = "soon"', "after_s: must be"),
        ("after_s = 10", "before_s = 10", "before_s: unknown key"),
    ],
)
def test_mistakes(tmp_path, was, becomes, what):
    path = tmp_path / "scenario.toml"
    path.write_text(valleys().replace(was, becomes))
    with pytest.raises(UserError, match=rf"backhaul\.{what}.*line"):
        load(path)
