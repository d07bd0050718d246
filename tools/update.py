"""helio update: this source tree's firmware for one relay at the wire, or for all of a mesh."""

import argparse
import asyncio
import sys
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware import VERSION
from gateway.commands import data_dir, show
from gateway.crypto import ecb
from gateway.errors import UserError
from gateway.links.serial_port import SerialPort
from gateway.network import opened
from gateway.update import hand_over, sign, until_it_runs
from shared_protocol.frame import FrameCipher
from tools.update_archive import make_archive
from tools.virtual_board.rom import RomError

_BAR = 30  # letters


def main(args: argparse.Namespace) -> int:
    """Build, sign, hand over, wait. 1 if the relay at the wire does not run it in the end."""
    if bool(args.node) == args.all:
        raise UserError("say for whom: the NODE at the wire, or --all of the mesh")
    with opened(data_dir(args)) as network:
        facts = network.facts
        node = None if args.all else _id_of(network.nodes(), args.node)
    if facts.seed is None:
        raise UserError("only who has the operator's card can update: helio network join")
    try:
        archive = make_archive()
    except RomError as e:
        raise UserError(f"the firmware does not compile: {e}") from None
    # The time is a number that rises, also on the next operator's laptop.
    sequence = int(time.time())
    version = bytes(int(part) for part in VERSION.split("."))
    operator = Ed25519PrivateKey.from_private_bytes(facts.seed)
    cipher = FrameCipher(facts.key, facts.epoch, ecb)
    text, pages = sign(operator, cipher, sequence, archive, version, node, spread=args.all)
    runs = asyncio.run(_bring(args.port, text, pages, sequence))
    result = {"sequence": sequence, "version": VERSION, "bytes": len(archive), "runs": runs}
    words = f"firmware {VERSION}, update {sequence}, {len(archive)} bytes: "
    if not runs:
        words += f"handed over; the relay on {args.port} does not run it (yet): helio log"
    elif args.all:
        words += "it runs, and goes on from there: helio nodes tells how far"
    else:
        words += "it runs"
    show(args, result, words)
    return 0 if runs else 1


def _id_of(nodes: list[dict[str, Any]], named: str) -> bytes:
    """The address of a node by name or id. UserError if it is not in the registry."""
    for node in nodes:
        if named in (node["id"], node["name"]) and node["state"] != "retired":
            return bytes.fromhex(node["id"])
    raise UserError(f"no node {named} in the registry: helio network list")


async def _bring(path: str, text: bytes, pages: list[bytes], sequence: int) -> bool:
    port = SerialPort(path, lambda address, frame: None)
    try:
        await hand_over(port, text, pages, _progress)
    finally:
        port.close()
    return await until_it_runs(path, sequence)


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        bar = "#" * (_BAR * done // of)
        end = "\n" if done == of else ""
        print(f"\r[{bar:<{_BAR}}] {done} of {of} pages", end=end, file=sys.stderr, flush=True)
