"""`helio people`: the directory, and being in it. Small functions, one for each command."""

import argparse
import time
from typing import TYPE_CHECKING, Any

from gateway.announce import ANNOUNCE, DELETE, PROBLEM, STOP, is_announced, wish
from gateway.ask import sure
from gateway.commands import opened_desk, show
from gateway.database import get_meta
from gateway.errors import UserError
from gateway.identity import spaced
from gateway.own_records import change_account_key, remove_device
from gateway.people import as_dict, card_to_add, refused
from gateway.words import ago

if TYPE_CHECKING:
    from gateway.desk import Desk

_FINAL = "The account is deleted for good: nobody can write to it, and its keys are of no use."


def announce(args: argparse.Namespace) -> int:
    """helio people announce: be in the directory, or not any more."""
    chosen = [flag for flag in ("stop", "new_key", "delete", "without") if getattr(args, flag)]
    if len(chosen) > 1:
        raise UserError("one of --stop, --new-key, --without and --delete at a time")
    with opened_desk(args) as desk:
        desk.identity()
        if args.delete:
            sure(args.yes, _FINAL, "add --yes to delete the account: it cannot be undone")
        if args.new_key:
            change_account_key(desk)
        if args.without:
            remove_device(desk, args.without)
        word = STOP if args.stop else DELETE if args.delete else ANNOUNCE
        wish(desk.db, word)
        me = desk.identity().card
        told = {
            STOP: "not announced any more: the mesh forgets you within two days",
            DELETE: f"{me.name} will be deleted from the directory",
            ANNOUNCE: f"{me.name}  {spaced(me.account_id)}  will be announced, as long as a "
            "gateway runs on this folder",
        }[word]
        show(args, {"announced": word == ANNOUNCE, "account": me.account_id}, told)
    return 0


def people(args: argparse.Namespace) -> int:
    """helio people list: who was heard of, and what to think of it."""
    with opened_desk(args) as desk:
        found = [as_dict(entry) for entry in desk.directory.find(args.name or "")]
        turned_away = refused(desk.db)
        mine = mine_as_dict(desk)
        lines = [_line(person) for person in found]
        lines += [
            f"refused: {r['messages']} from a device that {r['name']} has removed "
            f"({spaced(r['device'])}), last {ago(max(0, int(time.time()) - r['unix_s']))}"
            for r in turned_away
        ]
        lines += [f"you are not announced: {mine['problem']}"] if mine["problem"] else []
        text = "\n".join(lines) or "nobody was heard of yet"
        show(args, {"people": found, "refused": turned_away, "me": mine}, text)
    return 0


def add(args: argparse.Namespace) -> int:
    """helio people add: somebody out of the directory becomes a contact."""
    with opened_desk(args) as desk:
        card = card_to_add(desk.directory, args.who)
        added = desk.add_card(card, args.name)
        show(args, added, f"{added['name']}  {added['words']}\ncompare these words by voice")
    return 0


def mine_as_dict(desk: "Desk") -> dict[str, Any]:
    """Is the person of this folder announced, and if not, why?"""
    problem = (get_meta(desk.db, PROBLEM) or b"").decode()
    return {"announced": is_announced(desk.db), "problem": problem}


_SAID = {
    "name_taken": "WARNING: another key had this name first",
    "name_shared": "another key uses this name since",
    "conflict": "WARNING: two lists of devices contradict each other",
    "key_changed": "new key, announced by the former one",
    "gone_on": "has gone on to another key",
}


def _line(person: dict[str, Any]) -> str:
    devices = len(person["devices"])
    heard = ago(max(0, int(time.time()) - person["heard_s"]))
    marks = "".join(f"\n    {_SAID[mark]}" for mark in person["marks"])
    plural = "" if devices == 1 else "s"
    return f"{person['name']:<20} {person['words']}  {devices} device{plural}, {heard}{marks}"
