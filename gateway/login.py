"""Logging in at an OpenID provider: by a code on another screen, or by a browser on this one.

The device authorization grant (RFC 8628) is for gateways: public providers refuse redirects to
the private address of a gateway's page. The code flow with PKCE (RFC 7636) is for a laptop, which
has a browser and a loopback address (RFC 8252).

Both end with Claims; what follows from them is a certificate (certificate_store.Certifier).
"""

import asyncio
import secrets
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from gateway import id_token
from gateway.errors import UserError
from gateway.id_token import Claims
from gateway.provider import Away, Client, Line, Provider
from gateway.wall_clock import moment_in

SCOPE = "openid profile"
EXPIRES_MAX_S = 1800  # a code is typed in at once; who waits longer begins again
INTERVAL_S, SLOW_DOWN_S = 5, 5  # RFC 8628 3.2 and 3.5
INTERVAL_MAX_S = 60
SILENCES_MAX = 4  # polls in a row without an answer; the interval doubles with each
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SHOWN_MAX = 300  # characters of a provider's own words

Sleep = Callable[[float], Awaitable[Any]]


@dataclass(frozen=True)
class DeviceCode:
    """What a person does elsewhere: open `uri` and type `user_code`; `complete` holds both, ""
    if the provider has none. device_code is a secret of ours."""

    device_code: str = field(repr=False)
    user_code: str
    uri: str
    complete: str
    expires_s: int
    interval_s: int


