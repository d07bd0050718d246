"""How much farther than it measures the way from one node to another is, for the medium.

Three things make it so: a contact trace (no contact: for ever), the walls of a city, and shadows,
drawn once for each pair and each direction.
"""

import math
import random

from tools.medium import Physics
from tools.sim.layouts import Place
from tools.sim.scenario import Scenario
from tools.virtual_board.air_model import stretch

_LEAST = 1 / Physics().sense_ranges  # nearer than that a shadow's opposite brings nobody


class Ways:
    """Call it with sender and receiver. `places` is looked at as it changes."""

    def __init__(self, scenario: Scenario, places: list[Place]) -> None:
        self._seed = scenario.seed
        self._shadowing_db = scenario.shadowing_db
        self._asymmetry_db = scenario.asymmetry_db
        self._city = scenario.city
        self._places = places
        self._contacts: set[tuple[int, int]] | None = None
        if scenario.contacts is not None:
            self._contacts = set()
        self._drawn: dict[tuple[int, int], float] = {}

    def needed(self) -> bool:
        """Is any way farther than it measures?"""
        return bool(
            self._contacts is not None or self._city or self._shadowing_db or self._asymmetry_db
        )

    def meet(self, pair: tuple[int, int], up: bool) -> None:
        """The trace says that these two, the smaller first, are in contact, or not any more."""
        assert self._contacts is not None
        if up:
            self._contacts.add(pair)
        else:
            self._contacts.discard(pair)

    def __call__(self, sender: int, receiver: int) -> float:
        pair = (sender, receiver) if sender < receiver else (receiver, sender)
        if self._contacts is not None and pair not in self._contacts:
            return math.inf
        lost_db = 0.0
        if self._shadowing_db:
            lost_db += self._shadowing_db * self._normal(*pair)
        if self._asymmetry_db:  # half of it is lost one way and won the other
            half_db = self._asymmetry_db * self._normal(pair[1], pair[0]) / 2
            lost_db += half_db if sender < receiver else -half_db
        if self._city:
            lost_db += self._city.walls_db(self._places[sender], self._places[receiver])
        return max(stretch(lost_db), _LEAST)

    def _normal(self, a: int, b: int) -> float:
        if (a, b) not in self._drawn:
            self._drawn[a, b] = random.Random(f"{self._seed}/way/{a}/{b}").gauss(0, 1)
        return self._drawn[a, b]
