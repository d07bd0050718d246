"""`helio organiser`: who may announce to everybody. Small functions, one for each command."""

import argparse
import os
import sys
import time

from gateway import certificate, network
from gateway.board import Board
from gateway.commands import data_dir, opened_desk, show
from gateway.database import writing
from gateway.identity import parse_card
from gateway.notices import certificate_parcel
from gateway.organisers import operator_known


def certify(args: argparse.Namespace) -> int:
    """helio organiser certify: the operator lets somebody's device announce, offline."""
    card = parse_card(args.card)
    with network.opened(data_dir(args)) as registry:
        operator = registry.operator_key()
    name = args.name or card.name
    raw = certificate.sign_organiser(operator, card.ed25519, name, int(time.time()), args.days)
    text = certificate.organiser_text(raw)
    until = certificate.day(int(time.time()) + args.days * certificate.DAY_S)
    told = {"certificate": text, "organiser": name, "device": card.id, "days": args.days}
    line = f"{text}\n{name} ({card.fingerprint}) may announce until {until}\n"
    show(args, told, f"{line}next, where a gateway runs: helio organiser publish with this text")
    return 0


def publish(args: argparse.Namespace) -> int:
    """helio organiser publish: tell everybody a certificate."""
    text = sys.stdin.read() if args.certificate == "-" else args.certificate
    raw = certificate.parse_organiser(text)
    operator = operator_known(data_dir(args))
    with opened_desk(args) as desk:
        board = Board(desk.db, lambda: operator)
        with writing(desk.db):
            board.post(certificate_parcel(raw, os.urandom(16)), None)
        row = board.organisers.of(raw[6:38])
        assert row is not None  # or post() had refused it
        told = {"organiser": row["name"], "until_s": row["until_unix_s"]}
        until = certificate.day(row["until_unix_s"])
        show(args, told, f"{row['name']} may announce until {until}; it leaves as soon as a "
             "gateway runs on this folder")  # fmt: skip
    return 0
