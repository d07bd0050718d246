"""`helio bench NAME`: every measurement of the project, in one form, beside its peers.

    {"bench", "seed", "results": [{"what", "value", "unit", "peer", "bound", "target", "holds"}]}

Rows with a target say whether it is a least or a most value ("bound") and whether it holds; rows
without are what it is compared with. Times on a shared machine are noisy: ratios of one run are
what counts. A missed target is no failure (exit code 0): it is a finding. A value is null where
what was timed never came to be. `broadcast` adds "classes".
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, as_completed
from pathlib import Path
from typing import Any

from gateway.errors import UserError

_REPOSITORY = Path(__file__).resolve().parents[1]
_COUNT = 5_000
_TIMEOUT_S = 120
_BAR_AFTER_S = 1.0
_BAR_CHARS = 30
_FULL = ("broadcast", "dtn", "sim")  # those that can do more


class BenchFailed(Exception):
    """A part that is a process of its own failed; says which, and the last line that it said."""


def main(args: argparse.Namespace) -> int:
    """Run one measurement and print it."""
    if args.name not in BENCHES:
        raise UserError(f"no measurement called {args.name}; there are: {', '.join(BENCHES)}")
    if args.trace and args.name != "dtn":
        raise UserError("--trace is for helio bench dtn")
    if args.seconds is not None and (args.name != "gateway" or args.seconds < 1):
        raise UserError("--seconds, at least 1, is for helio bench gateway")
    if args.full and args.name not in _FULL:
        raise UserError(f"--full is for helio bench {', '.join(_FULL)}")
    try:
        found = BENCHES[args.name](args)
    except BenchFailed as e:
        print(f"helio bench: {e}", file=sys.stderr)
        return 1
    text = found.pop("text", [])
    report = {"bench": args.name, "seed": args.seed, **found}
    if args.json:
        print(json.dumps(report))
        return 0
    for line in text:
        print(line)
    for r in report["results"]:
        verdict = "" if r["holds"] is None else ("  holds" if r["holds"] else "  MISSED")
        target = f"  target: at {r['bound']} {r['target']:,}" if r["bound"] else ""
        peer = f"  beside {r['peer']}" if r["peer"] else ""
        value = "never" if r["value"] is None else f"{r['value']:,}"
        print(f"{r['what']:<58} {value:>12} {r['unit']}{peer}{target}{verdict}")
    return 0


def row(
    what: str,
    value: float | None,
    unit: str,
    peer: str = "",
    least: float | None = None,
    most: float | None = None,
) -> dict[str, Any]:
    """One result. Its target is a least value, or a most value, or there is none.

    value: None if what was timed never came to be; no target holds then.
    """
    bound, target, holds = None, None, None
    if least is not None:
        bound, target, holds = "least", least, value is not None and value >= least
    elif most is not None:
        bound, target, holds = "most", most, value is not None and value <= most
    return {
        "what": what, "value": value, "unit": unit, "peer": peer,
        "bound": bound, "target": target, "holds": holds,
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows with the same keys as lines of text, the keys first."""
    cells = [list(rows[0]), *([_cell(v) for v in r.values()] for r in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return ["  ".join(map(str.rjust, line, widths)) for line in cells]


def _cell(value: Any) -> str:
    if value is None:
        return "never"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def gather(pool: Executor, futures: dict[Future[Any], Any]) -> dict[Any, Any]:
    """The result of each future by its name; a progress bar if that takes long."""
    found = {}
    started = time.monotonic()
    try:
        for future in as_completed(futures):
            found[futures[future]] = future.result()
            if time.monotonic() - started > _BAR_AFTER_S:
                _show(len(found), len(futures))
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    return found


def _show(done: int, of: int) -> None:
    """A progress bar for people; it is gone when all is done."""
    if sys.stderr.isatty():
        full = _BAR_CHARS * done // of
        bar = f"{'#' * full:.<{_BAR_CHARS}} {done}/{of}"
        print(f"\r{bar if done < of else ' ' * len(bar)}\r", end="", file=sys.stderr, flush=True)


def broadcast(args: argparse.Namespace) -> dict[str, Any]:
    """Push and pull by real nodes on a modelled radio, beside flooding."""
    from tools import bench_broadcast

    plan = bench_broadcast.FULL if args.full else bench_broadcast.USUAL
    return bench_broadcast.measure(args.seed, plan)


def gossip(args: argparse.Namespace) -> dict[str, Any]:
    """Rumours on complete graphs, beside theory."""
    from tools import bench_gossip

    return {"results": bench_gossip.measure(args.seed)}


def compression(args: argparse.Namespace) -> dict[str, Any]:
    """The dictionary on texts it was not made from, beside deflate; nothing in it is random."""
    from tools import bench_compression

    return {"results": bench_compression.measure()}


def codec(args: argparse.Namespace) -> dict[str, Any]:
    """Encode and decode a parcel with 180 bytes of payload; nothing in it is random."""
    from gateway.crypto import ecb
    from tools import bench_codec_device as device

    fields = [3, 120, 8, 130, b"m" * 12, b"hint", device.PAYLOAD]
    peers = device.measure(_COUNT, _peers(fields))
    ours = peers.pop("ours")
    micro = on_micropython("bench_codec_device.py", [], "160k")
    both = "encode + decode, CPython"
    rows = [row(f"{both}: heliograph", ours, "1/s")]
    rows += [row(f"{both}: {name}", value, "1/s") for name, value in peers.items()]
    ratio = round(ours / peers["msgpack-list"], 2)
    rows.append(row("CPython, times msgpack-list", ratio, "x", "msgpack-list", least=1.0))
    ratio = round(ours / peers["cbor2-list"], 2)
    rows.append(row("CPython, times cbor2-list", ratio, "x", "cbor2-list"))
    rows.append(row("seal + open a frame, CPython", device.sealed(ecb, _COUNT // 10), "1/s"))
    rows.append(row("encode + decode, MicroPython: heliograph", micro["ours"], "1/s"))
    rows.append(row("encode + decode, MicroPython: struct", micro["struct"], "1/s"))
    ratio = round(micro["ours"] / micro["struct"], 2)
    rows.append(row("MicroPython, times the bare struct module", ratio, "x", "struct", least=0.5))
    rows.append(row("seal + open a frame, MicroPython", micro["sealed"], "1/s"))
    return {"results": rows}


def _peers(fields: list[Any]) -> dict[str, Any]:
    try:
        import cbor2
        import msgpack
    except ImportError as e:
        raise UserError(f"{e.name} is missing: pip install msgpack cbor2") from None
    return {
        "msgpack-list": lambda: msgpack.unpackb(msgpack.packb(fields)),
        "cbor2-list": lambda: cbor2.loads(cbor2.dumps(fields)),
    }


def flash(args: argparse.Namespace) -> dict[str, Any]:
    """The relay's flash store and LittleFS on the same chip model; the seed is for one pattern."""
    from tools import bench_flash

    return {"results": bench_flash.measure(args.seed)}


def sync(args: argparse.Namespace) -> dict[str, Any]:
    """Two nodes find out what only one of them knows, beside other schemes."""
    from tools import bench_sync

    return {"results": bench_sync.measure(args.seed)}


def unicast(args: argparse.Namespace) -> dict[str, Any]:
    """Messages for a known gateway, beside shortest paths and flooding."""
    from tools import bench_unicast

    return {"results": bench_unicast.measure(args.seed)}


def dtn(args: argparse.Namespace) -> dict[str, Any]:
    """Carrying messages on walks, among people and over a mesh, beside PONS and an oracle."""
    from tools import bench_dtn

    trace = Path(args.trace) if args.trace else None
    return {"results": bench_dtn.measure(args.seed, trace, args.full)}


def sim(args: argparse.Namespace) -> dict[str, Any]:
    """What simulating costs, beside PONS, and from small fields to large ones."""
    from tools import bench_sim

    return {"results": bench_sim.measure(args.seed, args.full)}


def boards(args: argparse.Namespace) -> dict[str, Any]:
    """The simulator beside virtual boards: the same mesh, the same messages."""
    from tools import bench_boards

    return {"results": bench_boards.measure(args.seed)}


def on_micropython(
    script: str, arguments: list[str], heap: str, path: Path = _REPOSITORY
) -> dict[str, Any]:
    """Run a script from this folder: the JSON object that it prints.

    `path` is where it finds our packages. Raises BenchFailed.
    """
    from tools.virtual_board.interpreter import NoInterpreter, find_micropython

    try:
        interpreter = find_micropython()
    except NoInterpreter as e:
        raise UserError(str(e)) from None
    file = str(Path(__file__).with_name(script))
    try:
        done = subprocess.run(
            [interpreter, "-X", f"heapsize={heap}", file, *arguments],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
            env={**os.environ, "MICROPYPATH": f"{path}:.frozen"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        what = " ".join([script, *arguments])
        raise BenchFailed(f"MicroPython: {what} took more than {_TIMEOUT_S} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"
        raise BenchFailed(f"MicroPython: {said.splitlines()[-1]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def gateway(args: argparse.Namespace) -> dict[str, Any]:
    """A gateway process with a hundred phones, beside an LXMF propagation node."""
    from tools import bench_gateway

    return {"results": bench_gateway.measure(args.seed, args.seconds or bench_gateway.STEADY_S)}


def backhaul(args: argparse.Namespace) -> dict[str, Any]:
    """Gateways and a hub of three servers."""
    from tools import bench_backhaul

    return bench_backhaul.measure(args.seed)


BENCHES = {
    "codec": codec, "flash": flash, "sync": sync, "broadcast": broadcast, "gossip": gossip,
    "unicast": unicast, "dtn": dtn, "sim": sim, "boards": boards, "compression": compression,
    "gateway": gateway, "backhaul": backhaul,
}  # fmt: skip
