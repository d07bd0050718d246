"""The air: a process that carries ESP-NOW v1 frames between virtual boards.

    python -m tools.virtual_board.air --port 0 --seed 1 --loss 0.3 --range-m 120 --record FILE

prints one line {"port": N} when it listens on 127.0.0.1 and exits when its stdin closes or on
SIGTERM. Boards connect by TCP and speak air_wire; the pipe is reliable, so every loss a board
sees was decided here.

The radio between them is tools/medium.py: range, airtime, carrier sense with hidden terminals,
collisions with capture, half duplex, loss. The air adds what a board sees of its own radio: a
bounded transmit queue, channels, and unicast to one board with the outcome in D.
Not modelled: the acknowledgements on the air and the retries of unicast (we only broadcast).
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from tools.virtual_board import air_wire
from tools.virtual_board.radio import Board, Radio, Refused


class Air:
    """The server boards connect to; `radio` is the world behind it, there once started."""

    radio: Radio

    def __init__(
        self,
        *,
        seed: int = 0,
        loss: float = 0.0,
        range_m: int = 120,
        record: Path | None = None,
    ) -> None:
        self._make_radio = partial(Radio, seed=seed, loss=loss, range_m=range_m, record=record)
        self.port = 0
        self.connections_refused = 0
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Listen on 127.0.0.1 and return the port."""
        self.radio = self._make_radio()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, self._connections), "127.0.0.1", port
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Close every pipe; boards that are still running see their air disappear."""
        if self._server is None:
            return
        self._server.close()
        while self._connections:
            for connection in self._connections:
                connection.pipe.abort()
            await asyncio.sleep(0)  # abort() reports back in the loop's next rounds
        await self._server.wait_closed()
        self._server = None
        self.radio.close()

    def stats(self) -> dict[str, Any]:
        """The radio's counters and the connections closed for breaking the wire's rules."""
        return {**self.radio.stats(), "connections_refused": self.connections_refused}

    def control(self, request: bytes) -> dict[str, Any]:
        """Answer one JSON request; {"ok": true}, the stats, or {"error": why}."""
        try:
            asked = json.loads(request)
            reply: dict[str, Any] = _COMMANDS[asked["cmd"]](self, asked)
        # A request is somebody's typing: whatever is wrong with it is told to them.
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return reply


def _control_set(air: Air, asked: dict[str, Any]) -> dict[str, Any]:
    air.radio.set_loss(float(asked["loss"]))
    return {"ok": True}


def _control_move(air: Air, asked: dict[str, Any]) -> dict[str, Any]:
    air.radio.move(parse_mac(asked["mac"]), int(asked["x_m"]), int(asked["y_m"]))
    return {"ok": True}


def _control_mute(air: Air, asked: dict[str, Any]) -> dict[str, Any]:
    air.radio.mute(parse_mac(asked["mac"]), bool(asked["muted"]))
    return {"ok": True}


_COMMANDS = {
    "stats": lambda air, asked: air.stats(),
    "set": _control_set,
    "move": _control_move,
    "mute": _control_mute,
}


def parse_mac(text: str) -> bytes:
    """Read 12 hex digits, with or without colons."""
    mac = bytes.fromhex(text.replace(":", ""))
    if len(mac) != air_wire.MAC_BYTES:
        raise ValueError("a mac is 6 bytes")
    return mac


class _Connection(asyncio.Protocol):
    """One pipe: a board's after its first J, a control connection otherwise."""

    pipe: asyncio.Transport

    def __init__(self, air: Air, opened: set["_Connection"]) -> None:
        self._air = air
        self._opened = opened
        self._splitter = air_wire.Splitter()
        self._board: Board | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.pipe = transport
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._opened.discard(self)
        if self._board is not None:
            self._air.radio.leave(self._board)

    def data_received(self, data: bytes) -> None:
        try:
            for kind, payload in self._splitter.feed(data):
                self._handle(kind, payload)
        except (air_wire.WireError, Refused):
            self._air.connections_refused += 1
            self.pipe.abort()

    def _handle(self, kind: int, payload: bytes) -> None:
        if kind == air_wire.CONTROL:
            reply = json.dumps(self._air.control(payload)).encode()
            self.pipe.write(air_wire.encode(air_wire.CONTROL, reply))
        elif kind == air_wire.POKE:
            self.pipe.write(air_wire.encode(air_wire.POKE))
        elif kind == air_wire.JOIN and self._board is None:
            self._board = self._air.radio.join(self.pipe, payload)
        elif kind == air_wire.JOIN and self._board is not None:
            self._air.radio.tune(self._board, payload)
        elif kind == air_wire.TRANSMIT and self._board is not None:
            self._air.radio.transmit(self._board, payload)
        else:
            raise Refused(f"kind {kind} is not for a board to send now")


async def _serve(args: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)

    def wait_for_stdin_to_close() -> None:
        # A thread, because epoll takes neither a file nor /dev/null; os.read, because a
        # buffered read would still hold its lock when the interpreter shuts down.
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(over.set)

    air = Air(seed=args.seed, loss=args.loss, range_m=args.range_m, record=args.record)
    port = await air.start(args.port)
    threading.Thread(target=wait_for_stdin_to_close, daemon=True).start()
    print(json.dumps({"port": port}), flush=True)
    await over.wait()
    await air.stop()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="air", description="the radio air of virtual boards")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--loss", type=float, default=0.0, help="probability 0.0 to 1.0")
    parser.add_argument("--range-m", type=int, default=120)
    parser.add_argument("--record", type=Path, help="append one JSON line per frame")
    asyncio.run(_serve(parser.parse_args(argv)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
