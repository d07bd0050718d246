"""An operator statement, verified between all else that a relay does (SPEC.md 12.1)."""

import asyncio

from firmware import FORGED, OFFERED, VERIFIED, forget
from shared_protocol.ed25519 import verify


def begin(relay) -> None:
    """Have the one that was offered verified, and gone when that is over; another one than the
    operator's is counted."""
    digest, text = relay.update[OFFERED]
    relay.update[OFFERED] = True
    asyncio.create_task(_run(relay, verify(relay.operator, digest, text[-64:]), text))
    forget("firmware.verifying")


async def _run(relay, slices, text: bytes) -> None:
    try:
        verdict = None
        while verdict is None:
            verdict = next(slices)
            await asyncio.sleep_ms(0)
        if verdict:
            relay.update[VERIFIED] = text
            relay.node.try_ms = 0
        else:
            relay.update[FORGED] += 1
            relay.node.spread_wanted = None  # whoever told of it will tell again
    finally:
        relay.update[OFFERED] = ()
