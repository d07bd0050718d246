"""`helio demo`: the main job, end to end, on real parts.

A person at gateway A writes to a person at gateway B; six relays, each of which hears only its
neighbours, pass the message on; the receipt comes back and cleans the mesh.
"""

import argparse
import asyncio
import json
import random
import signal
import string
import sys
import time
from pathlib import Path
from typing import Any

from gateway.errors import UserError
from gateway.identity import Identity
from gateway.kit import kit_text
from gateway.pieces import Shape
from shared_protocol import parcel
from shared_protocol.limits import MESSAGE_MAX
from shared_protocol.records import Kept, decode
from tools.field import HEAP_KB, RANGE_M, Field, NotReached, until
from tools.sniffer import Sniffer
from tools.virtual_board.board import BoardError
from tools.virtual_board.interpreter import NoInterpreter
from tools.virtual_board.rom import RomError

TEXT = "The bridge at Kestrel Ford is down. Twelve people are safe in the school; send water."
ANSWER = "Water is on its way to the school, with Petra. Two hours."
_LOOK_S = 0.5
_ANSWER_S = 240  # for 20 kB through 30 % loss on a busy machine; a short message takes a second


class Story:
    """What the demo tells while it runs: to stdout, or with --json to stderr."""

    def __init__(self, quiet: bool) -> None:
        self._out = sys.stderr if quiet else sys.stdout
        self._start = time.monotonic()

    def tell(self, text: str) -> None:
        """One line with the time."""
        print(f"{time.monotonic() - self._start:6.1f} s  {text}", file=self._out, flush=True)


def main(args: argparse.Namespace) -> int:
    """Run the demo; 0 if the message was delivered and its receipt came back, else 1."""
    if not 0 <= args.loss <= 0.9:
        raise UserError("--loss must be from 0 to 0.9")
    if not 0 <= args.size <= MESSAGE_MAX:
        raise UserError(f"--size must be from 1 to {MESSAGE_MAX} bytes")
    if args.keep and Path(args.keep).exists() and any(Path(args.keep).iterdir()):
        raise UserError(f"--keep: {args.keep} is not empty, choose a new folder")
    if not 2 <= args.relays <= 20:
        raise UserError("--relays must be from 2 to 20")
    story = Story(args.json)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)  # end everything, as with Ctrl-C
    try:
        return asyncio.run(_run(args, story))
    except (NotReached, BoardError) as e:
        print(f"helio demo: {e}", file=sys.stderr)
        return 1
    except (NoInterpreter, RomError) as e:
        raise UserError(str(e)) from None


async def _run(args: argparse.Namespace, story: Story) -> int:
    story.tell(f"air: range {RANGE_M} m, {args.loss:.0%} loss, seed {args.seed}")
    field = Field(args.relays, args.loss, args.seed, Path(args.keep) if args.keep else None)
    switched_on = asyncio.create_task(_switch_on_again(field))
    try:
        summary = await (_absent if args.absent else _present)(args, field, story)
        if args.json:
            print(json.dumps(summary), flush=True)
        else:
            _print_summary(summary)
        if not args.once:
            await _stay(field, story)
        return 0 if summary["delivered"] and summary["receipt"] else 1
    finally:
        switched_on.cancel()
        field.close()


async def _switch_on_again(field: Field) -> None:
    """A board that resets itself starts again, as it does in life."""
    while True:
        await asyncio.sleep(_LOOK_S)
        field.broken()


# --- the two stories


async def _present(args: argparse.Namespace, field: Field, story: Story) -> dict[str, Any]:
    """Everybody is there."""
    field.a.start()
    field.b.start()
    await _ready(field, story)
    text, letter = _write(args, field, story)
    started = time.monotonic()
    follow = asyncio.create_task(_follow(field, story, letter["mid"]))
    await until(lambda: _arrived(field, text), _ANSWER_S, "the message to arrive")
    latency_s = time.monotonic() - started
    story.tell(f"Bo has it, after {latency_s:.2f} s")
    await until(lambda: _state(field, letter) == "delivered", _ANSWER_S, "the receipt")
    follow.cancel()
    await asyncio.gather(follow, return_exceptions=True)
    story.tell("Ana sees: delivered. The receipt is back")
    summary = await _summary(args, field, story, letter, latency_s)
    return summary | {"answer": await _answer(field, story)}


