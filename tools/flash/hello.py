"""A board's first word after it was flashed."""

import asyncio
import contextlib
import json
from typing import Any

from gateway.errors import UserError
from gateway.links.serial_port import SerialPort

WAIT_S = 30  # a reset, a first start with an empty store, and a port that comes back
_ASK_S = 2.0


def wait_for_hello(port: str, wait_s: float = WAIT_S) -> dict[str, Any] | None:
    """The status of the relay on this port, or {"error": why it does not take part}; None if it
    says nothing in time."""
    return asyncio.run(_wait(port, wait_s))


async def _wait(port: str, wait_s: float) -> dict[str, Any] | None:
    end = asyncio.get_running_loop().time() + wait_s
    while asyncio.get_running_loop().time() < end:
        # The port of a chip's own USB is away during a reset.
        with contextlib.suppress(UserError, TimeoutError, ValueError):
            serial = SerialPort(port, lambda address, frame: None)
            try:
                answer: dict[str, Any] = json.loads(await serial.ask(b'{"ask": "status"}', _ASK_S))
                return answer
            finally:
                serial.close()
        await asyncio.sleep(0.5)
    return None
