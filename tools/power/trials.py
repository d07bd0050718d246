"""What `helio bench power` does to meshes that sleep, a trial a function. Seconds are virtual."""

import hashlib
import math
from dataclasses import dataclass
from typing import Any

from shared_protocol.lifetime import NORMAL, SOS
from shared_protocol.schedule import PROFILES, WINDOW_MS
from tools.broadcast.graphs import Graph, graph_of
from tools.power.energy import CHIPS, SEND, SLEEP, START, STATES, Currents, awake_pct, mean_ma
from tools.power.mesh import RANGE_M, Boards, Mesh, Message
from tools.power.sleeper import START_MS
from tools.sim.layouts import Place, random_field

DEGREE = 9
WARM_S = {"always": 180, "balanced": 180, "long": 480}  # until a long sleeper knows its clock
DRAIN_S = {"always": 120, "balanced": 120, "long": 300}  # what takes longer is not delivered
_SKEW_EVERY_S = 5
_SECOND_US = 1_000_000
_CLIQUE = 5


@dataclass(frozen=True)
class Trial:
    """One run with traffic. rate: messages a minute. reboots: random ones in the meantime.
    others: profiles of every second, third... board, beside `profile`, the slowest."""

    seed: int
    profile: str = "balanced"
    rate: float = 10
    minutes: float = 12
    nodes: int = 100
    loss: float = 0.1
    ppm: float = 500
    reboots: int = 0
    ticks_ms: int = 0
    others: tuple[str, ...] = ()


def field(trial: Trial) -> tuple[list[Place], Graph]:
    """Places of mean degree 9, and who hears whom."""
    places = random_field(trial.nodes, DEGREE, RANGE_M, trial.seed)
    return places, graph_of(places, RANGE_M)


def distances(graph: Graph, source: int) -> dict[int, int]:
    """Hops from a node to each other one."""
    found = {source: 0}
    order = [source]
    for u in order:
        for v in graph[u]:
            if v not in found:
                found[v] = found[u] + 1
                order.append(v)
    return found


def diameter(graph: Graph) -> int:
    """The longest of all shortest ways."""
    return max(max(distances(graph, u).values()) for u in range(len(graph)))


def boot_all(mesh: Mesh, numbers: list[int], spread_s: float = 1.0) -> None:
    """Power for these, at random moments within so long."""
    for number in numbers:
        at_us = mesh.now_us + round(mesh.dice.random() * spread_s * _SECOND_US)
        mesh.at(at_us, lambda number=number: mesh.boot(number))  # type: ignore[misc]


def write(mesh: Mesh, sources: list[int], rate: float, from_s: float, to_s: float) -> None:
    """Messages from random ones of these, at random moments."""
    at_s = from_s + mesh.dice.expovariate(rate / 60)
    while at_s < to_s:
        source = mesh.dice.choice(sources)
        mesh.at(round(at_s * _SECOND_US), lambda source=source: mesh.submit(source, NORMAL))  # type: ignore[misc]
        at_s += mesh.dice.expovariate(rate / 60)


def traffic(trial: Trial) -> dict[str, Any]:
    """Messages over a mesh that sleeps: energy, delivery, times, skew."""
    places, graph = field(trial)
    boards = Boards((trial.profile, *trial.others), trial.ppm, ticks_ms=trial.ticks_ms)
    mesh = Mesh(places, trial.loss, boards, trial.seed)
    everybody = list(range(trial.nodes))
    boot_all(mesh, everybody)
    warm_s = WARM_S[trial.profile]
    mesh.run(warm_s * _SECOND_US)
    base = mesh.spent_us()
    end_s = warm_s + trial.minutes * 60
    write(mesh, everybody, trial.rate, warm_s, end_s)
    for i in range(trial.reboots):
        at_s = warm_s + (i + 0.5) * trial.minutes * 60 / trial.reboots
        number = mesh.dice.randrange(trial.nodes)
        mesh.at(round(at_s * _SECOND_US), lambda number=number: mesh.boot(number))  # type: ignore[misc]
    skews: list[int] = []
    at_s = float(warm_s)
    while at_s < end_s:
        at_s += _SKEW_EVERY_S
        mesh.run(round(at_s * _SECOND_US))
        skews += skews_of(mesh, graph)
    spent = mesh.spent_us()
    mesh.run(round((end_s + DRAIN_S[trial.profile]) * _SECOND_US))
    each = [{s: now[s] - then[s] for s in STATES} for now, then in zip(spent, base, strict=True)]
    total = {s: sum(us[s] for us in each) for s in STATES}
    return {
        "ma": {chip: round(mean_ma(total, currents), 3) for chip, currents in CHIPS.items()},
        "ma_most": round(max(mean_ma(us, CHIPS["esp32"]) for us in each), 3),
        "awake_pct": round(awake_pct(total), 2),
        "share_pct": {s: round(100 * total[s] / sum(total.values()), 3) for s in STATES},
        "skew_p99_ms": quantile(skews, 0.99),
        "skew_most_ms": max(skews),
        "collided_pct": round(100 * mesh.lost["collision"] / max(1, mesh.heard), 1),
        "diameter": diameter(graph),
        "schedules": len(mesh.schedules()),
        "log": log_of(mesh),
    } | delivery(mesh.messages, graph, DRAIN_S[trial.profile])


