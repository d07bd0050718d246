"""A relay's update: loaded while there is something to spread, and while memory suffices.

The build takes what only this needs into it (rom.py), for a module costs heap of its own.
"""

import gc
import os
from binascii import a2b_base64

import machine

from firmware import FORGED, OFFERED, RUNNING, TAKEN_BACK, VERIFIED, forget
from firmware.update_book import UpdateBook
from shared_protocol.errors import DecodeError
from shared_protocol.spread import IDLE_MS, TRY_EVERY_MS, Spread
from shared_protocol.statement import EVERYBODY, SIGNATURE_LEN, signed_digest

LOW_HEAP = 3_000  # with less than this left, mail goes first and the update waits
_TOLD = (
    b'{"running":%d,"newest":%d,"pages":%d,"forged":%d,"taken_back":%d,"verifying":%d,"full":%d}'
)
_QUIET_MS, _STEP_MS = 5_000, 1_000  # nobody asks any more; and not all of a mesh at once
_PATIENCE_MS = 120_000  # somebody may go on asking for ever
_AGAIN_MS = 60_000  # after a start for one that was cut short: should it crash, mail has its time


def look(relay) -> None:
    """Twice a second while there is something to do."""
    node, now_ms = relay.node, relay.now_ms()
    spread = node.spread
    if spread is None:
        load(relay)
    elif spread.offered:
        verify(relay, spread.offered, now_ms)
    elif gc.mem_free() < LOW_HEAP:
        relay.journal.note("no memory for the update: it waits")
        pause(relay)
    elif wanted(relay):
        quiet_ms = _QUIET_MS + node.node_id[5] % 5 * _STEP_MS
        due = now_ms - spread.active_ms > quiet_ms or now_ms - node.finished_ms > _PATIENCE_MS
        if due and (node.finished_ms or now_ms > _AGAIN_MS):
            install(node)
    elif now_ms - spread.active_ms > IDLE_MS:
        pause(relay)
        node.spread_wanted = None


def load(relay) -> None:
    """Have what spreads updates, and tell it what made us load it."""
    node, now_ms = relay.node, relay.now_ms()
    book = UpdateBook()
    text, relay.update[VERIFIED] = relay.update[VERIFIED], b""
    if text:
        try:
            book.begin(text)
        except OSError as e:
            relay.journal.note("no room for the update: %r" % e)
    node.spread = Spread(node, book, _below, now_ms)
    why, node.spread_wanted = node.spread_wanted, None
    if why and why[1][0]:
        node.spread.heard(why[0], why[1][0], why[1][1], now_ms)


def _below(n: int) -> int:
    return int.from_bytes(os.urandom(4), "big") % n


def pause(relay) -> None:
    """Give back the code; what was heard last makes it come back."""
    node = relay.node
    why = (None, (0, 0))
    for n in node.neighbours.all:
        why = max(why, (n, node.spread.far.get(n.bit, (0, 0))), key=lambda each: each[1])
    node.spread, node.spread_wanted = None, why
    forget("firmware.updating")


def verify(relay, text: bytes, now_ms: int) -> None:
    """Have a statement verified in the place of all this, for both together have no room."""
    relay.update[OFFERED] = (signed_digest(relay.node.cipher, text[:-SIGNATURE_LEN]), text)
    relay.node.try_ms = now_ms + TRY_EVERY_MS
    pause(relay)


def wanted(relay) -> bool:
    """Is the newest update here, for this node, and was it not tried yet?"""
    spread = relay.node.spread
    return (
        spread.done
        and relay.update[RUNNING] >= 0
        and spread.sequence not in (relay.update[RUNNING], relay.update[TAKEN_BACK])
        and spread.node_id in (EVERYBODY, relay.node.node_id)
    )


def install(node) -> None:
    """Start again, and unpack it then (install.py)."""
    contact = any([n.fresh for n in node.neighbours.all])
    with open("/install.new", "w") as f:
        f.write("n" if contact else "")
    os.rename("/install.new", "/install")
    machine.reset()


def answer(asked: dict, relay) -> bytes:
    """What comes over the wire (docs/UPDATES.md): {"ask": "update"}, with a "statement", or with
    "data" of a "page" and "chunk", in base64. The answer tells how far it is:

    running: sequence of what runs, 0 for what was flashed. newest: of the newest statement; pages
    of it are here. verifying: is one being verified? forged: how many were not the operator's.
    taken_back: which did not work. full: is there no room for its pages?
    """
    node = relay.node
    if node.spread is None:
        load(relay)
    spread, now_ms = node.spread, relay.now_ms()
    try:
        if "statement" in asked:
            spread.offer(a2b_base64(asked["statement"]), now_ms)
        elif "data" in asked:
            spread.chunk(asked["page"], asked["chunk"], a2b_base64(asked["data"]), now_ms)
    except DecodeError as e:
        raise ValueError(e)  # as other rubbish that is asked
    return _TOLD % (
        relay.update[RUNNING], spread.sequence, spread.book.pages, relay.update[FORGED],
        relay.update[TAKEN_BACK], bool(spread.offered), spread.full,
    )  # fmt: skip
