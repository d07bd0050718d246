"""Labelled SHA-256 and HMAC-SHA256, the only hash constructions of the protocol (SPEC.md 1).

MicroPython's hashlib has sha256 without copy(), hence plain concatenation, no cached states.
"""

import hashlib

_BLOCK = 64


def H(label: bytes, *parts: bytes) -> bytes:
    """SHA-256("helio1/" + label + 00 + parts): 32 bytes. All parts but the last: fixed length."""
    return hashlib.sha256(b"helio1/" + label + b"\0" + b"".join(parts)).digest()


def network_id(network_key: bytes) -> str:
    """8 hex digits that differ between networks, no secret (SPEC.md 11)."""
    return H(b"network", network_key)[:4].hex()


class Hmac:
    """HMAC-SHA256 (RFC 2104) under one key, with the two padded keys computed once."""

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        padded = key + bytes(_BLOCK - len(key))
        self._inner = bytes([b ^ 0x36 for b in padded])
        self._outer = bytes([b ^ 0x5C for b in padded])

    def digest(self, data: bytes) -> bytes:
        """32 bytes of HMAC over `data`."""
        inner = hashlib.sha256(self._inner + data).digest()
        return hashlib.sha256(self._outer + inner).digest()
