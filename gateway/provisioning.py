"""helio provision: a board on a serial port becomes a node of this network."""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from gateway.ask import sure
from gateway.commands import data_dir, show
from gateway.errors import UserError
from gateway.links.serial_port import SerialPort
from gateway.network import DONE, PLANNED, Network, opened
from gateway.position import cell_at

_ANSWER_S = 5
_RESTART_S = 60  # until a board has started again: mounting a full store takes seconds


Hardware = Callable[[str], dict[str, Any]]


def provision(args: argparse.Namespace, hardware: Hardware = lambda board: {}) -> int:
    """helio provision: ask the board, plan, write, and read back. hardware: what a board of this
    name has, for its record (new_node.draw)."""
    cell = _cell(args.position)
    chosen = hardware(args.board) if args.board else None
    with opened(data_dir(args)) as network:
        board = asyncio.run(who(args.port))
        if _begun(network, board, args.name):
            network.confirm(board["node"], board["mac"])
            node = network.node(board["node"])
            assert node is not None
            show(args, node, f"{node['name']}  {node['id']}: finished what was cut before")
            return 0
        if found := _found(network, board):
            sure(
                args.yes,
                f"The board on {args.port} is {found}. It becomes a new node with other keys.",
                f"the board on {args.port} is {found}: --yes makes it a new node",
            )
        former = _known(network, board)
        record = network.plan(
            name=args.name,
            mac=board["mac"],
            replaces=former["id"] if former else None,
            cell=cell,
            power=args.power,
            board=args.board or board.get("board", "unknown"),
            hardware=_hardware(hardware, board) if chosen is None else chosen,
        )
        asyncio.run(give(args.port, record))
        network.confirm(record["node"])
        node = network.node(record["node"])
    assert node is not None
    show(args, node, f"{node['name']}  {node['id']}  is a node of {network.facts.name}")
    return 0


def _hardware(of: Hardware, board: dict[str, Any]) -> dict[str, Any]:
    """What the board has, by the name in its old record; nothing if that is not known here."""
    try:
        return of(board.get("board", "unknown"))
    except UserError:
        return {}


async def who(port: str, timeout_s: float = _ANSWER_S) -> dict[str, Any]:
    """Who the board on a port is (SPEC.md 11). UserError if it does not say."""
    board = await _ask(port, {"ask": "who"}, timeout_s)
    if "mac" not in board and "error" in board:
        raise UserError(f"the relay on {port} says: {board['error']}")
    if "mac" not in board:
        raise UserError(f"the relay on {port} runs an older firmware: helio flash")
    return board


async def give(port: str, record: dict[str, Any]) -> None:
    """Write a record to the board, and read it back when it has started again. UserError."""
    answer = await _ask(port, {"ask": "provision", "record": record})
    if answer.get("provisioned") != record["node"]:
        raise UserError(f"the board on {port} does not take the record: {answer.get('error')}")
    asked_s = time.monotonic()
    while time.monotonic() - asked_s < _RESTART_S:
        await asyncio.sleep(1)
        with contextlib.suppress(UserError):  # it is starting
            if (await who(port, 2))["node"] == record["node"]:
                return
    raise UserError(f"the board on {port} has not come back: run the same command again")


async def _ask(port: str, request: dict[str, Any], timeout_s: float = _ANSWER_S) -> dict[str, Any]:
    link = SerialPort(port, lambda address, frame: None)
    try:
        text = json.dumps(request, ensure_ascii=False, separators=(",", ":"))
        answer: dict[str, Any] = json.loads(await link.ask(text.encode(), timeout_s))
        return answer
    except TimeoutError:
        raise UserError(f"{port} does not answer: helio flash puts the firmware on it") from None
    finally:
        link.close()


def _known(network: Network, board: dict[str, Any]) -> dict[str, Any] | None:
    """The node in the registry that this board is; none if its record is a copy of another's."""
    node = network.node(board["node"]) if board["node"] else None
    return node if node and node["mac"] in (None, board["mac"]) else None


def _begun(network: Network, board: dict[str, Any], name: str | None) -> bool:
    """Has the board a record that was written and never confirmed, and no other was asked for?"""
    node = _known(network, board)
    return node is not None and node["state"] == PLANNED and name in (None, node["name"])


def _found(network: Network, board: dict[str, Any]) -> str:
    """What a new identity would overwrite on the board; nothing if it has none."""
    if not board["node"]:
        return ""
    called = f"{board['name']} ({board['node']})"
    if board["network"] != network.facts.id:
        return f"{called} of another network, {board['network']}"
    node = network.node(board["node"])
    if node is None:
        return f"{called} of this network, provisioned elsewhere"
    if _known(network, board) is None:
        return (
            f"{called}, whose id and keys were given to the board {node['mac']}, and this is "
            f"{board['mac']}: TWO BOARDS WITH ONE KEY, somebody copied a flash"
        )
    return f"{called} of this network" + ("" if node["state"] == DONE else f", {node['state']}")


def _cell(position: str | None) -> int | None:
    """The cell of "46.95,7.45". UserError."""
    if position is None:
        return None
    try:
        latitude, longitude = (float(part) for part in position.split(","))
        return cell_at(latitude, longitude)
    except ValueError:
        raise UserError(
            "--position wants degrees north and east, for example 46.95,7.45"
        ) from None