def skews_of(mesh: Mesh, graph: Graph) -> list[int]:
    """Of each pair of neighbours; who has no schedule in common is half a period apart."""
    found = []
    for a, near in enumerate(graph):
        for b in near:
            if b > a and mesh.sleepers[a] is not None and mesh.sleepers[b] is not None:
                skew = mesh.skew_ms(a, b)
                found.append(2048 if skew is None else skew)
    return found


def delivery(messages: list[Message], graph: Graph, within_s: float) -> dict[str, Any]:
    """Who had what within that time, and after how long. Over all messages and nodes."""
    times: list[float] = []
    hops: list[float] = []
    last: list[float] = []
    wanted = 0
    for m in messages:
        ways = distances(graph, m.source)
        wanted += len(graph) - 1
        came = {n: (us - m.at_us) / _SECOND_US for n, us in m.heard_us.items() if n != m.source}
        came = {n: s for n, s in came.items() if s <= within_s}
        times += came.values()
        hops += [s / ways[n] for n, s in came.items()]
        last.append(max(came.values(), default=0) if len(came) == len(graph) - 1 else within_s)
    return {
        "messages": len(messages),
        "delivered_pct": round(100 * len(times) / max(1, wanted), 3),
        "p50_s": quantile(times, 0.5), "p95_s": quantile(times, 0.95),
        "p99_s": quantile(times, 0.99),
        "hop_p50_s": quantile(hops, 0.5), "hop_p95_s": quantile(hops, 0.95),
        "last_p95_s": quantile(last, 0.95),
    }  # fmt: skip


def quantile(values: list[Any], share: float) -> Any:
    """By nearest rank; None of nothing."""
    if not values:
        return None
    return round(sorted(values)[max(0, math.ceil(len(values) * share) - 1)], 3)


