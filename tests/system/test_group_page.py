"""A group on the chat page in Chromium, over two real gateways with a wire between them."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.gateway.test_phone_mail import play
from tests.system.test_page import chromium

pytestmark = pytest.mark.system
SCENE = Path(__file__).with_name("group_page.mjs")
SCENE_S = 55


def test_three_phones_make_a_group_and_one_is_removed(tmp_path):
    async def story(a, b):
        given = {
            "a": str(a.server.make_url("/")), "b": str(b.server.make_url("/")),
            "shots": str(tmp_path), "chromiumPath": chromium(),
        }  # fmt: skip
        pipe = asyncio.subprocess.PIPE
        node = await asyncio.create_subprocess_exec(
            "node", str(SCENE), json.dumps(given), stdout=pipe, stderr=pipe
        )
        try:
            async with asyncio.timeout(SCENE_S):
                out, err = await node.communicate()
        except TimeoutError:
            node.kill()
            raise
        assert node.returncode == 0, err.decode()
        assert json.loads(out) == []

    play(story, tmp_path, "a", "b")
