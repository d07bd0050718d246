"""`helio bench dtn`: carrying messages where there is no network, beside PONS and an oracle.

Ours is shared_protocol/carrying.py with routes.py, as nodes are to run it. Its peers are the
routers of PONS (pons-dtn), and Epidemic with summary vectors. The oracle knows all contacts.
Every target is judged on three seeds together, the given one and the two after it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_protocol.lifetime import HIGH
from tools.bench import row
from tools.dtn import pons_router, scenes
from tools.dtn.agents import Agent, Message, Sprayer
from tools.dtn.carrier import Carrier
from tools.dtn.contacts import Meeting, from_trace
from tools.dtn.flow import Flow
from tools.dtn.oracle import arrivals, hops
from tools.dtn.scenes import BUFFER, Scene

SEEDS = 3
_BAR_CHARS = 30
_NO_LIMIT = 1_000_000  # parcels in a buffer
_SPRAY_BUDGET = 64
_PEOPLE = "people (trace)"
_GET_TRACE = "get SFHH_tij.dat.gz (CC0) from sociopatterns.org, then --trace SFHH_tij.dat.gz"

Row = dict[str, Any]


@dataclass
class Sum:
    """Runs on one kind of scene. worst: the least share of the oracle's deliveries."""

    came: int = 0
    possible: int = 0
    late_s: float = 0.0
    least_s: float = 0.0
    sent: int = 0
    receipt_bytes: int = 0
    other_bytes: int = 0
    worst: float = 1.0

    def add(
        self, messages: list[Message], oracle: dict[int, float], came: dict[int, float], sent: int
    ) -> None:
        """One more run."""
        begun_s = {m.number: m.at_s for m in messages}
        self.came += len(came)
        self.possible += len(oracle)
        self.late_s += sum([at_s - begun_s[number] for number, at_s in came.items()])
        self.least_s += sum([at_s - begun_s[number] for number, at_s in oracle.items()])
        self.sent += sent
        self.worst = min(self.worst, len(came) / max(len(oracle), 1))

    def control(self, agents: list[Carrier]) -> None:
        """The bytes that these agents sent beside messages."""
        self.receipt_bytes += sum([a.receipt_bytes for a in agents])
        self.other_bytes += sum([a.hello_bytes for a in agents])

    @property
    def share(self) -> float:
        """Delivered, of what the oracle delivers."""
        return self.came / max(self.possible, 1)

    @property
    def mean_s(self) -> float:
        """Mean time to delivery."""
        return self.late_s / max(self.came, 1)

    @property
    def times_oracle(self) -> float:
        """The mean time to delivery over the oracle's."""
        return self.mean_s / (self.least_s / max(self.possible, 1))

    @property
    def per_delivery(self) -> float:
        """Transmissions for each message delivered."""
        return self.sent / max(self.came, 1)


def measure(seed: int, trace: Path | None = None, full: bool = False) -> list[Row]:
    """All rows. full: PONS's own routers with all three seeds, not only the first."""
    seeds = range(seed, seed + SEEDS)
    meetings = from_trace(trace) if trace else None
    peers = _peers()
    bar = _Bar((SEEDS if full else 1) * len(peers) + 3 * SEEDS + 2)
    try:
        walks = [scenes.walks(s) for s in seeds]
        oracles = [arrivals(scene.meetings, scene.messages) for scene in walks]
        rows = []
        for name, router in peers.items():
            some = list(zip(walks, oracles, strict=True))[: SEEDS if full else 1]
            rows += _peer(name, router, some, bar)
        rows += _ours(walks, oracles, seeds, bar)
        rows += _mesh(seeds)
        bar.step()
        rows += _people(*meetings, seeds) if meetings else [row(_PEOPLE, 0, _GET_TRACE)]
        bar.step()
    finally:
        bar.clear()
    return rows


# --- PONS's scene


def _peers() -> dict[str, Any]:
    """PONS's own routers, with the buffers that their figures are known for."""
    some, endless = pons_router.peers(BUFFER), pons_router.peers(0)
    return {
        f"PONS Epidemic, buffers of {BUFFER}": some["Epidemic"],
        "PONS Spray-and-Wait": endless["Spray-and-Wait"],
        "PONS PRoPHET": endless["PRoPHET"],
        f"PONS PRoPHET, buffers of {BUFFER}": some["PRoPHET"],
        "PONS DirectDelivery": endless["DirectDelivery"],
    }


def _peer(
    name: str, router: Any, some: list[tuple[Scene, dict[int, float]]], bar: "_Bar"
) -> list[Row]:
    total = Sum()
    events, wall_s = 0, 0.0
    for scene, oracle in some:
        run = pons_router.run(scene, scene.messages, router)
        total.add(scene.messages, oracle, run.came, run.sent)
        events, wall_s = events + run.events, wall_s + run.wall_s
        bar.step()
    return [
        row(f"{name}: delivered", round(total.share, 4), "of the oracle's"),
        row(f"{name}: mean time to delivery", round(total.mean_s), "s"),
        row(f"{name}: transmissions per delivery", round(total.per_delivery, 1), "transmissions"),
        row(f"{name}: speed", round(events / wall_s), f"events/s ({wall_s / len(some):.1f} s)"),
    ]


