"""`helio bench gossip`: rumours on a complete graph, beside the rounds that theory gives.

In each round every node calls one of all, at random. Push: who knows the rumour tells whom it
calls. Pull: who does not know it asks. Push-pull: both. What was learnt in a round is passed on
from the next. It holds the dice and the arithmetic of gossip against known results; a radio is no
telephone, and `helio bench broadcast` is what our mesh does.

A. Demers et al., "Epidemic algorithms for replicated database maintenance", PODC 1987. B. Pittel,
"On spreading a rumor", SIAM J. Appl. Math. 47, 1987: push takes log2 n + ln n + O(1) rounds.
R. Karp et al., "Randomized rumor spreading", FOCS 2000: pull squares the share of those without it
once that is under a half, log2 ln n rounds; push-pull triples those with it until then.
"""

import math
import random
from collections.abc import Callable
from typing import Any

from tools.bench import row

PUSH, PULL = 1, 2
# name: (who calls, formula as text, formula)
PROTOCOLS: dict[str, tuple[int, str, Callable[[int], float]]] = {
    "push": (PUSH, "log2 n + ln n", lambda n: math.log2(n) + math.log(n)),
    "pull": (PULL, "log2 n + log2 ln n", lambda n: math.log2(n) + math.log2(math.log(n))),
    "push-pull": (
        PUSH | PULL,
        "log3 n + log2 ln n",
        lambda n: math.log(n, 3) + math.log2(math.log(n)),
    ),
}
_RUNS = {100: 100, 1_000: 50, 10_000: 10}  # of n nodes
_WITHIN_ROUNDS = 2


def rounds(nodes: int, how: int, dice: random.Random) -> int:
    """Rounds until all of so many know what one knew."""
    knows = bytearray(nodes)
    knows[0] = 1
    count, passed = 1, 0
    while count < nodes:
        told = []
        for caller in range(nodes):
            if not how & (PUSH if knows[caller] else PULL):
                continue
            called = int(dice.random() * nodes)
            if knows[caller] != knows[called]:
                told.append(called if knows[caller] else caller)
        for node in told:
            count += not knows[node]
            knows[node] = 1
        passed += 1
    return passed


def measure(seed: int, divisor: int = 1) -> list[dict[str, Any]]:
    """All rows. `divisor` makes fewer runs, for a test."""
    rows, off = [], []
    for name, (how, text, formula) in PROTOCOLS.items():
        for nodes, runs in _RUNS.items():
            dice = random.Random(f"{seed}/{name}/{nodes}")
            count = max(1, runs // divisor)
            mean = sum(rounds(nodes, how, dice) for _ in range(count)) / count
            expected = formula(nodes)
            off.append(abs(mean - expected))
            what = f"{name}, {nodes:,} nodes, mean of {count} runs"
            rows.append(row(what, round(mean, 2), "rounds", f"{expected:.1f} = {text}"))
    rows.append(row("farthest off", round(max(off), 2), "rounds", most=_WITHIN_ROUNDS))
    return rows
