"""Who somebody is: device keys, and the contact card that carries the public half (SPEC.md 2)."""

import base64
import hashlib
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.errors import UserError
from shared_protocol.hashing import H

NAME_MAX = 32  # bytes of UTF-8
_SCHEME = "HELIO:"
_VERSION = 1
_FIXED = 1 + 32 + 32 + 4 + 16
_CHECK_LEN = 4


@dataclass(frozen=True)
class Card:
    """The public half of a device, as it is shown to a contact (in person, as text or QR).

    ed25519, x25519: 32-byte public keys. prekey_seq: number of the X25519 prekey. box_root: 16
    bytes from which the keys of the recipient hints follow; not secret among contacts, never
    gossiped. name: what the person calls themselves.
    """

    ed25519: bytes
    x25519: bytes
    prekey_seq: int
    box_root: bytes
    name: str

    @property
    def id(self) -> str:
        """16 hex digits: the start of SHA-256 of the signing key."""
        return hashlib.sha256(self.ed25519).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """The id in groups of four, to be read aloud."""
        return " ".join(self.id[i : i + 4] for i in range(0, 16, 4))

    @property
    def sender_id(self) -> bytes:
        """Four bytes by which a sealed message names its sender to those who know the card."""
        return H(b"sender", self.ed25519)[:4]

    @property
    def mailbox_key(self) -> bytes:
        """K_box: 16 bytes, the key of the recipient hints under this prekey."""
        return H(b"box", self.box_root, self.prekey_seq.to_bytes(4, "big"))[:16]

    def text(self) -> str:
        """The card as text: base32, because QR codes hold it well and case does not matter."""
        raw = bytes([_VERSION]) + self.ed25519 + self.x25519
        raw += self.prekey_seq.to_bytes(4, "big") + self.box_root + self.name.encode()
        raw += hashlib.sha256(raw).digest()[:_CHECK_LEN]
        return _SCHEME + base64.b32encode(raw).decode().rstrip("=")


def parse_card(text: str) -> Card:
    """The text of a card to the card. UserError if it is not one, or was mistyped."""
    compact = "".join(text.split()).upper()
    if not compact.startswith(_SCHEME):
        raise UserError("that is not a contact card: a card begins with HELIO:")
    code = compact[len(_SCHEME) :]
    try:
        raw = base64.b32decode(code + "=" * (-len(code) % 8))
    except ValueError:
        raw = b""
    body, check = raw[:-_CHECK_LEN], raw[-_CHECK_LEN:]
    if len(body) < _FIXED or hashlib.sha256(body).digest()[:_CHECK_LEN] != check:
        raise UserError("the contact card is incomplete or mistyped: copy it again as a whole")
    if body[0] != _VERSION:
        raise UserError("the contact card comes from a newer Heliograph: update this one")
    return Card(
        ed25519=body[1:33],
        x25519=body[33:65],
        prekey_seq=int.from_bytes(body[65:69], "big"),
        box_root=body[69:85],
        name=clean_name(body[_FIXED:].decode("utf-8", "replace")),
    )


def clean_name(name: str) -> str:
    """A name without control characters; UserError if it is empty or too long."""
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not name:
        raise UserError("a name is needed")
    if len(name.encode()) > NAME_MAX:
        raise UserError(f"the name is longer than {NAME_MAX} bytes")
    return name


@dataclass(frozen=True)
class Identity:
    """A device's own keys and its card."""

    signing: Ed25519PrivateKey
    prekey: X25519PrivateKey
    card: Card

    @staticmethod
    def new(name: str) -> "Identity":
        """A new device with keys from the system's random source."""
        return Identity.load(os.urandom(32), os.urandom(32), os.urandom(16), name)

    @staticmethod
    def load(signing: bytes, prekey: bytes, box_root: bytes, name: str) -> "Identity":
        """A device from its stored private keys (32 bytes each)."""
        ed = Ed25519PrivateKey.from_private_bytes(signing)
        x = X25519PrivateKey.from_private_bytes(prekey)
        card = Card(
            ed.public_key().public_bytes_raw(),
            x.public_key().public_bytes_raw(),
            1,
            box_root,
            name,
        )
        return Identity(ed, x, card)
