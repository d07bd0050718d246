"""Gateways in this process that have real nats-server processes as hub."""

import os
from pathlib import Path

import pytest

from gateway.backhaul_settings import Settings
from gateway.config import Config
from gateway.gateway import Gateway
from tests.gateway.two_gateways import House
from tools.field import until
from tools.hub import PASSWORD, USER

pytest.importorskip("nats", reason="pip install 'heliograph[backhaul]'")
WAIT_S = 20
KEY = bytes(range(32))


def old_program():
    """Debian 12's nats-server, 2.9.10."""
    named = os.environ.get("HELIO_NATS_OLD") or ".cache/nats-old/usr/sbin/nats-server"
    if not Path(named).exists():
        pytest.skip("no old nats-server: make old-hub, or HELIO_NATS_OLD names it")
    return named


class Valley(House):
    """A gateway with a hub, in a mesh of its own. options: of [backhaul]."""

    def __init__(self, folder, urls, key=KEY, **options):
        super().__init__(folder)
        options = {"user": USER, "password": PASSWORD, "after_s": 0, **options}
        self.config = Config("g", key, delay_max_s=0, backhaul=Settings(tuple(urls), **options))

    def gateway_of(self, desk):
        return Gateway(self.config, desk)

    @property
    def backhaul(self):
        return self.gateway.backhaul

    @property
    def told(self):
        return self.backhaul._told

    async def connected(self):
        await until(lambda: self.told.get("state") == "connected", WAIT_S, "the backhaul")
