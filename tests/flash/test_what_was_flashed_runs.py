"""Row 2 of the plan: a virtual board starts from what was read back, and carries a mesh's mail."""

import asyncio
import json
import os
import pty
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.network import create
from gateway.network_card import NetworkFacts, public_key
from tests.flash.mock_boards import MockBoard
from tests.flash.standin_image import image_for
from tools.field import Field, until
from tools.flash.hello import wait_for_hello
from tools.virtual_board.board import CHIP_BYTES

pytestmark = pytest.mark.system

KEY, SEED = b"k" * 32, b"s" * 32


def flashed(capsys, folder: Path) -> tuple[bytes, dict[str, str]]:
    """A whole chip as `helio flash` leaves it, and who it is. The network's key is KEY."""
    create(folder, NetworkFacts("Test", "EU", 1, KEY, 0, public_key(SEED), SEED))
    image, mock = image_for("esp32", folder, capsys), MockBoard("esp32")
    try:
        command = ["flash", "--data", str(folder), "--port", mock.port, "--no-hello", "--json"]
        assert main([*command, "--board", "esp32-devkitc", "--firmware", str(image)]) == 0
        return mock.read(0, CHIP_BYTES), json.loads(capsys.readouterr().out)["identity"]
    finally:
        mock.kill()


def test_a_board_starts_from_the_flash_that_was_read_back_and_joins_the_mesh(capsys, tmp_path):
    chip, who = flashed(capsys, tmp_path)

    async def exchange():
        field = Field(3, 0.0, 1, tmp_path / "field", key=KEY)
        try:
            # The middle one of three: what gets through goes through it.
            middle = field.boards[1]
            middle.kill()
            middle.flash_path.write_bytes(chip)
            middle.start()
            hello = await asyncio.to_thread(wait_for_hello, middle.port_path)
            assert (hello["node"], hello["name"]) == (who["node"], who["name"])
            field.a.start()
            field.b.start()
            field.a.desk.send("Bo", "through what was flashed")
            await until(lambda: field.b.desk.listing("in"), 30, "the message")
            assert field.b.desk.listing("in")[0]["text"] == "through what was flashed"
            await until(
                lambda: field.a.desk.listing("out")[0]["state"] == "delivered", 30, "the receipt"
            )
            middle.kill()
            return middle.read_file("/slot")
        finally:
            field.close()

    assert asyncio.run(exchange()) == b"a"


def test_a_silent_port_says_no_hello():
    ours, theirs = pty.openpty()
    assert wait_for_hello(os.ttyname(theirs), wait_s=0.1) is None
    os.close(ours)
    os.close(theirs)
