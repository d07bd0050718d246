"""Things in a plane: how far apart they are, and who is near whom."""

import math
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Placed(Protocol):
    x_m: float
    y_m: float


def distance_m(a: Placed, b: Placed) -> float:
    return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m)


Thing = TypeVar("Thing", bound=Placed)


class Grid(Generic[Thing]):
    """Things in square cells: finds who is near at a cost that depends on the density alone."""

    def __init__(self, cell_m: float) -> None:
        self._cell_m = cell_m
        self._cells: dict[tuple[int, int], dict[Thing, None]] = {}

    def _cell(self, thing: Placed) -> tuple[int, int]:
        return int(thing.x_m // self._cell_m), int(thing.y_m // self._cell_m)

    def add(self, thing: Thing) -> None:
        self._cells.setdefault(self._cell(thing), {})[thing] = None

    def discard(self, thing: Thing) -> None:
        cell = self._cell(thing)
        del self._cells[cell][thing]
        if not self._cells[cell]:
            del self._cells[cell]

    def near(self, place: Placed) -> Iterator[Thing]:
        """Everything within cell_m, and some that is farther."""
        if not self._cells:
            return
        column, row = self._cell(place)
        for x in (column - 1, column, column + 1):
            for y in (row - 1, row, row + 1):
                yield from self._cells.get((x, y), ())
