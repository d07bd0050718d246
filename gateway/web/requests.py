"""What every request passes through: whose page it may come from, and how refusals look.

Plain http on local Wi-Fi: no cookies, nothing from other sites. A page that somebody has saved in
a file may speak to the phones' API: browsers call its origin "null".
"""

import base64
import binascii
import ipaddress
import json
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.device_auth import NotSigned
from gateway.errors import NoRoom, UserError

BODY_MAX_BYTES = 1536 * 1024  # 16 messages of 64 KB in base64, and room
NUMBER_MAX = 2**53 - 1  # what JavaScript counts exactly; well inside SQLite's 64 bits

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
API = "/api/"
FROM_FILE = "null"
# To a page in a file. Whoever reads the answer has signed the question, or could ask it himself.
FILE_HEADERS = {
    "Access-Control-Allow-Origin": FROM_FILE,
    "Access-Control-Allow-Methods": "GET, POST, PUT",
    "Access-Control-Allow-Headers": "Content-Type, X-Helio",
    "Access-Control-Max-Age": "600",
    "Vary": "Origin",
}
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: f"The request is larger than {BODY_MAX_BYTES // 1024} KiB.",
}


class Signer(Protocol):
    """The device that signed a request. key: its Ed25519 public key."""

    @property
    def key(self) -> bytes: ...


Signed = Callable[[web.Request], Awaitable[tuple[Signer, bytes]]]  # it, and the request's body

NAMES: web.AppKey[frozenset[str]] = web.AppKey("names")
REFUSED: web.AppKey[Counter[str]] = web.AppKey("refused")  # why -> how often, since the start


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal is JSON: {"error": one sentence}, and a "code" where a page must tell them
    apart. All are counted."""
    try:
        return await handler(request)
    except NotSigned as error:
        return refusal(request, 401, str(error), error.code)
    except NoRoom as error:
        return refusal(request, 507, sentence(str(error)), "no-room")
    except UserError as error:
        return refusal(request, 400, sentence(str(error)))
    except sqlite3.Error as error:
        text = f"The gateway's database refuses ({error}); try again soon."
        return refusal(request, 503, text, "database")
    except web.HTTPError as error:
        text = SENTENCES.get(error.status, error.text or error.reason)
        names = ("Allow", "Retry-After")
        kept = {name: error.headers[name] for name in names if name in error.headers}
        return refusal(request, error.status, text, headers=kept)


def refusal(
    request: web.Request,
    status: int,
    text: str,
    code: str = "",
    headers: dict[str, str] | None = None,
) -> web.Response:
    """One refusal, counted under its code or status."""
    request.app[REFUSED][code or str(status)] += 1
    return answer({"error": text} | ({"code": code} if code else {}), status, headers)


@web.middleware
async def same_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site's page could have asked for.

    A foreign name that resolves to this machine (DNS rebinding) would make its page one of ours:
    only addresses, localhost and the names in gateway.toml are answered. A foreign page can send
    application/json only after a CORS preflight, which is answered to pages in files alone; the
    Origin check says the same again for browsers that send one.
    """
    if not known_host(request.host, request.app[NAMES]):
        raise web.HTTPForbidden(text="This gateway does not go by that name.")
    if request.method == "OPTIONS" and from_file(request):
        return web.Response(status=204)
    if request.method in ("POST", "PUT"):
        if request.content_type != "application/json":
            raise web.HTTPForbidden(text="The request must have Content-Type application/json.")
        origin = request.headers.get("Origin")
        own = origin is None or origin.partition("://")[2].lower() == request.host.lower()
        if not own and not from_file(request):
            raise web.HTTPForbidden(text="The request comes from a page of another site.")
    return await handler(request)


def from_file(request: web.Request) -> bool:
    """Does a page in a file ask, for something of the API?"""
    return request.headers.get("Origin") == FROM_FILE and request.path.startswith(API)


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
    """The policy on everything; nothing is kept by caches unless a file says otherwise."""
    response.headers.update(HEADERS)
    if from_file(request):
        response.headers.update(FILE_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


# Reading a request, writing an answer.


def dumps(value: object) -> str:
    """Compact, and Arabic as two bytes a letter instead of six."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def answer(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """A value as JSON."""
    return web.json_response(value, status=status, headers=headers, dumps=dumps)


def sentence(text: str) -> str:
    """A UserError as the page shows it: the CLI's have neither capital nor full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def number(text: str, name: str, most: int = NUMBER_MAX) -> int:
    """A whole number from 0 to `most`, or UserError."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most:
        return int(text)
    raise UserError(f"{name} must be a whole number from 0 to {most}.")


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, or UserError."""
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or "[" a hundred thousand times
        raise UserError("The request is not valid JSON in UTF-8.") from None
    if not isinstance(value, dict):
        raise UserError("The request must be a JSON object.")
    return value


def items(value: dict[str, Any], name: str, most: int) -> list[Any]:
    """The member `name`, a list of 1 to `most`, or UserError."""
    found = value.get(name)
    if not isinstance(found, list) or not 1 <= len(found) <= most:
        raise UserError(f'The request needs "{name}", a list of 1 to {most}.')
    return found


def b64(raw: bytes) -> str:
    """Bytes as the API writes them: base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unb64(value: object, name: str) -> bytes:
    """The bytes of a member, or UserError. Only base64url, only without padding."""
    if isinstance(value, str) and value.isascii() and "=" not in value:
        try:
            raw = base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
        except binascii.Error:
            raw = None
        if raw is not None and "+" not in value and "/" not in value:
            return raw
    raise UserError(f'"{name}" must be base64url without padding.')
