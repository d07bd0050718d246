"""tests/protocol again, under MicroPython with the heap of a small board: one process a file."""

from pathlib import Path

import pytest

from tests.on_micropython import run_module

PROTOCOL = Path(__file__).resolve().parents[1] / "protocol"
# The sources are compiled in it, and there are up to four nodes, unlike on a relay.
HEAP = "320k"
# Nine nodes; six; six; five; a whole update.
HEAPS = {
    "test_unicast": "512k",
    "test_gradient": "448k",
    "test_commands": "448k",
    "test_spread": "384k",
}


@pytest.mark.parametrize("name", sorted(path.stem for path in PROTOCOL.glob("test_*.py")))
def test_passes_on_micropython(name: str) -> None:
    run_module(PROTOCOL / f"{name}.py", HEAPS.get(name, HEAP))