def _ours(
    walks: list[Scene], oracles: list[dict[int, float]], seeds: range, bar: "_Bar"
) -> list[Row]:
    direct, pressing, attacked = Sum(), Sum(), Sum()
    for scene, oracle, seed in zip(walks, oracles, seeds, strict=True):
        _run_ours(direct, scene, scene.messages, oracle)
        bar.step()
        _run_ours(pressing, scene, scenes.with_priority(scene.messages, HIGH), oracle)
        bar.step()
        holes = scenes.black_holes(scene, seed)
        honest = [m for m in scene.messages if not {m.src, m.dst} & holes]
        without = arrivals(scene.meetings, honest, holes)
        _run_ours(attacked, scene, honest, without, holes)
        bar.step()
    oracle_s = direct.least_s / max(direct.possible, 1)
    count = len(walks[0].messages) * len(walks)
    bytes_each = round(direct.receipt_bytes / max(direct.came, 1))
    others_each = round(direct.other_bytes / max(direct.came, 1))
    return [
        row("oracle: delivered", round(direct.possible / count, 4), "of all"),
        row("oracle: mean time to delivery", round(oracle_s), "s"),
        *_judged("direct", direct, 0.99, 13, 1.5),
        row("direct: receipts sent per delivery", bytes_each, "B"),
        row("direct: hellos, offers and ages per delivery", others_each, "B"),
        *_judged("urgent", pressing, 1.0, 32, 1.2),
        *_judged("direct, 10% black holes", attacked, 0.99, None, None),
    ]


def _run_ours(
    total: Sum,
    scene: Scene,
    messages: list[Message],
    oracle: dict[int, float],
    holes: frozenset[int] = frozenset(),
) -> None:
    """One run of PONS with our router."""
    agents = [
        Carrier(n, BUFFER, swallows=n in holes, nodes=scene.nodes) for n in range(scene.nodes)
    ]
    run = pons_router.run(scene, messages, pons_router.AgentRouter(agents))
    total.add(messages, oracle, run.came, run.sent)
    total.control(agents)


def _judged(
    name: str, total: Sum, least: float, most: float | None, times: float | None
) -> list[Row]:
    """The rows of ours, with their targets."""
    worst = round(total.worst, 4)
    return [
        row(
            f"{name}: delivered",
            round(total.share, 4),
            f"of the oracle's (worst seed {worst})",
            least=least,
        ),
        row(
            f"{name}: mean time to delivery",
            round(total.times_oracle, 3),
            "x",
            "oracle",
            most=times,
        ),
        row(
            f"{name}: transmissions per delivery",
            round(total.per_delivery, 2),
            "transmissions",
            most=most,
        ),
    ]


# --- a mesh that stands, and a trace of people


def _mesh(seeds: range) -> list[Row]:
    """Everybody writes to gateways."""
    total = Sum()
    links = 0
    for seed in seeds:
        scene = scenes.mesh(seed)
        away = {g: hops(scene.meetings, g) for g in scene.gateways}
        links += sum([away[m.dst][m.src] for m in scene.messages])
        agents = [Carrier(n, _NO_LIMIT, nodes=scene.nodes) for n in range(scene.nodes)]
        result = Flow(agents, scene.meetings, scene.messages, scene.gateways, seed).run()
        oracle = {m.number: m.at_s for m in scene.messages}
        total.add(scene.messages, oracle, result.came, result.sent)
    name = f"{scenes.MESH_NODES} static nodes, {scenes.MESH_GATEWAYS} gateways"
    return [
        row(f"{name}: delivered", round(total.share, 4), "of all", least=1.0),
        row(
            f"{name}: transmissions", round(total.sent / links, 3), "x", "shortest path", most=1.3
        ),
    ]


def _people(meetings: list[Meeting], nodes: int, seeds: range) -> list[Row]:
    """Epidemic with summary vectors and no receipts is what the transmissions are measured by."""
    makes = {
        "Epidemic, no receipts": lambda n: Agent(n, _NO_LIMIT, receipts=False),
        "Epidemic": lambda n: Agent(n, _NO_LIMIT),
        f"Spray-and-Wait, {_SPRAY_BUDGET} copies": lambda n: Sprayer(
            n, _NO_LIMIT, budget=_SPRAY_BUDGET
        ),
        "direct": lambda n: Carrier(n, _NO_LIMIT, nodes=nodes),
    }
    totals = {name: Sum() for name in makes}
    for seed in seeds:
        scene = scenes.people(meetings, nodes, seed)
        oracle = arrivals(meetings, scene.messages)
        for name, make in makes.items():
            result = Flow([make(n) for n in range(nodes)], meetings, scene.messages).run()
            totals[name].add(scene.messages, oracle, result.came, result.sent)
    rows = []
    flood = totals["Epidemic, no receipts"].sent
    for name, total in totals.items():
        least, most = (0.94, 0.26) if name == "direct" else (None, None)
        delivered, sent = round(total.share, 4), round(total.sent / flood, 4)
        rows.append(
            row(f"{_PEOPLE}, {name}: delivered", delivered, "of the oracle's", least=least)
        )
        rows.append(row(f"{_PEOPLE}, {name}: sent", sent, "x", "Epidemic, no receipts", most=most))
    return rows


class _Bar:
    """A progress bar for people; it is gone when all is done."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done = 0

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if sys.stderr.isatty():
            full = _BAR_CHARS * self._done // self._steps
            text = f"\r{'#' * full:.<{_BAR_CHARS}} {self._done}/{self._steps}"
            print(text, end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the line empty."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
