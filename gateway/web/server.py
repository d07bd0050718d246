"""The gateway's web server: one page, a small JSON API and a live stream, all over one `Desk`.

Plain http on local Wi-Fi: no cookies, no CORS, nothing from elsewhere. The desk decides what a
message or a contact is; this file only checks shapes, and turns answers into HTTP.
"""

import asyncio
import ipaddress
import json
import secrets
import socket
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.errors import UserError

STATIC = Path(__file__).parent / "static"
STATIC_FILES = ("words.js", "talk.js", "page.js", "style.css")

BODY_MAX_BYTES = 256 * 1024  # a 64 KiB message may double in JSON; and room
LISTENERS_MAX = 200  # live streams and long polls together: a full hall on one Pi Zero 2
ROWS_MAX = 500  # messages in one answer
NUMBER_MAX = 2**53 - 1  # what JavaScript counts exactly; well inside SQLite's 64 bits
WAIT_MAX_S = 60  # a long poll; proxies and phones give up soon after
HEARTBEAT_S = 15.0
RETRY_MS = 2000
# A phone that walks away never says goodbye: its stream ends this long after an unread heartbeat.
GONE_AFTER_MS = 30_000

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: f"The request is larger than {BODY_MAX_BYTES // 1024} KiB.",
}


class Desk(Protocol):
    """What the web needs of the gateway. Synchronous calls are quick; UserError is a sentence."""

    @property
    def message_max(self) -> int: ...
    def me(self) -> dict[str, Any]: ...
    def contacts(self) -> list[dict[str, Any]]: ...
    def add_contact(self, card: str, name: str | None) -> dict[str, Any]: ...
    def send(self, contact: str, text: str) -> dict[str, Any]: ...
    def messages(self, after: int, limit: int) -> list[dict[str, Any]]: ...
    def status(self) -> dict[str, Any]: ...
    def changed(self, after: int) -> Awaitable[None]: ...


DESK: web.AppKey[Desk] = web.AppKey("desk")
NAMES: web.AppKey[frozenset[str]] = web.AppKey("names")
CLOSING = web.AppKey("closing", asyncio.Event)
RUN = web.AppKey("run", str)  # a page that sees it change forgets what it knew, and asks anew
LISTENERS: web.AppKey[set[asyncio.Transport]] = web.AppKey("listeners")


def make_app(desk: Desk, names: Iterable[str] = ()) -> web.Application:
    """The application, ready for an AppRunner; its cleanup ends every live stream.

    names: host names that this gateway goes by, besides its addresses and localhost.
    """
    app = web.Application(client_max_size=BODY_MAX_BYTES, middlewares=[errors, same_site])
    app[DESK] = desk
    app[NAMES] = frozenset(name.lower() for name in names)
    app[CLOSING] = asyncio.Event()
    app[RUN] = secrets.token_hex(8)
    app[LISTENERS] = set()
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(end_listeners)
    app.add_routes(
        [
            web.get("/", page),
            web.get("/static/{name}", static_file),
            web.get("/api/me", me, allow_head=False),
            web.get("/api/contacts", contacts, allow_head=False),
            web.post("/api/contacts", add_contact),
            web.get("/api/messages", messages, allow_head=False),
            web.post("/api/messages", send),
            web.get("/api/status", status, allow_head=False),
            web.get("/api/events", events, allow_head=False),
        ]
    )
    return app


# What every request passes through.


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal is JSON: {"error": one sentence}."""
    try:
        return await handler(request)
    except UserError as error:
        return answer({"error": sentence(str(error))}, status=400)
    except web.HTTPError as error:
        text = SENTENCES.get(error.status, error.text or error.reason)
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return answer({"error": text}, status=error.status, headers=allow)


@web.middleware
async def same_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site's page could have asked for.

    A foreign name that resolves to this machine (DNS rebinding) would make its page one of ours:
    only addresses, localhost and the names in gateway.toml are answered. A foreign page can send
    application/json only after a CORS preflight, which nothing here answers; the Origin check
    says the same again for browsers that send one.
    """
    if not known_host(request.host, request.app[NAMES]):
        raise web.HTTPForbidden(text="This gateway does not go by that name.")
    if request.method == "POST":
        if request.content_type != "application/json":
            raise web.HTTPForbidden(text="The request must have Content-Type application/json.")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2].lower() != request.host.lower():
            raise web.HTTPForbidden(text="The request comes from a page of another site.")
    return await handler(request)


def known_host(host: str, names: frozenset[str]) -> bool:
    """Is this Host header an IP address, localhost, or one of these names?"""
    name = host.lower().rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]").lower()
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers["Cache-Control"] = (
        "no-store" if request.path.startswith("/api/") else "no-cache"
    )


async def end_listeners(app: web.Application) -> None:
    """End the streams and long polls, and cut those whose phone is not reading.

    Cleanup waits for handlers, and a handler waits for such a phone; it resumes where it was.
    """
    app[CLOSING].set()
    for line in app[LISTENERS]:
        if line.get_write_buffer_size():
            line.abort()


