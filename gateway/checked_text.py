"""Bytes as a line of text for QR codes, paper and the telephone, with a check at the end.

    scheme | base32( bytes | start of their SHA-256 4 )

Base32, because QR codes hold it well and case does not matter.
"""

import base64
import hashlib

from gateway.errors import UserError

_CHECK_LEN = 4


def encode(scheme: str, raw: bytes) -> str:
    """The text. scheme: letters and a colon, "HELIO:"."""
    checked = raw + hashlib.sha256(raw).digest()[:_CHECK_LEN]
    return scheme + base64.b32encode(checked).decode().rstrip("=")


def decode(scheme: str, text: str, what: str, least: int) -> bytes:
    """The bytes, at least so many. UserError if the text is none, or was mistyped; `what` it
    should be, for people."""
    compact = "".join(text.split()).upper()
    if not compact.startswith(scheme):
        raise UserError(f"that is not a {what}: one begins with {scheme}")
    code = compact[len(scheme) :]
    try:
        checked = base64.b32decode(code + "=" * (-len(code) % 8))
    except ValueError:
        checked = b""
    raw, check = checked[:-_CHECK_LEN], checked[-_CHECK_LEN:]
    if len(raw) < least or hashlib.sha256(raw).digest()[:_CHECK_LEN] != check:
        raise UserError(f"the {what} is incomplete or mistyped: copy it again as a whole")
    return raw
