"""A relay's update: loaded while there is something to spread, and while memory suffices."""

import gc
import os

import machine

from firmware import forget, update_book
from shared_protocol import statement

LOW_HEAP = 5_000  # with less than this left, mail goes first and the update waits
IDLE_MS = 90_000  # then its code is forgotten: longer than a try of a statement is remembered
_QUIET_MS, _STEP_MS = 5_000, 1_000  # nobody asks any more; and not all of a mesh at once
_PATIENCE_MS = 300_000  # somebody may go on asking for ever
_AGAIN_MS = 120_000  # an installation that was cut short; should it crash, mail has its time too


def begin(relay) -> None:
    """At the start: what is told in beacons, and is this firmware on trial?"""
    node, book = relay.node, update_book.UpdateBook()
    relay.running = update_book.sequence_in(update_book.slot())
    if book.statement:
        newest = statement.decode_statement(book.statement)
        m = statement.decode_manifest(newest.content)
        node.told = (newest.sequence, book.pages if m.flags & statement.SPREAD else 0)
        if book.pages == statement.page_count(m.size) and not tried(newest.sequence):
            node.spread_wanted = (None, (0, 0))
    if update_book.slot():
        from firmware import trial

        trial.begin(relay)
        forget("firmware.trial")
    unload()


def unload() -> None:
    """Give back the code; what runs of it does so to its end."""
    forget("firmware.updating", "firmware.update_book", "shared_protocol.spread")
    forget("shared_protocol.statement", "shared_protocol.ed25519", "shared_protocol.sha512")


def look(relay) -> None:
    """Every two seconds while there is something to do."""
    node, now_ms = relay.node, relay.now_ms()
    if node.spread is None:
        load(relay)
        return
    if gc.mem_free() < LOW_HEAP:
        relay.journal.note("no memory for the update: it waits")
        node.spread = None
        unload()
    elif node.spread.wanted_here() and not tried(node.spread.sequence):
        if _is_time(node.spread, node.node_id[5] % 5 * _STEP_MS, now_ms):
            install(node)
    elif node.spread.quiet_ms(now_ms) > IDLE_MS:
        node.spread = None
        unload()


def load(relay) -> None:
    """Have what spreads updates, and tell it what made us load it."""
    from shared_protocol.spread import Spread

    node, now_ms = relay.node, relay.now_ms()
    node.spread = Spread(node, update_book.UpdateBook(), relay.operator, _below, now_ms)
    wanted, node.spread_wanted = node.spread_wanted, None
    if wanted and wanted[0]:
        node.update_told(wanted[0], wanted[1], now_ms)


def tried(sequence: int) -> bool:
    """Does it run already, or was it taken back?"""
    running = update_book.slot()
    if not running:
        return True  # there is nowhere to put it
    if update_book.sequence_in(running) == sequence:
        return True
    with open("/slot") as f:
        taken_back = f.read(2)[1:] == "!"
    return taken_back and update_book.sequence_in("b" if running == "a" else "a") == sequence


def _is_time(loaded, later_ms: int, now_ms: int) -> bool:
    if loaded.finished_ms is None:
        return now_ms - loaded.begun_ms > _AGAIN_MS
    if now_ms - loaded.finished_ms > _PATIENCE_MS:
        return True
    return loaded.quiet_ms(now_ms) > _QUIET_MS + later_ms


def _below(n: int) -> int:
    return int.from_bytes(os.urandom(4), "big") % n


def install(node) -> None:
    """Start again, and unpack it then (install.py)."""
    contact = any([n.fresh for n in node.neighbours.all])
    with open("/install.new", "w") as f:
        f.write("n" if contact else "")
    os.rename("/install.new", "/install")
    machine.reset()
