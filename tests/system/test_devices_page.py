"""Several devices of a person, and a locked kit, in a real browser at two gateways."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.gateway.two_gateways import House, join
from tests.system.test_page import chromium

TIMEOUT_S = 400


@pytest.mark.system
def test_a_second_device_joins_is_written_to_and_is_taken_off(tmp_path: Path) -> None:
    browser = chromium()

    async def scene() -> None:
        async with House(tmp_path / "a") as a, House(tmp_path / "b") as b:
            join(a, b)
            about = {
                "a": str(a.server.make_url("")).rstrip("/"),
                "b": str(b.server.make_url("")).rstrip("/"),
                "chromiumPath": browser, "shots": str(tmp_path),
            }  # fmt: skip
            player = await asyncio.create_subprocess_exec(
                "node", str(Path(__file__).with_name("devices_page.mjs")), json.dumps(about),
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                _, err = await asyncio.wait_for(player.communicate(), TIMEOUT_S)
            except TimeoutError:
                player.kill()
                raise
            assert player.returncode == 0, err.decode()[-3000:]

    asyncio.run(scene())
