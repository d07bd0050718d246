"""What a gateway tells of itself and of its node, for phones and for `helio`."""

import time
from typing import Any

from gateway.config import Config
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
