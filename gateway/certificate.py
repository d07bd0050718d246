"""Certificates: a gateway's by the operator, and an account's by that gateway (SPEC.md 13).

    gateway   version 1 | kind 1 | operator 4 | gateway Ed25519 32 | from 4 | until 4
              | name <= 24 | operator's signature 64
    account   version 1 | kind 2 | gateway 4 | account Ed25519 32 | from 4 | until 4 | subject 12
              | issuer length 1 | issuer | username | gateway's signature 64
    badge     length of the gateway's 1 | gateway's certificate | account's certificate

`operator` and `gateway` are the start of SHA-256 of their public keys: which key to look for, no
proof. Both together are a badge, which anybody who knows the operator's key checks without a
connection. It says who somebody is at a provider, and nothing about which keys are one person.
"""

import datetime
import hashlib
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway import checked_text
from gateway.errors import UserError
from gateway.identity import clean_name
from shared_protocol.hashing import H

DAY_S = 86_400
GATEWAY_DAYS_MAX = 366  # a gateway that was captured certifies for no longer than this
ACCOUNT_DAYS_MAX = 90
ACCOUNT_LEN_MAX = 218  # one frame's payload (SPEC.md 4.1)
NAME_MAX = 24  # bytes, of a gateway
SUBJECT_LEN = 12
CLOCK_OFF_S = DAY_S  # a certificate from a clock that was ahead of ours by this is taken

BADGE_SCHEME = "HELIOBADGE:"
GATEWAY_SCHEME = "HELIOGATE:"
REQUEST_SCHEME = "HELIOASK:"

_VERSION, _GATEWAY, _ACCOUNT = 1, 1, 2
_HEAD = struct.Struct("!BB4s32sII")
_SIGNATURE_LEN = 64
_GATEWAY_LEAST = _HEAD.size + 1 + _SIGNATURE_LEN
_ACCOUNT_LEAST = _HEAD.size + SUBJECT_LEN + 1 + 1 + 1 + _SIGNATURE_LEN
TEXTS_MAX = ACCOUNT_LEN_MAX - _HEAD.size - SUBJECT_LEN - 1 - _SIGNATURE_LEN  # issuer + username
USERNAME_MAX = 32  # bytes; it gives way to a long issuer, but for
USERNAME_LEAST = 20
ISSUER_MAX = TEXTS_MAX - USERNAME_LEAST
_HTTPS = "https://"  # is not written down; what has another beginning has it in full


@dataclass(frozen=True)
class GatewayCertificate:
    """What the operator says of a gateway. operator: 4 bytes, of whose network it is.
    key: the gateway's Ed25519. since_s, until_s: unix time."""

    operator: bytes
    key: bytes
    since_s: int
    until_s: int
    name: str


@dataclass(frozen=True)
class AccountCertificate:
    """What a gateway says of an account. gateway: 4 bytes. key: the account's Ed25519. subject:
    12 bytes from subject_hash(). issuer: the provider's address; username: what it calls them."""

    gateway: bytes
    key: bytes
    since_s: int
    until_s: int
    subject: bytes
    issuer: str
    username: str


@dataclass(frozen=True)
class Badge:
    """A chain that holds: an account's certificate, and of the gateway that gave it."""

    gateway: GatewayCertificate
    account: AccountCertificate

    @property
    def account_id(self) -> str:
        """16 hex digits, as of a card."""
        return hashlib.sha256(self.account.key).hexdigest()[:16]


def key_id(public_key: bytes) -> bytes:
    """Four bytes by which a certificate names the key that signed it."""
    return hashlib.sha256(public_key).digest()[:4]


def subject_hash(issuer: str, subject: str, salt: bytes) -> bytes:
    """12 bytes for the provider's name of a person. salt: 16 bytes that only the gateway knows, so
    that nobody can try out names, and the same person has the same at this gateway."""
    issuer_hash = hashlib.sha256(issuer.encode()).digest()
    return H(b"subject", salt, issuer_hash, subject.encode())[:SUBJECT_LEN]


