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
from gateway.network import FILE, RETIRED, Network
from gateway.queue_rows import ROWS_MOST, Row, decode_page

_TRIES = 3  # a request that the wire lost is asked again
_DEFAULT_PORT = "/dev/ttyUSB0"
_ID, _ID_MIN = 12, 4  # hex digits of a node's id, and of it to name one
_ALONE = "without a network only the relay on the wire can be asked: helio network new, or join"


class Relays:
    """Relays by the names that a person gives them. network: None where none was made; then only
    the relay on the wire can be asked."""

    def __init__(self, wire: Wire, network: Network | None) -> None:
        self._wire = wire
        self._network = network
        self.here = b""  # address of the relay on the wire
        self._far: FarRelays | None = None

    async def meet(self) -> None:
        """Learn who is on the wire. A relay that does not take part has no address."""
        said = parsed(await self._ask_wire({"ask": "ping"}))
        self.here = bytes.fromhex(said.get("node", ""))
        if self._network is not None and self.here:
            self._far = FarRelays(self._wire, self.here, self._network)

    def name_of(self, node: bytes) -> str:
        """What people call a node; else the end of its address."""
        if not node:
            return "the relay on the wire"
        row = self._network.node(node.hex()) if self._network else None
        return row["name"] if row else f"..{node[-2:].hex()}"

    def named(self, text: str | None) -> bytes:
        """The address of the node with this name or beginning of an id; of the one on the wire if
        it is None. UserError if nobody is called so, or several are."""
        if not text or text == ".":
            return self.here
        wanted = text.lower()
        ids = [
            node.hex()
            for node, name in self.known().items()
            if name == text or (len(text) >= _ID_MIN and node.hex().startswith(wanted))
        ]
        if not ids and len(wanted) == _ID and set(wanted) <= set("0123456789abcdef"):
            ids = [wanted]  # of a node that another operator provisioned
        if len(ids) != 1:
            what = "several nodes are" if ids else "no node is"
            raise UserError(f"{what} called {text}: helio network list")
        return bytes.fromhex(ids[0])

    def known(self) -> dict[bytes, str]:
        """Address and name of every node in the registry."""
        rows = self._network.nodes() if self._network else []
        return {bytes.fromhex(row["id"]): row["name"] for row in rows if row["state"] != RETIRED}

    def last_life(self, node: bytes) -> dict[str, Any]:
        """What the registry has of a node: board; answered_s (unix time) and status when it last
        told how it is."""
        return self._network.last_life(node.hex()) if self._network else {}

    def note_life(self, node: bytes, status: dict[str, Any]) -> None:
        """The node has just told how it is."""
        if self._network is not None:
            self._network.note_life(node.hex(), status)

    def note_change(self, node: bytes, values: dict[str, Any]) -> None:
        """The node has other settings now: keep them in the registry."""
        if self._network is not None:
            self._network.change(node.hex(), values)

    async def ask(self, node: bytes, request: dict[str, Any]) -> bytes:
        """A request to a node, its answer as it came. UserError if none comes."""
        if node == self.here:
            return await self._ask_wire(request)
        if self._network is None:
            raise UserError(_ALONE)
        return await self.far.ask(node, self._network.command_key(node), request)

    async def ask_json(self, node: bytes, request: dict[str, Any]) -> dict[str, Any]:
        """The same where the answer is JSON. UserError if it says that something was wrong."""
        said = parsed(await self.ask(node, request))
        if "error" in said:
            raise UserError(f"{self.name_of(node)} says: {said['error']}")
        return said

    @property
    def far(self) -> FarRelays:
        """The mesh behind the relay on the wire."""
        if self._far is None:
            raise UserError(_ALONE)
        return self._far

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
        return await self.far.find_all(self.known().keys() - {self.here})


@contextlib.asynccontextmanager
async def open_relays(args: argparse.Namespace, folder: Path) -> AsyncIterator[Relays]:
    """The relays behind --port, else behind the gateway that runs on the data folder, else behind
    the port in its gateway.toml."""
    from gateway.links.serial_port import SerialPort
    from gateway.shared_wire import borrow

    borrowed = None if args.port else await borrow(folder)
    wire = borrowed or SerialPort(args.port or _port_of(folder), lambda address, frame: None)
    network = Network(folder) if (folder / FILE).exists() else None
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
    from gateway import config

    if (folder / config.FILE).exists():
        return config.load_config(folder / config.FILE).port or _DEFAULT_PORT
    return _DEFAULT_PORT


def parsed(answer: bytes) -> dict[str, Any]:
    """An answer in JSON. UserError if it is none."""
    try:
        said = json.loads(answer)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise UserError("the relay's answer is not what it should be: flash it again")
    return said
