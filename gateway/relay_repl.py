"""From the framed console of a relay to MicroPython's REPL on the same wire."""

import argparse
import asyncio
import importlib.util
import json
import os
import sys
import time

from gateway.commands import show
from gateway.errors import UserError
from gateway.links.serial_port import SerialPort, open_port

_PROMPT = b">>> "
_STOPS_S = 5.0  # the relay answers first, then stops
_COMES_S = 60.0  # until a hanging relay has been reset by its watchdog (30 s) and starts
_EVERY_S = 0.2  # ten times in its boot window
_TO_PROMPT = b"\x03\x02"  # Ctrl-C, and out of the raw REPL if it should be there


def main(args: argparse.Namespace) -> int:
    """helio relay repl: stop the firmware, open the REPL."""
    try:
        stops = asyncio.run(_ask(args.port))
    except TimeoutError:
        print("helio: no answer; waiting for its watchdog, or press its reset button",
              file=sys.stderr)  # fmt: skip
        _wait_for_prompt(args.port, _COMES_S)
    else:
        if not stops:
            raise UserError(f"the relay on {args.port} has an older firmware: flash it again")
        _wait_for_prompt(args.port, _STOPS_S)
    command = ["mpremote", "connect", args.port, "repl"]
    show(args, {"repl": True, "command": command}, " ".join(command))
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if has_terminal and not args.json and importlib.util.find_spec("mpremote"):
        os.execv(sys.executable, [sys.executable, "-m", *command])  # noqa: S606 - no shell, its own
    return 0


async def _ask(path: str) -> bool:
    """Will the relay stop? TimeoutError if it is silent."""
    port = SerialPort(path, lambda address, frame: None)
    try:
        return "done" in json.loads(await port.ask(b'{"ask":"repl"}'))
    finally:
        port.close()


def _wait_for_prompt(path: str, most_s: float) -> None:
    """Ctrl-C until the prompt comes; UserError if it does not."""
    end_s = time.monotonic() + most_s
    said = b""
    try:
        with open_port(path) as port:
            while time.monotonic() < end_s:
                port.write(_TO_PROMPT)
                time.sleep(_EVERY_S)
                said = (said + port.read(port.in_waiting or 1))[-len(_PROMPT) :]
                if said == _PROMPT:
                    return
    except OSError:
        raise UserError(f"{path} has gone: plug the relay in and try again") from None
    raise UserError(f"{path} does not come to the REPL: press its reset button and try again")
