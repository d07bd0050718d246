"""The identity kit: a person's keys as text, to move to another device or to come back after a
loss (SPEC.md 2). Whoever has it reads and writes as that person.

    1 | account seed 32 | device seed 32 | prekey seed 32 | prekey number 4 | box root 16 | name
"""

from gateway import checked_text
from gateway.errors import UserError
from gateway.identity import BOX_ROOT_LEN, Identity, Seeds, clean_name

SCHEME = "HELIOKIT:"
_VERSION = 1
_FIXED = 1 + 3 * 32 + 4 + BOX_ROOT_LEN


def kit_text(me: Identity) -> str:
    """The kit as text."""
    seeds = me.seeds()
    keys = seeds.account + seeds.signing + seeds.prekey + seeds.prekey_seq.to_bytes(4, "big")
    raw = bytes([_VERSION]) + keys + seeds.box_root + seeds.name.encode()
    return checked_text.encode(SCHEME, raw)


def parse_kit(text: str) -> Identity:
    """The inverse. UserError if the text is no kit, or was mistyped."""
    raw = checked_text.decode(SCHEME, text, "person's kit", _FIXED)
    if raw[0] != _VERSION:
        raise UserError("the kit comes from a newer Heliograph: update this one")
    return Identity.load(
        Seeds(
            account=raw[1:33],
            signing=raw[33:65],
            prekey=raw[65:97],
            prekey_seq=int.from_bytes(raw[97:101], "big"),
            box_root=raw[101:_FIXED],
            name=clean_name(raw[_FIXED:].decode("utf-8", "replace")),
        )
    )
