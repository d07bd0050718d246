"""The earliest that each message could have come: nothing does better on the same contacts."""

import heapq
from collections import defaultdict

from tools.dtn.agents import Message
from tools.dtn.contacts import Meeting

_Contacts = defaultdict[int, list[tuple[float, float, int]]]


def arrivals(
    meetings: list[Meeting], messages: list[Message], holes: frozenset[int] = frozenset()
) -> dict[int, float]:
    """Message number -> second of its earliest arrival, of those that can come in their lifetime.

    Buffers and bandwidth without end, no time on the air. holes: nodes that pass nothing on.
    """
    of: _Contacts = defaultdict(list)
    for m in meetings:
        of[m.a].append((m.up_s, m.down_s, m.b))
        of[m.b].append((m.up_s, m.down_s, m.a))
    found = {}
    for message in messages:
        at_s = _earliest(of, message, holes)
        if at_s is not None:
            found[message.number] = at_s
    return found


def _earliest(of: _Contacts, message: Message, holes: frozenset[int]) -> float | None:
    """Dijkstra's algorithm over time (Jain, Fall, Patra 2004: earliest delivery)."""
    end_s = message.at_s + message.lifetime_s
    waiting = [(message.at_s, message.src)]
    earliest = {message.src: message.at_s}
    while waiting:
        now_s, node = heapq.heappop(waiting)
        if node == message.dst:
            return now_s
        if now_s > earliest[node] or (node in holes and node != message.src):
            continue
        for up_s, down_s, other in of[node]:
            then_s = max(now_s, up_s)
            if then_s < down_s and then_s <= end_s and then_s < earliest.get(other, end_s + 1):
                earliest[other] = then_s
                heapq.heappush(waiting, (then_s, other))
    return None


def hops(meetings: list[Meeting], start: int) -> dict[int, int]:
    """Node -> links of the shortest way to it from `start`, if everybody stays in contact."""
    beside: defaultdict[int, list[int]] = defaultdict(list)
    for m in meetings:
        beside[m.a].append(m.b)
        beside[m.b].append(m.a)
    found = {start: 0}
    edge = [start]
    while edge:
        new = sorted({other for node in edge for other in beside[node]} - found.keys())
        for node in new:
            found[node] = found[edge[0]] + 1
        edge = new
    return found