def sign_gateway(
    operator: Ed25519PrivateKey, key: bytes, name: str, now_s: int, days: int
) -> bytes:
    """The operator's certificate for a gateway's key, from now on. UserError for too many days."""
    if not 1 <= days <= GATEWAY_DAYS_MAX:
        raise UserError(f"a gateway is certified for 1 to {GATEWAY_DAYS_MAX} days")
    head = _HEAD.pack(
        _VERSION, _GATEWAY, key_id(_public(operator)), key, now_s, now_s + days * DAY_S
    )
    return _signed(operator, b"gateway-certificate", head + clean_name(name, NAME_MAX).encode())


def sign_account(
    gateway: Ed25519PrivateKey,
    account: bytes,
    subject: bytes,
    issuer: str,
    username: str,
    now_s: int,
    until_s: int,
) -> bytes:
    """A gateway's certificate for an account, for 90 days or until `until_s`, when its own ends.

    username is cut to what fits. UserError if the issuer's address does not fit, or the username
    is empty."""
    where = short_issuer(issuer).encode()
    room = min(USERNAME_MAX, TEXTS_MAX - len(where))
    username = clean_name(username, len(username.encode()))
    username = clean_name(username.encode()[:room].decode("utf-8", "ignore"))
    until_s = min(until_s, now_s + ACCOUNT_DAYS_MAX * DAY_S)
    head = _HEAD.pack(_VERSION, _ACCOUNT, key_id(_public(gateway)), account, now_s, until_s)
    body = head + subject + bytes([len(where)]) + where + username.encode()
    return _signed(gateway, b"account-certificate", body)


def short_issuer(issuer: str) -> str:
    """An issuer as a certificate has it. UserError if it is too long for one."""
    short = issuer.removeprefix(_HTTPS)
    if not 0 < len(short.encode()) <= ISSUER_MAX:
        raise UserError(f"the provider's address has more than {ISSUER_MAX} bytes: {issuer}")
    return short


def encode_badge(gateway: bytes, account: bytes) -> bytes:
    """A badge of its two certificates."""
    return bytes([len(gateway)]) + gateway + account


def check_gateway(raw: bytes, operator: bytes, now_s: int | None) -> GatewayCertificate:
    """A gateway's certificate, if the operator with this public key gave it and it holds now.
    now_s: None where nobody knows the time, which then refuses nothing. UserError says why not."""
    what = "gateway's certificate"
    if len(raw) < _GATEWAY_LEAST or raw[:2] != bytes([_VERSION, _GATEWAY]):
        raise _unreadable(raw, what)
    _, _, by, key, since_s, until_s = _HEAD.unpack(raw[: _HEAD.size])
    name = raw[_HEAD.size : -_SIGNATURE_LEN]
    if by != key_id(operator):
        raise UserError(f"the {what} is of another network: its operator is not yours")
    _verify(operator, b"gateway-certificate", raw, what)
    _check_time(what, since_s, until_s, GATEWAY_DAYS_MAX, now_s)
    return GatewayCertificate(by, key, since_s, until_s, _text(name, what))


def check_badge(raw: bytes, operator: bytes, now_s: int | None) -> Badge:
    """A badge, if its chain leads to the operator with this public key and holds now. now_s: as
    for check_gateway(). UserError says in one sentence why not."""
    what = "certificate"
    length = raw[0] if raw else 0
    gateway = check_gateway(raw[1 : 1 + length], operator, now_s)
    account = raw[1 + length :]
    short = not _ACCOUNT_LEAST <= len(account) <= ACCOUNT_LEN_MAX
    if short or account[:2] != bytes([_VERSION, _ACCOUNT]):
        raise _unreadable(account, what)
    _, _, by, key, since_s, until_s = _HEAD.unpack(account[: _HEAD.size])
    subject, rest = account[_HEAD.size :][:SUBJECT_LEN], account[_HEAD.size + SUBJECT_LEN :]
    issuer, username = rest[1 : 1 + rest[0]], rest[1 + rest[0] : -_SIGNATURE_LEN]
    if by != key_id(gateway.key):
        raise UserError(
            f"the {what} is not from the gateway that stands beside it ({gateway.name})"
        )
    _verify(gateway.key, b"account-certificate", account, what)
    _check_time(what, since_s, until_s, ACCOUNT_DAYS_MAX, now_s)
    where = _text(issuer, what)
    where = where if "://" in where else _HTTPS + where
    badge = AccountCertificate(by, key, since_s, until_s, subject, where, _text(username, what))
    return Badge(gateway, badge)


