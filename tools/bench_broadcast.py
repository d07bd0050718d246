"""`helio bench broadcast`: the mesh's own push and pull beside its peers and what is possible.

Real nodes on tools/medium.py (carrier sense, hidden terminals, collisions with capture, half
duplex) in connected random geometric graphs: 50 and 100 nodes, mean degree 6, 12 and 19, loss of
0, 10 and 30 % besides collisions. Same graphs, sources and medium for every scheme of
tools/broadcast/schemes.py; how each thing is measured stands in tools/broadcast/loads.py.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from gateway.errors import UserError
from tools.bench import gather, row, table
from tools.broadcast.classes import mean, p95, summary
from tools.broadcast.loads import Trial, run
from tools.broadcast.schemes import SCHEMES
from tools.sim.layouts import NotConnected

OURS, REPAIRED = "heliograph", "counter-2 + pull"
FLOOD, MANAGED = "flooding", "managed flooding"
GRAPHS = [(nodes, degree) for nodes in (50, 100) for degree in (6, 12, 19)]
LOSSES = (0.0, 0.1, 0.3)
LOADED = [(50, 6, 0.1), (100, 12, 0.1), (100, 19, 0.1), (100, 12, 0.3)]
_WORKERS = 2

# data_per_cds: of the mean over the classes of one loss, and of the worst of them
_MOST = {0.0: (1.6, 1.8), 0.1: (1.6, 1.8), 0.3: (2.2, 2.6)}
_MOST_LOADED = 2.5

Key = tuple[int, float, float, str, str]  # nodes, degree, loss, scheme, load


@dataclass(frozen=True)
class Plan:
    """How much is run. loads: graphs of a class, and messages on each, by load. repaired: at
    which losses the counter is tried with our pull, which takes as long as our own push."""

    loads: dict[str, tuple[int, int]]
    repaired: tuple[float, ...]


USUAL = Plan(
    {"minute": (3, 5), "sos": (2, 5), "second": (1, 60), "tenth": (1, 100), "burst": (2, 20)},
    repaired=(0.1,),
)
FULL = Plan(
    {"minute": (10, 20), "sos": (5, 20), "second": (5, 120), "tenth": (5, 200), "burst": (5, 20)},
    repaired=LOSSES,
)


def measure(seed: int, plan: Plan) -> dict[str, Any]:
    """`results`, `classes` (a row for each class, scheme and load), and `text` for people."""
    found = _run_all(seed, plan)
    classes = [_class(key, trials) for key, trials in found.items()]
    return {
        "results": _spread(classes) + _times(found, classes) + loaded(classes),
        "classes": classes,
        "text": _text(classes),
    }


def _keys(plan: Plan) -> list[Key]:
    keys: list[Key] = [
        (nodes, degree, loss, scheme, "minute")
        for loss in LOSSES
        for nodes, degree in GRAPHS
        for scheme in SCHEMES
        if scheme != REPAIRED or loss in plan.repaired
    ]
    loads = ("sos", "second", "tenth", "burst")
    return keys + [(*graph, OURS, load) for load in loads for graph in LOADED]


def _run_all(seed: int, plan: Plan) -> dict[Key, list[dict[str, Any]]]:
    """What loads.run gives for each graph of each class."""
    trials = []
    for nodes, degree, loss, scheme, load in _keys(plan):
        graphs, messages = plan.loads[load]
        for graph in range(graphs):
            trials.append(Trial(nodes, degree, loss, graph, scheme, load, messages, seed))
    try:
        with ProcessPoolExecutor(_WORKERS, get_context("spawn")) as pool:
            done = gather(pool, {pool.submit(run, trial): trial for trial in trials})
    except NotConnected as e:
        raise UserError(str(e)) from None
    found: dict[Key, list[dict[str, Any]]] = {}
    for t in trials:
        found.setdefault((t.nodes, t.degree, t.loss, t.scheme, t.load), []).append(done[t])
    return found


def _class(key: Key, trials: list[dict[str, Any]]) -> dict[str, Any]:
    nodes, degree, loss, scheme, load = key
    named = {
        "load": load, "loss_pct": round(100 * loss), "nodes": nodes, "degree": degree,
        "scheme": scheme,
    }  # fmt: skip
    return named | summary(trials, nodes)


# --- rows


def _spread(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many transmissions, and who was reached."""
    rows = []
    for loss in LOSSES:
        ours = _of(classes, OURS, "minute", loss)
        at, (most_mean, most_each) = f"{loss:.0%} loss", _MOST[loss]
        worst = max(c["data_per_cds"] for c in ours)
        rows += [
            row(f"data / CDS, mean of the classes, {at}", _mean(ours, "data_per_cds"), "x",
                ", ".join(_peer(classes, name, loss) for name in (MANAGED, FLOOD)),
                most=most_mean),
            row(f"data / CDS, the worst class, {at}", worst, "x", most=most_each),
            row(f"data / oracle, mean of the classes, {at}", _mean(ours, "data_per_oracle"), "x"),
            row(f"messages that came to be everywhere, {at}", _pct(ours, "complete"), "%",
                least=100),
            row(f"nodes that had them within a minute, {at}", _pct(ours, "reach_60s"), "%"),
        ]  # fmt: skip
    return rows


