"""A new firmware is on trial until it has shown that it works; else the old one comes back."""

import sys

import machine

_GIVE_UP_S = 600  # in this time it must have met somebody, if the old one knew anybody


def look(relay, trial: str) -> str:
    """Once it has run for some time, with its store, every two seconds: what it is still on trial
    for (storage.py)."""
    if trial != "n" or any([n.fresh for n in relay.node.neighbours.all]):
        import launcher

        launcher.write(launcher.read()[0], "", "")
        del sys.modules["launcher"]
        relay.journal.note("this firmware has proved itself")
        return ""
    if relay.uptime_s() > _GIVE_UP_S:
        machine.reset()
    return trial
