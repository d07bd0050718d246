"""Cells: where a node stands, in 24 bits (SPEC.md 7.1).

A square of 32 m of the Web Mercator map at the equator (22 m at 46 degrees): column 12 bits, row
12 bits, both modulo 4096. So positions wrap after 131 km (91 km); what is farther apart than half
of that looks near. Mercator keeps angles, so nearer on the map is nearer on the ground.
"""

NO_CELL = 1 << 24
CELL_BYTES = 3
_SIDE = 1 << 12


def apart(a: int, b: int) -> int:
    """The square of the distance between two cells, in cells: at most 2^23."""
    columns = (a >> 12) - (b >> 12) & _SIDE - 1
    rows = a - b & _SIDE - 1
    columns, rows = min(columns, _SIDE - columns), min(rows, _SIDE - rows)
    return columns * columns + rows * rows


def to_bytes(cell: int) -> bytes:
    """The three bytes of a cell; none for NO_CELL."""
    return b"" if cell == NO_CELL else cell.to_bytes(CELL_BYTES, "big")


def from_bytes(data: bytes) -> int:
    """The inverse of to_bytes."""
    return int.from_bytes(data, "big") if data else NO_CELL
