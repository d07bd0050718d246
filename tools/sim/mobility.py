"""Random waypoint mobility (Johnson, Maltz 1996): straight to a random place, a pause, again."""

import math
import random
from dataclasses import dataclass

from tools.sim.layouts import Place
from tools.sim.scenario import Waypoints


@dataclass
class _Walker:
    place: Place
    goal: Place
    mps: float
    rest_s: float


class Walks:
    """Everybody who walks, within the rectangle that all places of the beginning span."""

    def __init__(self, waypoints: Waypoints, places: list[Place], seed: int) -> None:
        self._rule = waypoints
        self._dice = random.Random(f"{seed}/mobility")
        xs, ys = [x for x, _ in places], [y for _, y in places]
        self._field = (min(xs), max(xs), min(ys), max(ys))
        self._walkers = {n: _Walker(places[n], places[n], 0.0, 0.0) for n in waypoints.nodes}

    def step(self, seconds: float) -> list[tuple[int, Place]]:
        """Let everybody walk so long: (node, new place) of those who moved."""
        moved = []
        for number, walker in self._walkers.items():
            before = walker.place
            self._walk(walker, seconds)
            if walker.place != before:
                moved.append((number, walker.place))
        return moved

    def _walk(self, w: _Walker, seconds: float) -> None:
        if w.rest_s > 0:
            w.rest_s -= seconds
            return
        if w.place == w.goal:
            left, right, bottom, top = self._field
            w.goal = (self._dice.uniform(left, right), self._dice.uniform(bottom, top))
            w.mps = self._dice.uniform(self._rule.least_mps, self._rule.most_mps)
        way_m, step_m = math.dist(w.place, w.goal), w.mps * seconds
        if way_m <= step_m:
            w.place, w.rest_s = w.goal, self._rule.pause_s
            return
        part = step_m / way_m
        x, y = w.place
        w.place = (x + part * (w.goal[0] - x), y + part * (w.goal[1] - y))
