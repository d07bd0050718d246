"""Trials of one class together: means and 95th percentiles over all messages."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any


def summary(found: list[dict[str, Any]], nodes: int) -> dict[str, Any]:
    """What loads.run gave for the graphs of one class, scheme and load, in one row.

    data_per_cds: parcel frames on the air for a message, the source's included, over the size of
    the greedy connected dominating set (which need not have the source in it); data_per_oracle
    and oracle_per_cds likewise. reach: share of the nodes that had it in the end; complete: share
    of the messages that all had. t50_s to t100_s: until that percentage of the nodes had it; the
    mean over the messages for which that came to be, but p95 and max over all (None: never).
    control_bytes: all frames that are no parcels, a node and a message. collisions: receptions of
    parcels lost to other transmissions, a message.
    """
    rows = [m for f in found for m in f["messages"]]
    cds = [float(f["cds"]) for f in found for _ in f["messages"]]
    best = [float(n) for f in found for n in f["oracle"]]
    ratios = [m["data"] / size for m, size in zip(rows, cds, strict=True)]
    row: dict[str, Any] = {
        "cds": round(mean(cds), 1),
        "oracle_per_cds": round(sum(best) / sum(cds), 2),
        "data_per_oracle": round(sum(m["data"] for m in rows) / sum(best), 2),
        "data_per_cds": round(mean(ratios), 2),
        "data_per_cds_p95": p95(ratios),
        "reach": round(mean([m["reach"] for m in rows]), 4),
        "reach_60s": round(mean([m["reach_60s"] for m in rows]), 4),
        "complete": round(mean([m["reach"] == 1 for m in rows]), 4),
    }
    for name in ("t50_s", "t95_s", "t100_s"):
        came = [m[name] for m in rows if m[name] is not None]
        row[name] = round(mean(came), 2) if came else None
    row["t100_p95_s"] = p95([m["t100_s"] for m in rows])
    row["t100_max_s"] = round(max(came), 2) if len(came) == len(rows) else None
    each = nodes * len(rows)
    control: Counter[str] = Counter()
    for f in found:
        control.update(f["control"])
    row["control_bytes"] = round(control.total() / each, 1)
    row["control_by_type"] = {name: round(n / each, 1) for name, n in sorted(control.items())}
    row["collisions"] = round(sum(f["collisions"] for f in found) / len(rows), 1)
    return row


def mean(values: Sequence[float]) -> float:
    """The arithmetic one."""
    return sum(values) / len(values)


def p95(values: Sequence[float | None]) -> float | None:
    """The 95th percentile by nearest rank; None, which is never, is longer than any time."""
    ordered = sorted(values, key=lambda value: math.inf if value is None else value)
    value = ordered[-(-len(values) * 95 // 100) - 1]
    return None if value is None else round(value, 2)