async def _answer(field: Field, story: Story) -> dict[str, Any]:
    """Bo answers. Where Ana is stood in her message: the answer need not go to everybody."""
    home = field.a.status()["node"][-4:]
    await until(lambda: home in field.b.status()["gateways"], 60, "gateway B to hear of gateway A")
    sent = field.b.desk.send("Ana", ANSWER)
    row = field.b.desk.db.execute("SELECT mid FROM message WHERE id = ?", (sent["id"],)).fetchone()
    mid, started = bytes(row[0]), time.monotonic()
    story.tell(f"Bo answers, to gateway {home}")
    follow = asyncio.create_task(_follow(field, story, mid))
    await until(
        lambda: any(m["text"] == ANSWER for m in field.a.desk.listing("in")),
        _ANSWER_S, "the answer to arrive",
    )  # fmt: skip
    latency_s = time.monotonic() - started
    story.tell(f"Ana has it, after {latency_s:.2f} s")
    await until(
        lambda: field.b.desk.message(sent["id"])["state"] == "delivered", _ANSWER_S, "its receipt"
    )
    follow.cancel()
    await asyncio.gather(follow, return_exceptions=True)
    kinds = [f.kind for f in Sniffer(field.record, field.key).fresh() if mid in f.mids]
    return {
        "latency_s": round(latency_s, 3),
        "unicasts": kinds.count("unicast"),
        "parcels": kinds.count("parcel"),
    }


