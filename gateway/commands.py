"""The commands of `helio` that stand before the desk, or open it. Small functions, one each."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gateway.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from aiohttp import web

    from gateway.config import Config
    from gateway.desk import Desk  # slow to import: each command does so when it is called


_LOCKED = "Without the passphrase this kit is worth nothing, to you neither."
_HANDLE_WITH_CARE = "Whoever has this kit reads and writes as you: keep it as you keep money."


def data_dir(args: argparse.Namespace) -> Path:
    """--data, else $HELIO_DATA, else ~/.local/share/heliograph."""
    chosen = args.data or os.environ.get("HELIO_DATA")
    return Path(chosen) if chosen else Path.home() / ".local" / "share" / "heliograph"


@contextlib.contextmanager
def opened_desk(args: argparse.Namespace) -> "Iterator[Desk]":
    """The desk of the data folder. UserError if its database cannot be used now."""
    import sqlite3

    from gateway.desk import Desk

    try:
        with contextlib.closing(Desk(data_dir(args))) as desk:
            yield desk
    except (sqlite3.OperationalError, OSError) as e:
        raise UserError(
            f"{data_dir(args)} cannot be used now ({e}): nothing was changed"
        ) from None


def show(args: argparse.Namespace, value: Any, text: str) -> None:
    """Print the value as JSON with --json, else the text."""
    print(json.dumps(value, ensure_ascii=False) if args.json else text)


def identity(args: argparse.Namespace) -> int:
    """helio id: show who lives here, make them, or let them come back."""
    from gateway.backup import passphrase
    from gateway.kit import parse_kit

    if args.name and args.restore:
        raise UserError("a kit brings its name: restore first, then change the name")
    with opened_desk(args) as desk:
        if args.restore:
            kit = sys.stdin.read() if args.restore == "-" else args.restore
            desk.restore_identity(parse_kit(kit, lambda: passphrase(args.passphrase_file)))
        if args.name:
            desk.create_identity(args.name)
        me = desk.me()
        show(args, me, f"{me['name']}  {me['id']}\n{me['card']}")
    return 0


def kit(args: argparse.Namespace) -> int:
    """helio kit: the person's keys, to be kept in a safe place, or behind a passphrase."""
    from gateway.backup import passphrase
    from gateway.kit import kit_text, locked_kit

    with opened_desk(args) as desk:
        me = desk.identity()
        if args.passphrase or args.passphrase_file:
            text = locked_kit(me, passphrase(args.passphrase_file, twice=True))
        else:
            text = kit_text(me)
    told = text
    if args.qr and not args.json:
        from gateway.terminal_qr import drawn

        told = f"{drawn(text)}\n{text}"
    locked = bool(args.passphrase or args.passphrase_file)
    advice = _LOCKED if locked else _HANDLE_WITH_CARE
    show(args, {"kit": text, "locked": locked}, f"{told}\n{advice}")
    return 0


def contact_add(args: argparse.Namespace) -> int:
    """helio contact add: somebody's card."""
    with opened_desk(args) as desk:
        added = desk.add_contact(args.card, args.name)
        show(args, added, f"{added['name']}  {added['words']}")
    return 0


def contact_list(args: argparse.Namespace) -> int:
    """helio contact list: everybody whose card is here."""
    with opened_desk(args) as desk:
        contacts = desk.contacts()
        lines = [f"{c['name']:<20} {c['words']}{_mark(c)}" for c in contacts]
        show(args, contacts, "\n".join(lines) or "no contacts yet: helio contact add CARD")
    return 0


def send(args: argparse.Namespace) -> int:
    """helio send: seal a text and queue it."""
    text = sys.stdin.read() if args.text == "-" else args.text
    with opened_desk(args) as desk:
        message = desk.send(args.contact, text)
        unsure = desk.wall.moment().sure_s is None
        said = f"queued: message {message['id']}, {message['bytes']} bytes"
        if unsure:
            said += "\nclock unsure: it carries the time that this machine believes"
        show(args, message | ({"clock": "unsure"} if unsure else {}), said)
    return 0


def inbox(args: argparse.Namespace) -> int:
    """helio inbox: what was received."""
    return _list(args, "in", lambda m: f"{m['name']}{_mark(m)}: {harmless(m['text'])}")


def outbox(args: argparse.Namespace) -> int:
    """helio outbox: what was sent, and how far each message is."""
    return _list(args, "out", lambda m: f"{_state(m)} to {m['name']}: {_short(m['text'])}")


def _list(args: argparse.Namespace, direction: str, line: Any) -> int:
    with opened_desk(args) as desk:
        messages = desk.listing(direction)
        show(args, messages, "\n".join(line(m) for m in messages) or "nothing here yet")
    return 0


def _state(message: dict[str, Any]) -> str:
    """How far a message is; of several devices, at how many."""
    if message["devices"] > 1 and message["delivered_to"]:
        return f"delivered to {message['delivered_to']} of {message['devices']} devices,"
    return f"{message['state']:<10}"


