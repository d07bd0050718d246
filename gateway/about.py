"""What a gateway tells of itself and of its node, for phones and for `helio`."""

import contextlib
import time
from pathlib import Path
from typing import Any

from gateway.certificate_store import operator_of
from gateway.config import Config
from gateway.errors import UserError
from gateway.wall_clock import Moment
from shared_protocol.cells import NO_CELL
from shared_protocol.hashing import network_id
from shared_protocol.limits import MESSAGE_MAX
from shared_protocol.node import Node


def gateway(
    config: Config, node: Node, way: bytes, status: dict[str, Any], moment: Moment
) -> dict[str, Any]:
    """What anybody may know. way: to it, for those who answer its people. status: as the desk
    has it. moment: what time it is."""
    cell = {} if config.cell == NO_CELL else {"cell": config.cell}
    return {
        "id": node.node_id.hex(),
        "name": config.name,
        "network": network_id(config.network_key),
        "now_ms": time.time_ns() // 1_000_000,  # what signatures go by, right or wrong
        "unix_ms": moment.unix_ms,
        "clock": moment.quality,
        "way": way,
        "message_max": MESSAGE_MAX,
        "relay": status["relay"],
        "neighbours": status["neighbours"],
        **cell,
    }


def login(config: Config, data: Path) -> dict[str, str]:
    """Where people can log in here, and whose word certificates go by, as far as known."""
    facts = {"login": config.login_issuer} if config.login_issuer else {}
    with contextlib.suppress(UserError):  # of no network
        facts["operator"] = operator_of(data).hex()
    return facts


def node(node: Node, now_s: int) -> dict[str, Any]:
    """What a node knows and keeps. gateways: how many hops away each is."""
    live = node.gradients.beats.live(now_s)
    return {
        "node": node.node_id.hex(),
        "neighbours": sum(1 for n in node.neighbours.all if n.fresh),
        "gateways": {f"{gateway:04x}": hops for gateway, _, hops in live},
        "parcels_kept": node.index.count_held(),
        "damaged": node.shelf.bad_records,
        "stats": node.stats,
    }
