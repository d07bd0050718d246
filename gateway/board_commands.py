"""`helio board`: what is told to everybody. Small functions, one for each command."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import notices
from gateway.ask import sure
from gateway.board import Board
from gateway.board_view import listing, sheet
from gateway.commands import data_dir, harmless, opened_desk, show
from gateway.database import writing
from gateway.errors import UserError
from gateway.notices import ANNOUNCEMENT, LOOKING, NEEDS, SAFE, SOS, Notice
from gateway.organisers import operator_known
from gateway.words import ago

if TYPE_CHECKING:
    from gateway.desk import Desk

_KINDS = {"sos": "SOS", "safe": "I am safe", "looking": "looking for", "announcement": "note"}
_PUBLIC = "Everybody in the network will read this, with your name and position."


def list_board(args: argparse.Namespace) -> int:
    """helio board list: calls for help first, then the newest."""
    with opened_desk(args) as desk:
        known = {person["id"]: person["name"] for person in desk.contacts() if person["added"]}
        rows = listing(desk.db, _board(args, desk), " ".join(args.search or []))
        rows = [row | {"contact": known.get(row["device"], "")} for row in rows]
    if args.csv is not None:
        table = sheet(rows)
        if args.csv == "-":
            sys.stdout.write(table)
            return 0
        try:
            Path(args.csv).write_bytes(table.encode())
        except OSError as e:
            raise UserError(f"{args.csv} cannot be written ({e.strerror or e})") from None
        show(args, {"file": args.csv, "rows": len(rows)}, f"wrote {len(rows)} rows: {args.csv}")
        return 0
    show(args, rows, "\n".join(map(_line, rows)) or "nothing is on the board")
    return 0


def say(args: argparse.Namespace) -> int:
    """helio board say: I am safe."""
    return _post(args, SAFE, " ".join(args.text))


def looking(args: argparse.Namespace) -> int:
    """helio board looking: for whom, or for what."""
    return _post(args, LOOKING, " ".join(args.text))


def sos(args: argparse.Namespace) -> int:
    """helio board sos: call for help."""
    return _post(args, SOS, " ".join(args.text), need=NEEDS.index(args.need))


def announce(args: argparse.Namespace) -> int:
    """helio board announce: as an organiser whom the operator has certified."""
    return _post(args, ANNOUNCEMENT, " ".join(args.text))


def cancel(args: argparse.Namespace) -> int:
    """helio board cancel: take a notice of one's own back, everywhere."""
    with opened_desk(args) as desk:
        board = _board(args, desk)
        mine = [row for row in listing(desk.db, board) if row["mine"] and row["state"] == "live"]
        if not args.notice and len(mine) != 1:
            raise UserError(f"you have {len(mine)} notices on the board: give the id of one")
        found = [row for row in mine if row["id"].startswith((args.notice or "").lower())]
        if len(found) != 1:
            raise UserError("no notice of yours has this id: `helio board list` shows them")
        with writing(desk.db):
            row = board.row(bytes.fromhex(found[0]["id"]))
            assert row is not None
            board.cancel(bytes(row["own_token"]), None, owed=True)
        show(args, {"id": found[0]["id"], "state": "cancelled"},
             "cancelled: every gateway takes it off, as word of it comes")  # fmt: skip
    return 0


def _post(args: argparse.Namespace, type_: int, text: str, need: int = 0) -> int:
    place = None if args.position is None else notices.place_of(args.position)
    battery = getattr(args, "battery", None)
    if battery is not None and not 0 <= battery <= 100:
        raise UserError("--battery is a number of percent, 0 to 100")
    with opened_desk(args) as desk:
        me, board = desk.identity(), _board(args, desk)
        card = me.card
        if type_ == ANNOUNCEMENT and board.organisers.of(card.ed25519) is None:
            raise UserError(
                "the operator has not certified you to announce: `helio organiser certify` with "
                "your card, and `helio organiser publish`"
            )
        said_s = board.next_unix_s(card.ed25519)
        notice = Notice(type_, said_s, card.ed25519, card.name, notices.clean_text(text), need,
                        place, battery)  # fmt: skip
        token = os.urandom(16)
        immutable = notices.sign(me.signing, notice, token)
        if type_ == SOS:
            sure(args.yes, f"SOS, {args.need}. {_PUBLIC}", "add --yes to call for help")
        with writing(desk.db):
            board.post(immutable, None, token)
        id_, left = immutable[2:14].hex(), notices.bytes_left(notice)
        told = {"id": id_, "kind": notices.TYPES[type_], "state": "queued", "bytes_left": left}
        show(args, told, f"on the board as {id_[:8]}, with {left} bytes to spare; "
             "it leaves as soon as a gateway runs on this folder")  # fmt: skip
    return 0


def _board(args: argparse.Namespace, desk: "Desk") -> Board:
    operator = operator_known(data_dir(args))
    return Board(desk.db, lambda: operator)


def _line(row: dict[str, Any]) -> str:
    kind = (row["organiser"] and "ANNOUNCEMENT") or _KINDS[row["kind"]]
    about = [row["need"]] if row["need"] else []
    if row["place"]:
        about.append(f"at {row['place'][0]},{row['place'][1]}")
    if row["battery"] is not None:
        about.append(f"battery {row['battery']} %")
    head = f"{kind}{': ' + ', '.join(about) if about else ''}"
    who = f"{harmless(row['name'])} ({row['words']})"
    who += f", your contact {row['contact']}" if row["contact"] else ""
    if row["state"] == "cancelled":
        return f"{head}, cancelled by its author\n    {who}"
    text = f"\n    {harmless(row['text'])}" if row["text"] else ""
    mine = ", yours" if row["mine"] else ""
    plural = "" if row["relays"] == 1 else "s"
    way = f"over {row['relays']} relay{plural}"
    return f"{head}\n    {who}, {ago(row['age_s'])}, {way}, {row['id'][:8]}{mine}{text}"
