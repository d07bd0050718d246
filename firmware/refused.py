"""A relay without a store or a record: it says why over the wire and leaves all as it is.

Without a store it must not take part: what it accepted could be lost. Without a record it cannot.
"""

import asyncio
import os
import time

import machine

from firmware import console
from firmware.links.serial_link import SerialLink
from shared_protocol.serial_line import CONSOLE

_RESTART_MS = 86_400_000  # before ticks_ms wraps; perhaps it was a bad day for the flash
_TURN_MS = 20


async def run(reason: str) -> None:
    """Answer the console until somebody mends it (see status.py), or for a day."""
    start = time.ticks_ms()
    watchdog = machine.WDT(timeout=30_000)
    link = SerialLink(os.urandom(1)[0], lambda: time.ticks_diff(time.ticks_ms(), start))

    def asked(message: bytes) -> None:
        link.line.send(CONSOLE, message[:1], console.answer_refused(message[1:], reason))

    asyncio.create_task(link.run(lambda address, frame: None, asked, lambda attached: None))
    while time.ticks_diff(time.ticks_ms(), start) < _RESTART_MS:
        watchdog.feed()
        link.pump()
        await asyncio.sleep_ms(_TURN_MS)
    machine.reset()
