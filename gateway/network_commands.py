"""The commands of `helio network`: one network, its card for the next operator, its nodes."""

import argparse
import os
import sys
from typing import Any

from gateway.commands import data_dir, show
from gateway.identity import clean_name
from gateway.network import create, opened
from gateway.network_card import NetworkFacts, card_text, parse_card, public_key
from gateway.new_node import NAME_MAX
from gateway.regions import channel_in
from gateway.terminal_qr import drawn

_SECRET = {
    False: "This card opens every frame of the network: show it to nobody but who runs a gateway.",
    True: "This card commands every node of the network: show it to the next operator alone.",
}


def new(args: argparse.Namespace) -> int:
    """helio network new: a network with keys of its own, and this laptop its operator."""
    seed = os.urandom(32)
    facts = NetworkFacts(
        name=clean_name(args.name, NAME_MAX),
        region=args.region,
        channel=channel_in(args.region, args.channel),
        key=os.urandom(32),
        epoch=0,
        operator=public_key(seed),
        seed=seed,
    )
    create(data_dir(args), facts)
    show(args, _told(facts), f"{_line(facts)}\nnext: helio provision; helio gateway init")
    return 0


def join(args: argparse.Namespace) -> int:
    """helio network join: what somebody else's card says, for this laptop."""
    facts = parse_card(sys.stdin.read() if args.card == "-" else args.card)
    create(data_dir(args), facts)
    may = "this laptop is an operator's" if facts.seed else "this laptop can run gateways"
    show(args, _told(facts), f"{_line(facts)}\n{may}")
    return 0


def show_network(args: argparse.Namespace) -> int:
    """helio network show: what it is, and with --qr the card for the next laptop."""
    with opened(data_dir(args)) as network:
        facts, nodes = network.facts, network.nodes()
    told = _told(facts) | {"nodes": sum(node["state"] == "done" for node in nodes)}
    text = f"{_line(facts)}\n{told['nodes']} nodes"
    if args.qr or args.operator:
        card = card_text(facts, args.operator)
        told |= {"card": card, "operators_card": args.operator}
        if not args.json:
            text += f"\n\n{drawn(card)}\n{card}\n{_SECRET[args.operator]}"
    show(args, told, text)
    return 0


def list_nodes(args: argparse.Namespace) -> int:
    """helio network list: every node that was provisioned from here."""
    with opened(data_dir(args)) as network:
        nodes = network.nodes()
    lines = [_node(node) for node in nodes]
    show(args, nodes, "\n".join(lines) or "no nodes yet: helio provision")
    return 0


def _told(facts: NetworkFacts) -> dict[str, Any]:
    """What of a network is no secret."""
    return {
        "network": facts.id, "name": facts.name, "region": facts.region,
        "channel": facts.channel, "epoch": facts.epoch, "operator": facts.seed is not None,
        "operator_key": facts.operator.hex(),
    }  # fmt: skip


def _line(facts: NetworkFacts) -> str:
    return f"{facts.name}  {facts.id}  {facts.region}, channel {facts.channel}"


def _node(node: dict[str, Any]) -> str:
    state = {"done": "", "planned": "  planned, not confirmed", "retired": "  retired"}
    return (
        f"{node['name']:<24} {node['id']}  {node['board']}, {node['power']}"
        + (state[node["state"]])
    )
