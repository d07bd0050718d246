"""A field of real parts on this machine: an air, relays, a gateway at the first and at the last.

Every part is a process of its own, as in life: the air models the radio, a relay is MicroPython
running the firmware, a gateway is `helio gateway run` tethered over a serial port path. The demo
and the tests of the whole mesh stand in it.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import network
from gateway.config import FILE, template
from gateway.desk import Desk
from gateway.device_auth import HEADER, sign
from gateway.errors import UserError
from gateway.links.serial_port import SerialPort
from gateway.network_card import NetworkFacts, public_key
from gateway.web.requests import b64
from tools.virtual_board import air_client
from tools.virtual_board.board import VirtualBoard, die_with_parent

SPACING_M, RANGE_M = 100, 120  # each relay hears its two neighbours and nobody else
HEAP_KB = 160  # of 64-bit MicroPython; an ESP32 needs about half of what this one uses
_START_S = 20


class FieldGateway:
    """A gateway in its own folder; its person is made at once, its process started when asked."""

    def __init__(self, name: str, person: str, folder: Path, key: bytes, port: str) -> None:
        self.name = name
        self.person = person
        self.folder = folder / f"gateway-{name}"
        self.desk = Desk(self.folder)
        self.desk.create_identity(person)
        self.url = self.id = ""
        self._device = Ed25519PrivateKey.generate()
        self._process: subprocess.Popen[bytes] | None = None
        text = template(name, key.hex(), port, "127.0.0.1:0").replace(
            "delay_max_s = 60", "delay_max_s = 0"
        )
        (self.folder / FILE).write_text(text)

    def start(self) -> None:
        """Run `helio gateway run` until it serves its page."""
        command = [sys.executable, "-m", "gateway.cli", "gateway", "run", "--json",
                   "--data", str(self.folder)]  # fmt: skip
        with (self.folder / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent,  # one system call, no allocation
            )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = (self.folder / "gateway.log").read_text().strip().splitlines()
            raise UserError(f"gateway {self.name} did not start: {said[-1] if said else '?'}")
        self.url = json.loads(line)["url"]
        with urllib.request.urlopen(self.url + "api/gateway", timeout=10) as reply:  # noqa: S310
            self.id = json.load(reply)["id"]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process: SIGTERM as at a shutdown, SIGKILL as at a power cut."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_START_S)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def status(self) -> dict[str, Any]:
        """What it tells phones of the node; asked as a phone would, by a device of ours."""
        try:
            return self._ask("GET", "/api/mesh")
        except urllib.error.HTTPError as e:
            if e.code != 401:  # it does not know the device yet
                raise
            public = self._device.public_key().public_bytes_raw()
            box = public[:16]  # that of nobody: no mail comes for it
            self._ask("PUT", "/api/device", {"device": b64(public), "boxes": [b64(box)]})
            return self._ask("GET", "/api/mesh")

    def _ask(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        body = b"" if value is None else json.dumps(value).encode()
        now_ms = time.time_ns() // 1_000_000
        signed = sign(self._device, self.id, method, path, now_ms, body)
        request = urllib.request.Request(  # noqa: S310 - our own gateway
            self.url.rstrip("/") + path, body or None, method=method,
            headers={HEADER: signed, "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return json.load(reply)  # type: ignore[no-any-return]


class Field:
    """The parts, in a folder that is removed at the end unless `keep` names one.

    places: where each relay stands, in m; a line if it is not given. key: of the network.
    """

    def __init__(
        self,
        relays: int,
        loss: float,
        seed: int,
        keep: Path | None = None,
        people: tuple[str, str] = ("Ana", "Bo"),
        places: Sequence[tuple[int, int]] | None = None,
        key: bytes | None = None,
    ) -> None:
        self._places = places or [(i * SPACING_M, 0) for i in range(relays)]
        self._temporary = tempfile.TemporaryDirectory(prefix="heliograph-")
        self.folder = keep or Path(self._temporary.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = key or os.urandom(32)
        self.record = self.folder / "air.jsonl"
        self.record.unlink(missing_ok=True)
        self._air = self._start_air(loss, seed)
        self.names: dict[str, str] = {}  # of the relays, by node id in hex
        self.operator = self.folder / "gateway-A"  # the data folder of who commands the relays
        seed_of_keys = os.urandom(32)
        facts = NetworkFacts("demo", "EU", 1, self.key, 0, public_key(seed_of_keys), seed_of_keys)
        network.create(self.operator, facts)
        self.boards = [self._board(i) for i in range(relays)]
        first, last = self.boards[0].port_path, self.boards[-1].port_path
        self.a = FieldGateway("A", people[0], self.folder, self.key, first)
        self.b = FieldGateway("B", people[1], self.folder, self.key, last)
        self.a.desk.add_contact(self.b.desk.me()["card"], None)
        self.b.desk.add_contact(self.a.desk.me()["card"], None)

    def _start_air(self, loss: float, seed: int) -> subprocess.Popen[bytes]:
        air = subprocess.Popen(
            [sys.executable, "-m", "tools.virtual_board.air", "--port", "0", "--seed", str(seed),
             "--loss", str(loss), "--range-m", str(RANGE_M), "--record", str(self.record)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            preexec_fn=die_with_parent,
        )  # fmt: skip
        assert air.stdout is not None
        self.air_port = json.loads(air.stdout.readline())["port"]
        return air

    def _board(self, i: int) -> VirtualBoard:
        mac = bytes([0x24, 0x0A, 0xC4, 0, 0, i + 1])  # Espressif's prefix
        node = bytes([0x26, 0x0A, 0xC4, 0, 0, i + 1])  # not drawn: a seed must repeat the scene
        x_m, y_m = self._places[i]
        board = VirtualBoard(
            f"r{i + 1}", mac, self.folder, self.air_port, x_m, y_m, heap_kb=HEAP_KB
        )
        board.flash_path.unlink(missing_ok=True)
        record, _ = network.new_record(self.operator, name=board.name, node=node)
        board.provision(record)
        network.confirm(self.operator, node.hex())
        self.names[node.hex()] = board.name
        board.start()
        return board

    def air(self) -> dict[str, Any]:
        """The air's own account."""
        return air_client.ask(self.air_port, "stats")

    async def relay_status(self) -> list[dict[str, Any]]:
        """Every relay's status, over its serial port or, where a gateway has that, from there."""
        return [await self._status_of(board) for board in self.boards]

    async def _status_of(self, board: VirtualBoard) -> dict[str, Any]:
        for gateway, end in ((self.a, self.boards[0]), (self.b, self.boards[-1])):
            if end is board and gateway._process is not None:
                return await _relay_of(gateway)
        port = SerialPort(board.port_path, lambda address, frame: None)
        try:
            return json.loads(await port.ask(b'{"ask": "status"}'))  # type: ignore[no-any-return]
        finally:
            port.close()

    def broken(self) -> str:
        """Which relay is not running, if one is not. One that reset itself is started again."""
        for board in self.boards:
            if board.poll_reset():
                board.restart()
            elif not board.is_running:
                return f"relay {board.name} stopped (exit code {board.exit_code})"
        return ""

    def close(self) -> None:
        """End every process and forget the folder."""
        for gateway in (self.a, self.b):
            gateway.stop()
            gateway.desk.close()
        for board in self.boards:
            board.close()
        self._air.terminate()
        self._air.wait(_START_S)
        for pipe in (self._air.stdin, self._air.stdout):
            if pipe is not None:
                pipe.close()
        self._temporary.cleanup()


async def _relay_of(gateway: FieldGateway) -> dict[str, Any]:
    """The status of its relay, which it asks only when somebody wants to know."""

    def told() -> Any:
        return gateway.status().get("tethered_relay")

    status: dict[str, Any] = await until(told, 10, "a relay's status")
    return status


class NotReached(Exception):
    """Something that must happen in time did not."""


async def until(condition: Any, timeout_s: float, what: str, every_s: float = 0.05) -> Any:
    """Wait for a condition (a function, or coroutine function) to hold; NotReached if it fails."""
    end = asyncio.get_running_loop().time() + timeout_s
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > end:
            raise NotReached(f"after {timeout_s:.0f} s still waiting for {what}")
        await asyncio.sleep(every_s)
