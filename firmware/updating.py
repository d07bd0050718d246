"""A relay's update: loaded while there is something to spread, and while memory suffices.

The build takes what only this needs into it (rom.py), for a module costs heap of its own.
"""

import gc
import os

import machine

from firmware import forget, slots
from firmware.update_book import UpdateBook
from shared_protocol.spread import IDLE_MS, Spread

LOW_HEAP = 4_000  # with less than this left, mail goes first and the update waits
_QUIET_MS, _STEP_MS = 5_000, 1_000  # nobody asks any more; and not all of a mesh at once
_PATIENCE_MS = 300_000  # somebody may go on asking for ever
_AGAIN_MS = 60_000  # an installation that was cut short; should it crash, mail has its time too


def look(relay) -> None:
    """Every two seconds while there is something to do."""
    node, now_ms = relay.node, relay.now_ms()
    spread = node.spread
    if spread is None:
        load(relay)
        return
    if spread.trying is None:
        forget("shared_protocol.ed25519")
    if gc.mem_free() < LOW_HEAP:
        relay.journal.note("no memory for the update: it waits")
        unload(relay)
    elif spread.wanted_here() and not slots.tried(spread.sequence):
        if _is_time(spread, node.node_id[5] % 5 * _STEP_MS, now_ms):
            install(node)
    elif spread.quiet_ms(now_ms) > IDLE_MS:
        unload(relay)


def load(relay) -> None:
    """Have what spreads updates, and tell it what made us load it."""
    node, now_ms = relay.node, relay.now_ms()
    node.spread = Spread(node, UpdateBook(), relay.operator, _below, now_ms)
    wanted, node.spread_wanted = node.spread_wanted, None
    if wanted and wanted[0]:
        node.update_told(wanted[0], wanted[1], now_ms)


def unload(relay) -> None:
    """Give back the code."""
    relay.node.spread = None
    forget("firmware.updating", "firmware.slots", "shared_protocol.ed25519")


def _below(n: int) -> int:
    return int.from_bytes(os.urandom(4), "big") % n


def _is_time(spread, later_ms: int, now_ms: int) -> bool:
    if spread.finished_ms is None:
        return now_ms - spread.begun_ms > _AGAIN_MS
    if now_ms - spread.finished_ms > _PATIENCE_MS:
        return True
    return spread.quiet_ms(now_ms) > _QUIET_MS + later_ms


def install(node) -> None:
    """Start again, and unpack it then (install.py)."""
    contact = any([n.fresh for n in node.neighbours.all])
    with open("/install.new", "w") as f:
        f.write("n" if contact else "")
    os.rename("/install.new", "/install")
    machine.reset()
