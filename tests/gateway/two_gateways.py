"""Gateways in this process: the real class, database and web server; the relay between two of
them is a wire that carries frames."""

import asyncio
import contextlib

from aiohttp.test_utils import TestClient, TestServer

from gateway.config import Config
from gateway.desk import Desk
from gateway.gateway import Gateway, _now_ms
from gateway.web.server import PHONES, make_app
from shared_protocol.neighbours import TETHER
from tests.gateway.phone import Phone, befriend


class Wire:
    """A gateway's serial port, as far as its node uses it: what is sent, the other one hears."""

    answered, bad_lines = True, 0

    def __init__(self, other):
        self._other = other
        self.sent = 0

    def room(self):
        return True

    def send(self, address, frame):
        self.sent += 1
        asyncio.get_running_loop().call_soon(self._other._heard, address, frame)

    def pump(self):
        pass

    async def ask(self, request):
        raise TimeoutError

    def close(self):
        pass


class House:
    """A gateway with its web server; `async with` runs it."""

    def __init__(self, folder, delay_max_s=0):
        self._folder = folder
        self._delay_max_s = delay_max_s
        self.gateway = None

    async def __aenter__(self):
        self.desk = Desk(self._folder)
        self.gateway = self.gateway_of(self.desk)
        self.office = self.gateway.office
        app = make_app(self.office, self.gateway.about, self.gateway.mesh)
        app.add_routes(self.routes_for(app))
        self.lines = app[PHONES].lines
        self.server = TestServer(app)
        self.client = await TestClient(self.server).__aenter__()
        self._running = asyncio.create_task(self.gateway.run())
        return self

    def gateway_of(self, desk):
        return Gateway(Config("g", bytes(32), delay_max_s=self._delay_max_s), desk)

    def routes_for(self, app):
        """Routes beside those of the phones' mail."""
        return []

    async def __aexit__(self, *why):
        ended = self._running.done()
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        await self.client.__aexit__(*why)
        self.desk.close()
        assert not ended, "the gateway ended by itself"


def join(a, b):
    """Put a wire between the nodes of two gateways."""
    for one, other in ((a.gateway, b.gateway), (b.gateway, a.gateway)):
        one._port = Wire(other)
        one.node.link_up(TETHER, _now_ms())


def part(a, b):
    """Cut it."""
    for one in (a.gateway, b.gateway):
        one._port = None
        one.node.link_down(TETHER)


async def two_phones(a, b=None):
    """Ana at gateway a and Bo at b (or a too), registered and with each other's cards."""
    ana, bo = Phone("Ana", a.client), Phone("Bo", (b or a).client)
    befriend(ana, bo)
    await ana.register()
    await bo.register()
    return ana, bo