class Login:
    """One login at one provider, as one client. data: where the provider's keys are kept."""

    def __init__(self, line: Line, provider: Provider, client: Client, data: Path) -> None:
        self._line = line
        self._provider = provider
        self._client = client
        self._data = data

    # --- by a code on another screen

    async def start_device(self) -> DeviceCode:
        """Ask for a code. Away, or UserError if the provider gives none."""
        url = self._provider.endpoint("device_authorization_endpoint")
        status, said = await self._post(url, urllib.parse.urlencode({"scope": SCOPE}))
        if status != 200:
            raise self._refusal(said)
        code, user_code, uri = (
            said.get(key) for key in ("device_code", "user_code", "verification_uri")
        )
        if not (isinstance(code, str) and isinstance(user_code, str) and isinstance(uri, str)):
            raise UserError(f"{self._provider.issuer} gives no code: try again later")
        complete = said.get("verification_uri_complete", "")
        links = [uri, complete] if isinstance(complete, str) and complete else [uri]
        if not all(link.startswith(("https://", "http://")) for link in links):
            raise UserError(f"{self._provider.issuer} names no page to type the code on")
        return DeviceCode(
            device_code=code,
            user_code=_shown(user_code),
            uri=_shown(uri),
            complete=_shown(links[1]) if len(links) > 1 else "",
            expires_s=_number(said.get("expires_in"), 1, EXPIRES_MAX_S, EXPIRES_MAX_S),
            interval_s=_number(said.get("interval"), 1, INTERVAL_MAX_S, INTERVAL_S),
        )

    async def wait_device(
        self,
        code: DeviceCode,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> Claims:
        """Ask until the person has approved. UserError when they refused, the code ran out or the
        provider fell silent."""
        until_s = clock() + code.expires_s
        interval_s = code.interval_s
        silences = 0
        form = prepare_token_request(_DEVICE_GRANT, device_code=code.device_code)
        while clock() < until_s:
            await sleep(interval_s)
            try:
                status, said = await self._post(self._provider.endpoint("token_endpoint"), form)
            except Away as e:
                silences += 1
                if silences == SILENCES_MAX:
                    raise UserError(f"the provider fell silent ({e}): log in again") from None
                interval_s = min(2 * interval_s, INTERVAL_MAX_S)
                continue
            silences = 0
            if status == 200:
                return await self._redeem(said, None)
            if said.get("error") == "slow_down":
                interval_s = min(interval_s + SLOW_DOWN_S, INTERVAL_MAX_S)
            elif said.get("error") != "authorization_pending":
                raise self._refusal(said)
        raise UserError("the code ran out before anybody approved it: log in again")

    # --- by a browser on this screen

    def start_browser(self, redirect_uri: str, account: bytes) -> "BrowserLogin":
        """A login for the browser. account: the 32-byte key that the nonce binds it to."""
        return BrowserLogin(self, redirect_uri, account)

    def authorization_url(self, **parameters: str) -> str:
        """The page where the person logs in. UserError if the provider has none, or no PKCE."""
        methods = self._provider.says.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(methods, list) or "S256" not in methods:
            raise UserError(f"{self._provider.issuer} knows no PKCE: log in with --device")
        url = self._provider.endpoint("authorization_endpoint")
        return str(prepare_grant_uri(url, self._client.id, "code", scope=SCOPE, **parameters))

    async def redeem_code(self, answer: dict[str, str], form: str, nonce: str) -> Claims:
        """What the redirect brought, for the person's claims. UserError, Away."""
        sender = answer.get("iss")
        known = self._provider.says.get("authorization_response_iss_parameter_supported")
        if (sender or known) and sender != self._provider.issuer:  # RFC 9207
            raise UserError("the browser brought another provider's answer: log in again")
        if "error" in answer:
            raise self._refusal(answer)
        status, said = await self._post(self._provider.endpoint("token_endpoint"), form)
        if status != 200:
            raise self._refusal(said)
        return await self._redeem(said, nonce)

    # --- both

    async def _redeem(self, said: dict[str, Any], nonce: str | None) -> Claims:
        access = said.get("access_token")
        access = access if isinstance(access, str) else None
        token = said.get("id_token")
        token = token if isinstance(token, str) else ""
        now_s = moment_in(self._data).unix_s
        try:
            claims = id_token.check(token, self._provider, self._client.id, now_s, nonce, access)
        except id_token.UnknownKey:  # it has changed keys since we met
            self._provider = await self._line.meet(self._provider.issuer, self._data)
            claims = id_token.check(token, self._provider, self._client.id, now_s, nonce, access)
        username = claims.username or await self._userinfo(access, claims.subject)
        if not username:
            raise UserError(f"{self._provider.issuer} tells no username: ask who runs it for one")
        return Claims(claims.issuer, claims.subject, username)

    async def _userinfo(self, access: str | None, subject: str) -> str | None:
        """The username from the provider's userinfo (OpenID Connect Core 5.3)."""
        if access is None or "userinfo_endpoint" not in self._provider.says:
            return None
        headers = {"Authorization": f"Bearer {access}"}
        url = self._provider.endpoint("userinfo_endpoint")
        status, said = await self._line.ask(url, headers=headers)
        if status != 200:
            raise self._refusal(said)
        if said.get("sub") != subject:
            raise UserError("the provider tells of somebody else than it let in: refused")
        return id_token.username(said)

    async def _post(self, url: str, form: str) -> tuple[int, dict[str, Any]]:
        methods = self._provider.says.get("token_endpoint_auth_methods_supported")
        method = "none"
        if self._client.secret:
            post = isinstance(methods, list) and "client_secret_post" in methods
            method = "client_secret_post" if post else "client_secret_basic"
        auth = ClientAuth(self._client.id, self._client.secret, method)
        url, headers, form = auth.prepare("POST", url, {}, form)
        return await self._line.ask(url, form, headers)

    def _refusal(self, said: dict[str, Any]) -> UserError:
        """The provider's error (RFC 6749 5.2, RFC 8628 3.5) in words."""
        issuer = self._provider.issuer
        error = _shown(str(said.get("error", "no reason given")))
        words = {
            "access_denied": f"the login was refused at {issuer}",
            "expired_token": "the code ran out before anybody approved it: log in again",
            "invalid_grant": "the code ran out or was used before: log in again",
            "invalid_client": f"{issuer} does not know this client: see --client-id",
            "unauthorized_client": f"{issuer} does not let this client log in this way",
        }
        why = said.get("error_description")
        more = f": {_shown(why)}" if isinstance(why, str) and why else ""
        return UserError(words.get(error, f"{issuer} answers {error}{more}"))


class BrowserLogin:
    """The code flow: open `url`, then finish() with the address that the browser was sent to."""

    def __init__(self, login: Login, redirect_uri: str, account: bytes) -> None:
        self._login = login
        self._redirect_uri = redirect_uri
        self._verifier = secrets.token_urlsafe(48)
        self._state = secrets.token_urlsafe(24)
        self._nonce = id_token.nonce(account, secrets.token_bytes(32))
        self.url = login.authorization_url(
            redirect_uri=redirect_uri,
            state=self._state,
            nonce=self._nonce,
            code_challenge=create_s256_code_challenge(self._verifier),
            code_challenge_method="S256",
        )

    def is_ours(self, query: str) -> bool:
        """Is this the answer to our own question (and not a page that calls our port)?"""
        state = dict(urllib.parse.parse_qsl(query)).get("state", "")
        return secrets.compare_digest(state.encode(), self._state.encode())

    async def finish(self, query: str) -> Claims:
        """The redirect's query, for the person's claims. UserError, Away."""
        if not self.is_ours(query):
            raise UserError("the browser brought the answer of another login: log in again")
        answer = dict(urllib.parse.parse_qsl(query))
        form = ""
        if "error" not in answer:
            if not answer.get("code"):
                raise UserError("the browser brought no code: log in again")
            form = prepare_token_request(
                "authorization_code",
                code=answer["code"],
                redirect_uri=self._redirect_uri,
                code_verifier=self._verifier,
            )
        return await self._login.redeem_code(answer, form, self._nonce)


def _number(value: Any, least: int, most: int, default: int) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return max(least, min(most, value)) if whole else default


def _shown(text: str) -> str:
    """A provider's words for a terminal: printable, one line, not endless."""
    return "".join(c if c.isprintable() else " " for c in text)[:_SHOWN_MAX].strip()