async def _absent(args: argparse.Namespace, field: Field, story: Story) -> dict[str, Any]:
    """The receiver's gateway is down at first, then the sender's, and a relay loses its power."""
    field.a.start()
    await until(lambda: field.a.status()["relay"] == "connected", 30, "relay r1")
    story.tell("gateway B is down")
    text, letter = _write(args, field, story)
    started = time.monotonic()
    await until(lambda: _state(field, letter) == "on_mesh", _ANSWER_S, "the mesh to take it")
    story.tell("Ana sees: on the mesh. Gateway A is shut down")
    await _spread(field)
    field.a.stop()
    middle = field.boards[len(field.boards) // 2]
    middle.kill()
    story.tell(f"relay {middle.name} loses its power (SIGKILL) and starts again")
    middle.restart()
    field.b.start()
    story.tell("gateway B starts")
    await until(lambda: _arrived(field, text), _ANSWER_S, "the message to arrive")
    latency_s = time.monotonic() - started
    story.tell("Bo has it, while Ana's gateway is off")
    field.a.start()
    story.tell("gateway A is back")
    await until(lambda: _state(field, letter) == "delivered", _ANSWER_S, "the receipt")
    story.tell("Ana sees: delivered")
    return await _summary(args, field, story, letter, latency_s)


async def _ready(field: Field, story: Story) -> None:
    await until(
        lambda: field.a.status()["relay"] == field.b.status()["relay"] == "connected",
        30, "the gateways to meet their relays",
    )  # fmt: skip
    for status in (await field.relay_status())[:1]:
        story.tell(
            f"relays: {len(field.boards)} x {status['interpreter']}, {HEAP_KB} KB heap each"
        )
    story.tell("privacy delays are off, so that you need not wait (up to 60 s in real life)")


def _write(args: argparse.Namespace, field: Field, story: Story) -> tuple[str, dict[str, Any]]:
    """Ana writes; exactly as `helio send` does it. The text and what travels of it."""
    text = TEXT
    if args.size:
        letters = string.ascii_letters + string.digits + string.punctuation + " \n"
        text = "".join(random.Random(args.seed).choices(letters, k=args.size))
    sent = field.a.desk.send("Bo", text)
    row = field.a.desk.db.execute("SELECT mid FROM message WHERE id = ?", (sent["id"],)).fetchone()
    mid, shape = bytes(row[0]), None
    for record in field.a.desk.db.execute("SELECT bytes FROM record").fetchall():
        kept = decode(bytes(record[0]))
        if isinstance(kept, Kept) and kept.immutable[2:14] == mid:
            if kept.immutable[0] & parcel.PIECES:
                piece = parcel.piece_of(kept.immutable)
                shape = Shape(piece.k, piece.n, piece.blocks)
            break
    parts = (
        "one frame"
        if shape is None
        else (
            f"{shape.n * shape.blocks} pieces, any {shape.k} of {shape.n} rebuild "
            f"{'it' if shape.blocks == 1 else 'a block'}"
        )
    )
    story.tell(f"Ana writes {len(text.encode())} bytes to Bo: sealed, {parts}")
    return text, {"id": sent["id"], "mid": mid, "shape": shape}


async def _follow(field: Field, story: Story, mid: bytes) -> None:
    """Show hop by hop what the air carries of this message, and of its receipt."""
    sniffer = Sniffer(field.record, field.key)
    told: set[tuple[str, str]] = set()

    def tell() -> None:
        for frame in sniffer.fresh():
            if mid in frame.mids and (frame.src, frame.kind) not in told:
                told.add((frame.src, frame.kind))
                heard = [field.names.get(m.replace(":", ""), "?") for m in frame.heard]
                lost = [field.names.get(m.replace(":", ""), "?") for m in frame.lost]
                line = f"{field.names.get(frame.src, '?')} sends the {frame.kind}"
                line += f": heard by {', '.join(heard)}" if heard else ": heard by nobody"
                story.tell(line + (f" (lost for {', '.join(lost)})" if lost else ""))

    try:
        while True:
            tell()
            await asyncio.sleep(0.02)
    finally:
        tell()  # what the air wrote down since


async def _spread(field: Field) -> None:
    """Wait until what the relays hold does not change any more."""
    before: list[int] = []
    still = 0

    async def settled() -> bool:
        nonlocal before, still
        now = [s.get("parcels", 0) for s in await field.relay_status()]
        still = still + 1 if now == before and any(now) else 0
        before = now
        return still >= 2

    await until(settled, _ANSWER_S, "the relays to hold their parts", every_s=0.7)


# --- what is looked at


def _state(field: Field, letter: dict[str, Any]) -> str:
    return str(field.a.desk.message(letter["id"])["state"])


def _arrived(field: Field, text: str) -> bool:
    return any(m["text"] == text for m in field.b.desk.listing("in"))


async def _summary(
    args: argparse.Namespace, field: Field, story: Story, letter: dict[str, Any], latency_s: float
) -> dict[str, Any]:
    state = {"statuses": []}

    async def clean() -> bool:
        state["statuses"] = await field.relay_status()
        return all(s.get("parcels") == 0 for s in state["statuses"])

    try:
        await until(clean, 30, "the receipt to clean the mesh", every_s=0.3)
        story.tell("the receipt has cleaned every relay")
    except NotReached as e:
        story.tell(str(e))
    statuses: list[dict[str, Any]] = state["statuses"]
    received = field.b.desk.listing("in")[-1]
    air = field.air()
    shape: Shape | None = letter["shape"]
    return {
        "delivered": _state(field, letter) == "delivered",
        "receipt": bool(
            field.b.desk.db.execute("SELECT receipted FROM message").fetchone()["receipted"]
        ),
        "hops": received["relays"],
        "latency_s": round(latency_s, 3),
        "relays": len(statuses),
        "interpreter": [s.get("interpreter") for s in statuses],
        "frames_sent": air["frames_sent"],
        "bytes_on_air": air["bytes_on_air"],
        "airtime_ms": air["airtime_ms"],
        "parcels_left_on_relays": sum(s.get("parcels", -1) for s in statuses),
        "heap_peak": max(s.get("heap_peak", 0) for s in statuses),
        "heap_limit": HEAP_KB * 1024,
        "faults": sum(s.get("faults", 0) for s in statuses),
        "size": received["bytes"],
        "k": 1 if shape is None else shape.k,
        "n": 1 if shape is None else shape.n,
        "blocks": 1 if shape is None else shape.blocks,
        "max_pieces_on_one_relay": max(s.get("pieces_peak", 0) for s in statuses),
        "loss": args.loss,
        "seed": args.seed,
        "privacy_delay_max_s": 0,
    }


def _print_summary(summary: dict[str, Any]) -> None:
    print()
    print(
        f"  delivered over {summary['hops']} relays in {summary['latency_s']:.2f} s, receipt back"
    )
    if summary["k"] > 1:
        what = "it" if summary["blocks"] == 1 else f"each of its {summary['blocks']} blocks"
        print(f"  {summary['k']} of {summary['n']} pieces rebuild {what}; no relay ever held more "
              f"than {summary['max_pieces_on_one_relay']} of them at once")  # fmt: skip
    if "answer" in summary:
        print(f"  the answer came alone, from relay to relay: {summary['answer']['unicasts']} "
              f"transmissions, {summary['answer']['parcels']} for everybody")  # fmt: skip
    print(f"  {summary['frames_sent']} frames, {summary['bytes_on_air']} bytes on the air; "
          f"{summary['parcels_left_on_relays']} parcels left on the relays")  # fmt: skip
    print(f"  at most {summary['heap_peak'] // 1024} of {HEAP_KB} KB of heap in use on a relay")


def _page_links(field: Field) -> list[str]:
    """Two links to the chat page, each with a ready person who has the other's card.

    They are new people: Ana and Bo above are at home in their gateways.
    """
    ana, bo = Identity.new("Ana"), Identity.new("Bo")
    return [
        f"{gateway.url}#kit/{kit_text(me)}/{other.card.text()}"
        for gateway, me, other in ((field.a, ana, bo), (field.b, bo, ana))
    ]


async def _stay(field: Field, story: Story) -> None:
    """Keep everything running for two browser tabs."""
    story.tell("open these in two browser tabs and chat across the relays, as another Ana and Bo:")
    for link in _page_links(field):
        story.tell(link)
    story.tell("Ctrl-C ends it")
    while not field.broken():  # noqa: ASYNC110 - asks whether processes live
        await asyncio.sleep(1)
    raise NotReached(field.broken())
