"""`helio bench sim`: what simulating costs, ours beside PONS, and whether it grows with the field.

Two simulators of ours are measured. tools/dtn/flow.py, like PONS, is driven by contacts: it has
no radio, and a transfer takes the time that its bytes need. PONS (pons-dtn) is given the
same walks, messages and buffers, and finds the contacts itself, every 2 s; what finding them takes
ours is counted too. tools/sim/ is the other one: whole nodes, every frame on a modelled channel.

Fields of tools/sim/ have the same mean degree and the same messages per node, so a message that
reaches everybody is handled by every node, and a large field has more events per node as well.
Time is CPU time of this process (another's load disturbs it less), per event of World's count.
"""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tools.bench import BenchFailed, row
from tools.sim.layouts import random_field
from tools.sim.scenario import Message, Scenario
from tools.sim.world import World

Row = dict[str, Any]

SIZES = {100: 10, 1_000: 1}  # nodes in a field: fields of different seeds, run one after another
FULL = 10_000
FULL_MESSAGES = 100
PER_MESSAGE = 100  # nodes
DEGREE = 10.0
RANGE_M = 120
LOSS = 0.05
DURATION_S = 60
_FIRST_S, _LAST_S = 10, 40  # when the first message is written, and before when the last one
_SIZE = 80  # bytes of text: one frame
_LIFETIME_S = 7 * 86_400
_CAPACITY = 440  # parcels that a relay knows of (the firmware's number)
_FULL_TIMEOUT_S = 3_600