def log_of(mesh: Mesh) -> str:
    """A hash of who had what when, and of how long each board slept."""
    text = repr([sorted(m.heard_us.items()) for m in mesh.messages])
    text += repr([us[SLEEP] for us in mesh.spent_us()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def wrapped(seed: int, minutes: float, nodes: int) -> bool:
    """The same run twice, once with ticks that wrap in the middle: is it the same run?"""
    half_ms = round(WARM_S["balanced"] * 1000 + minutes * 30_000)
    before_ms = ((1 << 30) - half_ms - 500_000) // 60_000 * 60_000  # boards start up to 1,000 s on
    logs = [
        traffic(Trial(seed, minutes=minutes, nodes=nodes, ticks_ms=ticks))["log"]
        for ticks in (0, before_ms)
    ]
    return bool(logs[0] == logs[1])


def boots(seed: int, nodes: int = 100) -> dict[str, Any]:
    """Until there is one schedule after all boot at once; and until a late or rebooted node has
    it too, at worst."""
    trial = Trial(seed, nodes=nodes)
    places, graph = field(trial)
    mesh = Mesh(places, trial.loss, Boards(("balanced",)), seed)
    order = list(range(nodes))
    mesh.dice.shuffle(order)
    late, first = order[:5], order[5:]
    boot_all(mesh, first)
    mesh.run(_SECOND_US)
    together_s = _until(mesh, 60, lambda: len(mesh.schedules()) == 1 and 0 not in mesh.schedules())
    mesh.run(200 * _SECOND_US)
    worst_s: float | None = 0.0
    for number in late + first[:10]:
        mesh.run(mesh.now_us + mesh.dice.randrange(5 * _SECOND_US))
        mesh.boot(number)

        def in_step(number: int = number) -> bool:
            skews = [mesh.skew_ms(number, n) for n in graph[number] if mesh.sleepers[n]]
            return all(s is not None and s < WINDOW_MS // 2 for s in skews)

        took_s = _until(mesh, 60, in_step)
        worst_s = None if took_s is None or worst_s is None else max(worst_s, took_s)
    return {"together_s": together_s, "joined_s": worst_s}


def _until(mesh: Mesh, most_s: float, reached: Any) -> float | None:
    """Seconds until it holds, by tenths; None if it does not within so many."""
    start_us = mesh.now_us
    while mesh.now_us - start_us < most_s * _SECOND_US:
        if reached():
            return round((mesh.now_us - start_us) / _SECOND_US, 1)
        mesh.run(mesh.now_us + _SECOND_US // 10)
    return None


def islands(seed: int, nodes: int = 100) -> dict[str, Any]:
    """Two halves of a field that did not hear each other: how long until they are one, and what is
    delivered from then on."""
    trial = Trial(seed, nodes=nodes)
    places, graph = field(trial)
    middle = sorted(x for x, _ in places)[nodes // 2]
    side = [x < middle for x, _ in places]
    apart = [True]

    def stretch(a: int, b: int) -> float:
        return math.inf if apart[0] and side[a] != side[b] else 1.0

    mesh = Mesh(places, trial.loss, Boards(("balanced",)), seed, stretch)
    boot_all(mesh, list(range(nodes)), 10.0)
    mesh.run(300 * _SECOND_US)
    before = len(mesh.schedules())
    apart[0] = False
    for number in range(nodes):
        mesh.medium.changed(number)
    start_s = mesh.now_us / _SECOND_US
    took_s = _until(mesh, 2 * PROFILES["balanced"][1], lambda: len(mesh.schedules()) == 1)
    end_s = mesh.now_us / _SECOND_US + 180
    write(mesh, list(range(nodes)), 10, end_s - 170, end_s)
    mesh.run(round((end_s + 120) * _SECOND_US))
    return {"before": before, "merged_s": took_s, "start_s": start_s} | delivery(
        mesh.messages, graph, 120
    )


def bridge(seed: int, hours: float) -> int:
    """Two cliques over one bridge: how far its ends were ever apart, ms."""
    left = [(10.0 * math.cos(i), 10.0 * math.sin(i)) for i in range(_CLIQUE)]
    right = [(x + 70.0, y) for x, y in left]
    # The first of both stands between: only these two are in range of each other.
    places = [(12.0, 0.0), *left[1:], (70.0, 0.0), *[(x + 16.0, y) for x, y in right[1:]]]
    mesh = Mesh(places, 0.1, Boards(("balanced",)), seed)
    graph = graph_of(places, RANGE_M)
    crossing = [(a, b) for a in range(_CLIQUE) for b in graph[a] if b >= _CLIQUE]
    assert crossing == [(0, _CLIQUE)]
    boot_all(mesh, list(range(2 * _CLIQUE)))
    mesh.run(300 * _SECOND_US)
    most = 0
    end_us = mesh.now_us + round(hours * 3600 * _SECOND_US)
    while mesh.now_us < end_us:
        mesh.run(mesh.now_us + 10 * _SECOND_US)
        skew = mesh.skew_ms(0, _CLIQUE)
        most = max(most, 2048 if skew is None else skew)
    return most


def alarm(seed: int, times: int, nodes: int = 100) -> dict[str, Any]:
    """SOS from the node that is farthest from others, in a field of diameter 12 or so."""
    graph_seed = seed
    while True:
        trial = Trial(graph_seed, nodes=nodes)
        places, graph = field(trial)
        if diameter(graph) >= 12 or nodes < 100:
            break
        graph_seed += 1_000_003
    mesh = Mesh(places, trial.loss, Boards(("balanced",)), seed)
    boot_all(mesh, list(range(nodes)))
    edge = max(range(nodes), key=lambda u: max(distances(graph, u).values()))
    for i in range(times):
        at_s = WARM_S["balanced"] + 30 * i + 10 * mesh.dice.random()
        mesh.at(round(at_s * _SECOND_US), lambda: mesh.submit(edge, SOS))
    mesh.run(round((WARM_S["balanced"] + 30 * times + 120) * _SECOND_US))
    return {"diameter": diameter(graph)} | delivery(mesh.messages, graph, 120)


def formula(seed: int) -> float:
    """Per cent by which the accounting differs from the closed formula, in an idle mesh:
    I = I_sleep + [(I_start - I_sleep) t_start + (I_listen - I_sleep)(W + 2 margin)] / P
    + (I_send - I_listen) x share sent."""
    nodes = 10
    places = random_field(nodes, 5, RANGE_M, seed)
    mesh = Mesh(places, 0.1, Boards(("balanced",), ppm=40, noise_ppm=0), seed)
    boot_all(mesh, list(range(nodes)))
    mesh.run(300 * _SECOND_US)
    base = mesh.spent_us()
    margins: list[int] = []
    while mesh.now_us < 900 * _SECOND_US:
        mesh.run(mesh.now_us + 4_096_000)
        margins += [s.schedule.margin() for s in mesh.sleepers if s and s.schedule]
    each = [
        {s: now[s] - then[s] for s in STATES}
        for now, then in zip(mesh.spent_us(), base, strict=True)
    ]
    total = {s: sum(us[s] for us in each) for s in STATES}
    c: Currents = CHIPS["esp32"]
    period_ms = 1 << PROFILES["balanced"][0]
    listen_ms = WINDOW_MS + 2 * sum(margins) / len(margins)
    expected = c.sleep + (c.start - c.sleep) * START_MS / period_ms
    expected += (c.listen - c.sleep) * listen_ms / period_ms
    expected += (c.send - c.listen) * total[SEND] / sum(total.values())
    assert total[START]
    return round(100 * (mean_ma(total, c) / expected - 1), 2)
