"""Where a gateway stands, from degrees to 24 bits."""

import pytest

from gateway.config import load_config, template
from gateway.errors import UserError
from gateway.position import cell_at, cell_on_map
from shared_protocol.cells import NO_CELL, apart

METRES = 32


def test_cells_of_known_places():
    """Web Mercator as EPSG:3857 has it: Bern is at 829,330 m east, 5,933,917 m north."""
    assert cell_at(0, 0) == 0
    assert cell_at(46.95, 7.45) == (829_330 // METRES % 4096) << 12 | 5_933_917 // METRES % 4096
    assert cell_at(-0.0001, -0.0001) == 0xFFFFFF, "the square before the first is the last"


@pytest.mark.parametrize(("latitude", "longitude"), [(46.95, 7.45), (-33.9, 18.4), (40.7, -74)])
def test_neighbouring_places_have_neighbouring_cells(latitude, longitude):
    here = cell_at(latitude, longitude)
    near, far = cell_at(latitude + 0.001, longitude), cell_at(latitude, longitude + 0.02)
    assert 0 < apart(here, near) < apart(here, far) < 10_000


def test_a_plane_map_wraps_too():
    assert cell_on_map(-1, 31) == 0xFFF << 12
    assert apart(cell_on_map(-1, -1), cell_on_map(1, 1)) == 2


@pytest.mark.parametrize("place", [(91, 0), (0, 181), (float("nan"), 0)])
def test_what_is_not_on_the_map_is_refused(place):
    with pytest.raises(ValueError, match="no place"):
        cell_at(*place)


def test_it_stands_in_gateway_toml(tmp_path):
    file = tmp_path / "gateway.toml"
    text = template("hill", "00" * 32, "", "127.0.0.1:8080")
    file.write_text(text)
    assert load_config(file).cell == NO_CELL
    file.write_text(text.replace("# position", "position"))
    assert load_config(file).cell == cell_at(46.95, 7.45)
    for wrong in ("[1]", "[100, 0]", '"here"', "[1, 2, 3]", '["a", 2]'):
        file.write_text(text.replace("# position = [46.95, 7.45]", f"position = {wrong}"))
        with pytest.raises(UserError, match="line 4: position must be"):
            load_config(file)