def badge_text(raw: bytes) -> str:
    """A badge as text for paper and QR."""
    return checked_text.encode(BADGE_SCHEME, raw)


def parse_badge(text: str) -> bytes:
    """The inverse. UserError if it is none or was mistyped; nothing is checked yet."""
    return checked_text.decode(BADGE_SCHEME, text, "certificate", 1)


def gateway_text(raw: bytes) -> str:
    """A gateway's certificate as text."""
    return checked_text.encode(GATEWAY_SCHEME, raw)


def parse_gateway(text: str) -> bytes:
    """The inverse. UserError if it is none or was mistyped; nothing is checked yet."""
    return checked_text.decode(GATEWAY_SCHEME, text, "gateway's certificate", 1)


def request_text(gateway: Ed25519PrivateKey, name: str) -> str:
    """What a gateway asks of the operator: its key and name, signed so that it has that key."""
    body = _public(gateway) + clean_name(name, NAME_MAX).encode()
    return checked_text.encode(REQUEST_SCHEME, _signed(gateway, b"gateway-request", body))


def parse_request(text: str) -> tuple[bytes, str]:
    """(key, name) of a gateway's request. UserError if it is none, or was altered."""
    what = "gateway's request"
    raw = checked_text.decode(REQUEST_SCHEME, text, what, 32 + 1 + _SIGNATURE_LEN)
    _verify(raw[:32], b"gateway-request", raw, what)
    return raw[:32], clean_name(_text(raw[32:-_SIGNATURE_LEN], what), NAME_MAX)


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _signed(key: Ed25519PrivateKey, label: bytes, body: bytes) -> bytes:
    return body + key.sign(H(label, body))


def _verify(key: bytes, label: bytes, raw: bytes, what: str) -> None:
    body, signature = raw[:-_SIGNATURE_LEN], raw[-_SIGNATURE_LEN:]
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, H(label, body))
    except (InvalidSignature, ValueError):
        raise UserError(f"the {what} was altered: its signature does not hold") from None


def _check_time(what: str, since_s: int, until_s: int, days_max: int, now_s: int | None) -> None:
    if not 0 < until_s - since_s <= days_max * DAY_S:
        raise UserError(f"the {what} claims to hold for more than {days_max} days: refused")
    if now_s is None:
        return
    if now_s > until_s:
        raise UserError(f"the {what} expired on {day(until_s)}")
    if now_s < since_s - CLOCK_OFF_S:
        raise UserError(
            f"the {what} is from {day(since_s)}, this machine's clock says {day(now_s)}: set it"
        )


def _unreadable(raw: bytes, what: str) -> UserError:
    if raw and raw[0] > _VERSION:
        return UserError(f"the {what} comes from a newer Heliograph: update this one")
    return UserError(f"that is no {what}, or a part of it is missing")


def _text(raw: bytes, what: str) -> str:
    try:
        return clean_name(raw.decode(), ACCOUNT_LEN_MAX)
    except UnicodeDecodeError:
        raise UserError(f"the {what} has a name that is no text") from None


def day(unix_s: int) -> str:
    """The day of a unix time (UTC) for people: 2026-11-23."""
    return datetime.datetime.fromtimestamp(unix_s, datetime.UTC).strftime("%Y-%m-%d")