def _times(
    found: dict[Key, list[dict[str, Any]]], classes: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    most = max(nodes for nodes, _ in GRAPHS)
    trials = [
        trial
        for (nodes, _, loss, scheme, load), trials in found.items()
        if (nodes, loss, scheme, load) == (most, 0.1, OURS, "minute")
        for trial in trials
    ]
    last_s = [m["t100_s"] for trial in trials for m in trial["messages"]]
    ours = [c for loss in LOSSES for c in _of(classes, OURS, "minute", loss)]
    control = max(c["control_bytes"] for c in ours)
    average_s = None if None in last_s else round(mean(last_s), 2)
    return [
        row(f"time to the last of {most} nodes, 10% loss, mean", average_s, "s", most=4),
        row(f"time to the last of {most} nodes, 10% loss, p95", p95(last_s), "s", most=20),
        row("control a node and message, 1 a minute, worst class", control, "B", most=190),
    ]


def loaded(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """SOS, and messages that come faster; targets of cost are for 10 % loss."""
    some = [c for c in classes if c["load"] != "minute"]
    complete = round(100 * min(c["complete"] for c in some), 1)
    at10 = {load: _of(classes, OURS, load, 0.1) for load in ("sos", "second", "tenth", "burst")}

    def worst(load: str, name: str) -> float | None:
        everywhere = all(c["complete"] == 1 for c in at10[load])
        return max(c[name] for c in at10[load]) if everywhere else None

    return [
        row("SOS: time to the last node, 10% loss, worst class", worst("sos", "t100_s"), "s",
            most=1),
        row("control a node and message, 1 a second, worst class",
            worst("second", "control_bytes"), "B", most=30),
        row("burst of 20: data / CDS, 10% loss, worst class", worst("burst", "data_per_cds"),
            "x", most=_MOST_LOADED),
        row("burst of 20: until the last is everywhere, worst class",
            worst("burst", "t100_max_s"), "s"),
        row("10 a second: data / CDS, 10% loss, worst class", worst("tenth", "data_per_cds"),
            "x", most=_MOST_LOADED),
        row("SOS, 1 and 10 a second, burst: messages everywhere, worst", complete, "%",
            least=100),
    ]  # fmt: skip


def _of(
    classes: list[dict[str, Any]], scheme: str, load: str, loss: float
) -> list[dict[str, Any]]:
    like = (scheme, load, round(100 * loss))
    return [c for c in classes if (c["scheme"], c["load"], c["loss_pct"]) == like]


def _mean(classes: list[dict[str, Any]], name: str) -> float:
    return round(mean([c[name] for c in classes]), 2)


def _pct(classes: list[dict[str, Any]], name: str) -> float:
    return round(100 * mean([c[name] for c in classes]), 2)


def _peer(classes: list[dict[str, Any]], scheme: str, loss: float) -> str:
    theirs = _of(classes, scheme, "minute", loss)
    return f"{scheme} {_mean(theirs, 'data_per_cds')} (reached {_pct(theirs, 'reach'):.0f}%)"


# --- for people


def _text(classes: list[dict[str, Any]]) -> list[str]:
    """Our own classes, and each scheme's mean over the classes of a loss."""
    per_loss = []
    for loss in LOSSES:
        for scheme in SCHEMES:
            theirs = _of(classes, scheme, "minute", loss)
            if not theirs:
                continue
            names = ("data_per_cds", "data_per_oracle", "control_bytes", "collisions")
            per_loss.append(
                {"loss_pct": round(100 * loss), "scheme": scheme}
                | {"reach_pct": _pct(theirs, "reach"), "complete_pct": _pct(theirs, "complete")}
                | {name: _mean(theirs, name) for name in names}
            )
        bound = (100.0, 100.0, _mean(theirs, "oracle_per_cds"), 1.0, 0.0, 0.0)
        oracle = (round(100 * loss), "oracle", *bound)
        per_loss.append(dict(zip(per_loss[0], oracle, strict=True)))
    hidden = {
        "scheme", "oracle_per_cds", "data_per_cds_p95", "reach", "reach_60s", "t100_max_s",
        "control_by_type", "collisions",
    }  # fmt: skip
    ours = [
        {name: value for name, value in c.items() if name not in hidden}
        for c in classes
        if c["scheme"] == OURS
    ]
    return [*table(ours), "", *table(per_loss), ""]
