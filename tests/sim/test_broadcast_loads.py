"""What is sent over a field, and what is measured of it."""

import pytest

from shared_protocol.parcel import priority
from tools.broadcast import schemes
from tools.broadcast.classes import p95, summary
from tools.broadcast.field import Message
from tools.broadcast.loads import INTERVAL_S, Trial, messages_of, row_of, run


def trial(scheme="heliograph", load="minute", messages=2, loss=0.1, seed=1):
    return Trial(12, 5, loss, 0, scheme, load, messages, seed)


@pytest.mark.parametrize("scheme", schemes.SCHEMES)
def test_the_same_trial_gives_the_same(scheme):
    assert run(trial(scheme)) == run(trial(scheme))
    assert run(trial(scheme)) != run(trial(scheme, seed=2))


def test_graph_and_oracle_are_the_same_for_every_scheme():
    bounds = {
        (found["cds"], *found["oracle"]) for found in (run(trial(s)) for s in schemes.SCHEMES)
    }
    assert len(bounds) == 1


@pytest.mark.parametrize("load", INTERVAL_S)
def test_every_load_is_measured(load):
    found = run(trial(load=load, messages=4))
    assert len(found["messages"]) == 4
    assert all(m["reach"] == 1 and m["data"] >= 1 for m in found["messages"])
    assert all(0 < m["t50_s"] <= m["t95_s"] <= m["t100_s"] < 60 for m in found["messages"])
    assert sum(found["control"].values()) > 0
    # Three intervals lie between four messages, and one behind the last.
    least_s = 180 + 4 * INTERVAL_S[load]
    assert least_s <= found["virtual_s"] < least_s + 60


@pytest.mark.parametrize(
    ("load", "at_s"),
    [
        ("minute", [180, 240, 300, 360]), ("sos", [180, 240, 300, 360]),
        ("second", [180, 181, 182, 183]), ("tenth", [180, 180.1, 180.2, 180.3]),
        ("burst", [180, 180, 180, 180]),
    ],
)  # fmt: skip
def test_when_and_where_messages_begin(load, at_s):
    messages = messages_of(trial(load=load, messages=4))
    assert [m.at_us / 1e6 for m in messages] == at_s
    assert {priority(m.immutable[0]) for m in messages} == {3 if load == "sos" else 1}
    sources = [m.source for m in messages]
    assert (len(set(sources)) == 1) == (load == "burst")
    assert sources[0] == messages_of(trial("flooding", loss=0.3))[0].source
    assert len({m.immutable for m in messages}) == 4


def test_the_time_until_a_share_of_the_nodes_has_it():
    at_us = 5_000_000
    message = Message(0, at_us, 0, b"", {i: at_us + 7_000_000 * i for i in range(10)}, 17)
    assert row_of(message, 10) == {
        "data": 17, "reach": 1.0, "reach_60s": 0.9, "t50_s": 28.0, "t95_s": 63.0, "t100_s": 63.0,
    }  # fmt: skip
    assert row_of(message, 20) == {
        "data": 17, "reach": 0.5, "reach_60s": 0.45, "t50_s": 63.0, "t95_s": None, "t100_s": None,
    }  # fmt: skip


def test_control_bytes_are_those_of_the_minutes_and_not_of_what_follows(monkeypatch):
    class Blind(schemes.Mesh):
        def has(self, immutable):
            return False

    monkeypatch.setitem(schemes.SCHEMES, "blind", Blind)
    usual, followed = run(trial()), run(trial("blind"))
    assert followed["virtual_s"] == usual["virtual_s"] + 300
    assert followed["control"] == usual["control"]
    # The greetings before the first message would be ten times as much.
    assert sum(usual["control"].values()) < 12 * 2 * 400


class Silent(schemes.Flood):
    """Passes nothing on."""

    copies_enough = 1


def test_who_never_got_it_is_followed_and_not_forgotten(monkeypatch):
    """Only the source's neighbours have it."""
    monkeypatch.setitem(schemes.SCHEMES, "silent", Silent)
    found = run(trial("silent", loss=0.0))
    assert [m["data"] for m in found["messages"]] == [1, 1]
    assert [m["t100_s"] for m in found["messages"]] == [None, None]
    assert found["virtual_s"] == 180 + 2 * 60 + 300
    row = summary([found], 12)
    assert row["data_per_cds"] == round(1 / found["cds"], 2)
    assert row["complete"] == 0
    assert 0 < row["reach"] < 1
    assert (row["t100_s"], row["t100_p95_s"], row["t100_max_s"]) == (None, None, None)
    assert row["control_bytes"] == 0


def test_a_summary_is_means_over_messages():
    def message(data, reach, reach_60s, t100_s):
        return {"data": data, "reach": reach, "reach_60s": reach_60s,
                "t50_s": 0.5, "t95_s": 1.0, "t100_s": t100_s}  # fmt: skip

    found = [
        {"cds": 2, "oracle": [2, 4], "control": {"beacon": 300, "want": 100}, "collisions": 3,
         "messages": [message(2, 1.0, 1.0, 2.0), message(4, 1.0, 0.5, 70.0)]},
        {"cds": 4, "oracle": [4, 6], "control": {"beacon": 200}, "collisions": 5,
         "messages": [message(12, 1.0, 1.0, 3.0), message(8, 0.9, 0.9, None)]},
    ]  # fmt: skip
    assert summary(found, 10) == {
        "cds": 3.0, "oracle_per_cds": 1.33, "data_per_oracle": 1.62, "data_per_cds": 2.0,
        "data_per_cds_p95": 3.0, "reach": 0.975, "reach_60s": 0.85, "complete": 0.75,
        "t50_s": 0.5, "t95_s": 1.0, "t100_s": 25.0, "t100_p95_s": None, "t100_max_s": None,
        "control_bytes": 15.0, "control_by_type": {"beacon": 12.5, "want": 2.5},
        "collisions": 2.0,
    }  # fmt: skip


def test_percentiles_count_never_as_the_longest():
    assert p95([float(i) for i in range(1, 21)]) == 19.0
    assert p95([1.0] * 19 + [None]) == 1.0
    assert p95([1.0] * 18 + [None] * 2) is None