# Reading a request, writing an answer.


def dumps(value: object) -> str:
    """Compact, and Arabic as two bytes a letter instead of six."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def answer(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.json_response(value, status=status, headers=headers, dumps=dumps)


def sentence(text: str) -> str:
    """A UserError as the page shows it: the CLI's have neither capital nor full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def number(text: str, name: str, most: int = NUMBER_MAX) -> int:
    """A whole number from 0 to `most`, or UserError."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most:
        return int(text)
    raise UserError(f"{name} must be a whole number from 0 to {most}.")


async def body_strings(request: web.Request, *names: str) -> list[str]:
    """These members of the JSON object in the body, each a string that UTF-8 can carry.

    Raises UserError. A name with "?" may be missing or null, and is then "".
    """
    try:
        body = json.loads((await request.read()).decode())
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or "[" a hundred thousand times
        raise UserError("The request is not valid JSON in UTF-8.") from None
    if not isinstance(body, dict):
        raise UserError("The request must be a JSON object.")
    values = []
    for name in names:
        value = body.get(name.rstrip("?"))
        if value is None and name.endswith("?"):
            value = ""
        if not isinstance(value, str):
            raise UserError(f'The request needs "{name.rstrip("?")}", a string.')
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise UserError("The text holds half a character (a lone surrogate); type it again.")
        values.append(value)
    return values


# The routes.


async def page(request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / "index.html")


async def static_file(request: web.Request) -> web.FileResponse:
    name = request.match_info["name"]
    if name not in STATIC_FILES:
        raise web.HTTPNotFound
    return web.FileResponse(STATIC / name)


async def me(request: web.Request) -> web.Response:
    desk = request.app[DESK]
    more = {"message_max": desk.message_max, "run": request.app[RUN]}
    return answer(desk.me() | more)


async def contacts(request: web.Request) -> web.Response:
    return answer(request.app[DESK].contacts())


async def add_contact(request: web.Request) -> web.Response:
    card, name = await body_strings(request, "card", "name?")
    return answer(request.app[DESK].add_contact(card.strip(), name.strip() or None), status=201)


async def send(request: web.Request) -> web.Response:
    contact, text = await body_strings(request, "contact", "text")
    return answer(request.app[DESK].send(contact, text), status=201)


async def status(request: web.Request) -> web.Response:
    return answer(request.app[DESK].status())


async def messages(request: web.Request) -> web.Response:
    """?after=, ?limit=; with ?wait= seconds, an empty answer is held back until there is news."""
    after = number(request.query.get("after", "0"), "after")
    limit = number(request.query.get("limit", str(ROWS_MAX)), "limit", ROWS_MAX)
    wait_s = number(request.query.get("wait", "0"), "wait", WAIT_MAX_S)
    desk = request.app[DESK]
    rows = desk.messages(after, limit)
    if not rows and limit and wait_s:
        with listening(request):
            await news(request.app, after, wait_s)
        rows = desk.messages(after, limit)
    return answer(rows)


async def events(request: web.Request) -> web.StreamResponse:
    """Server-sent events: every change after Last-Event-ID (or ?after=), then live."""
    resume_at = request.headers.get("Last-Event-ID") or request.query.get("after", "0")
    after = number(resume_at, "after")
    with listening(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            await response.prepare(request)
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            await stream(request.app, response, after)
        except ConnectionError:
            pass  # the phone left, which is how most streams end
        return response


async def stream(app: web.Application, response: web.StreamResponse, after: int) -> None:
    """Write changes and heartbeats until shutdown. Raises ConnectionError when the phone left."""
    while not app[CLOSING].is_set():
        rows = app[DESK].messages(after, ROWS_MAX)
        for row in rows:
            after = row["seq"]
            await response.write(f"id: {after}\nevent: message\ndata: {dumps(row)}\n\n".encode())
        if not rows and not await news(app, after, HEARTBEAT_S):
            await response.write(b": still here\n\n")


@contextmanager
def listening(request: web.Request) -> Iterator[None]:
    """A place among the LISTENERS_MAX, held for as long as the request waits for news."""
    listeners = request.app[LISTENERS]
    if len(listeners) >= LISTENERS_MAX:
        raise web.HTTPServiceUnavailable(
            text=f"This gateway already serves {LISTENERS_MAX} open pages; try again soon."
        )
    line = request.transport
    if line is None:  # the phone left before its turn
        yield
        return
    connection = line.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_AFTER_MS)
    listeners.add(line)
    try:
        yield
    finally:
        listeners.discard(line)


async def news(app: web.Application, after: int, timeout_s: float) -> bool:
    """Wait for a change after `after`: True; False when the time is up or the server ends."""
    changed = asyncio.ensure_future(app[DESK].changed(after))
    closing = asyncio.ensure_future(app[CLOSING].wait())
    try:
        await asyncio.wait(
            (changed, closing), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        if not changed.done():
            return False
        changed.result()  # a desk that broke says so here
        return True
    finally:
        changed.cancel()
        closing.cancel()
