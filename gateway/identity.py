"""Who somebody is: keys of account and device, and the contact card with their public halves
(SPEC.md 2)."""

import hashlib
import os
import uuid
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway import checked_text
from gateway.errors import UserError
from shared_protocol.hashing import H

NAME_MAX = 32  # bytes of UTF-8
BOX_ROOT_LEN = 16
NO_BOX_ROOT = bytes(BOX_ROOT_LEN)  # in the card of somebody known from the directory only
_SCHEME = "HELIO:"
_VERSION = 2
FIXED_LEN = 1 + 3 * 32 + 4 + BOX_ROOT_LEN
CARD_MAX = FIXED_LEN + NAME_MAX


@dataclass(frozen=True)
class Card:
    """The public half of a device and its account, as it is shown to a contact (in person, as text
    or QR) or goes along with a first message.

    account, ed25519, x25519: 32-byte public keys, of the account, of the device's signatures, of
    what is sealed for the device. prekey_seq: number of the X25519 prekey. box_root: 16 bytes from
    which the keys of the recipient hints follow, NO_BOX_ROOT if unknown; not secret among
    contacts, never gossiped. name: what the person calls themselves.
    """

    account: bytes
    ed25519: bytes
    x25519: bytes
    prekey_seq: int
    box_root: bytes
    name: str

    @property
    def id(self) -> str:
        """Of the device, 16 hex digits: the start of SHA-256 of its signing key."""
        return hashlib.sha256(self.ed25519).hexdigest()[:16]

    @property
    def account_id(self) -> str:
        """Of the account, 16 hex digits: the start of SHA-256 of its key."""
        return hashlib.sha256(self.account).hexdigest()[:16]

    @property
    def uuid(self) -> str:
        """The device's UUID, version 8 (RFC 9562): the start of SHA-256 of its signing key."""
        raw = bytearray(hashlib.sha256(self.ed25519).digest()[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return str(uuid.UUID(bytes=bytes(raw)))

    @property
    def fingerprint(self) -> str:
        """The device's id in groups of four, to be read aloud."""
        return spaced(self.id)

    @property
    def sender_id(self) -> bytes:
        """Four bytes by which a sealed message names its sender to those who know the card."""
        return H(b"sender", self.ed25519)[:4]

    @property
    def mailbox_key(self) -> bytes:
        """K_box: 16 bytes, the key of the recipient hints under this prekey."""
        if self.box_root == NO_BOX_ROOT:
            return self.public_mailbox_key
        root = H(b"device-box", self.box_root, self.ed25519)[:BOX_ROOT_LEN]
        return H(b"box", root, self.prekey_seq.to_bytes(4, "big"))[:16]

    @property
    def public_mailbox_key(self) -> bytes:
        """K_box for whoever has no card of this device: it hides nothing but from outsiders."""
        return H(b"box-public", self.ed25519)[:16]

    def raw(self) -> bytes:
        """The card as bytes, at most CARD_MAX."""
        keys = self.account, self.ed25519, self.x25519
        return join_fields(_VERSION, keys, self.prekey_seq, self.box_root, self.name)

    def text(self) -> str:
        """The card as text."""
        return checked_text.encode(_SCHEME, self.raw())


def spaced(id_: str) -> str:
    """An id in groups of four, to be read aloud."""
    return " ".join(id_[i : i + 4] for i in range(0, len(id_), 4))


def parse_card(text: str) -> Card:
    """The text of a card to the card. UserError if it is not one, was mistyped, or is of another
    version."""
    return card_of(checked_text.decode(_SCHEME, text, "contact card", 1))


def card_of(raw: bytes) -> Card:
    """The bytes of a card to the card. UserError if they are none, or of another version."""
    if raw[:1] < bytes([_VERSION]):
        raise UserError("the contact card was made by an older Heliograph: ask for a new card")
    if raw[0] > _VERSION:
        raise UserError("the contact card comes from a newer Heliograph: update this one")
    if len(raw) < FIXED_LEN:
        raise UserError("the contact card is incomplete: ask for a new card")
    return Card(*split_fields(raw))


# A card and a kit have the same fields, the public halves or the private ones:
#     version 1 | account 32 | signatures 32 | prekey 32 | its number 4 | box root 16 | name


def join_fields(
    version: int, keys: tuple[bytes, bytes, bytes], prekey_seq: int, box_root: bytes, name: str
) -> bytes:
    """These fields as bytes."""
    numbered = b"".join(keys) + prekey_seq.to_bytes(4, "big")
    return bytes([version]) + numbered + box_root + name.encode()


def split_fields(raw: bytes) -> tuple[bytes, bytes, bytes, int, bytes, str]:
    """The fields of FIXED_LEN bytes or more, but the version. UserError if the name is none."""
    name = clean_name(raw[FIXED_LEN:].decode("utf-8", "replace"))
    number = int.from_bytes(raw[97:101], "big")
    return raw[1:33], raw[33:65], raw[65:97], number, raw[101:FIXED_LEN], name


def clean_name(name: str, most: int = NAME_MAX) -> str:
    """A name without control characters; UserError if it is empty or has more bytes."""
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not name:
        raise UserError("a name is needed")
    if len(name.encode()) > most:
        raise UserError(f"the name is longer than {most} bytes")
    return name


@dataclass(frozen=True)
class Seeds:
    """All that makes somebody who they are, on one device: raw private keys and the like.

    account, signing (Ed25519), prekey (X25519): 32 bytes each. prekey_seq: the prekey's number.
    """

    account: bytes = field(repr=False)
    signing: bytes = field(repr=False)
    prekey: bytes = field(repr=False)
    prekey_seq: int
    box_root: bytes = field(repr=False)
    name: str


@dataclass(frozen=True)
class Identity:
    """A device's own keys, its account's, and its card.

    former: the same device with the prekey before this one, while letters for it may be under way.
    """

    account: Ed25519PrivateKey
    signing: Ed25519PrivateKey
    prekey: X25519PrivateKey
    card: Card
    former: "Identity | None" = None

    @staticmethod
    def new(name: str) -> "Identity":
        """A new account with one device, keys from the system's random source."""
        draw = os.urandom
        return Identity.load(Seeds(draw(32), draw(32), draw(32), 1, draw(BOX_ROOT_LEN), name))

    @staticmethod
    def load(seeds: Seeds) -> "Identity":
        """A device from what was stored of it."""
        account = Ed25519PrivateKey.from_private_bytes(seeds.account)
        signing = Ed25519PrivateKey.from_private_bytes(seeds.signing)
        prekey = X25519PrivateKey.from_private_bytes(seeds.prekey)
        card = Card(
            account.public_key().public_bytes_raw(),
            signing.public_key().public_bytes_raw(),
            prekey.public_key().public_bytes_raw(),
            seeds.prekey_seq,
            seeds.box_root,
            seeds.name,
        )
        return Identity(account, signing, prekey, card)

    def seeds(self) -> Seeds:
        """The inverse of load()."""
        return Seeds(
            self.account.private_bytes_raw(),
            self.signing.private_bytes_raw(),
            self.prekey.private_bytes_raw(),
            self.card.prekey_seq,
            self.card.box_root,
            self.card.name,
        )
