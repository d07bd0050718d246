"""Who somebody is: device keys, and the contact card that carries the public half (SPEC.md 2)."""

import hashlib
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway import checked_text
from gateway.errors import UserError
from shared_protocol.hashing import H

NAME_MAX = 32  # bytes of UTF-8
_SCHEME = "HELIO:"
_VERSION = 1
_FIXED = 1 + 32 + 32 + 4 + 16


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
        """The card as text."""
        raw = bytes([_VERSION]) + self.ed25519 + self.x25519
        raw += self.prekey_seq.to_bytes(4, "big") + self.box_root + self.name.encode()
        return checked_text.encode(_SCHEME, raw)


def parse_card(text: str) -> Card:
    """The text of a card to the card. UserError if it is not one, or was mistyped."""
    body = checked_text.decode(_SCHEME, text, "contact card", _FIXED)
    if body[0] != _VERSION:
        raise UserError("the contact card comes from a newer Heliograph: update this one")
    return Card(
        ed25519=body[1:33],
        x25519=body[33:65],
        prekey_seq=int.from_bytes(body[65:69], "big"),
        box_root=body[69:85],
        name=clean_name(body[_FIXED:].decode("utf-8", "replace")),
    )


def clean_name(name: str, most: int = NAME_MAX) -> str:
    """A name without control characters; UserError if it is empty or has more bytes."""
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not name:
        raise UserError("a name is needed")
    if len(name.encode()) > most:
        raise UserError(f"the name is longer than {most} bytes")
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
