"""One board on one port, from its bootloader to its hello."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import UserError
from tools.flash import identity
from tools.flash.board import Board
from tools.flash.board_file import find_board, load_boards
from tools.flash.build import Builder
from tools.flash.device import Device, Found
from tools.flash.hello import wait_for_hello
from tools.flash.merge import with_record
from tools.flash.progress import Bar

Choose = Callable[[str, list[str]], str]  # (question, answers) -> one of them


@dataclass
class Wishes:
    """What was asked for. choose: asks a person who is there; None if nobody is."""

    data_folder: Path
    builder: Builder
    board: str | None = None
    erase: bool = False
    provision: bool = True
    hello: bool = True
    choose: Choose | None = None


@dataclass
class Done:
    """What was done to one board; as_json is for a program."""

    port: str
    board: Board
    found: Found
    micropython: str
    bytes: int
    written: bool
    who: identity.Identity
    hello: dict[str, Any] | None = None
    asked_hello: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "port": self.port,
            "board": self.board.id,
            "chip": self.found.chip.name,
            "mac": self.found.mac,
            "flash_mb": self.found.flash_mb,
            "micropython": self.micropython,
            "bytes": self.bytes,
            "written": self.written,
            "identity": {
                "state": self.who.state,
                "node": self.who.node,
                "name": self.who.name,
                "doubt": self.who.doubt,
            },
            "hello": self.hello,
        }


def flash(port: str, wishes: Wishes, bar: Bar) -> Done:
    """Flash the board on this port. UserError if it cannot be; the same again then goes on."""
    if wishes.hello and "://" in port:
        raise UserError(f"{port}: a relay says hello on a serial port only: say --no-hello")
    bar.stage("looking who is there")
    with Device(port) as device:
        found = device.found()
        board = choose_board(port, found, wishes)
        bar.stage("making its image")
        built = wishes.builder.build(board)
        who = _identity(device, board, found, wishes)
        image = built.image
        if who.state == identity.NEW:
            image = with_record(board, image, who.record)
        start = board.chip.bootloader_at
        # What was no relay of ours has somebody else's data where the store will be.
        erase_all = wishes.erase or who.state != identity.KEPT
        bar.stage("erasing what was on it" if erase_all else "comparing")
        written = erase_all or not device.holds(start, image)
        if written:
            device.write(start, image, bar, erase_all)
        identity.confirm(wishes.data_folder, who, found.mac)
    done = Done(port, board, found, built.micropython, len(image), written, who)
    if wishes.hello:
        bar.stage("waiting for its first word")
        done.asked_hello = True
        done.hello = wait_for_hello(port)
    return done


def _identity(device: Device, board: Board, found: Found, wishes: Wishes) -> identity.Identity:
    who = identity.read_identity(device, board, wishes.data_folder, found.mac)
    if who.state == identity.KEPT and not wishes.erase:
        return who
    if not wishes.provision:
        return identity.Identity(identity.NONE)
    return identity.new_identity(wishes.data_folder, board, found.mac, who)


def choose_board(port: str, found: Found, wishes: Wishes) -> Board:
    """The board that was named, if it can be this one; else the only one that can."""
    if wishes.board is not None:
        board = find_board(wishes.board)
        why_not = misfit(board, found)
        if why_not:
            raise UserError(f"{port}: {why_not}")
        return board
    fitting = [board for board in load_boards() if not misfit(board, found)]
    if not fitting:
        raise UserError(
            f"{port}: no board we know has an {found.chip.name} with {found.flash_mb} MB of flash:"
            f" say --board FILE.toml"
        )
    if len(fitting) == 1:
        return fitting[0]
    names = [board.id for board in fitting]
    if wishes.choose is None:
        raise UserError(
            f"{port}: an {found.chip.name} is on several boards: say --board, one of"
            f" {', '.join(names)}"
        )
    return find_board(wishes.choose(f"{port} has an {found.chip.name}. Which board is it?", names))


def misfit(board: Board, found: Found) -> str:
    """Why what hangs on the port cannot be this board; nothing if it can."""
    if board.chip != found.chip:
        return f"it has an {found.chip.name}, and {board.id} an {board.chip.name}"
    if board.flash_mb > found.flash_mb:
        return f"it has {found.flash_mb} MB of flash, and {board.id} wants {board.flash_mb}"
    if found.psram_mb is not None and board.psram_mb > found.psram_mb:
        return f"it has {found.psram_mb} MB of PSRAM, and {board.id} {board.psram_mb}"
    return ""
