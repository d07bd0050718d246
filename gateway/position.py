"""Positions as people give them, to the cells that nodes tell each other."""

import math

from shared_protocol.cells import NO_CELL

LATITUDE_MOST = 85.0  # where Web Mercator ends
_EARTH_M = 6_378_137.0  # WGS 84
_SIDE_M = 32.0


def cell_at(latitude: float, longitude: float) -> int:
    """The cell of a place: degrees north within +-85, degrees east. ValueError if out of range."""
    if not -LATITUDE_MOST <= latitude <= LATITUDE_MOST or not -180 <= longitude <= 180:
        raise ValueError("no place of the map")
    x = _EARTH_M * math.radians(longitude)
    y = _EARTH_M * math.asinh(math.tan(math.radians(latitude)))
    return cell_on_map(x, y)


def cell_on_map(x_m: float, y_m: float) -> int:
    """The cell of a place on a plane map, in metres."""
    cell = (math.floor(x_m / _SIDE_M) & 0xFFF) << 12 | math.floor(y_m / _SIDE_M) & 0xFFF
    assert cell < NO_CELL
    return cell
