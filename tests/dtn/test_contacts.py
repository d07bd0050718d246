"""Contacts from walks, from random fields and from both forms of trace."""

import gzip
import random

import pytest

from gateway.errors import UserError
from tools.dtn.contacts import Meeting, field, from_moves, from_trace, pairs_within


def test_pairs_are_those_that_are_near():
    dice = random.Random(1)
    places = [(dice.uniform(0, 500), dice.uniform(0, 500)) for _ in range(60)]
    near = {
        (a, b)
        for a in range(60)
        for b in range(a + 1, 60)
        if (places[a][0] - places[b][0]) ** 2 + (places[a][1] - places[b][1]) ** 2 <= 100**2
    }
    assert pairs_within(places, 100) == near
    assert pairs_within([(0, 0), (100, 0), (200.1, 0)], 100) == {(0, 1)}


def test_walking_past_each_other():
    moves = [(0, 0, 0.0, 0.0, 0.0), (0, 1, 300.0, 0.0, 0.0)]
    moves += [(second, 1, 300.0 - 50 * second, 0.0, 0.0) for second in range(1, 12)]
    assert from_moves(moves, 2, 100, 20) == [Meeting(4, 9, 0, 1)]
    assert from_moves(moves, 2, 100, 6) == [Meeting(4, 7, 0, 1)], "still there at the end"


def test_a_field_is_connected_and_the_seed_s_own():
    pairs = field(20, 300, 100, "a")
    assert field(20, 300, 100, "a") == pairs
    assert field(20, 300, 100, "b") != pairs
    joined = {0}
    for _ in range(20):
        joined |= {n for m in pairs if {m.a, m.b} & joined for n in (m.a, m.b)}
    assert len(joined) == 20


ONE = "10 CONN 3 7 up\n15.5 CONN 7 9 up\n20 CONN 3 7 down\n30 CONN 3 7 up\n"
PROXIMITY = "40\t1467\t1591\n60\t1591\t1467\n60\t1467\t1500\n120\t1467\t1591\n"


def test_the_lines_of_the_one(tmp_path):
    path = tmp_path / "trace.one"
    path.write_text(ONE)
    meetings, nodes = from_trace(path)
    assert nodes == 3
    assert meetings == [Meeting(0, 10, 0, 1), Meeting(5.5, 20, 1, 2), Meeting(20, 20, 0, 1)]


def test_the_lines_of_sociopatterns_compressed(tmp_path):
    path = tmp_path / "tij.dat.gz"
    path.write_bytes(gzip.compress(PROXIMITY.encode()))
    meetings, nodes = from_trace(path)
    assert nodes == 3
    assert meetings == [Meeting(0, 40, 0, 2), Meeting(20, 40, 0, 1), Meeting(80, 100, 0, 2)]


@pytest.mark.parametrize(
    ("content", "said"),
    [("10 CONN 3 7 away\n", "line 1"), ("20 1 2\n40 1\n", "line 2"), ("", "nobody")],
)
def test_what_is_no_trace(tmp_path, content, said):
    path = tmp_path / "trace"
    path.write_text(content)
    with pytest.raises(UserError, match=said):
        from_trace(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="is not there"):
        from_trace(tmp_path / "none")
    path = tmp_path / "bad.gz"
    path.write_bytes(b"not compressed")
    with pytest.raises(UserError, match="cannot be read"):
        from_trace(path)
