"""`helio bench unicast`: messages for a known gateway, beside the shortest path and flooding.

Random fields of 100 relays with a gateway at ten (or five) of them, real nodes on the simulator's
radio: carrier sense, hidden terminals, collisions. Transmissions are frames with a message in
them; the shortest path counts the hops on the air between the relays at both ends.
"""

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import mean
from typing import Any

from tools.bench import gather, row
from tools.frame_contents import MESSAGE, RECEIPT
from tools.sim.layouts import NotConnected, pairs, random_field
from tools.sim.scenario import Message, Scenario
from tools.sim.world import World

NODES, RANGE_M = 100, 120
DEGREES = (6, 9, 14)
DEGREES_ON_MAP = (6, 8, 10)
VOIDS = 4
LOSSES = (0.0, 0.1, 0.3)
_SETTLE_S, _END_S = 300, 90  # until every gateway is known; for the last message and its receipt
_EVERY_S = 10
_SIZE, _LIFETIME_S = 80, 7 * 86_400
_CAPACITY = 440
_WORKERS = 2
_US = 1_000_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """One field and what happens in it. routed: not flooded. on_map: no gradients, positions."""

    degree: int
    loss: float
    gateways: int = 10
    routed: bool = True
    on_map: bool = False
    messages: int = 30


def measure(seed: int, trials: list[Trial] | None = None) -> list[Row]:
    """All rows, from all trials (or from these)."""
    trials = trials or plan()
    with ProcessPoolExecutor(_WORKERS) as pool:
        done = gather(pool, {pool.submit(run, trial, seed): trial for trial in trials})
    rows = []
    for loss in LOSSES:
        found = [done[t] for t in trials if t.loss == loss and _usual(t)]
        flood = [done[t] for t in trials if t.loss == loss and not t.routed]
        rows += _rows(f"{loss:.0%} loss", found, {0.1: 1.5}.get(loss), flood)
    five = [done[t] for t in trials if t.gateways == 5]
    rows += _rows("5 gateways, no loss", five, 1.3, [])
    on_map = [done[t] for t in trials if t.on_map]
    rows += _rows("no gradients, voids", on_map, 1.6, [])
    return rows


def plan() -> list[Trial]:
    """What a usual run measures."""
    trials = [Trial(degree, loss) for loss in LOSSES for degree in DEGREES]
    trials += [Trial(degree, 0.1, routed=False) for degree in DEGREES]
    trials += [Trial(degree, 0.0, gateways=5) for degree in DEGREES]
    trials += [Trial(degree, 0.0, on_map=True) for degree in DEGREES_ON_MAP]
    return trials


def _usual(t: Trial) -> bool:
    return t.gateways == 10 and t.routed and not t.on_map


def run(trial: Trial, seed: int) -> dict[str, Any]:
    """One trial: totals over its messages."""
    places = _field(trial, seed)
    dice = random.Random(f"{seed}/unicast/{trial.degree}")
    gateways = sorted(dice.sample(range(NODES), trial.gateways))
    messages = [
        Message(*dice.sample(gateways, 2), (_SETTLE_S + i * _EVERY_S) * _US, _SIZE, _LIFETIME_S,
                trial.routed)
        for i in range(trial.messages)
    ]  # fmt: skip
    scenario = Scenario(
        "unicast", seed, (_SETTLE_S + trial.messages * _EVERY_S + _END_S) * _US, RANGE_M,
        trial.loss, places, tuple(gateways), _CAPACITY, messages, [], None, None,
        cells=trial.on_map, beats=not trial.on_map,
    )  # fmt: skip
    world = World(scenario)
    world.run(lambda now_us: None)
    tally = world.tally
    near = _links(places)
    nodes = [s.node for s in (*world.relays, *world.gateways.values()) if s.node is not None]
    return {
        "messages": trial.messages,
        "delivered": sum(letter.delivered_us is not None for letter in world.letters),
        "latency_s": [
            (letter.delivered_us - letter.message.at_us) / _US
            for letter in world.letters
            if letter.delivered_us is not None
        ],
        "shortest": sum(_hops(near, m.sender, m.to) for m in messages),
        "sent": tally.contents[MESSAGE],
        "flooded": sum(node.stats["unicasts_flooded"] for node in nodes),
        "receipt_bytes": tally.content_bytes[RECEIPT],
        "data_bytes": tally.content_bytes[MESSAGE],
    }


def _field(trial: Trial, seed: int) -> list[tuple[float, float]]:
    """A field in which everybody reaches everybody; a sparse one may want another seed."""
    voids = VOIDS if trial.on_map else 0
    for again in range(100):
        try:
            return random_field(NODES, trial.degree, RANGE_M, seed + 1_000_003 * again, voids)
        except NotConnected:
            continue
    raise NotConnected(f"no connected field for {trial}")


def _links(places: list[tuple[float, float]]) -> list[list[int]]:
    near: list[list[int]] = [[] for _ in places]
    for a, b, _ in pairs(places, RANGE_M):
        near[a].append(b)
        near[b].append(a)
    return near


def _hops(near: list[list[int]], a: int, b: int) -> int:
    """Transmissions on a shortest path."""
    away, left = {a: 0}, [a]
    for node in left:
        for other in near[node]:
            if other not in away:
                away[other] = away[node] + 1
                left.append(other)
    return away[b]


def _rows(
    what: str, found: list[dict[str, Any]], most: float | None, flood: list[Any]
) -> list[Row]:
    if not found:
        return []
    peer = f"flooding {_per_hop(flood)}" if flood else ""
    delivered = sum(f["delivered"] for f in found)
    delivered_pct = round(100 * delivered / sum(f["messages"] for f in found), 1)
    latencies = [s for f in found for s in f["latency_s"]]
    receipts = sum(f["receipt_bytes"] for f in found) / max(delivered, 1)
    data = sum(f["data_bytes"] for f in found) / max(delivered, 1)
    flooded = sum(f["flooded"] for f in found)
    return [
        row(f"{what}: delivered", delivered_pct, "%", least=100),
        row(f"{what}: transmissions / shortest path", _per_hop(found), "x", peer, most=most),
        row(f"{what}: the worst field", max(_per_hop([f]) for f in found), "x"),
        row(f"{what}: time to arrive, mean", round(mean(latencies), 3), "s"),
        row(f"{what}: given to everybody in the end", flooded, "messages"),
        row(f"{what}: on the air for a message", round(data), "B"),
        row(f"{what}: on the air for its receipt", round(receipts), "B"),
    ]  # fmt: skip


def _per_hop(found: list[dict[str, Any]]) -> float:
    shortest = sum(f["shortest"] for f in found)
    return round(sum(f["sent"] for f in found) / shortest, 2)
