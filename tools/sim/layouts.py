"""Where nodes stand: lines, grids, and random fields in which everybody reaches everybody."""

import math
import random

Place = tuple[float, float]
_TRIES = 50


class NotConnected(Exception):
    """No random field was found in which everybody reaches everybody; says what to do."""


def line(count: int, spacing_m: float) -> list[Place]:
    """Nodes 0.. from left to right."""
    return [(i * spacing_m, 0.0) for i in range(count)]


def grid(columns: int, rows: int, spacing_m: float) -> list[Place]:
    """Node 0 in a corner, row after row."""
    return [(x * spacing_m, y * spacing_m) for y in range(rows) for x in range(columns)]


def random_field(count: int, degree: float, range_m: float, seed: int) -> list[Place]:
    """A random geometric graph: uniform in a square, connected, with this mean number of nodes
    within range of one. NotConnected if 50 tries found none."""
    dice = random.Random(f"{seed}/layout")
    for _ in range(_TRIES):
        unit = [(dice.random(), dice.random()) for _ in range(count)]
        reach = _reach_for(unit, round(count * degree / 2))
        if _connected(unit, reach):
            side_m = range_m / reach * 0.999999  # the farthest pair stays within range
            return [(round(x * side_m, 3), round(y * side_m, 3)) for x, y in unit]
    raise NotConnected(
        f"no connected field of {count} nodes with mean degree {degree:g} in {_TRIES} tries:"
        " a larger degree, or another seed"
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


def _connected(places: list[Place], radius: float) -> bool:
    near: list[list[int]] = [[] for _ in places]
    for a, b, _ in pairs(places, radius):
        near[a].append(b)
        near[b].append(a)
    seen, left = {0}, [0]
    while left:
        for other in near[left.pop()]:
            if other not in seen:
                seen.add(other)
                left.append(other)
    return len(seen) == len(places)