def _mark(of: dict[str, Any]) -> str:
    """Beside somebody whose card came with a message: a name that anybody may have chosen."""
    return "" if of["added"] else " (not added by you)"


def chat(args: argparse.Namespace) -> int:
    """helio chat: until Ctrl-Q."""
    try:
        from gateway.chat_screen import Chat
    except ModuleNotFoundError:
        raise UserError("helio chat wants Textual: pip install 'heliograph[chat]'") from None
    with opened_desk(args) as desk:
        desk.identity()  # or say what to do, before the screen is taken
        Chat(desk).run()
    return 0


def harmless(text: str) -> str:
    """A stranger's text for a terminal: no escape sequences, further lines indented."""
    lines = [
        "".join(c if c.isprintable() else "\ufffd" for c in line) for line in text.splitlines()
    ]
    return "\n    ".join(lines)


def _short(text: str) -> str:
    first = harmless(text.splitlines()[0]) if text else ""
    return first if len(first) <= 60 else first[:59] + "…"


def gateway_init(args: argparse.Namespace) -> int:
    """helio gateway init: write gateway.toml."""
    from gateway import network
    from gateway.config import FILE, load_config, template

    path = data_dir(args) / FILE
    if path.exists():
        raise UserError(f"{path} exists already: edit it, or choose another --data folder")
    key = args.network_key
    if not key and (data_dir(args) / network.FILE).exists():
        with network.opened(data_dir(args)) as registry:
            key = registry.facts.key.hex()
    key = key or os.urandom(32).hex()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = template(args.name, key, args.port, args.listen)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    try:
        load_config(path)
    except UserError:
        path.unlink()
        raise
    show(args, {"config": str(path)}, f"wrote {path}")
    return 0


def gateway_run(args: argparse.Namespace) -> int:
    """helio gateway run: tether, mailroom and chat page, until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(args))
    return 0


async def _serve(args: argparse.Namespace) -> None:
    from aiohttp import web

    from gateway.config import FILE, load_config
    from gateway.desk import Desk
    from gateway.gateway import Gateway
    from gateway.links.serial_port import open_port
    from gateway.provider import Client
    from gateway.web import directory_api
    from gateway.web.board_api import BoardApi
    from gateway.web.login_api import LoginApi
    from gateway.web.rates import Rates
    from gateway.web.server import PHONES, make_app

    config = load_config(data_dir(args) / FILE)
    desk = Desk(data_dir(args))
    alone = gateway_lock(data_dir(args))
    if config.port:
        open_port(config.port).close()  # a mistake in the port is said now, not in a log
    gateway = Gateway(config, desk)
    app = make_app(gateway.office, gateway.about, gateway.mesh, config.names)
    signed = app[PHONES].signed
    app.add_routes(directory_api.routes(gateway.announcer, signed, Rates()))
    app.add_routes(BoardApi(gateway.office, gateway.board, desk, gateway.clock_s, signed).routes())
    client = Client(config.login_client_id, config.login_client_secret)
    LoginApi(data_dir(args), config.login_issuer, client, signed).add_to(app)
    runner = web.AppRunner(app)
    await runner.setup()
    pairing = await _pairing(config, desk, runner)
    site = web.TCPSite(runner, config.host, config.http_port)
    try:
        await site.start()
    except OSError as e:
        raise UserError(f"the chat page cannot be served: {e.strerror or e}") from None
    host, port = runner.addresses[0][:2]
    show(args, {"url": f"http://{host}:{port}/"}, f"chat page: http://{host}:{port}/")
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    task = asyncio.create_task(_all_of(gateway.run(), *pairing))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        await task  # it only ends by an error: show it
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await runner.cleanup()
    desk.close()
    alone.close()


async def _all_of(*parts: "Coroutine[Any, Any, None]") -> None:
    async with asyncio.TaskGroup() as tasks:
        for part in parts:
            tasks.create_task(part)


async def _pairing(
    config: "Config", desk: "Desk", runner: "web.AppRunner"
) -> "list[Coroutine[Any, Any, None]]":
    """What makes the Wi-Fi for phones; nothing if gateway.toml names no adapter."""
    if not config.wifi_interface:
        return []
    try:
        import gateway.links.system_bus  # noqa: F401 - is it installed?
    except ModuleNotFoundError:
        raise UserError(
            "the [wifi] section wants dbus-fast: pip install 'heliograph[pair]'"
        ) from None
    from aiohttp import web

    from gateway import pairing_socket
    from gateway.links.addresses import Addresses
    from gateway.pairing import Pairing

    async def door(host: str, port: int) -> "Callable[[], Awaitable[None]]":
        site = web.TCPSite(runner, host, port)
        await site.start()
        return site.stop

    pairing = Pairing(config, desk.db, Addresses(desk.path.parent), door)
    return [pairing.run(), pairing_socket.serve(desk.path.parent, pairing)]


def gateway_lock(folder: Path) -> IO[str]:
    """Hold the folder's lock while the file is open: two gateways would be one node twice."""
    import fcntl

    lock = (folder / "gateway.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise UserError(f"another gateway runs on {folder} already") from None
    return lock
