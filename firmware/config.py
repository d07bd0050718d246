"""The provisioning record of a relay: /node.json, written once over USB."""

import json
from binascii import unhexlify

from shared_protocol.cells import NO_CELL

PATH = "/node.json"
_NETWORK_KEY_LEN, _SECRET_LEN = 32, 16


class Config:
    """What a relay must know. Raises ValueError, naming the field, if the record is not whole.

    name: for people. network_key: 32 bytes. epoch: 0..3. channel: 1..13, the Wi-Fi channel.
    cell: where it stands (shared_protocol/cells.py), or NO_CELL.
    secret: 16 bytes drawn at provisioning, decides which of several look-alikes is kept.
    """

    def __init__(self, record: dict) -> None:
        self.name = str(record.get("name", "relay"))[:24]
        self.network_key = _bytes(record, "network_key", _NETWORK_KEY_LEN)
        self.secret = _bytes(record, "secret", _SECRET_LEN)
        self.command_key = _bytes(record, "command_key", _NETWORK_KEY_LEN)
        self.epoch = _number(record, "epoch", 0, 3, 0)
        self.channel = _number(record, "channel", 1, 13, 1)
        self.cell = _number(record, "cell", 0, NO_CELL, NO_CELL)


def load() -> Config:
    """The record of this board. OSError if it was never provisioned."""
    with open(PATH) as f:
        return Config(json.load(f))


def _bytes(record: dict, field: str, length: int) -> bytes:
    try:
        value = unhexlify(record[field])
    except (KeyError, ValueError, TypeError):
        value = b""
    if len(value) != length:
        raise ValueError("%s: %s must be %d bytes in hex" % (PATH, field, length))
    return value


def _number(record: dict, field: str, least: int, most: int, default: int) -> int:
    value = record.get(field, default)
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError("%s: %s must be %d to %d" % (PATH, field, least, most))
    return value
