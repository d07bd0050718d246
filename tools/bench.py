"""`helio bench NAME`: every measurement of the project, in one form, beside its peers.

    {"bench", "seed", "results": [{"what", "value", "unit", "peer", "target", "holds"}]}

Rows with a target say whether it holds; rows without are what it is compared with. Times on a
shared machine are noisy: ratios of one run are what counts. A missed target is no failure (exit
code 0): it is a finding.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from gateway.errors import UserError

_REPOSITORY = Path(__file__).resolve().parents[1]
_COUNT = 5_000


def main(args: argparse.Namespace) -> int:
    """Run one measurement and print it."""
    if args.name not in BENCHES:
        raise UserError(f"no measurement called {args.name}; there are: {', '.join(BENCHES)}")
    report = {"bench": args.name, "seed": args.seed, "results": BENCHES[args.name](args.seed)}
    if args.json:
        print(json.dumps(report))
        return 0
    for r in report["results"]:
        verdict = "" if r["holds"] is None else ("  holds" if r["holds"] else "  MISSED")
        target = f"  target {r['target']}" if r["target"] is not None else ""
        peer = f"  beside {r['peer']}" if r["peer"] else ""
        print(f"{r['what']:<58} {r['value']:>12,} {r['unit']}{peer}{target}{verdict}")
    return 0


def row(
    what: str, value: float, unit: str, peer: str = "", target: float | None = None
) -> dict[str, Any]:
    """One result. A target is a least value."""
    return {
        "what": what, "value": value, "unit": unit, "peer": peer, "target": target,
        "holds": None if target is None else value >= target,
    }  # fmt: skip


def codec(seed: int) -> list[dict[str, Any]]:
    """Encode and decode a parcel with 180 bytes of payload; nothing in it is random."""
    from gateway.crypto import ecb
    from tools import bench_codec_device as device

    fields = [3, 120, 8, 130, b"m" * 12, b"hint", device.PAYLOAD]
    peers = device.measure(_COUNT, _peers(fields))
    ours = peers.pop("ours")
    micro = _on_micropython()
    both = "encode + decode, CPython"
    rows = [row(f"{both}: heliograph", ours, "1/s")]
    rows += [row(f"{both}: {name}", value, "1/s") for name, value in peers.items()]
    ratio = round(ours / peers["msgpack-list"], 2)
    rows.append(row("CPython, times msgpack-list", ratio, "x", "msgpack-list", 1.0))
    ratio = round(ours / peers["cbor2-list"], 2)
    rows.append(row("CPython, times cbor2-list", ratio, "x", "cbor2-list"))
    rows.append(row("seal + open a frame, CPython", device.sealed(ecb, _COUNT // 10), "1/s"))
    rows.append(row("encode + decode, MicroPython: heliograph", micro["ours"], "1/s"))
    rows.append(row("encode + decode, MicroPython: struct", micro["struct"], "1/s"))
    ratio = round(micro["ours"] / micro["struct"], 2)
    rows.append(row("MicroPython, times the bare struct module", ratio, "x", "struct", 0.5))
    rows.append(row("seal + open a frame, MicroPython", micro["sealed"], "1/s"))
    return rows


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


def _on_micropython() -> dict[str, Any]:
    from tools.virtual_board.interpreter import NoInterpreter, find_micropython

    try:
        interpreter = find_micropython()
    except NoInterpreter as e:
        raise UserError(str(e)) from None
    done = subprocess.run(
        [interpreter, "-X", "heapsize=160k", str(_REPOSITORY / "tools/bench_codec_device.py")],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "MICROPYPATH": f"{_REPOSITORY}:.frozen"},
    )  # fmt: skip
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1]
        print(f"helio bench: MicroPython: {last}", file=sys.stderr)
        raise SystemExit(1)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


BENCHES = {"codec": codec}
