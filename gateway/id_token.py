"""The check of an ID token (OpenID Connect Core 1.0, 3.1.3.7), without a connection.

Only public-key signatures are taken: with `none` or a shared secret anybody, or this gateway,
could have written the token.
"""

import base64
import hmac
import json
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import Key, KeySet

from gateway.certificate import day
from gateway.errors import UserError
from gateway.provider import Provider
from shared_protocol.hashing import H

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
LEEWAY_S = 120  # between the provider's clock and ours
TOKEN_MAX = 64 * 1024
_USERNAME_CLAIMS = ("preferred_username", "nickname", "name", "given_name")


class UnknownKey(UserError):
    """The token is signed with a key that was not among the provider's when they were fetched."""


@dataclass(frozen=True)
class Claims:
    """Who somebody is, as the provider says. username: None if the token does not say."""

    issuer: str
    subject: str
    username: str | None


def nonce(account: bytes, random: bytes) -> str:
    """A nonce that binds the login to the account's Ed25519 key (SPEC.md 13). random: 32 bytes."""
    digest = H(b"oidc-nonce", account, random)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def check(
    token: str,
    provider: Provider,
    client_id: str,
    now_s: int,
    expected_nonce: str | None = None,
    access_token: str | None = None,
) -> Claims:
    """What an ID token says, if the provider signed it for this client and it holds now. UserError
    says why not; UnknownKey if the provider has perhaps newer keys."""
    if not isinstance(token, str) or len(token) > TOKEN_MAX:
        raise UserError("the provider gave no ID token: ask it for the scope openid")
    decoded = _verified(token, provider)
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        options={
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
        },
        params={"client_id": client_id, "access_token": access_token},
    )
    try:
        claims.validate(now=now_s, leeway=LEEWAY_S)
    except JoseError as e:
        claim = str(getattr(e, "claim", "") or e.error)
        raise UserError(_why(claim, provider, now_s)) from None
    except (TypeError, ValueError, OverflowError):
        raise UserError("the ID token says what none can say: it was refused") from None
    audience = claims["aud"]
    if audience not in (client_id, [client_id]):
        raise UserError("the ID token is for somebody else too: it was refused")
    said = claims.get("nonce")
    if expected_nonce is not None and not (
        isinstance(said, str) and hmac.compare_digest(said.encode(), expected_nonce.encode())
    ):
        raise UserError("the ID token belongs to another login (its nonce differs): refused")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise UserError("the ID token names nobody: refused")
    return Claims(provider.issuer, subject, username(claims))


def username(claims: dict[str, Any]) -> str | None:
    """What the provider calls somebody. Of a mail address only what stands before the @:
    certificates are handed around."""
    for name in _USERNAME_CLAIMS:
        value = claims.get(name)
        if isinstance(value, str):
            shown = "".join(c for c in value.partition("@")[0] if c.isprintable())
            if shown.strip():
                return shown
    return None


def _verified(token: str, provider: Provider) -> jwt.Token:
    """The token, if one of the provider's keys signed it. UserError, UnknownKey."""
    try:
        keys = KeySet.import_key_set(provider.keys)  # type: ignore[arg-type]  # it is JSON
        kid = _header(token).get("kid")
        fitting = [key for key in keys if _may_sign(key) and kid in (None, key.get("kid"))]
        if not fitting:
            raise UnknownKey(f"{provider.issuer} signs with a key that it does not publish")
        for key in fitting:
            try:
                return jwt.decode(token, key, algorithms=list(ALGORITHMS))
            except BadSignatureError:
                continue
    except JoseError as e:
        if "algorithm" in e.error:
            raise UserError("the ID token is signed in a way that is not safe: refused") from None
        raise UserError(f"the ID token is not one ({e.error}): refused") from None
    except (KeyError, TypeError, ValueError):
        raise UserError("the ID token, or the provider's keys, are not readable") from None
    raise UserError("the ID token was altered: its signature does not hold")


def _header(token: str) -> dict[str, Any]:
    head = token.split(".")[0].encode()
    value = json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    if not isinstance(value, dict):
        raise ValueError
    return value


def _may_sign(key: Key) -> bool:
    return key.get("use") in (None, "sig") and key.key_type in ("RSA", "EC", "OKP")


def _why(claim: str, provider: Provider, now_s: int) -> str:
    if claim in ("exp", "iat", "nbf", "expired_token"):
        return f"the ID token does not hold now: is this machine's clock right ({day(now_s)})?"
    reasons = {
        "iss": f"the ID token is not from {provider.issuer}: refused",
        "aud": "the ID token is for another program: refused",
        "azp": "the ID token is for another program: refused",
        "sub": "the ID token names nobody: refused",
        "at_hash": "the ID token belongs to another login: refused",
    }
    return reasons.get(claim, f"the ID token is not complete ({claim}): refused")
