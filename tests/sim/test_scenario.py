"""Scenario files: what is right is understood, each mistake is one line with file and place."""

import math
from pathlib import Path

import pytest

from gateway.errors import UserError
from tests.sim.scenes import event, line
from tools.sim.layouts import NotConnected, pairs, random_field
from tools.sim.scenario import load

ROOT = Path(__file__).resolve().parents[2]
NODES = (
    '[sim]\nduration_s = 60\n[nodes]\nlayout = "grid"\ncolumns = 3\nrows = 2\ngateways = [0, 5]\n'
)
MESSAGE = "[[messages]]\nfrom = 0\nto = 5\nat_s = 1\n"
WALK = "[mobility]\nnodes = [1]\n"


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


MISTAKES = {
    "no such layout": (
        changed(NODES, '"grid"', '"ring"'),
        'nodes.layout: unknown value "ring" (line, grid, random, city, positions)',
    ),
    "its line": (changed(NODES, '"grid"', '"ring"'), "(line 4)"),
    "no nodes": ("[sim]\nduration_s = 60\n", "nodes.layout: is missing"),
    "no duration": (changed(NODES, "duration_s = 60", ""), "sim.duration_s: is missing"),
    "an unknown table": (NODES + "[wind]\n", "wind: unknown key"),
    "an unknown key": (NODES + "colour = 1\n", "nodes.colour: unknown key"),
    "an evil key": (NODES + '"\\u001b[2J" = 1\n', "nodes.\ufffd[2J: unknown key"),
    "a key of another layout": (NODES + "degree = 3\n", "nodes.degree: unknown key"),
    "a negative range": (NODES + "[radio]\nrange_m = -1\n", "radio.range_m: must be a number"),
    "no number": (NODES + '[radio]\nloss = "much"\n', "radio.loss: must be a number"),
    "not a number": (NODES + "[radio]\nloss = nan\n", "radio.loss: must be a number"),
    "true for a number": (changed(NODES, "60", "true"), "sim.duration_s: must be a number"),
    "all is lost": (NODES + "[radio]\nloss = 1.0\n", "from 0 to 0.95"),
    "a key twice": (changed(NODES, "rows = 2", "rows = 2\nrows = 2"), "line 7"),
    "a gateway twice": (changed(NODES, "[0, 5]", "[0, 0]"), "nodes.gateways: node 0 is there"),
    "a gateway nowhere": (changed(NODES, "[0, 5]", "[0, 6]"), "nodes are 0 to 5"),
    "a table for a list": (NODES + "[messages]\nfrom = 0\n", "write [[messages]]"),
    "a value for a table": ("sim = 3\n", "sim: is a table"),
    "from nowhere": (NODES + changed(MESSAGE, "from = 0", "from = 9"), "messages.from: there is"),
    "from no gateway": (NODES + changed(MESSAGE, "to = 5", "to = 4"), "node 4 has no gateway"),
    "to itself": (NODES + changed(MESSAGE, "to = 5", "to = 0"), "messages.to: is the sender"),
    "the second message": (NODES + MESSAGE + changed(MESSAGE, "= 5", "= 7"), "(line 14)"),
    "a message twice": (NODES + MESSAGE + MESSAGE, "messages: the same table is there twice"),
    "a message too long": (NODES + MESSAGE + "size = 65537\n", "messages.size: must be a whole"),
    "after the end": (NODES + MESSAGE + "count = 99\n", "messages.at_s: the last one"),
    "no such event": (NODES + event(1, 1, "melt"), 'events.what: unknown value "melt"'),
    "on already": (NODES + event(1, 1, "on"), "node 1 is on already"),
    "off already": (NODES + event(2, 1, "off") + event(1, 1, "off"), "node 1 is off already"),
    "an event twice": (NODES + event(1, 1, "off") + event(1, 1, "off"), "twice"),
    "an event after the end": (NODES + event(61, 1, "off"), "events.at_s: is after the end"),
    "a move to nowhere": (NODES + event(1, 1, "move", "x = 3"), "events.y: is missing"),
    "a place for what stays": (NODES + event(1, 1, "off", "x = 3"), "events.x: unknown key"),
    "who walks backwards": (NODES + WALK + "most_mps = 0.2\n", "mobility.most_mps: is less"),
    "the same place twice": (
        '[sim]\nduration_s = 1\n[nodes]\nlayout = "positions"\npositions = [[0, 0], [0, 0]]\n',
        "nodes.positions: [0, 0] is there twice",
    ),
    "no place": (
        '[sim]\nduration_s = 1\n[nodes]\nlayout = "positions"\npositions = [[0]]\n',
        "nodes.positions: [0] is no place",
    ),
    "too thin": (
        '[sim]\nduration_s = 1\n[nodes]\nlayout = "random"\ncount = 200\ndegree = 2\n',
        "nodes.degree: no connected field",
    ),
    "a city too wide": (
        '[sim]\nduration_s = 1\n[nodes]\nlayout = "city"\ncount = 9\nblocks = 90\n',
        "nodes.count: no connected city",
    ),
    "negative decibels": (NODES + "[radio]\nshadowing_db = -1\n", "radio.shadowing_db: must be"),
    "blocks elsewhere": (NODES + "blocks = 3\n", "nodes.blocks: unknown key"),
    "no trace": (NODES + '[contacts]\nfile = "none.txt"\n', "none.txt is not there"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_with_file_and_place(name, tmp_path):
    text, says = MISTAKES[name]
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    with pytest.raises(UserError) as mistake:
        load(path)
    assert says in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert str(tmp_path) in str(mistake.value)


TRACES = {
    "out of order": ("5 CONN 0 1 up\n4 CONN 0 1 down\n", "line 2: out of order"),
    "negative": ("-1 CONN 0 1 up\n", "line 1: out of order"),
    "up twice": ("1 CONN 0 1 up\n2 CONN 1 0 up\n", "line 2: 0 and 1 are up already"),
    "down first": ("1 CONN 0 1 down\n", "line 1: 0 and 1 are down already"),
    "nobody": ("1 CONN 0 6 up\n", "line 1: there is no node 6"),
    "alone": ("1 CONN 1 1 up\n", "line 1: node 1 does not meet itself"),
    "another form": ("1 0 1 up\n", "line 1: not of the form"),
    "no time": ("nan CONN 0 1 up\n", "line 1: not of the form"),
}


@pytest.mark.parametrize("name", TRACES)
def test_a_mistake_in_a_trace_is_named_with_its_line(name, tmp_path):
    trace, says = TRACES[name]
    (tmp_path / "trace.txt").write_text(trace)
    (tmp_path / "scenario.toml").write_text(NODES + '[contacts]\nfile = "trace.txt"\n')
    with pytest.raises(UserError, match=r"trace\.txt") as mistake:
        load(tmp_path / "scenario.toml")
    assert says in str(mistake.value)


def test_what_a_scenario_says_and_what_it_leaves_out(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(NODES + MESSAGE + "count = 3\ninterval_s = 2.5\n")
    s = load(path)
    assert (s.seed, s.range_m, s.loss, s.capacity) == (1, 120, 0, 440)
    assert s.places[:4] == [(0, 0), (100, 0), (200, 0), (0, 100)]
    assert [m.at_us for m in s.messages] == [1_000_000, 3_500_000, 6_000_000]
    assert (s.messages[0].size, s.messages[0].lifetime_s) == (80, 7 * 86_400)
    assert load(path, 9).seed == 9


def test_events_happen_in_the_order_of_time(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(line(more=event(60, 3, "on") + event(5, 3, "off")))
    assert [h.what for h in load(path).happenings] == ["off", "on"]


@pytest.mark.parametrize(("count", "degree"), [(2, 1), (50, 8), (300, 9.5)])
def test_a_random_field_is_connected_and_as_dense_as_asked_for(count, degree):
    places = random_field(count, degree, 120, 4)
    assert places == random_field(count, degree, 120, 4)
    assert places != random_field(count, degree, 120, 5)
    near = [
        (a, b) for a in range(count) for b in range(a) if math.dist(places[a], places[b]) < 120
    ]
    assert sorted((a, b) for a, b, _ in pairs(places, 120)) == sorted((b, a) for a, b in near)
    assert abs(2 * len(near) / count - degree) < 0.05
    reached = {0}
    for _ in range(count):
        reached |= {x for edge in near for x in edge if reached & set(edge)}
    assert len(reached) == count


def test_a_field_too_thin_to_be_connected_is_refused():
    with pytest.raises(NotConnected, match="larger degree"):
        random_field(200, 2, 120, 1)


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.toml")), ids=lambda p: p.name)
def test_the_scenarios_of_the_project_are_understood(path):
    assert load(path).messages
