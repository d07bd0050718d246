"""A relay that takes no part: it says why over the wire and leaves all as it is.

Without a store it must not: what it accepted could be lost. Without a record it cannot. And one
whose battery is weak, or that starts again and again, waits (power.py), in deep sleep unless
somebody is at the wire.
"""

import asyncio
import os
import sys
import time

import machine

from firmware import console
from firmware.links.serial_link import SerialLink

_RESTART_MS = 86_400_000  # before ticks_ms wraps; perhaps it was a bad day for the flash
_TURN_MS = 20
_AWAKE_MS = 10_000  # for somebody to ask why it is silent
_AT_ONCE_MS = 10


async def run(reason: str, wait_ms: int = 0) -> None:
    """Answer the console until somebody mends it (see console.py), or for a day; if it only waits,
    until that is over: it ends in deep sleep, so that the board knows that it has waited."""
    start = time.ticks_ms()
    watchdog = machine.WDT(timeout=30_000)
    link = SerialLink(os.urandom(1)[0], lambda: time.ticks_diff(time.ticks_ms(), start))

    def asked(message: bytes) -> None:
        link.answer(message[:1], [console.answer_refused(message[1:], reason)])

    asyncio.create_task(_read(link, asked))
    up_ms = 0
    while up_ms < (wait_ms or _RESTART_MS):
        if wait_ms and up_ms > _AWAKE_MS and not link.line.attached:
            break
        watchdog.feed()
        link.pump()
        await asyncio.sleep_ms(_TURN_MS)
        up_ms = time.ticks_diff(time.ticks_ms(), start)
    if wait_ms:
        machine.deepsleep(max(_AT_ONCE_MS, wait_ms - up_ms))
    machine.reset()


async def _read(link, asked) -> None:
    reader = asyncio.StreamReader(sys.stdin.buffer)
    while True:
        data = await reader.read(1)
        if data:
            link.take(data, lambda address, frame: None, asked)
        else:
            await asyncio.sleep_ms(200)  # no host on this port
