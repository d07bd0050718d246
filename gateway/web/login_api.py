"""The phones' way to a certificate: the gateway asks the provider, the person approves anywhere.

    POST /api/login/start {"issuer"?, "account"?, "proof"?}
        -> {"login", "user_code", "verification_uri", "verification_uri_complete",
            "expires_s", "interval_s"}
    GET  /api/login/{login} -> {"state": "pending" | "certificate" | "refused",
                                "certificate"?, "why"?}

Each request is signed by a device, and a login is that device's alone. The certificate is for
`account` (Ed25519), which must have signed `proof` = H("login-account", device's key), so that
nobody gets a certificate for another's account; without both it is for the device's own key.
Logins are in memory: a gateway that restarts has forgotten them, and the person begins again.
"""

import asyncio
import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.certificate import badge_text
from gateway.certificate_store import Certifier
from gateway.errors import UserError
from gateway.provider import Away, Client, Line, missing
from gateway.web.requests import Signed
from shared_protocol.hashing import H

if TYPE_CHECKING:
    from gateway.login import DeviceCode

LOGINS_MAX = 64  # in memory; a new one pushes out the oldest that is done, else is refused
KEY_LEN, PROOF_LEN = 32, 64
_CUT_OFF = "The login was cut off: begin again."


@dataclass
class Pending:
    """One login of one device; its outcome is None until there is one."""

    device: bytes
    task: "asyncio.Task[None] | None" = None
    outcome: dict[str, Any] | None = field(default=None)


class LoginApi:
    """The routes. issuer, client: from gateway.toml's [login]; "" for a gateway without. signed:
    gives the device that signed a request and its body, or raises what refuses it. data: folder of
    the gateway's key and certificate."""

    def __init__(self, data: Path, issuer: str, client: Client, signed: Signed) -> None:
        self._data = data
        self._issuer = issuer
        self._client = client
        self._signed = signed
        self._logins: dict[str, Pending] = {}

    def add_to(self, app: web.Application) -> None:
        """Serve the routes; logins that go on are ended with the application."""
        app.add_routes(
            [
                web.post("/api/login/start", self.start),
                web.get("/api/login/{login}", self.state, allow_head=False),
            ]
        )
        app.on_shutdown.append(self.end)

    async def start(self, request: web.Request) -> web.Response:
        """Begin a login. A device's former one ends."""
        device, body = await self._signed(request)
        said = _object(body)
        account = proven_account(device.key, said)
        if not self._issuer:
            raise UserError("This gateway knows no provider to log in at.")
        if said.get("issuer") not in (None, self._issuer):  # it asks no address that a phone names
            raise UserError(f"This gateway logs in at {self._issuer} only.")
        certifier = Certifier(self._data)
        self._make_room(device.key)
        name = secrets.token_hex(16)
        mine = self._logins[name] = Pending(device.key)
        ready: asyncio.Future[DeviceCode] = asyncio.get_running_loop().create_future()
        mine.task = asyncio.create_task(self._run(mine, ready, certifier, account))
        either: set[asyncio.Future[Any]] = {ready, mine.task}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        try:
            if not ready.done():  # a newer login, the end, or a fault that the log has
                raise UserError(_CUT_OFF)
            code = ready.result()
        except UserError as e:
            self._logins.pop(name, None)
            if isinstance(e, Away):
                raise web.HTTPServiceUnavailable(text=str(e)) from None
            raise
        return web.json_response(
            {
                "login": name,
                "user_code": code.user_code,
                "verification_uri": code.uri,
                "verification_uri_complete": code.complete,
                "expires_s": code.expires_s,
                "interval_s": code.interval_s,
            },
            status=201,
        )

    async def state(self, request: web.Request) -> web.Response:
        """How a login of this device went."""
        device, _ = await self._signed(request)
        mine = self._logins.get(request.match_info["login"])
        if mine is None or mine.device != device.key:
            raise web.HTTPNotFound
        return web.json_response(mine.outcome or {"state": "pending"})

    async def end(self, _: web.Application) -> None:
        """End what goes on."""
        tasks = [login.task for login in self._logins.values() if login.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self,
        mine: Pending,
        ready: "asyncio.Future[DeviceCode]",
        certifier: Certifier,
        account: bytes,
    ) -> None:
        """One login from its beginning to its outcome. ready: told the code, or why there is
        none."""
        try:
            try:
                from gateway.login import Login
            except ImportError as e:
                raise missing(e) from None
            async with Line() as line:
                provider = await line.meet(self._issuer, self._data)
                login = Login(line, provider, self._client, self._data)
                code = await login.start_device()
                if not ready.done():
                    ready.set_result(code)
                claims = await login.wait_device(code)
            name = claims.username or ""
            raw = certifier.badge(account, claims.issuer, claims.subject, name)
            mine.outcome = {"state": "certificate", "certificate": badge_text(raw)}
        except UserError as e:
            mine.outcome = {"state": "refused", "why": str(e)}
            if not ready.done():
                ready.set_exception(e)
        finally:
            if mine.outcome is None:
                mine.outcome = {"state": "refused", "why": _CUT_OFF}

    def _make_room(self, device: bytes) -> None:
        for name in [n for n, login in self._logins.items() if login.device == device]:
            former = self._logins.pop(name)
            if former.task is not None:
                former.task.cancel()
        if len(self._logins) >= LOGINS_MAX:
            done = next((n for n, login in self._logins.items() if login.outcome), None)
            if done is None:
                raise web.HTTPServiceUnavailable(
                    text=f"{LOGINS_MAX} people are logging in already; try again soon."
                )
            del self._logins[done]


def proven_account(device: bytes, said: dict[str, Any]) -> bytes:
    """The account's key out of a request, if the account has signed for this device. UserError."""
    if said.get("account") is None:
        return device
    account, proof = _bytes(said, "account", KEY_LEN), _bytes(said, "proof", PROOF_LEN)
    try:
        Ed25519PublicKey.from_public_bytes(account).verify(proof, H(b"login-account", device))
    except (InvalidSignature, ValueError):
        raise UserError("The proof is not signed by that account.") from None
    return account


def _bytes(said: dict[str, Any], name: str, length: int) -> bytes:
    value = str(said.get(name))
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != length:
        raise UserError(f'The request needs "{name}", {length} bytes in base64url.')
    return raw


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise UserError("The request must be a JSON object.")
    return said
