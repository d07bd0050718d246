"""Who a board is: the record in its partition `node`, kept if there is one, else a new one.

A record is only ever in the operator's registry and in the flash of its board, never in a file
that is made here.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.network import FILE, PLANNED, opened
from gateway.new_node import partition
from shared_protocol.node_record import HEAD_BYTES, SECTOR_BYTES, newest, size
from tools.flash.board import Board
from tools.flash.device import Device

KEPT, NEW, NONE = "kept", "new", "none"


@dataclass(frozen=True)
class Identity:
    """state: KEPT, NEW or NONE. record: the bytes of the partition to write, if NEW. doubt: what
    the registry of this folder's network says against a node that was kept."""

    state: str
    node: str = ""
    name: str = ""
    record: bytes = b""
    doubt: str = ""


def read_identity(device: Device, board: Board, folder: Path, mac: str) -> Identity:
    """Who a board is already. Looks twice before it says nobody: then all of it is erased."""
    for _ in range(2):
        record = _read_record(device, board)
        if record is not None:
            node = str(record.get("node", ""))
            return Identity(
                KEPT, node, str(record.get("name", "")), doubt=_doubt(folder, node, mac)
            )
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


def new_identity(folder: Path, board: Board, mac: str, before: Identity) -> Identity:
    """A new one, planned in the network of this data folder; NONE if the folder has no network.

    mac: of the chip. before: who the board was. UserError if this person is no operator.
    """
    if not (folder / FILE).exists():
        return Identity(NONE)
    with opened(folder) as network:
        record = network.plan(
            mac=_plain(mac),
            replaces=before.node if before.state == KEPT and not before.doubt else None,
            board=board.id,
            hardware=board.hardware(),
        )
    return Identity(NEW, record["node"], record["name"], partition(record))


def confirm(folder: Path, who: Identity, mac: str) -> None:
    """The board has it: so shall the registry say, also when a run before was cut short of it."""
    if who.state == NONE or who.doubt or not (folder / FILE).exists():
        return
    with opened(folder) as network:
        node = network.node(who.node)
        if node is not None and node["state"] == PLANNED:
            network.confirm(who.node, _plain(mac))


def _doubt(folder: Path, node: str, mac: str) -> str:
    if not (folder / FILE).exists():
        return ""
    with opened(folder) as network:
        known = network.node(node)
    if known is None:
        return "which is not in your network: `helio provision` gives it another identity"
    if known["mac"] not in (None, _plain(mac)):
        return (
            f"which is the chip {known['mac']}: TWO BOARDS WITH ONE KEY, somebody copied a flash;"
            " flash this one with --erase"
        )
    return ""


def _plain(mac: str) -> str:
    """As the registry has it, without colons."""
    return mac.replace(":", "")
