"""What is sent over a field, and what is measured of it.

A trial is one graph, one scheme, one load. Before the first message the mesh has WARM_S to get
to know itself and to grow quiet; the schemes that say nothing before a message have it too. Then,
by load:

- minute: a message a minute from another source each time; a minute's control bytes are those
  of its message. `sos` is the same with the highest priority.
- second, tenth: so many messages, one a second, or ten. Control bytes count from the first one
  until the last is everywhere, and at least until an interval after it.
- burst: so many at once from one source.

Afterwards what is not everywhere yet is followed for another FOLLOW_S; data transmissions count to
the end of that.
"""

import random
from dataclasses import dataclass
from typing import Any

from shared_protocol.lifetime import NORMAL, SOS
from tools.broadcast.field import RANGE_M, Field, Message, parcel_of
from tools.broadcast.graphs import graph_of, greedy_cds, oracle
from tools.broadcast.schemes import SCHEMES
from tools.sim.layouts import random_field
from tools.sim.tally import FRAME_NAMES

WARM_S = 180
FOLLOW_S = 300
INTERVAL_S = {"minute": 60.0, "sos": 60.0, "second": 1.0, "tenth": 0.1, "burst": 0.0}
_MINUTE_US = 60_000_000
_STEP_US = 250_000  # how often a run that may end looks whether it has


@dataclass(frozen=True)
class Trial:
    """One run. graph: which of the class's random graphs."""

    nodes: int
    degree: float
    loss: float
    graph: int
    scheme: str
    load: str
    messages: int
    seed: int

    @property
    def graph_seed(self) -> int:
        """The same graph under every loss, scheme and load."""
        return random.Random(f"{self.seed}/{self.nodes}/{self.degree}/{self.graph}").getrandbits(
            48
        )


def run(trial: Trial) -> dict[str, Any]:
    """A row for each message, and what they share; bytes by frame type."""
    places = random_field(trial.nodes, trial.degree, RANGE_M, trial.graph_seed)
    graph = graph_of(places, RANGE_M)
    messages = messages_of(trial)
    field = Field(places, trial.loss, SCHEMES[trial.scheme], trial.graph_seed)
    interval_us = round(INTERVAL_S[trial.load] * 1e6)
    for message in messages:
        field.run(message.at_us)
        field.submit(message)
    paced_us = messages[-1].at_us + max(interval_us, _STEP_US)
    field.run(paced_us)
    while field.now_us < paced_us + FOLLOW_S * 1_000_000 and not _complete(messages, trial):
        field.run(field.now_us + _STEP_US)
    control_us = paced_us if interval_us >= _MINUTE_US else field.now_us
    dice = random.Random(f"{trial.graph_seed}/oracle")
    return {
        "cds": len(greedy_cds(graph)),
        "oracle": [oracle(graph, m.source, trial.loss, dice) for m in messages],
        "messages": [row_of(m, trial.nodes) for m in messages],
        "control": _control(field, messages[0].at_us, control_us),
        "collisions": field.collisions,
        "events": field.events,
        "virtual_s": field.now_us / 1e6,
    }


def _complete(messages: list[Message], trial: Trial) -> bool:
    return all(len(m.heard_us) == trial.nodes for m in messages)


def messages_of(trial: Trial) -> list[Message]:
    """The same sources for every loss and scheme."""
    dice = random.Random(f"{trial.graph_seed}/sources")
    priority = SOS if trial.load == "sos" else NORMAL
    interval_s = INTERVAL_S[trial.load]
    sources = [dice.randrange(trial.nodes) for _ in range(trial.messages)]
    if trial.load == "burst":
        sources = sources[:1] * trial.messages
    return [
        Message(
            i,
            round((WARM_S + i * interval_s) * 1e6),
            source,
            parcel_of(trial.graph_seed, i, priority),
        )
        for i, source in enumerate(sources)
    ]


def row_of(message: Message, nodes: int) -> dict[str, Any]:
    """What became of one message; times in seconds from its submission, None: never."""
    came = sorted((us - message.at_us) / 1e6 for us in message.heard_us.values())
    row: dict[str, Any] = {
        "data": message.transmissions,
        "reach": len(came) / nodes,
        "reach_60s": sum(s <= 60 for s in came) / nodes,
    }
    for pct in (50, 95, 100):
        rank = -(-nodes * pct // 100)
        row[f"t{pct}_s"] = came[rank - 1] if rank <= len(came) else None
    return row


def _control(field: Field, from_us: int, to_us: int) -> dict[str, int]:
    """Bytes of all frames but parcels that were sent in that time, by frame type."""
    total: dict[str, int] = {}
    for at_us, kind, size in field.control:
        if from_us <= at_us < to_us:
            name = FRAME_NAMES.get(kind, f"type {kind}")
            total[name] = total.get(name, 0) + size
    return total
