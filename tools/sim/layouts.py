"""Where nodes stand: lines, grids, random fields and cities where everybody reaches everybody."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from tools.virtual_board.air_model import stretch

Place = tuple[float, float]
_TRIES = 50
_ROUNDED_M = 0.002  # more than what rounding to millimetres may move two places apart
_VOID = 0.08, 0.18  # radius of a void, of the side of the square
VOIDS_MAX = 4


class NotConnected(Exception):
    """No random field was found in which everybody reaches everybody; says what to do."""


@dataclass(frozen=True)
class City:
    """A square grid of streets between blocks of houses: what is not in one street is behind
    walls. walls_db: what is lost there, however many they are."""

    blocks: int  # in a row; streets run around each
    block_m: float
    wall_db: float
    STREET_M = 20.0

    def walls_db(self, a: Place, b: Place) -> float:
        """What the houses between two places take away."""
        for one, other in ((a[0], b[0]), (a[1], b[1])):
            street = round(one / self._pitch_m) * self._pitch_m
            if max(abs(one - street), abs(other - street)) <= self.STREET_M / 2:
                return 0.0
        return self.wall_db

    @property
    def _pitch_m(self) -> float:
        return self.block_m + self.STREET_M

    def somewhere(self, dice: random.Random) -> Place:
        """A place in a street; half of them at a crossing, where one would put a relay."""
        along = dice.randrange(self.blocks + 1) * self._pitch_m
        if dice.randrange(2):
            along = dice.uniform(0, self.blocks * self._pitch_m)
        across = dice.randrange(self.blocks + 1) * self._pitch_m
        across += dice.uniform(-self.STREET_M / 2, self.STREET_M / 2)
        x, y = (along, across) if dice.randrange(2) else (across, along)
        return round(x, 3), round(y, 3)


def line(count: int, spacing_m: float) -> list[Place]:
    """Nodes 0.. from left to right."""
    return [(i * spacing_m, 0.0) for i in range(count)]


def grid(columns: int, rows: int, spacing_m: float) -> list[Place]:
    """Node 0 in a corner, row after row."""
    return [(x * spacing_m, y * spacing_m) for y in range(rows) for x in range(columns)]


def random_field(
    count: int, degree: float, range_m: float, seed: int, voids: int = 0
) -> list[Place]:
    """A random geometric graph: uniform in a square, connected, with this mean number of nodes
    within range of one, and with round places where nobody is. NotConnected if 50 tries found
    none."""
    dice = random.Random(f"{seed}/layout")
    for _ in range(_TRIES):
        holes = [(dice.random(), dice.random(), dice.uniform(*_VOID)) for _ in range(voids)]
        unit = [_outside(holes, dice) for _ in range(count)]
        reach = _reach_for(unit, round(count * degree / 2))
        if _connected(unit, reach):
            side_m = (range_m - _ROUNDED_M) / reach  # the farthest pair stays within range
            return [(round(x * side_m, 3), round(y * side_m, 3)) for x, y in unit]
    raise NotConnected(
        f"no connected field of {count} nodes with mean degree {degree:g} in {_TRIES} tries:"
        " a larger degree, or another seed"
    )


def _outside(holes: list[tuple[float, float, float]], dice: random.Random) -> Place:
    """A random place of the unit square outside of some circles."""
    while True:
        place = dice.random(), dice.random()
        if all(math.dist(place, hole[:2]) > hole[2] for hole in holes):
            return place


def city_field(count: int, city: City, range_m: float, seed: int) -> list[Place]:
    """Nodes in the streets, such that everybody reaches everybody. NotConnected as above."""
    dice = random.Random(f"{seed}/layout")

    def hears(a: Place, b: Place) -> bool:
        return math.dist(a, b) * stretch(city.walls_db(a, b)) <= range_m

    for _ in range(_TRIES):
        places = [city.somewhere(dice) for _ in range(count)]
        if _connected(places, range_m, hears):
            return places
    raise NotConnected(
        f"no connected city of {count} nodes in {_TRIES} tries: more nodes, smaller or fewer"
        " blocks, or another seed"
    )


def _reach_for(unit: list[Place], edges: int) -> float:
    """The radius within which there are so many pairs of points of the unit square."""
    expected = math.sqrt(2 * edges / (math.pi * len(unit) ** 2))
    radius = min(1.5, 1.5 * expected)
    while True:
        distances = sorted(d for _, _, d in pairs(unit, radius))
        if len(distances) >= edges or radius >= 1.5:
            return distances[min(edges, len(distances)) - 1]
        radius = min(1.5, 1.5 * radius)


def pairs(places: list[Place], radius: float) -> list[tuple[int, int, float]]:
    """(a, b, distance) of all points no farther apart than that, a < b."""
    cells: dict[tuple[int, int], list[int]] = {}
    found = []
    for number, (x, y) in enumerate(places):
        column, row = int(x // radius), int(y // radius)
        for near in [(column + i, row + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
            for other in cells.get(near, ()):
                distance = math.dist(places[other], (x, y))
                if distance <= radius:
                    found.append((other, number, distance))
        cells.setdefault((column, row), []).append(number)
    return found


def _connected(
    places: list[Place], radius: float, hears: Callable[[Place, Place], bool] | None = None
) -> bool:
    near: list[list[int]] = [[] for _ in places]
    for a, b, _ in pairs(places, radius):
        if hears is None or hears(places[a], places[b]):
            near[a].append(b)
            near[b].append(a)
    seen, left = {0}, [0]
    while left:
        for other in near[left.pop()]:
            if other not in seen:
                seen.add(other)
                left.append(other)
    return len(seen) == len(places)
