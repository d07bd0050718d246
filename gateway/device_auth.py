"""Who asks: every request of a phone is signed by its device (docs/PHONES.md).

    X-Helio: device id . unix ms . signature
    signature = Ed25519(device, "helio1/request" 00 | gateway's id | "\n" | METHOD | " " |
                                path with query | "\n" | ms | "\n" | hex of SHA-256(body))

The gateway's id (GET /api/gateway) keeps a gateway from using a request at another one. The time
keeps a recorded request from being of use for long; what can be repeated within that time does
nothing a second time. EventSource can send no headers: there the same text is the last parameter
of the query, `key`, and the path signed is the one without it.
"""

import base64
import binascii
import hashlib
import re
import uuid
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HEADER = "X-Helio"
WINDOW_MS = 600_000  # phones' clocks are set by GET /api/gateway; this is for slow pages
_CLAIM = re.compile(r"([0-9a-f]{16})\.([0-9]{1,16})\.([A-Za-z0-9_-]{86})")
_KEY = re.compile(r"[?&]key=([^&]*)$")


class NotSigned(Exception):
    """A request that is refused. code: one word for the page, the text is for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Claim:
    """What a request says of its sender. path: what was signed. unix_ms: when, by the gateway's
    clock as the phone knows it."""

    device: str
    unix_ms: int
    signature: bytes
    path: str


def device_id(key: bytes) -> str:
    """16 hex digits of a device's Ed25519 public key."""
    return hashlib.sha256(key).hexdigest()[:16]


def device_uuid(key: bytes) -> str:
    """The device's UUID, version 8 (RFC 9562), from the same hash."""
    raw = bytearray(hashlib.sha256(key).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))


def sign(
    signing: Ed25519PrivateKey,
    gateway: str,
    method: str,
    path: str,
    unix_ms: int,
    body: bytes = b"",
) -> str:
    """The value of the header, or of `key`. gateway: its id. path: with its query."""
    signature = signing.sign(_signed(gateway, method, path, unix_ms, body))
    name = device_id(signing.public_key().public_bytes_raw())
    return f"{name}.{unix_ms}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def claim_of(path: str, header: str | None) -> Claim:
    """What a request claims, from its path with query and its header if it has one. NotSigned."""
    text = header
    if text is None:
        in_query = _KEY.search(path)
        if in_query is None:
            raise NotSigned("no-signature", "The request is not signed by a device.")
        text, path = in_query[1], path[: in_query.start()]
    parts = _CLAIM.fullmatch(text)
    if parts is None:
        raise NotSigned("no-signature", "The signature of the request cannot be read.")
    try:
        signature = base64.urlsafe_b64decode(parts[3] + "==")
    except binascii.Error:
        raise NotSigned("no-signature", "The signature of the request cannot be read.") from None
    return Claim(parts[1], int(parts[2]), signature, path)


def verify(claim: Claim, key: bytes, gateway: str, method: str, body: bytes, now_ms: int) -> None:
    """NotSigned unless this device signed this request to this gateway within the last ten
    minutes."""
    if abs(now_ms - claim.unix_ms) > WINDOW_MS:
        raise NotSigned(
            "clock", "The request is too old or too new: ask the gateway for its time first."
        )
    try:
        message = _signed(gateway, method, claim.path, claim.unix_ms, body)
        Ed25519PublicKey.from_public_bytes(key).verify(claim.signature, message)
    except (InvalidSignature, ValueError):
        raise NotSigned("false-signature", "The signature does not fit the request.") from None


def _signed(gateway: str, method: str, path: str, unix_ms: int, body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()
    text = f"helio1/request\0{gateway}\n{method} {path}\n{unix_ms}\n{digest}"
    return text.encode("utf-8", "replace")
