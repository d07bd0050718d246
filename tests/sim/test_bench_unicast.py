"""`helio bench unicast` with few messages, and messages that go alone in scenarios."""

from tests.sim.scenes import run
from tools import bench_unicast
from tools.bench_unicast import Trial

SMALL = {"messages": 3}
FIELD = """
[sim]
duration_s = 90
[radio]
range_m = 100
[nodes]
layout = "grid"
columns = 4
rows = 3
spacing_m = 80
gateways = [0, 11]
cells = {cells}
beats = {beats}
[[messages]]
from = 0
to = 11
at_s = 40
routed = {routed}
"""


def kinds(tmp_path, cells="false", beats="true", routed="true"):
    results = run(tmp_path, FIELD.format(cells=cells, beats=beats, routed=routed)).results()
    assert (results["delivered"], results["receipts_back"]) == (1, 1)
    sent = results["frames_by_type"]
    alone = results["parcel_frames_sent"] - sent.get("parcel", 0)
    return alone, sent.get("parcel", 0)


def test_a_routed_message_goes_alone_down_a_gradient_or_over_the_map(tmp_path):
    assert kinds(tmp_path) == (5, 0)
    assert kinds(tmp_path, cells="true", beats="false") == (5, 0)


def test_where_nothing_shows_the_way_or_nobody_asked_for_it_it_floods(tmp_path):
    unicasts, parcels = kinds(tmp_path, beats="false")
    assert unicasts == 0
    assert parcels >= 5
    assert kinds(tmp_path, routed="false")[0] == 0


def test_the_benchmark_counts_what_it_says():
    trials = [
        Trial(9, 0.1, **SMALL),
        Trial(9, 0.1, routed=False, **SMALL),
        Trial(9, 0.0, on_map=True, **SMALL),
    ]
    rows = {r["what"]: r for r in bench_unicast.measure(1, trials)}
    assert rows["10% loss: delivered"]["value"] == 100
    alone = rows["10% loss: transmissions / shortest path"]
    assert (alone["bound"], alone["target"]) == ("most", 1.5)
    assert 1 <= alone["value"] < float(alone["peer"].split()[-1])
    assert rows["no gradients, voids: transmissions / shortest path"]["target"] == 1.6
    assert rows["10% loss: on the air for a message"]["value"] > 250


def test_the_shortest_path_is_what_breadth_first_search_finds():
    places = [(0, 0), (100, 0), (200, 0), (100, 100), (200, 100)]
    near = bench_unicast._links(places)
    assert [bench_unicast._hops(near, 0, b) for b in range(5)] == [0, 1, 2, 2, 3]
