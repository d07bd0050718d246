"""Looking into relays: helio queue, where, log, ping, trace. Small functions, one each."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.commands import data_dir, show
from gateway.errors import UserError
from gateway.far_relays import Found
from gateway.progress import Progress
from gateway.queue_rows import HELD, STATES, Row
from gateway.relays import Relays, open_relays
from gateway.words import ago, length

_WATCH_S = 2.0
_PING_S = 1.0
_MESSAGE_MIN = 8  # hex digits of a message id
_CLEAR = "\x1b[H\x1b[2J"


def with_relays(args: argparse.Namespace, do: Callable[[Relays], Awaitable[int]]) -> int:
    """Run a command that asks relays; its exit code."""

    async def run() -> int:
        async with open_relays(args, data_dir(args)) as relays:
            return await do(relays)

    return asyncio.run(run())


def queue(args: argparse.Namespace) -> int:
    """helio queue: every parcel that a relay keeps, and why."""

    async def run(relays: Relays) -> int:
        node = relays.named(args.node)
        while True:
            if args.watch and sys.stdout.isatty():
                print(_CLEAR, end="")
            await _queue_once(args, relays, node)
            if not args.watch:
                return 0
            await asyncio.sleep(_WATCH_S)

    try:
        return with_relays(args, run)
    except KeyboardInterrupt:
        if args.watch:
            return 0  # it has no other end
        raise


async def _queue_once(args: argparse.Namespace, relays: Relays, node: bytes) -> None:
    rows: list[dict[str, Any]] = []
    if not args.json:
        print(f"{relays.name_of(node)}  {node.hex()}\n{_QUEUE_HEAD}")
    async for names, row in relays.queue(node):
        rows.append(row.as_json(names))
        if not args.json:
            print(_queue_line(row, rows[-1]), flush=len(rows) % 24 == 0)
    text = f"{len(rows)} kept" if rows else "nothing is kept here"
    show(args, {"node": node.hex(), "name": relays.name_of(node), "rows": rows}, text)
    sys.stdout.flush()


_QUEUE_HEAD = (
    "message      piece    state         priority    age  left  hops tries  who has it, and why"
)


def _queue_line(row: Row, said: dict[str, Any]) -> str:
    who = "to " + ", ".join(said["next"]) if "next" in said else ", ".join(said["has_it"])
    return (
        f"{row.message[:12]} {_piece(row):<8} {said['state']:<13} {row.priority:<10}"
        f"{length(row.age_s):>5} {length(row.left_s):>5} {row.hops:>5} {row.tries or '':>5}"
        f"  {who or 'nobody else'}: {said['why']}"
    )


def _piece(row: Row) -> str:
    if row.piece is None or not row.of:
        return "whole"
    block = f" {row.block + 1}/{row.blocks}" if row.blocks > 1 else ""
    return f"{row.piece}/{row.of}{block}"


def where(args: argparse.Namespace) -> int:
    """helio where: which pieces of a message lie on which relay, and the way it took."""
    message = args.message.lower()
    if len(message) < _MESSAGE_MIN or not all(c in "0123456789abcdef" for c in message):
        raise UserError("name the message by 8 or more hex digits of its id: helio queue shows it")

    async def run(relays: Relays) -> int:
        places = [place async for place in _places(relays, message)]
        places.sort(key=lambda p: (p["hops"], -p["here_s"]))
        pieces = {(r["block"], r["piece"]) for p in places for r in p["rows"]}
        held = {(r["block"], r["piece"]) for p in places for r in p["rows"] if r["held"]}
        of = max((r["of"] for p in places for r in p["rows"]), default=0)
        value = {"message": message, "places": places, "known": len(pieces), "held": len(held),
                 "rebuild": of}  # fmt: skip
        show(args, value, "\n".join(_where_lines(value)))
        return 0 if places else 1

    return with_relays(args, run)


async def _places(relays: Relays, message: str) -> Any:
    for node in await _askable(relays):
        try:
            rows = [row async for _, row in relays.queue(node, of=message)]
        except UserError as e:
            print(f"helio: {relays.name_of(node)}: {e}", file=sys.stderr)
            continue
        rows = [r for r in rows if r.state not in HELD or r.message.startswith(message)]
        if rows:
            yield {
                "node": node.hex(),
                "name": relays.name_of(node),
                "hops": min(r.hops for r in rows),
                "here_s": max(r.here_s for r in rows),
                "rows": [
                    {"piece": r.piece, "block": r.block, "of": r.of, "state": STATES[r.state],
                     "held": r.state in HELD, "hops": r.hops, "here_s": r.here_s}
                    for r in rows
                ],
            }  # fmt: skip


async def _askable(relays: Relays) -> list[bytes]:
    """The relay on the wire, and those in the mesh whose key is known, nearest first."""
    nodes = [relays.here]
    if relays.known():
        with Progress("looking for relays"):
            nodes += [f.node for f in await relays.found()]
    return nodes


def _where_lines(value: dict[str, Any]) -> list[str]:
    if not value["places"]:
        return ["no relay that answers knows this message"]
    lines = []
    for depth, place in enumerate(value["places"]):
        held = [r for r in place["rows"] if r["held"] and "receipt" not in r["state"]]
        gone = sum(not r["held"] for r in place["rows"])
        states = ", ".join(sorted({r["state"] for r in place["rows"]}))
        arrow = "" if not depth else "└> "
        what = f"holds {_pieces(held)}" if held else "holds nothing of it"
        if any("receipt" in r["state"] for r in place["rows"]):
            what = "knows that it was delivered"
        lines.append(
            f"{'  ' * depth}{arrow}{place['name']}  came {ago(place['here_s'])},"
            f" {place['hops']} hops: {what}"
            + (f", knew {gone} more" if gone else "")
            + f" ({states})"
        )
    if value["rebuild"]:
        lines.append(
            f"{value['held']} different pieces found; {value['rebuild']} of a block rebuild it"
        )
    return lines


def _pieces(rows: list[dict[str, Any]]) -> str:
    numbers = sorted(r["piece"] for r in rows if r["piece"] is not None)
    if not numbers:
        return "all of it"
    return (
        f"{len(numbers)} pieces ({', '.join(map(str, numbers[:12]))}{', …' * (len(numbers) > 12)})"
    )


def log(args: argparse.Namespace) -> int:
    """helio log: the last lines that a relay wanted to say."""

    async def run(relays: Relays) -> int:
        said = await relays.ask_json(relays.named(args.node), {"ask": "log"})
        show(args, said, "\n".join(said["log"]) or "nothing out of the ordinary since it started")
        return 0

    return with_relays(args, run)


def ping(args: argparse.Namespace) -> int:
    """helio ping: does a relay answer, and how fast?"""

    async def run(relays: Relays) -> int:
        node = relays.named(args.node)
        times_ms: list[float] = []
        for turn in range(args.count):
            if turn:
                await asyncio.sleep(_PING_S)
            start = time.perf_counter()
            try:
                said = await relays.ask_json(node, {"ask": "ping"})
            except UserError as e:
                print(f"helio: {e}", file=sys.stderr)
                continue
            times_ms.append(round(1000 * (time.perf_counter() - start), 1))
            if not args.json:
                print(f"{relays.name_of(node)} answers in {times_ms[-1]:.1f} ms,"
                      f" up {length(said['uptime_s'])}", flush=True)  # fmt: skip
        value = {"node": node.hex(), "sent": args.count, "answered": len(times_ms), "ms": times_ms}
        show(args, value, f"{len(times_ms)} of {args.count} answered")
        return 0 if times_ms else 1

    return with_relays(args, run)


def trace(args: argparse.Namespace) -> int:
    """helio trace: the way to a relay, hop by hop, with how well each hears the other."""

    async def run(relays: Relays) -> int:
        node = relays.named(args.node)
        if node == relays.here:
            show(args, {"node": node.hex(), "steps": []}, "it is on the wire")
            return 0
        value = _steps(relays, await relays.far.find(node))
        lines = [f"{'on the wire':>14}  {value['steps'][0]['from']}"] + [
            f"{s['there_dbm']:>5}/{s['back_dbm']:>4} dBm  {s['to']}" for s in value["steps"]
        ]
        show(args, value, "\n".join([*lines, "there/back: how strong each hears the one before"]))
        return 0

    return with_relays(args, run)


def _steps(relays: Relays, found: Found) -> dict[str, Any]:
    tails = [found.way[at : at + 2] for at in range(0, len(found.way), 2)]
    names = {node[-2:]: name for node, name in relays.known().items()}
    called = [names.get(tail, f"..{tail.hex()}") for tail in tails]
    steps = [
        {"from": called[i], "to": called[i + 1], "there_dbm": there, "back_dbm": back}
        for i, (there, back) in enumerate(zip(found.there_dbm, found.back_dbm, strict=True))
    ]
    return {"node": found.node.hex(), "hops": found.hops, "steps": steps}
