"""The identity kit: a person's keys as text, to move to another device or to come back after a
loss (SPEC.md 2). Whoever has it reads and writes as that person; a locked one wants its passphrase
too. It is laid out as a card is.
"""

import os
import unicodedata
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from gateway import checked_text
from gateway.errors import UserError
from gateway.identity import FIXED_LEN, Identity, Seeds, join_fields, split_fields

SCHEME = "HELIOKIT:"
_VERSION = 1
_LOCKED = 2
# Argon2id: less than a second in the page on a laptop, some seconds on a phone of 2016, which can
# spare 32 MB. The log2 of KiB, and how often it is gone through.
MEMORY_LOG2, PASSES = 15, 3
_MEMORY_LOG2_MAX, _PASSES_MAX = 17, 16  # a kit that asks for more shall not stop the machine
_SALT_LEN = 16
_HEAD_LEN = 3 + _SALT_LEN
_TAG_LEN = 16


def kit_text(me: Identity) -> str:
    """The kit as text."""
    return checked_text.encode(SCHEME, _raw(me))


def _raw(me: Identity) -> bytes:
    seeds = me.seeds()
    keys = seeds.account, seeds.signing, seeds.prekey
    return join_fields(_VERSION, keys, seeds.prekey_seq, seeds.box_root, seeds.name)


def locked_kit(me: Identity, passphrase: str, salt: bytes | None = None) -> str:
    """The kit behind a passphrase, as text. salt: 16 random bytes, for vectors."""
    head = bytes([_LOCKED, MEMORY_LOG2, PASSES]) + (
        os.urandom(_SALT_LEN) if salt is None else salt
    )
    box = _cipher(head, passphrase).encrypt(bytes(12), _raw(me), head)  # a key for this salt alone
    return checked_text.encode(SCHEME, head + box)


def _cipher(head: bytes, passphrase: str) -> ChaCha20Poly1305:
    typed = unicodedata.normalize("NFKC", passphrase).strip(" ").encode()
    derive = Argon2id(
        salt=head[3:], length=32, iterations=head[2], lanes=1, memory_cost=1 << head[1]
    )
    return ChaCha20Poly1305(derive.derive(typed))


def parse_kit(text: str, ask: Callable[[], str] | None = None) -> Identity:
    """The inverse of both. ask(): gives the passphrase, asked for if the kit is locked. UserError
    if the text is no kit, was mistyped, or the passphrase is another one."""
    raw = checked_text.decode(SCHEME, text, "person's kit", FIXED_LEN)
    if raw[0] == _LOCKED:
        raw = _unlocked(raw, ask)
    if raw[0] != _VERSION:
        raise UserError("the kit comes from a newer Heliograph: update this one")
    return Identity.load(Seeds(*split_fields(raw)))


def _unlocked(raw: bytes, ask: Callable[[], str] | None) -> bytes:
    head, box = raw[:_HEAD_LEN], raw[_HEAD_LEN:]
    fits = head[1] <= _MEMORY_LOG2_MAX and 1 <= head[2] <= _PASSES_MAX and head[1] >= 3
    if not fits or len(box) < FIXED_LEN + _TAG_LEN:
        raise UserError("the kit comes from a newer Heliograph: update this one")
    if ask is None:
        raise UserError("the kit is locked: it wants its passphrase")
    try:
        return _cipher(head, ask()).decrypt(bytes(12), box, head)
    except InvalidTag:
        raise UserError("that is not the passphrase of this kit") from None
