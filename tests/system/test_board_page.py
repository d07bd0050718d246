"""The board in a real browser, on two gateways."""

import asyncio
import csv
import io
import json
import os

import pytest

from tests.gateway.test_board_api import Hall
from tests.gateway.two_gateways import join
from tests.system.test_page import ROOT, chromium

pytestmark = pytest.mark.system
TIMEOUT_S = 240


def test_a_call_for_help_is_seen_on_another_phone_and_taken_back(tmp_path):
    path = chromium()

    async def scene():
        async with Hall(tmp_path / "a") as a, Hall(tmp_path / "b") as b:
            join(a, b)
            about = {"chromiumPath": path, "shots": os.environ.get("HELIO_SHOTS", "")}
            for name, house in (("a", a), ("b", b)):
                house.gateway._update_status = lambda house=house: house.desk.node_status.update(
                    relay="connected", neighbours=1
                )
                about[name] = f"http://192.0.2.1:{house.server.port}/"
            node = await asyncio.create_subprocess_exec(
                "node", str(ROOT / "tests" / "system" / "board.mjs"), json.dumps(about),
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                out, err = await asyncio.wait_for(node.communicate(), TIMEOUT_S)
            except TimeoutError:
                node.kill()
                raise
            assert node.returncode == 0, err.decode()[-3000:]
            return json.loads(out)

    seen = asyncio.run(scene())
    assert (seen["errors"], seen["axe"]) == ([], [])
    assert seen["file"] == "board.csv"
    assert seen["table"].startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(seen["table"][1:])))
    assert [(row["kind"], row["need"], row["text"]) for row in rows] == [
        ("sos", "trapped", "two of us in the cellar"),
        ("safe", "", "'=all well at the mill"),
    ]
    assert (rows[0]["latitude"], rows[0]["longitude"]) == ("46.9481", "-7.4474")
