"""Every relay that can be asked: the one on the wire directly, others through the mesh."""

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gateway.errors import UserError
from gateway.far_relays import FarRelays, Found, Wire
from gateway.network import Network, NodeRow, find_network
from gateway.queue_rows import ROWS_MOST, Row, decode_page

_TRIES = 3  # a request that the wire lost is asked again
_DEFAULT_PORT = "/dev/ttyUSB0"


class Relays:
    """Relays by the names that a person gives them. network: None where none was made; then only
    the relay on the wire can be asked."""

    def __init__(self, wire: Wire, network: Network | None) -> None:
        self._wire = wire
        self._network = network
        self.here = b""  # address of the relay on the wire
        self._far: FarRelays | None = None

    async def meet(self) -> None:
        """Learn who is on the wire."""
        self.here = bytes.fromhex(_json(await self._ask_wire({"ask": "ping"}))["node"])
        if self._network is not None:
            self._far = FarRelays(self._wire, self.here, self._network)

    def name_of(self, node: bytes) -> str:
        """What people call a node; else the end of its address."""
        row = self._network.node(node) if self._network else None
        return row.name if row else f"..{node[-2:].hex()}"

    def named(self, text: str | None) -> bytes:
        """The address of the node with this name or beginning of an id; of the one on the wire if
        it is None. UserError if nobody is called so, or several are."""
        if not text:
            return self.here
        if self._network is None:
            raise UserError("only the relay on the wire can be asked: helio network new, or join")
        rows = [
            row
            for row in self._network.nodes()
            if row.name == text or (len(text) >= 2 and row.node.hex().startswith(text.lower()))
        ]
        if len(rows) != 1:
            what = "several nodes are" if rows else "no node is"
            raise UserError(f"{what} called {text}: helio network list")
        return rows[0].node

    def known(self) -> list[NodeRow]:
        """Every node that was provisioned."""
        return self._network.nodes() if self._network else []

    async def ask(self, node: bytes, request: dict[str, Any]) -> bytes:
        """A request to a node, its answer as it came. UserError if none comes."""
        if node == self.here:
            return await self._ask_wire(request)
        return await self.far.ask(node, self._key(node), request)

    async def ask_json(self, node: bytes, request: dict[str, Any]) -> dict[str, Any]:
        """The same where the answer is JSON. UserError if it says that something was wrong."""
        said = _json(await self.ask(node, request))
        if "error" in said:
            raise UserError(f"{self.name_of(node)} says: {said['error']}")
        return said

    @property
    def far(self) -> FarRelays:
        """The mesh behind the relay on the wire."""
        if self._far is None:
            raise UserError("only the relay on the wire can be asked: helio network new, or join")
        return self._far

    def _key(self, node: bytes) -> bytes:
        row = self._network.node(node) if self._network else None
        if row is None or not row.command_key:
            raise UserError(f"{node.hex()} was not provisioned here: its command key is not known")
        return row.command_key

    async def _ask_wire(self, request: dict[str, Any]) -> bytes:
        for _ in range(_TRIES):
            with contextlib.suppress(TimeoutError):
                return await self._wire.ask(json.dumps(request).encode())
        raise UserError("the relay on the wire does not answer: is it a Heliograph relay?")

    async def queue(self, node: bytes, **asked: Any) -> AsyncIterator[tuple[dict[int, str], Row]]:
        """The rows of a node's queue in the order of their short ids, each with what to call the
        neighbours. asked: `of`, as firmware/queue_page.py has it."""
        names: dict[int, str] = {}
        after, more = -1, True
        while more:
            request = {"ask": "queue", "after": after, "most": ROWS_MOST, **asked}
            if after < 0:
                request["names"] = True
            more, neighbours, rows = decode_page(await self.ask(node, request))
            names |= {bit: self.name_of(address) for bit, address in neighbours.items()}
            for row in rows:
                yield names, row
                after = row.short

    async def found(self) -> list[Found]:
        """Everybody in the mesh who answers."""
        return await self.far.find_all()


@contextlib.asynccontextmanager
async def open_relays(args: argparse.Namespace, folder: Path) -> AsyncIterator[Relays]:
    """The relays behind --port, else behind the gateway that runs on the data folder, else behind
    the port in its gateway.toml."""
    from gateway.links.serial_port import SerialPort
    from gateway.shared_wire import borrow

    wire = None if args.port else await borrow(folder)
    if wire is None:
        wire = SerialPort(args.port or _port_of(folder), lambda address, frame: None)
    network = find_network(folder)
    try:
        relays = Relays(wire, network)
        await relays.meet()
        yield relays
    finally:
        wire.close()
        if network is not None:
            network.close()
        await asyncio.sleep(0)  # for what was cancelled to end


def _port_of(folder: Path) -> str:
    from gateway.config import FILE, load_config

    if (folder / FILE).exists():
        return load_config(folder / FILE).port or _DEFAULT_PORT
    return _DEFAULT_PORT


def _json(answer: bytes) -> dict[str, Any]:
    try:
        said = json.loads(answer)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise UserError("the relay's answer is not what it should be: flash it again")
    return said
