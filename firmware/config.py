"""Who this relay is: the record that provisioning left in the flash partition "node"."""

import json
from binascii import unhexlify

from shared_protocol.cells import NO_CELL
from shared_protocol.node_record import HEAD_BYTES, newest, size

_LABEL = "node"
_SECTORS = (0, 1)
_NAME_MAX = 24  # bytes
_VERSION = 1
_POWERS = ("always", "balanced", "long")


class Config:
    """What a relay must know. Raises ValueError, naming the field, if the record is not whole.

    name: for people. node: its address, 6 bytes, drawn at provisioning. network_key: 32 bytes.
    epoch: 0..3. channel: 1..13, the Wi-Fi channel. cell: where it stands
    (shared_protocol/cells.py), or NO_CELL. secret: 16 bytes, decides which of several look-alikes
    is kept. command_key: 32 bytes, of the operator's commands to this node alone. operator: the
    32-byte Ed25519 public key of the network's operator. power: "always", "balanced" or "long".
    board: name of its board file. battery, gps: how these are connected (battery.py, gps.py), or
    None: a mistake in these keeps no relay off the mesh. Fields that are not known are left alone.
    """

    def __init__(self, record: dict) -> None:
        _number(record, "v", _VERSION, _VERSION)
        self.name = _text(record, "name", _NAME_MAX)
        self.node = _bytes(record, "node", 6)
        if self.node[0] & 3 != 2:
            raise ValueError("node must be a locally administered address of one node")
        self.network_key = _bytes(record, "network_key", 32)
        self.secret = _bytes(record, "secret", 16)
        self.command_key = _bytes(record, "command_key", 32)
        self.operator = _bytes(record, "operator", 32)
        self.epoch = _number(record, "epoch", 0, 3)
        self.channel = _number(record, "channel", 1, 13)
        self.cell = _number(record, "cell", 0, NO_CELL - 1) if "cell" in record else NO_CELL
        self.power = _text(record, "power", 8)
        if self.power not in _POWERS or record.get("role") != "relay":
            raise ValueError("role and power are not of a relay")
        self.board = _text(record, "board", 32)
        self.battery = record.get("battery")
        self.gps = record.get("gps")


def load() -> Config:
    """The record of this board. ValueError says why there is none, or what is wrong with it."""
    found = read(partition())
    if not found:
        raise ValueError("this board was never provisioned: helio provision")
    try:
        record = json.loads(found[2])
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise ValueError("the record of this board is no JSON: helio provision")
    return Config(record)


def partition():
    """Where the record lies. ValueError if there is no such place."""
    from esp32 import Partition

    found = Partition.find(Partition.TYPE_DATA, label=_LABEL)
    if not found:
        raise ValueError("the flash map has no partition named " + _LABEL)
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


def _text(record: dict, field: str, most: int) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not 0 < len(value.encode()) <= most:
        raise ValueError("%s must be text of 1 to %d bytes" % (field, most))
    return value
