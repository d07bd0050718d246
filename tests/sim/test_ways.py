"""What makes a way longer than it measures: walls, shadows, contacts; and relays that lie."""

import math
import random
from dataclasses import replace

import pytest

from tests.sim.scenes import event, line, run
from tools.medium import Heard, Medium, Sent
from tools.sim.layouts import City, city_field
from tools.sim.scenario import load
from tools.sim.ways import Ways

CITY = City(3, 80.0, 20.0)


def ways(tmp_path, **changes):
    path = tmp_path / "scenario.toml"
    path.write_text(line())
    scenario = replace(load(path), **changes)
    return Ways(scenario, scenario.places)


def share_heard(medium: Medium, frames: int = 400) -> float:
    """Of frames that node 1 sends, how many does node 2 hear?"""
    now_us = heard = 0
    for _ in range(frames):
        medium.send(1, bytes(20), now_us)
        now_us += 10_000
        heard += sum(isinstance(e, Heard) for e in medium.advance(now_us))
    return heard / frames


def test_nothing_is_needed_for_a_plain_field(tmp_path):
    assert not ways(tmp_path).needed()


def test_shadows_are_the_same_both_ways_and_every_time(tmp_path):
    one, again = (ways(tmp_path, shadowing_db=6.0) for _ in range(2))
    pairs = [(a, b) for a in range(6) for b in range(a)]
    assert one.needed()
    assert [one(a, b) for a, b in pairs] == [one(b, a) for a, b in pairs]
    backwards = [again(a, b) for a, b in reversed(pairs)]
    assert [one(a, b) for a, b in pairs] == backwards[::-1]  # in whatever order they are asked
    assert len({one(a, b) for a, b in pairs}) > 5
    assert one(0, 1) != ways(tmp_path, shadowing_db=6.0, seed=2)(0, 1)


def test_asymmetry_takes_one_way_what_it_gives_the_other(tmp_path):
    w = ways(tmp_path, asymmetry_db=2.0)
    for a, b in ((0, 1), (2, 4), (1, 5)):
        assert w(a, b) != w(b, a)
        assert w(a, b) * w(b, a) == pytest.approx(1.0)


def test_who_is_not_in_contact_is_endlessly_far(tmp_path):
    w = ways(tmp_path, contacts=[])
    assert w(1, 2) == math.inf
    w.meet((1, 2), True)
    assert (w(1, 2), w(2, 1), w(1, 3)) == (1.0, 1.0, math.inf)
    w.meet((1, 2), False)
    assert w(2, 1) == math.inf


def test_walls_are_between_those_who_share_no_street():
    assert CITY.walls_db((0, 30), (3, 250)) == 0.0  # along a street
    assert CITY.walls_db((30, 102), (90, 99)) == 0.0
    assert CITY.walls_db((50, 0), (100, 50)) == 20.0  # round a corner
    assert CITY.walls_db((100, 0), (100, 50)) == 0.0  # at it


def test_a_city_stands_in_its_streets_and_hangs_together():
    places = city_field(40, CITY, 120, 1)
    assert places == city_field(40, CITY, 120, 1)
    for x, y in places:
        assert min(abs(v - 100 * round(v / 100)) for v in (x, y)) <= CITY.STREET_M / 2
        assert -10 <= min(x, y) <= max(x, y) <= 310
    crossing = [p for p in places if all(abs(v - 100 * round(v / 100)) <= 10 for v in p)]
    assert 10 <= len(crossing) <= 35


def test_fading_loses_half_of_the_frames_at_the_end_of_the_range():
    shares = []
    for metres in (30, 90, 120, 150, 230):
        medium = Medium(1, range_m=120, fading_db=4)
        medium.place(1, 0, 0)
        medium.place(2, metres, 0)
        shares.append(share_heard(medium))
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)
    assert shares[1] == pytest.approx(0.83, abs=0.06)
    assert shares[2] == pytest.approx(0.5, abs=0.08)
    assert 0 < shares[3] < 0.35
    assert shares[4] == 0.0


