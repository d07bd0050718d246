"""Who this relay is: the record that provisioning left in the flash partition "node".

Names are in long strings here because MicroPython keeps each short one for ever.
"""

import json
from binascii import unhexlify

from firmware import forget
from shared_protocol.cells import NO_CELL
from shared_protocol.node_record import HEAD_BYTES, newest, size

_SECTORS = (0, 1)
_HEX = "node 6 network_key 32 secret 16 command_key 32 operator 32"  # bytes
_NUMBERS = "v 1 1 epoch 0 3 channel 1 13"  # least, most
_TEXTS = "name 24 board 32"  # most bytes
_CHOICES = "role relay power always,balanced,long"


def load() -> tuple:
    """(the record of this board as checked() gives it, ""), or ({}, why there is none).

    This module is forgotten, and here because the names of modules take room too.
    """
    forget("firmware.config", "shared_protocol.node_record")
    try:
        found = read(partition())
        if not found:
            raise ValueError("this board was never provisioned: helio provision")
        return checked(_parsed(found[2])), ""
    except (ValueError, OSError) as e:  # OSError: a flash that is broken
        return {}, str(e)


def _parsed(payload: bytes):
    try:
        return json.loads(payload)
    except ValueError:
        return None


def checked(record) -> dict:
    """A record's fields (SPEC.md 11), hex digits as bytes; cell is NO_CELL if it has none.

    ValueError, naming the field, if it is not whole. Fields that are not known are left out.
    """
    if not isinstance(record, dict):
        raise ValueError("the record of this board is no object of JSON")
    known = {}
    for field, length in _table(_HEX, 2):
        known[field] = _bytes(record, field, int(length))
    for field, least, most in _table(_NUMBERS, 3):
        known[field] = _number(record, field, int(least), int(most))
    for field, most in _table(_TEXTS, 2):
        value = record.get(field)
        if not isinstance(value, str) or not 0 < len(value.encode()) <= int(most):
            raise ValueError("%s must be text of 1 to %s bytes" % (field, most))
        known[field] = value
    for field, choices in _table(_CHOICES, 2):
        if record.get(field) not in choices.split(","):
            raise ValueError("%s must be one of %s" % (field, choices))
        known[field] = record[field]
    if known["node"][0] & 3 != 2:
        raise ValueError("node must be a locally administered address of one node")
    known["cell"] = _number(record, "cell", 0, NO_CELL - 1) if "cell" in record else NO_CELL
    return known


def partition():
    """Where the record lies. ValueError if there is no such place."""
    from esp32 import Partition

    found = Partition.find(Partition.TYPE_DATA, label="node")
    if not found:
        raise ValueError("the flash map has no partition named node")
    return found[0]


def read(part) -> tuple | None:
    """(sector, sequence, payload) of the record that counts, or None."""
    return newest([_start(part, sector) for sector in _SECTORS])


def _start(part, sector: int) -> bytearray:
    """As much of a sector as its record needs: a relay has no room for all of it."""
    head = bytearray(HEAD_BYTES)
    part.readblocks(sector, head, 0)
    start = bytearray(size(head))
    part.readblocks(sector, start, 0)
    return start


def _table(text: str, columns: int) -> list:
    words = text.split()
    return [words[i : i + columns] for i in range(0, len(words), columns)]


def _bytes(record: dict, field: str, length: int) -> bytes:
    try:
        value = unhexlify(record[field])
    except (KeyError, ValueError, TypeError):
        value = b""
    if len(value) != length:
        raise ValueError("%s must be %d bytes in hex" % (field, length))
    return value


def _number(record: dict, field: str, least: int, most: int) -> int:
    value = record.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError("%s must be %d to %d" % (field, least, most))
    return value
