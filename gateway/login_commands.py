"""helio login: the person of this folder logs in at a provider, and gets a certificate."""

import argparse
import asyncio
import contextlib
import json
import sys
import threading
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import certificate
from gateway.certificate_commands import badge_text, badge_told
from gateway.certificate_store import Certifier, keep_badge, operator_of
from gateway.commands import data_dir, show
from gateway.config import FILE, Config, load_config
from gateway.desk import Desk
from gateway.errors import UserError
from gateway.progress import Progress
from gateway.provider import Client, Line, missing
from gateway.terminal_qr import drawn

if TYPE_CHECKING:
    from gateway.id_token import Claims
    from gateway.login import DeviceCode

DEFAULT_CLIENT = "heliograph"


def login(args: argparse.Namespace) -> int:
    """helio login: by a code on another screen, or with --browser on this one."""
    folder = data_dir(args)
    if args.device and args.browser:
        raise UserError("--device or --browser, not both")
    certifier = Certifier(folder)  # before anybody types a password
    account = _account(folder)
    config = load_config(folder / FILE) if (folder / FILE).exists() else None
    issuer = args.issuer or (config.login_issuer if config else "")
    if not issuer:
        raise UserError("at which provider? helio login https://…, or [login] in gateway.toml")
    claims = asyncio.run(_claims(args, config, issuer, account))
    raw = certifier.badge(account, claims.issuer, claims.subject, claims.username or "")
    text = keep_badge(folder, raw)
    badge = certificate.check_badge(raw, operator_of(folder), int(time.time()))
    show(args, {"certificate": text} | badge_told(badge), f"{badge_text(badge)}\n{text}")
    return 0


async def _claims(
    args: argparse.Namespace, config: Config | None, issuer: str, account: bytes
) -> "Claims":
    try:
        from gateway.login import Login
        from gateway.loopback import browser_login
    except ImportError as e:
        raise missing(e) from None
    folder = data_dir(args)
    ours = config is not None and config.login_issuer == issuer
    client = Client(
        args.client_id or (config.login_client_id if config and ours else DEFAULT_CLIENT),
        config.login_client_secret if config and ours and not args.client_id else "",
    )
    async with Line() as line:
        session = Login(line, await line.meet(issuer, folder), client, folder)
        if args.browser:
            with Progress("waiting for the browser") as progress:
                waiting = asyncio.ensure_future(_tick(progress))
                try:
                    return await browser_login(
                        lambda redirect: session.start_browser(redirect, account),
                        lambda url: _open(args, url),
                    )
                finally:
                    waiting.cancel()
        code = await session.start_device()
        _tell(args, code)
        with Progress("waiting for you", code.expires_s) as progress:

            async def sleep(seconds: float) -> None:
                for _ in range(round(seconds)):
                    await asyncio.sleep(1)
                    progress.step()

            return await session.wait_device(code, sleep=sleep)


async def _tick(progress: Progress) -> None:
    while True:
        await asyncio.sleep(1)
        progress.step()


def _account(folder: Path) -> bytes:
    """The key of the person of this folder."""
    with contextlib.closing(Desk(folder)) as desk:
        return desk.identity().card.account


def _tell(args: argparse.Namespace, code: "DeviceCode") -> None:
    """The code and where to type it: with --json on standard error, as a line of JSON."""
    if args.json:
        told = {
            "user_code": code.user_code, "verification_uri": code.uri,
            "verification_uri_complete": code.complete, "expires_s": code.expires_s,
        }  # fmt: skip
        print(json.dumps(told), file=sys.stderr, flush=True)
        return
    with contextlib.suppress(UserError):  # a terminal without QR codes has the text
        print(drawn(code.complete or code.uri))
    minutes = max(1, code.expires_s // 60)
    print(f"open {code.uri} anywhere and type {code.user_code}, within {minutes} min", flush=True)


def _open(args: argparse.Namespace, url: str) -> None:
    told = json.dumps({"url": url}) if args.json else f"open in this machine's browser: {url}"
    print(told, file=sys.stderr, flush=True)
    # A browser in the terminal comes back when it is closed: meanwhile the answer must be taken.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
