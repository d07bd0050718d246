"""The commands about certificates: a gateway's (`helio gateway …`), a person's (`certificate`)."""

import argparse
import sys
from typing import Any

from gateway import certificate, network
from gateway.certificate_store import (
    gateway_key,
    keep_gateway,
    kept_badge,
    operator_of,
)
from gateway.commands import data_dir, show
from gateway.config import FILE, load_config
from gateway.errors import UserError
from gateway.terminal_qr import drawn
from gateway.wall_clock import Moment, moment_in

_OPERATOR_LEN = 32


def key(args: argparse.Namespace) -> int:
    """helio gateway key: what this gateway asks of the operator."""
    request = certificate.request_text(gateway_key(data_dir(args)), _name(args))
    show(args, {"request": request}, f"{request}\nnext, on the operator's laptop: "
         "helio gateway certify with this text")  # fmt: skip
    return 0


def certify(args: argparse.Namespace) -> int:
    """helio gateway certify: the operator signs a gateway's key."""
    folder = data_dir(args)
    own = args.request is None
    request = certificate.request_text(gateway_key(folder), _name(args)) if own else args.request
    if request == "-":
        request = sys.stdin.read()
    gateway, name = certificate.parse_request(request)
    with network.opened(folder) as registry:
        operator = registry.operator_key()
    now = moment_in(folder)
    raw = certificate.sign_gateway(operator, gateway, name, now.unix_s, args.days)
    text = certificate.gateway_text(raw)
    if own:
        keep_gateway(folder, text)
    checked = certificate.check_gateway(raw, operator.public_key().public_bytes_raw(), None)
    told = _gateway_told(checked) | _unsure_told(now)
    if own:
        show(args, told, _gateway_line(checked) + _unsure_line(now))
    else:
        line = f"{text}\n{_gateway_line(checked)}{_unsure_line(now)}"
        after = "next, on that gateway: helio gateway accept with this text"
        show(args, told | {"certificate": text}, f"{line}\n{after}")
    return 0


def accept(args: argparse.Namespace) -> int:
    """helio gateway accept: keep what the operator has signed."""
    text = sys.stdin.read() if args.certificate == "-" else args.certificate
    checked = keep_gateway(data_dir(args), text)
    show(args, _gateway_told(checked), _gateway_line(checked))
    return 0


def show_badge(args: argparse.Namespace) -> int:
    """helio certificate show: the badge of the person of this folder."""
    text = kept_badge(data_dir(args))
    code = _check(args, text, {"certificate": text}, f"{text}\n")
    if args.qr and not args.json:
        print(drawn(text))
    return code


def check(args: argparse.Namespace) -> int:
    """helio certificate check: does somebody's badge hold? Without any connection."""
    text = sys.stdin.read() if args.certificate == "-" else args.certificate
    return _check(args, text, {}, "")


def _check(args: argparse.Namespace, text: str, told: dict[str, Any], before: str) -> int:
    raw = certificate.parse_badge(text)
    operator = _operator(args)
    now = moment_in(data_dir(args))
    try:
        badge = certificate.check_badge(raw, operator, now.sure_s)
    except UserError as e:
        show(args, told | {"holds": False, "why": str(e)}, f"{before}does not hold: {e}")
        return 1
    told |= {"holds": True} | badge_told(badge) | _unsure_told(now)
    show(args, told, before + badge_text(badge) + _unsure_line(now))
    return 0


def _unsure_told(now: Moment) -> dict[str, Any]:
    return {"clock": "unsure"} if now.sure_s is None else {}


def _unsure_line(now: Moment) -> str:
    if now.sure_s is not None:
        return ""
    return (
        "\nclock unsure: this machine does not know the time, so look at a calendar whether "
        "that date is past"
    )


def badge_told(badge: certificate.Badge) -> dict[str, Any]:
    """What a badge says, for JSON."""
    return {
        "username": badge.account.username, "issuer": badge.account.issuer,
        "subject": badge.account.subject.hex(), "account": badge.account_id,
        "account_key": badge.account.key.hex(), "since_s": badge.account.since_s,
        "until_s": min(badge.account.until_s, badge.gateway.until_s),
        "gateway": badge.gateway.name, "gateway_key": badge.gateway.key.hex(),
    }  # fmt: skip


def badge_text(badge: certificate.Badge) -> str:
    """The same for people."""
    told = badge_told(badge)
    account = " ".join(badge.account_id[i : i + 4] for i in range(0, 16, 4))
    return (
        f"{told['username']} at {told['issuer']} (subject {told['subject'][:8]})\n"
        f"is who has the account {account}\n"
        f"certified by gateway {told['gateway']}, until {certificate.day(told['until_s'])}"
    )


def _operator(args: argparse.Namespace) -> bytes:
    """The public key that certificates must lead to. UserError if it is not known."""
    given = getattr(args, "operator", None)
    if given is None:
        return operator_of(data_dir(args))
    try:
        operator = bytes.fromhex(given)
    except ValueError:
        operator = b""
    if len(operator) != _OPERATOR_LEN:
        raise UserError("--operator is 64 hex digits: operator_key of `helio network show --json`")
    return operator


def _name(args: argparse.Namespace) -> str:
    if args.name:
        return str(args.name)
    path = data_dir(args) / FILE
    name = load_config(path).name if path.exists() else "gateway"
    return name.encode()[: certificate.NAME_MAX].decode("utf-8", "ignore")


def _gateway_told(gateway: certificate.GatewayCertificate) -> dict[str, Any]:
    return {"gateway": gateway.name, "key": gateway.key.hex(),
            "since_s": gateway.since_s, "until_s": gateway.until_s}  # fmt: skip


def _gateway_line(gateway: certificate.GatewayCertificate) -> str:
    return f"gateway {gateway.name} may certify until {certificate.day(gateway.until_s)}"