def test_a_way_may_lead_only_there_and_change():
    far = {(2, 1): math.inf}
    medium = Medium(1, range_m=120, stretch=lambda a, b: far.get((a, b), 1.0))
    medium.place(1, 0, 0)
    medium.place(2, 100, 0)
    assert share_heard(medium, 5) == 1.0
    medium = Medium(1, range_m=120, stretch=lambda a, b: far.get((b, a), 1.0))
    medium.place(1, 0, 0)
    medium.place(2, 100, 0)
    assert share_heard(medium, 5) == 0.0
    far.clear()
    medium.send(1, b"again", 1_000_000)
    medium.changed(2)
    assert any(isinstance(e, Heard) for e in medium.advance(2_000_000))


def test_who_is_placed_beside_a_sender_it_never_hears_does_not_wait_for_it():
    starts = []
    for again in (False, True):
        medium = Medium(1, range_m=120, stretch=lambda a, b: math.inf)
        medium.place(1, 0, 0)
        medium.place(2, 10, 0)
        medium.send(1, bytes(200), 0)
        medium.advance(1_000)
        if again:
            medium.place(2, 20, 0)
        medium.send(2, bytes(20), 1_000)
        sent = [e for e in medium.advance(99_000) if isinstance(e, Sent)]
        starts += [e.start_us for e in sent if e.node == 2]
    assert starts[0] == starts[1]


@pytest.mark.parametrize("x_m", [0, 150, 310])
def test_what_a_shadow_brings_near_does_not_depend_on_where_it_is(x_m):
    medium = Medium(1, range_m=120, stretch=lambda a, b: 1 / 1.3)
    medium.place(1, x_m, 0)
    medium.place(2, x_m + 150, 0)  # as 115 m
    assert share_heard(medium, 5) == 1.0


def test_two_who_are_not_in_contact_do_not_disturb_each_other(tmp_path):
    """Nine in one room, of whom four pairs know each other: nobody waits, nothing collides."""
    trace = "".join(f"1 CONN {2 * i} {2 * i + 1} up\n" for i in range(4))
    (tmp_path / "trace.txt").write_text(trace)
    text = line(count=9, more='[contacts]\nfile = "trace.txt"\n')
    world = run(tmp_path, text.replace("count = 9", "count = 9\nspacing_m = 1"))
    m = world.results()
    assert m["frames_lost"].get("collision", 0) == 0
    assert m["frames_heard"] > 50


def test_a_relay_that_swallows_says_that_it_took_and_passes_nothing_on(tmp_path):
    lies = event(1, 1, "swallow")
    assert run(tmp_path, line(count=3, more=lies)).letters[0].delivered_us is None
    world = run(tmp_path, line(count=3, duration=200, more=lies + event(60, 1, "honest")))
    assert world.letters[0].delivered_us > 60_000_000
    assert world.tally.relayed[1] >= 1


def test_energy_is_listening_while_there_is_power_and_sending(tmp_path):
    """Six relays for 120 s at 100 mA are 3.33 mAh each; one that is off for 60 s takes half."""
    more = event(30, 5, "off") + event(90, 5, "on")
    energy = run(tmp_path, line(duration=120, more=more)).results()["energy_mah"]
    whole = 120 * 100 / 3600
    assert energy["most"] == pytest.approx(whole, rel=0.02)
    assert energy["mean"] == pytest.approx(whole * (5 + 0.5) / 6, rel=0.02)
    assert 0 < energy["sending"] < 0.01 * whole


def test_the_town_of_the_readme_delivers_in_spite_of_all(tmp_path):
    from tools.virtual_board.rom import REPOSITORY

    text = (REPOSITORY / "scenarios/city.toml").read_text().replace("= 600", "= 300")
    text = text.replace("count = 20\ninterval_s = 20", "count = 4\ninterval_s = 20")
    for seed in random.Random(4).sample(range(1000), 2):
        m = run(tmp_path, text, seed).results()
        assert m["delivered"] == m["messages"] == 5
