"""`helio pair` speaks with the gateway that runs: a Unix socket in the data folder, JSON lines.

Asked: {"open": seconds, "by_itself": false}, {"close": true}, {"first": true to let in who asked
first, false to refuse}. The gateway says its pairing's status() at once, and again at every
change; or {"error": text}.
"""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gateway.errors import UserError
from gateway.pairing import Pairing

FILE = "pair.sock"
_LINE_MAX = 1 << 16
_EVERY_S = 1.0  # the seconds that a window is still open count down

_log = logging.getLogger(__name__)


async def serve(folder: Path, pairing: Pairing) -> None:
    """The gateway's end, until cancelled."""
    path = folder / FILE
    path.unlink(missing_ok=True)  # of a gateway that was killed: we hold its lock
    umask = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(
            lambda reader, writer: _serve_one(pairing, reader, writer), path, limit=_LINE_MAX
        )
    except OSError as e:
        _log.warning("helio pair cannot ask this gateway: %s", e)
        return
    finally:
        os.umask(umask)
    try:
        async with server:
            await server.serve_forever()
    finally:
        path.unlink(missing_ok=True)


async def _serve_one(
    pairing: Pairing, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    told = asyncio.create_task(_tell(pairing, writer))
    try:
        while line := await reader.readline():
            try:
                _do(pairing, json.loads(line))
            except UserError as e:
                _say(writer, {"error": str(e)})
    except (ValueError, TypeError, AttributeError, ConnectionError):
        pass  # whoever it was does not speak this
    finally:
        told.cancel()
        writer.close()


def _do(pairing: Pairing, said: dict[str, Any]) -> None:
    if "open" in said:
        pairing.open(int(said["open"]), bool(said.get("by_itself")))
    elif said.get("close"):
        pairing.close()
    elif "first" in said:
        pairing.answer(bool(said["first"]))


async def _tell(pairing: Pairing, writer: asyncio.StreamWriter) -> None:
    with pairing.watched() as news:
        while not writer.is_closing():
            news.clear()
            _say(writer, pairing.status())
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), _EVERY_S if pairing.is_open else None)


def _say(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
    if not writer.is_closing():
        writer.write(json.dumps(value).encode() + b"\n")


class Asker:
    """The other end. Make it with ask()."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, value: dict[str, Any]) -> None:
        """Send a request."""
        _say(self._writer, value)

    async def news(self) -> AsyncIterator[dict[str, Any]]:
        """What the gateway tells, until it ends. UserError for an error of ours."""
        while line := await self._reader.readline():
            told = json.loads(line)
            if "error" in told:
                raise UserError(told["error"])
            yield told

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def ask(folder: Path) -> Asker:
    """Speak with the gateway of a data folder. UserError if none runs, or none that pairs."""
    try:
        return Asker(*await asyncio.open_unix_connection(folder / FILE, limit=_LINE_MAX))
    except OSError:
        raise UserError(
            f"no gateway with a [wifi] section runs on {folder}: set its interface in "
            "gateway.toml, then helio gateway run"
        ) from None
