"""An OpenID provider: what it says of itself, its keys, and requests to it (OpenID Discovery 1.0).

What it said of itself and its keys are kept in the data folder, so that an ID token can be checked
when the connection is gone. The provider is who it says it is by https alone, hence nothing else
is spoken to, but for a provider on this very machine.
"""

import hashlib
import json
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from gateway.certificate import short_issuer
from gateway.certificate_store import keep_text
from gateway.errors import UserError

FOLDER = "providers"
ANSWER_MAX = 256 * 1024  # bytes; a provider's keys are a few KB
TIMEOUT_S = 20
_WELL_KNOWN = "/.well-known/openid-configuration"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NEEDED = ("issuer", "token_endpoint", "jwks_uri")
_ENDPOINTS = (
    *_NEEDED,
    "authorization_endpoint",
    "device_authorization_endpoint",
    "userinfo_endpoint",
)


class Away(UserError):
    """The provider cannot be reached, or does not speak as one: later may be better."""


@dataclass(frozen=True)
class Provider:
    """issuer: its address. says: its discovery document. keys: its JWKS."""

    issuer: str
    says: dict[str, Any]
    keys: dict[str, Any]

    def endpoint(self, name: str) -> str:
        """The address of an endpoint. UserError if this provider has none."""
        address = self.says.get(name)
        if not isinstance(address, str):
            what = name.removesuffix("_endpoint").replace("_", " ")
            raise UserError(f"{self.issuer} offers no {what}: try another way of logging in")
        return address


@dataclass(frozen=True)
class Client:
    """As whom the provider knows this program. secret: "" for a public client."""

    id: str
    secret: str = field(default="", repr=False)


def missing(e: ImportError) -> UserError:
    """For a gateway without the packages that logging in wants."""
    return UserError(f"{e.name} is missing: pip install 'heliograph[login]'")


class Line:
    """Requests to providers over one HTTP session. Use as `async with Line() as line`."""

    async def __aenter__(self) -> "Line":
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ask(
        self,
        url: str,
        form: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """(status, JSON object) of a GET, or of a POST with this form (already encoded). Away."""
        headers = {"Accept": "application/json"} | (headers or {})
        method = "GET" if form is None else "POST"
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        host = urllib.parse.urlsplit(url).netloc
        try:
            async with self._session.request(
                method, url, data=form, headers=headers, allow_redirects=False
            ) as answer:
                raw = bytearray()
                async for part in answer.content.iter_chunked(16 * 1024):
                    raw += part
                    if len(raw) > ANSWER_MAX:
                        raise Away(f"{host} answers with more than {ANSWER_MAX // 1024} KB")
                status = answer.status
        except TimeoutError:
            raise Away(f"{host} did not answer within {TIMEOUT_S} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as e:
            why = type(e).__name__
            raise Away(f"{host} cannot be reached ({why}): is there a connection?") from None
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Away(f"{host} answers with status {status} and no JSON: is it a provider?")
        return status, value

    async def meet(self, issuer: str, data: Path) -> Provider:
        """A provider as it is now, kept in the data folder. Away, or UserError if it cannot be
        one or answers for another issuer."""
        issuer = issuer.strip()
        short_issuer(issuer)
        _https(issuer, issuer)
        says = await self._get(issuer.rstrip("/") + _WELL_KNOWN)
        provider = Provider(issuer, says, {})
        check_discovery(provider)
        provider = Provider(issuer, says, await self._get(provider.endpoint("jwks_uri")))
        keep(data, provider)
        return provider

    async def _get(self, url: str) -> dict[str, Any]:
        status, value = await self.ask(url)
        if status != 200:
            raise Away(f"{url} answers with status {status}: is that address a provider's?")
        return value


def check_discovery(provider: Provider) -> None:
    """UserError if the document is not this issuer's, or names an address without https."""
    said = provider.says.get("issuer")
    if said != provider.issuer:
        raise UserError(f"the provider calls itself {said}: log in with that address")
    for name in _ENDPOINTS:
        if name in _NEEDED or name in provider.says:
            _https(provider.endpoint(name), provider.issuer)


def _https(url: str, issuer: str) -> None:
    """UserError unless it is https, or provider and address are both on this machine."""
    try:
        parts, home = urllib.parse.urlsplit(url), urllib.parse.urlsplit(issuer)
        local = parts.hostname in _LOOPBACK and home.hostname in _LOOPBACK
        plain = parts.username is None and not parts.fragment and parts.port != 0
    except ValueError:
        raise UserError(f"{url} is no address of a provider") from None
    if not parts.hostname or not plain or parts.scheme not in ("http", "https"):
        raise UserError(f"{url} is no address of a provider: it is https://…")
    if parts.scheme != "https" and not local:
        raise UserError(f"{url} is not https: nobody could tell who answers there")


def keep(data: Path, provider: Provider) -> None:
    """Keep what a provider says of itself and its keys, for when there is no connection."""
    path = _path(data, provider.issuer)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep_text(path, json.dumps({"says": provider.says, "keys": provider.keys}))


def kept(data: Path, issuer: str) -> Provider:
    """The provider as it was kept. UserError if it never was."""
    try:
        value = json.loads(_path(data, issuer).read_text())
        provider = Provider(issuer, value["says"], value["keys"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{issuer} was never reached from here: its keys are not known") from None
    check_discovery(provider)
    return provider


def _path(data: Path, issuer: str) -> Path:
    return data / FOLDER / f"{hashlib.sha256(issuer.encode()).hexdigest()[:16]}.json"
