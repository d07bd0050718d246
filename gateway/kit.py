"""The identity kit: a person's keys as text, to move to another device or to come back after a
loss (SPEC.md 2). Whoever has it reads and writes as that person.
It is laid out as a card is.
"""

from gateway import checked_text
from gateway.errors import UserError
from gateway.identity import FIXED_LEN, Identity, Seeds, join_fields, split_fields

SCHEME = "HELIOKIT:"
_VERSION = 1


def kit_text(me: Identity) -> str:
    """The kit as text."""
    seeds = me.seeds()
    keys = seeds.account, seeds.signing, seeds.prekey
    raw = join_fields(_VERSION, keys, seeds.prekey_seq, seeds.box_root, seeds.name)
    return checked_text.encode(SCHEME, raw)


def parse_kit(text: str) -> Identity:
    """The inverse. UserError if the text is no kit, or was mistyped."""
    raw = checked_text.decode(SCHEME, text, "person's kit", FIXED_LEN)
    if raw[0] != _VERSION:
        raise UserError("the kit comes from a newer Heliograph: update this one")
    return Identity.load(Seeds(*split_fields(raw)))
