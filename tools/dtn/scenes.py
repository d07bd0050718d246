"""The scenes of `helio bench dtn`: contacts and messages, from a seed.

The walks are those of the figures that PONS is known for here: 60 nodes, random waypoint (Johnson,
Maltz 1996) at 0.5 to 2 m/s with pauses up to two minutes in 1,500 x 1,500 m, range 100 m, 2 h, a
message of 1,000 bytes every 30 s with a lifetime of 1 h, buffers of 20 messages.
"""

import random
from dataclasses import dataclass, field, replace

from tools.dtn.agents import Message
from tools.dtn.contacts import Meeting, from_moves
from tools.dtn.contacts import field as standing

RANGE_M = 100
FIELD_M = 1_500
BUFFER = 20  # messages
SIZE = 1_000  # bytes of one
_PAUSE_S = 120
_EVERY_S = 30
_LIFETIME_S = 3_600
_QUIET_S = 1_800  # at the end nothing is written

TRACE_LIFETIME_S = 6 * 3_600
TRACE_MESSAGES = 200
MESH_NODES, MESH_GATEWAYS, MESH_MESSAGES = 100, 5, 100
_MESH_FIELD_M, _MESH_WARM_S, _MESH_EVERY_S = 700, 600, 30


@dataclass
class Scene:
    """nodes 0 to `nodes`-1. moves: only of walks. gateways: nodes that are one."""

    nodes: int
    duration_s: int
    meetings: list[Meeting]
    messages: list[Message]
    gateways: tuple[int, ...] = ()
    moves: list[tuple[float, int, float, float, float]] = field(default_factory=list)


def walks(seed: int, nodes: int = 60, duration_s: int = 7_200) -> Scene:
    """PONS's own random waypoint movement, and its contacts."""
    import pons

    random.seed(seed)  # PONS draws from there
    moves = pons.generate_randomwaypoint_movement(
        duration_s, nodes, FIELD_M, FIELD_M, min_speed=0.5, max_speed=2.0, max_pause=_PAUSE_S
    )
    dice = random.Random(seed * 7919)
    messages = []
    for at_s in range(_EVERY_S, duration_s - _QUIET_S + 1, _EVERY_S):
        src, dst = _two(dice, nodes)
        messages.append(Message(len(messages), src, dst, at_s, SIZE, _LIFETIME_S))
    meetings = from_moves(moves, nodes, RANGE_M, duration_s)
    return Scene(nodes, duration_s, meetings, messages, moves=moves)


def people(meetings: list[Meeting], nodes: int, seed: int) -> Scene:
    """200 messages between any two people of a trace, at any time at which 6 h are left of it."""
    dice = random.Random(f"{seed}/people")
    end_s = int(max(m.down_s for m in meetings))
    latest_s = max(1, end_s - TRACE_LIFETIME_S)
    messages = []
    for at_s in sorted(dice.randrange(latest_s) for _ in range(TRACE_MESSAGES)):
        src, dst = _two(dice, nodes)
        messages.append(Message(len(messages), src, dst, at_s, SIZE, TRACE_LIFETIME_S))
    return Scene(nodes, end_s, meetings, messages)


def mesh(seed: int) -> Scene:
    """100 nodes that stand still, about 6 neighbours each; everybody writes to five gateways."""
    dice = random.Random(f"{seed}/mesh")
    duration_s = _MESH_WARM_S + _MESH_EVERY_S * MESH_MESSAGES + 600
    pairs = standing(MESH_NODES, _MESH_FIELD_M, RANGE_M, f"{seed}/field")
    meetings = [replace(m, down_s=duration_s) for m in pairs]
    gateways = tuple(sorted(dice.sample(range(MESH_NODES), MESH_GATEWAYS)))
    messages = []
    for number in range(MESH_MESSAGES):
        dst = dice.choice(gateways)
        src = dice.choice([n for n in range(MESH_NODES) if n != dst])
        at_s = _MESH_WARM_S + _MESH_EVERY_S * number
        messages.append(Message(number, src, dst, at_s, SIZE, _LIFETIME_S))
    return Scene(MESH_NODES, duration_s, meetings, messages, gateways)


def with_priority(messages: list[Message], priority: int) -> list[Message]:
    """The same messages with another priority."""
    return [replace(m, priority=priority) for m in messages]


def black_holes(scene: Scene, seed: int) -> frozenset[int]:
    """One node in ten."""
    return frozenset(random.Random(f"{seed}/holes").sample(range(scene.nodes), scene.nodes // 10))


def _two(dice: random.Random, nodes: int) -> tuple[int, int]:
    src = dice.randrange(nodes)
    dst = dice.randrange(nodes - 1)
    return src, dst + (dst >= src)
