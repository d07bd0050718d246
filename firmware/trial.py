"""A new firmware is on trial until it has shown that it works; else the old one comes back."""

import asyncio
import sys

import machine

_PROOF_S = 30  # it has run for so long, with its store,
_GIVE_UP_S = 600  # and in this time met somebody, if the old one knew anybody


def is_on() -> bool:
    """Is this firmware on trial?"""
    import launcher

    del sys.modules["launcher"]
    return launcher.read()[1].isdigit()


def begin(relay) -> None:
    """At the start."""
    if is_on():
        asyncio.create_task(_prove(relay))


async def _prove(relay) -> None:
    import launcher

    slot, _, contact = launcher.read()
    while True:
        await asyncio.sleep(1)
        met = not contact or any([n.fresh for n in relay.node.neighbours.all])
        if met and relay.uptime_s() >= _PROOF_S:
            launcher.write(slot, "", "")
            del sys.modules["launcher"]
            relay.journal.note("this firmware has proved itself")
            return
        if relay.uptime_s() >= _GIVE_UP_S:
            machine.reset()
