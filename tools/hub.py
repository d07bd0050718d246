"""A hub of real nats-server processes on this machine: one of them, or a cluster of three."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.backhaul_connection import Line, connect
from gateway.backhaul_hub import HubError
from gateway.backhaul_server import binary
from gateway.backhaul_settings import Settings
from tools.field import until
from tools.virtual_board.board import die_with_parent

if TYPE_CHECKING:
    from nats.aio.client import Client

USER, PASSWORD = "valley", "over the hills"
_WAIT_S = 20


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Server:
    """One nats-server with its files in a folder. extra: lines of its configuration in place of
    the login's. program: another nats-server than that of PyPI."""

    def __init__(
        self,
        folder: Path,
        name: str = "h1",
        port: int = 0,
        extra: str = "",
        program: str = "",
    ) -> None:
        self.folder, self.name = folder, name
        self.port, self._monitor = port or free_ports(1)[0], free_ports(1)[0]
        self.url = f"nats://127.0.0.1:{self.port}"
        self._program = program or binary()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.conf = folder / f"{name}.conf"
        extra = extra or f'authorization {{ user: {USER}, password: "{PASSWORD}" }}'
        self.conf.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{self.port}"\n'
            f'http: "127.0.0.1:{self._monitor}"\n'
            f'jetstream {{ store_dir: "{folder / name}", max_mem: 64MB, max_file: 8GB }}\n'
            f"{extra}\n"
        )

    def start(self) -> "Server":
        """Start it; up() waits until it listens."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self.conf)], stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        return self

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_WAIT_S)
            self._process = None

    @property
    def running(self) -> bool:
        """Was it started, and not stopped?"""
        return self._process is not None

    def wipe(self) -> None:
        """Its disk is gone."""
        shutil.rmtree(self.folder / self.name, ignore_errors=True)

    async def up(self) -> None:
        """Wait until it listens."""

        def open_() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return True
            return False

        await until(open_, _WAIT_S, f"server {self.name}")

    def counts(self) -> dict[str, Any]:
        """What it says of itself (in_msgs, out_msgs, in_bytes, out_bytes, mem and more)."""
        address = f"http://127.0.0.1:{self._monitor}/varz"
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own server
            return json.load(answer)  # type: ignore[no-any-return]


class Cluster:
    """Three servers that are one hub."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(6)
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports[3:])
        self.servers = [
            Server(
                folder, f"h{i + 1}", ports[i],
                f'accounts {{ GW {{ jetstream: enabled, users: [{{ user: {USER}, '
                f'password: "{PASSWORD}" }}] }}\n'
                "  SYS { users: [{ user: sys, password: sys }] } }\nsystem_account: SYS\n"
                f'cluster {{ name: hub, listen: "127.0.0.1:{ports[3 + i]}", routes: [{routes}] }}',
            )
            for i in range(3)
        ]  # fmt: skip

    @property
    def urls(self) -> tuple[str, ...]:
        """Where gateways come to."""
        return tuple(server.url for server in self.servers)

    def start(self) -> None:
        """Start those that do not run."""
        for server in self.servers:
            if not server.running:
                server.start()

    def stop(self) -> None:
        """End them."""
        for server in self.servers:
            server.stop()


async def as_operator(
    urls: Sequence[str],
    timeout_s: float = _WAIT_S,
    user: str = USER,
    password: str = PASSWORD,
    ca: str = "",
) -> "Client":
    """A connection of the hub's operator, as soon as one of these servers takes it."""
    settings = Settings(tuple(urls), user, password, ca=ca)

    async def connected() -> "Client | None":
        for url in urls:
            with contextlib.suppress(HubError):
                return await connect(Line(url), settings, Path("/"))
        return None

    return await until(connected, timeout_s, "the hub")  # type: ignore[no-any-return]


async def stream_state(nc: "Client", stream: str) -> dict[str, Any] | None:
    """What a stream says of itself ("state", "cluster"); None while it says nothing."""
    from nats.errors import Error

    with contextlib.suppress(Error, TimeoutError, ValueError):
        answer = await nc.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout=2)
        told: dict[str, Any] = json.loads(answer.data)
        return None if "error" in told else told
    return None
