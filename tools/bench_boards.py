"""`helio bench boards`: does the simulator tell what virtual boards do?

The same mesh twice: twelve relays in a grid of 4 x 3, 100 m apart with a range of 120 m, 5 % loss,
a gateway at two opposite corners, ten messages of 80 bytes from one to the other, one every 4 s.
Once it is tools/sim/, once twelve processes of MicroPython that run the firmware and two that are
gateways, in real time. The model of the channel is the same (tools/medium.py); what differs is
everything else: the clock, the wire, flash, computing time, the seal, random numbers.
Chance differs between the two, so means of three runs are compared.
"""

import asyncio
import random
import string
from collections import Counter
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from gateway.errors import UserError
from shared_protocol import frame
from tools.bench import BenchFailed, row
from tools.field import RANGE_M, SPACING_M, Field, NotReached, until
from tools.frame_contents import FRAME_NAMES
from tools.sim.layouts import grid
from tools.sim.scenario import Message, Scenario
from tools.sim.world import World
from tools.sniffer import Sniffer
from tools.virtual_board.board import BoardError
from tools.virtual_board.interpreter import NoInterpreter
from tools.virtual_board.rom import RomError

Row = dict[str, Any]

RUNS = 3
COLUMNS, ROWS = 4, 3
LOSS = 0.05
MESSAGES = 10
KINDS = {FRAME_NAMES[kind]: kind for kind in (frame.PARCEL, frame.RECEIPTS)}
AGREE = 0.15  # of the simulator's mean
_SIZE = 80  # bytes of text: one frame
_WARM_S, _EVERY_S, _REST_S = 10, 4, 20  # before the first message, between them, after the last
_CAPACITY = 440  # parcels that a relay knows of (the firmware's number)
_LIFETIME_S = 7 * 86_400
_READY_S = 60


@dataclass
class Outcome:
    """One run. delivered: messages; sent: transmissions by name of the frame type, from the first
    message on."""

    delivered: int = 0
    sent: Counter[str] = field(default_factory=Counter)


def measure(seed: int, runs: int = RUNS, messages: int = MESSAGES) -> list[Row]:
    """All rows, from so many seeds."""
    seeds = range(seed, seed + runs)
    ours = [simulated(s, messages) for s in seeds]
    theirs = [on_boards(s, messages) for s in seeds]
    rows = []
    for name, outcomes in (("simulator", ours), ("boards", theirs)):
        came = sum(o.delivered for o in outcomes)
        rows.append(row(f"{name}: delivered", came, f"of {messages * runs}"))
        for kind in KINDS:
            each = [round(o.sent[kind] / messages, 1) for o in outcomes]
            what = f"{name}: {kind} frames a message"
            rows.append(row(what, round(mean(each), 2), f"frames, of {each}"))
    rows.append(_compared("delivered", [o.delivered for o in ours], [o.delivered for o in theirs]))
    for kind in KINDS:
        counts = [[o.sent[kind] for o in outcomes] for outcomes in (ours, theirs)]
        rows.append(_compared(f"{kind} frames", *counts))
    return rows


def _compared(what: str, ours: list[int], theirs: list[int]) -> Row:
    """How far the boards are from the simulator, as a share of the latter."""
    off = abs(mean(theirs) - mean(ours)) / max(mean(ours), 1)
    return row(f"{what}: boards differ by", round(off, 3), "of it", "simulator", most=AGREE)


def simulated(seed: int, messages: int) -> Outcome:
    """One run in virtual time."""
    last = COLUMNS * ROWS - 1
    end_s = _WARM_S + (messages - 1) * _EVERY_S + _REST_S
    written = [
        Message(0, last, (_WARM_S + i * _EVERY_S) * 1_000_000, _SIZE, _LIFETIME_S)
        for i in range(messages)
    ]
    world = World(Scenario(
        "boards", seed, end_s * 1_000_000, RANGE_M, LOSS, grid(COLUMNS, ROWS, SPACING_M),
        (0, last), _CAPACITY, written, [], None, None,
    ))  # fmt: skip
    world.run(lambda now_us: None)
    came = len([x for x in world.letters if x.delivered_us is not None])
    return Outcome(came, Counter({k: world.tally.sent[kind] for k, kind in KINDS.items()}))


def on_boards(seed: int, messages: int) -> Outcome:
    """One run in real time."""
    try:
        return asyncio.run(_on_boards(seed, messages))
    except (NotReached, BoardError) as e:
        raise BenchFailed(f"virtual boards: {e}") from None
    except (NoInterpreter, RomError) as e:
        raise UserError(str(e)) from None


async def _on_boards(seed: int, messages: int) -> Outcome:
    places = [(round(x), round(y)) for x, y in grid(COLUMNS, ROWS, SPACING_M)]
    there = Field(len(places), LOSS, seed, places=places)
    try:
        there.a.start()
        there.b.start()
        await until(lambda: _connected(there), _READY_S, "the gateways to meet their relays")
        await asyncio.sleep(_WARM_S)
        # The simulator's letters bring no cards: nor do these.
        there.a.desk.has_written = lambda contact: True
        dice = random.Random(f"{seed}/bench boards")
        for i in range(messages):
            if i:
                await asyncio.sleep(_EVERY_S)
            there.a.desk.send("Bo", "".join(dice.choices(string.printable[:94], k=_SIZE)))
        await asyncio.sleep(_REST_S)
        stopped = there.broken()
        if stopped:
            raise NotReached(stopped)
        frames = Sniffer(there.record, there.key).fresh()
        sent = Counter(f.kind for f in frames if f.kind in KINDS)
        return Outcome(len(there.b.desk.listing("in")), sent)
    finally:
        there.close()


def _connected(there: Field) -> bool:
    return there.a.status()["relay"] == there.b.status()["relay"] == "connected"
