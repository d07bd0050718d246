"""helio pair: phones join the Wi-Fi of the gateway that runs here."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from gateway.commands import data_dir, harmless, opened_desk, show
from gateway.pairing import WINDOW_S
from gateway.pairing_socket import Asker, ask


def pair(args: argparse.Namespace) -> int:
    """helio pair: open the window, show the codes and who joins; or only list, or print."""
    if args.poster:
        return _print(args)
    return asyncio.run(_list(args) if args.list else _watch(args))


def _print(args: argparse.Namespace) -> int:
    from gateway.config import FILE, load_config
    from gateway.pairing import credentials
    from gateway.poster import write

    config = load_config(data_dir(args) / FILE)
    with opened_desk(args) as desk:
        ssid, passphrase = credentials(desk.db, config.name)
    write(Path(args.poster), config.name, ssid, passphrase)
    show(args, {"file": args.poster}, f"wrote {args.poster}: whoever reads it can join")
    return 0


async def _list(args: argparse.Namespace) -> int:
    asker = await ask(data_dir(args))
    try:
        async for told in asker.news():
            lines = [f"Wi-Fi {told['ssid']}: {_NETWORK[told['wifi']]}", *told["connected"]]
            if told["problem"]:
                lines.append(told["problem"])
            show(args, told, "\n".join(lines))
            return 0
    finally:
        asker.close()
    return 1


_NETWORK = {
    "down": "down",
    "direct": "up, with Wi-Fi Direct",
    "access-point": "up, without Wi-Fi Direct",
}


async def _watch(args: argparse.Namespace) -> int:
    asker = await ask(data_dir(args))
    asker.say(
        {"open": WINDOW_S if args.seconds is None else args.seconds, "by_itself": args.accept}
    )
    typed = (
        None
        if args.accept or args.json or not sys.stdin.isatty()
        else asyncio.create_task(_typed(asker))
    )
    before: dict[str, Any] = {}
    opened = False
    try:
        async for told in asker.news():
            if args.json:
                print(json.dumps(told), flush=True)
            else:
                _print_news(before, told)
            before = told
            opened = opened or told["window_s"] > 0
            if opened and not told["window_s"]:
                return 0
        print("helio: the gateway has ended", file=sys.stderr)
        return 1
    finally:
        asker.say({"close": True})
        if typed is not None:
            typed.cancel()
        asker.close()


def _print_news(before: dict[str, Any], told: dict[str, Any]) -> None:
    """What differs from what was told before."""
    if told["wifi"] != "down" and before.get("wifi", "down") == "down":
        from gateway.terminal_qr import drawn

        print(drawn(told["qr"]))
        print(f"Wi-Fi       {told['ssid']}\npassphrase  {told['passphrase']}")
        print(drawn(told["page"]))
        print(f"the page    {told['page']}")
    if told["pin"] and told["pin"] != before.get("pin"):
        print(f"PIN         {told['pin']}  (for Wi-Fi Direct, while this runs)")
    for name in sorted(set(told["asking"]) - set(before.get("asking", []))):
        print(f"{harmless(name)} wants to join: y and Enter lets it, n refuses")
    for who in sorted(set(told["connected"]) - set(before.get("connected", []))):
        print(f"joined      {who}")
    for who in sorted(set(before.get("connected", [])) - set(told["connected"])):
        print(f"left        {who}")
    if told["problem"] and told["problem"] != before.get("problem"):
        print(f"helio: {told['problem']}", file=sys.stderr)
    sys.stdout.flush()


async def _typed(asker: Asker) -> None:
    """y or n for the phone that asked first."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        word = line.decode(errors="replace").strip().lower()
        if word in ("y", "n"):
            asker.say({"first": word == "y"})
