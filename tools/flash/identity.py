"""Who a board is: the record in its partition `node`, kept if there is one.

A record is only ever in memory and in the flash of its board, never in a file that is made here.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_protocol.node_record import HEAD_BYTES, SECTOR_BYTES, newest, size
from tools.flash.board import Board
from tools.flash.device import Device

KEPT, NEW, NONE = "kept", "new", "none"


@dataclass(frozen=True)
class Identity:
    """state: KEPT, NEW or NONE. record: the bytes of the partition to write, if NEW."""

    state: str
    node: str = ""
    name: str = ""
    record: bytes = b""


def read_identity(device: Device, board: Board) -> Identity:
    """Who a board is already. Looks twice before it says nobody: then all of it is erased."""
    for _ in range(2):
        record = _read_record(device, board)
        if record is not None:
            return Identity(KEPT, str(record.get("node", "")), str(record.get("name", "")))
    return Identity(NONE)


def _read_record(device: Device, board: Board) -> dict[str, Any] | None:
    node = board.partition("node")
    sectors = []
    for at in range(node.start, node.end, SECTOR_BYTES):
        head = device.read(at, HEAD_BYTES)
        sectors.append(device.read(at, size(head)) if size(head) else head)
    found = newest(sectors)
    try:
        record = json.loads(found[2]) if found else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def new_identity(data_folder: Path, board: Board, provision: bool) -> Identity:
    """A new one from the network of this data folder, if it has one and if that is wished."""
    return Identity(NONE)


def confirm(data_folder: Path, who: Identity) -> None:
    """The board has it: the registry shall know."""
