"""Found by name: announced by the page's code at one gateway, found and checked at another."""

import asyncio
import json

import pytest

from gateway.web import directory_api
from gateway.web.rates import Rates
from gateway.web.server import PHONES
from tests.gateway.browser_peer import ROOT, missing
from tests.gateway.two_gateways import House, join

FINDER = ROOT / "tests" / "browser" / "finder.mjs"
TIMEOUT_S = 60


class Town(House):
    """A gateway that answers for the directory too, as `helio gateway` does."""

    def routes_for(self, app):
        return directory_api.routes(self.gateway.announcer, app[PHONES].signed, Rates())


@pytest.mark.system
@pytest.mark.skipif(bool(missing()), reason=missing() or "there is all of it")
@pytest.mark.parametrize("name", ["Ana", "Zoë (she/her) & 'Q' +1!", "أمل"])
def test_who_is_announced_at_one_gateway_is_found_at_another(tmp_path, name):
    async def scene():
        async with Town(tmp_path / "a") as a, Town(tmp_path / "b") as b:
            join(a, b)
            about = {
                "a": str(a.server.make_url("")).rstrip("/"),
                "b": str(b.server.make_url("")).rstrip("/"),
                "name": name,
            }
            finder = await asyncio.create_subprocess_exec(
                "node", str(FINDER), json.dumps(about),
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                out, err = await asyncio.wait_for(finder.communicate(), TIMEOUT_S)
            except TimeoutError:
                finder.kill()
                raise
            assert finder.returncode == 0, err.decode()[-2000:]
            return json.loads(out)

    seen = asyncio.run(scene())
    ana = seen["ana"]
    assert seen["before"] == 0
    assert seen["found"] == [
        {"id": ana["id"], "name": name, "devices": [ana["device"]], "marks": []}
    ]
    assert (seen["wished"], seen["again"], seen["sequences"]) == ("on", "on", [1, 1])
