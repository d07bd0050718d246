"""A new relay on paper: its record drawn from the system's random source (SPEC.md 11)."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from shared_protocol.node_record import SECTOR_BYTES, SECTORS, pack

NAME_MAX = 24  # bytes of UTF-8
POWERS = ("always", "balanced", "long")
_LOCAL, _GROUP = 2, 1  # bits of an address's first byte


def draw(
    name: str,
    network_key: bytes,
    operator: bytes,
    channel: int,
    *,
    epoch: int = 0,
    cell: int | None = None,
    power: str = "always",
    board: str = "unknown",
    hardware: Mapping[str, Any] | None = None,
    node: bytes | None = None,
) -> dict[str, Any]:
    """The record of a relay with an id and keys of its own. network_key: 32 bytes. operator: the
    32-byte Ed25519 public key of who may command the network. cell: where it stands, if known.
    hardware: more fields, of what its board has ("battery", "gps"). node: its 6 bytes of address,
    if it must be a certain one."""
    record: dict[str, Any] = {
        "v": 1,
        "node": (node or _address()).hex(),
        "name": name,
        "network_key": network_key.hex(),
        "epoch": epoch,
        "channel": channel,
        "secret": secrets.token_hex(16),
        "command_key": secrets.token_hex(32),
        "operator": operator.hex(),
        "role": "relay",
        "power": power,
        "board": board,
    }
    if cell is not None:
        record["cell"] = cell
    return record | dict(hardware or {})


def _address() -> bytes:
    """Six bytes that belong to no maker of hardware, and to one node."""
    address = bytearray(secrets.token_bytes(6))
    address[0] = address[0] & ~_GROUP | _LOCAL
    return bytes(address)


def payload(record: dict[str, Any]) -> bytes:
    """A record as it lies in flash: JSON without spaces."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()


def partition(record: dict[str, Any]) -> bytes:
    """The whole node partition of a board that has this record and none before."""
    return pack(1, payload(record)).ljust(SECTORS * SECTOR_BYTES, b"\xff")
