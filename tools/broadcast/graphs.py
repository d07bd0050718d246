"""Graphs of radios in range of each other, and how few transmissions could reach them all.

Both bounds know the whole graph, which no node does:

- The greedy connected dominating set (S. Guha and S. Khuller, "Approximation Algorithms for
  Connected Dominating Sets", Algorithmica 20, 1998, the first algorithm): a transmission by each
  of its members reaches everybody if nothing is lost. The smallest such set is the least that any
  broadcast needs; on fields of 50 the greedy one is 7 to 8 % larger.
- The oracle: after each transmission it knows who has the message, and lets that holder send next
  from whom the most others lack it. It counts losses, and no collisions.
"""

import math
import random

from tools.sim.layouts import Place

Graph = list[list[int]]  # by node: who hears it, and is heard by it, in rising order


def graph_of(places: list[Place], range_m: float) -> Graph:
    """Who is in range of whom."""
    return [
        [v for v, there in enumerate(places) if v != u and math.dist(here, there) <= range_m]
        for u, here in enumerate(places)
    ]


def greedy_cds(graph: Graph) -> list[int]:
    """A connected dominating set of a connected graph, in the order in which it grew.

    It begins with the node of the highest degree; then always the dominated node with the most
    neighbours that are not yet dominated joins (the lowest number among equals).
    """
    lacking = set(range(len(graph)))
    chosen: list[int] = []
    candidates = {max(range(len(graph)), key=lambda u: (len(graph[u]), -u))}
    while lacking:
        best = max(candidates, key=lambda u: (len(lacking.intersection(graph[u])), -u))
        chosen.append(best)
        lacking.discard(best)
        lacking.difference_update(graph[best])
        candidates.update(graph[best])
        candidates.difference_update(chosen)
    return chosen


def oracle(graph: Graph, source: int, loss: float, dice: random.Random) -> int:
    """Transmissions until all of a connected graph have it, the source's included."""
    lacking = set(range(len(graph))) - {source}
    sent = 0
    while lacking:
        best = max(
            (u for u in range(len(graph)) if u not in lacking),
            key=lambda u: len(lacking.intersection(graph[u])),
        )
        sent += 1
        lacking -= {v for v in graph[best] if v in lacking and dice.random() >= loss}
    return sent
