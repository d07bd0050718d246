"""The gateway's relay for `helio queue` and its like, while the gateway has the serial port.

A Unix socket in the data folder, for whoever may read the folder. JSON lines, bytes in hex:
{"ask": request} is answered with {"answer": answer} or {"silent": true}; {"command": body} sends
a COMMAND frame's body, and each one that comes goes to everybody as {"command": body}.
"""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.far_relays import Wire

FILE = "console.sock"
_LINE_MAX = 1 << 16
_LISTENERS_MAX = 16
_UNREAD_MAX = 1 << 20  # bytes; who reads so slowly has stopped

_log = logging.getLogger(__name__)


class SharedWire:
    """The gateway's end."""

    def __init__(self, folder: Path, wire: Callable[[], Wire | None]) -> None:
        """wire: gives the relay on the wire, None while there is none."""
        self._path = folder / FILE
        self._wire = wire
        self._listeners: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """Serve until cancelled."""
        self._path.unlink(missing_ok=True)  # of a gateway that was killed: we hold its lock
        umask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._serve, self._path, limit=_LINE_MAX)
        except OSError as e:  # a name of more than 107 bytes; a file system without sockets
            _log.warning("helio cannot ask the relay while this gateway runs: %s", e)
            return
        finally:
            os.umask(umask)
        try:
            async with server:
                await server.serve_forever()
        finally:
            self._path.unlink(missing_ok=True)

    @property
    def in_use(self) -> bool:
        """Is somebody asking?"""
        return bool(self._listeners)

    def heard(self, body: bytes) -> None:
        """A COMMAND frame has come from the relay."""
        for writer in self._listeners:
            _say(writer, {"command": body.hex()})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._listeners) >= _LISTENERS_MAX:
            writer.close()
            return
        self._listeners.add(writer)
        try:
            while line := await reader.readline():
                await self._do(json.loads(line), writer)
        except (ValueError, TypeError, AttributeError, ConnectionError):
            pass  # whoever it was does not speak this
        finally:
            self._listeners.discard(writer)
            writer.close()

    async def _do(self, said: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        wire = self._wire()
        if "command" in said:
            if wire is not None:
                wire.command(bytes.fromhex(said["command"]))
            return
        try:
            if wire is None:
                raise TimeoutError
            answer = await wire.ask(bytes.fromhex(said["ask"]))
        except TimeoutError:
            _say(writer, {"silent": True})
        else:
            _say(writer, {"answer": answer.hex()})


class BorrowedWire:
    """The other end: a Wire like any other. Make it with borrow()."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._answers: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self.on_command: Callable[[bytes], None] = lambda body: None
        self._listening = asyncio.create_task(self._listen())

    async def ask(self, request: bytes, timeout_s: float = 5) -> bytes:
        """As Wire has it."""
        async with self._turn:
            _say(self._writer, {"ask": request.hex()})
            # the gateway's own wait ends first, so that the next answer is that of the next
            answer = await asyncio.wait_for(self._answers.get(), timeout_s + 5)
        if answer is None:
            raise TimeoutError
        return answer

    def command(self, body: bytes) -> None:
        """As Wire has it."""
        _say(self._writer, {"command": body.hex()})

    async def _listen(self) -> None:
        while line := await self._reader.readline():
            said = json.loads(line)
            if "command" in said:
                self.on_command(bytes.fromhex(said["command"]))
            else:
                self._answers.put_nowait(
                    bytes.fromhex(said["answer"]) if "answer" in said else None
                )
        self._answers.put_nowait(None)  # the gateway has ended

    def close(self) -> None:
        """Let go of the gateway."""
        self._listening.cancel()
        self._writer.close()


async def borrow(folder: Path) -> BorrowedWire | None:
    """The wire of the gateway that runs on this data folder; None if none does."""
    with contextlib.suppress(OSError):
        return BorrowedWire(*await asyncio.open_unix_connection(folder / FILE, limit=_LINE_MAX))
    return None


def _say(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
    if writer.transport.get_write_buffer_size() > _UNREAD_MAX:
        writer.close()
    if not writer.is_closing():
        writer.write(json.dumps(value).encode() + b"\n")