def measure(seed: int, full: bool = False) -> list[Row]:
    """All rows. full: also a field of 10,000 nodes, and one with 100 messages for its size."""
    rows = _pons(seed)
    cost_us = {}
    for nodes, fields in SIZES.items():
        runs = [field_run(nodes, nodes // PER_MESSAGE, s) for s in range(seed, seed + fields)]
        cost_us[nodes] = _cost_us(runs)
        rows += _field_rows(nodes, runs, cost_us[nodes])
    if full:
        run = _apart(FULL, FULL_MESSAGES, seed)
        cost_us[FULL] = _cost_us([run])
        rows += _field_rows(FULL, [run], cost_us[FULL])
        name = f"{FULL:,} nodes, {FULL_MESSAGES} messages"
        rows.append(row(f"{name}: wall-clock, build and run", round(run["wall_s"]), "s", most=600))
        rows.append(row(f"{name}: peak memory", run["peak_mb"], "MB", most=4096))
    least, most = min(cost_us), max(cost_us)
    times = round(cost_us[most] / cost_us[least], 2)
    rows.append(row(f"cost of an event, {most:,} nodes", times, "x", f"{least} nodes", most=1.5))
    return rows


# --- contacts: PONS and tools/dtn/flow.py


def _pons(seed: int) -> list[Row]:
    """60 walkers, 2 h, 180 messages, buffers of 20: Epidemic in both, without receipts."""
    from tools.dtn import pons_router, scenes
    from tools.dtn.agents import Agent
    from tools.dtn.carrier import Carrier
    from tools.dtn.contacts import from_moves
    from tools.dtn.flow import Flow

    scene = scenes.walks(seed)
    buffer = scenes.BUFFER
    theirs = pons_router.run(scene, scene.messages, pons_router.peers(buffer)["Epidemic"])
    count = len(scene.messages)
    rows = [
        row("PONS Epidemic: wall-clock", round(theirs.wall_s, 2), "s"),
        row("PONS Epidemic: delivered", len(theirs.came), f"of {count}"),
        row("PONS Epidemic: transfers", theirs.sent, "transfers"),
    ]
    makes = {
        "Epidemic": lambda n: Agent(n, buffer, receipts=False),
        "direct": lambda n: Carrier(n, buffer, nodes=scene.nodes),
    }
    for name, make in makes.items():
        began_s = time.perf_counter()
        meetings = from_moves(scene.moves, scene.nodes, scenes.RANGE_M, scene.duration_s)
        ours = Flow([make(n) for n in range(scene.nodes)], meetings, scene.messages).run()
        wall_s = time.perf_counter() - began_s
        times = round(theirs.wall_s / wall_s, 1)
        peer = "PONS Epidemic"
        rows += [
            row(f"contacts, {name}: wall-clock", round(wall_s, 2), "s"),
            row(f"contacts, {name}: delivered", len(ours.came), f"of {count}"),
            row(f"contacts, {name}: transfers", ours.sent, "transfers"),
            row(f"contacts, {name}: times as quick", times, "x", peer, least=5),
        ]
    return rows


# --- fields of nodes with a radio


def scenario(nodes: int, messages: int, seed: int) -> Scenario:
    """A random field that stands; any node writes to any other, at even distances in time."""
    dice = random.Random(f"{seed}/bench sim")
    ends = [dice.sample(range(nodes), 2) for _ in range(messages)]
    apart_us = (_LAST_S - _FIRST_S) * 1_000_000 // max(messages, 1)
    return Scenario(
        name=f"{nodes} nodes",
        seed=seed,
        duration_us=DURATION_S * 1_000_000,
        range_m=RANGE_M,
        loss=LOSS,
        places=random_field(nodes, DEGREE, RANGE_M, seed),
        gateways=tuple(sorted({end for pair in ends for end in pair})),
        capacity=_CAPACITY,
        messages=[
            Message(sender, to, _FIRST_S * 1_000_000 + i * apart_us, _SIZE, _LIFETIME_S)
            for i, (sender, to) in enumerate(ends)
        ],
        happenings=[],
        waypoints=None,
        contacts=None,
    )  # fmt: skip


def field_run(nodes: int, messages: int, seed: int) -> dict[str, Any]:
    """One field from beginning to end. cpu_s: of the run alone; wall_s: with building it."""
    began_s = time.perf_counter()
    world = World(scenario(nodes, messages, seed))
    cpu_s = time.process_time()
    world.run(lambda now_us: None)
    cpu_s = time.process_time() - cpu_s
    return {
        "events": world.tally.events, "cpu_s": cpu_s, "wall_s": time.perf_counter() - began_s,
        "messages": messages,
        "delivered": len([x for x in world.letters if x.delivered_us is not None]),
        "peak_mb": _peak_mb(),
    }  # fmt: skip


def _peak_mb() -> int:
    """Most memory that this program has had; 0 where there is no /proc. ru_maxrss would count that
    of the program which started it too."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) >> 10


def _cost_us(runs: list[dict[str, Any]]) -> float:
    return float(1e6 * sum(r["cpu_s"] for r in runs) / sum(r["events"] for r in runs))


def _field_rows(nodes: int, runs: list[dict[str, Any]], cost_us: float) -> list[Row]:
    events = sum(r["events"] for r in runs)
    came, of = sum(r["delivered"] for r in runs), sum(r["messages"] for r in runs)
    fields = f"{len(runs)} fields" if len(runs) > 1 else "a field"
    name = f"{fields} of {nodes:,} nodes, {DURATION_S} s"
    return [
        row(f"{name}: events", events, f"events ({events // nodes // len(runs)} a node)"),
        row(f"{name}: delivered", came, f"of {of}"),
        row(f"{name}: cost of an event", round(cost_us, 1), "us"),
        row(f"{name}: speed", round(1e6 / cost_us), "events/s"),
    ]


def _apart(nodes: int, messages: int, seed: int) -> dict[str, Any]:
    """field_run() in a process of its own, whose memory nothing else has used before."""
    command = [sys.executable, "-m", "tools.bench_sim", str(nodes), str(messages), str(seed)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, timeout=_FULL_TIMEOUT_S
    )
    if done.returncode:
        raise BenchFailed(f"{nodes} nodes: exit code {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    print(json.dumps(field_run(*map(int, sys.argv[1:4]))))
