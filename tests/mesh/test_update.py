"""Updates on boards that were flashed: over the air, over the wire, and forged ones."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import UserError
from tests.mesh.update_scene import MACHINE_CODE, Line
from tools.update_archive import make_archive, pack

pytestmark = pytest.mark.system
HOPS = 4
# It leaves word that it was started and goes on as the old one, whose files are still there: so
# the update is small. That the whole of one starts is another scene's matter.
WORD = b"started " * 4
NEW_FIRMWARE = b"""
import sys

with open("/ran", "w") as f:
    f.write("started " * 4)
sys.path[0] = "/a"
del sys.modules["firmware"], sys.modules["firmware.main"], f
import firmware.main

run = firmware.main.run
"""


def small_archive() -> bytes:
    """Three pages: that firmware, and ballast that does not compress."""
    return pack({
        ("firmware/__init__.py", 0): b"",
        ("firmware/main.py", 0): NEW_FIRMWARE,
        ("ballast", 0): os.urandom(4500),
    })  # fmt: skip


async def through_four_hops(folder: Path) -> None:
    """A fifth of the frames is lost, and the relay in the middle loses its power in the midst of
    it: the new firmware starts on all five."""
    line = Line(folder, HOPS + 1, 0.2, 1)
    text, pages = line.update(7, small_archive())
    middle = line.boards[HOPS // 2]
    cut = False

    async def all_run() -> bool:
        nonlocal cut
        if not cut and pages[1][100:140] in middle.flash_path.read_bytes():
            cut = True
            middle.kill()
            middle.start()
        return all(WORD in board.flash_path.read_bytes() for board in line.boards)

    try:
        await asyncio.sleep(3)
        await line.hand_over(1, text, pages)
        assert await line.watch(all_run, 80)
        assert cut
    finally:
        line.close()
    for board in line.boards:
        assert board.read_file("/ran") == WORD
        assert board.read_file("/b/sequence") == b"7"


async def over_the_wire(folder: Path) -> int:
    """This source tree's firmware, all of it, to one relay: it runs and says so."""
    line = Line(folder, 1, 0, 1)
    runs: dict[str, int] = {}

    async def new_one_runs() -> bool:
        with contextlib.suppress(TimeoutError):
            runs.update(await line.ask(1, "status"))
        return bool(runs) and runs["update"][0] == 5

    async def restarted() -> bool:
        return line.restarts > 1  # into unpacking, and from there into the new firmware

    try:
        await asyncio.sleep(1)
        await line.hand_over(1, *line.update(5, make_archive([MACHINE_CODE])))
        assert await line.watch(restarted, 40)
        assert await line.watch(new_one_runs, 20)
    finally:
        line.close()
    assert line.boards[0].read_file("/slot").startswith(b"b")
    return runs["heap_peak"]


async def forged(folder: Path) -> None:
    """Another operator's signature: refused, and the relay goes on."""
    line = Line(folder, 1, 0, 1)
    try:
        await asyncio.sleep(1)
        text, pages = line.update(5, small_archive(), Ed25519PrivateKey.generate())
        with pytest.raises(UserError, match="refuses the signature"):
            await line.hand_over(1, text, pages)
        status = await line.ask(1, "status")
        assert status["update"] == [0, 0, 0]
        assert status["faults"] == 0
    finally:
        line.close()
    assert line.boards[0].read_file("/slot") == b"a"


def test_updates_on_boards(tmp_path: Path) -> None:
    """All at once, for each of them mostly waits."""

    async def scenes() -> None:
        for name in ("air", "wire", "forged"):
            (tmp_path / name).mkdir()
        await asyncio.gather(
            through_four_hops(tmp_path / "air"),
            over_the_wire(tmp_path / "wire"),
            forged(tmp_path / "forged"),
        )

    asyncio.run(scenes())
