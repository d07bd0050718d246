"""helio nodes: everybody in the mesh and in the registry, and how they are, or were at last."""

import argparse
import time
from typing import Any

from gateway.commands import show
from gateway.errors import UserError
from gateway.inspection import with_relays
from gateway.progress import Progress
from gateway.relays import Relays
from gateway.words import ago, length


def nodes(args: argparse.Namespace) -> int:
    """helio nodes: everybody heard of, and how they are."""

    async def run(relays: Relays) -> int:
        rows = await _all_nodes(relays)
        show(args, rows, "\n".join(_node_line(row) for row in rows))
        return 0

    return with_relays(args, run)


async def _all_nodes(relays: Relays) -> list[dict[str, Any]]:
    known = relays.known()
    found = {f.node: f for f in (await relays.found() if known else [])}
    rows = {}
    with Progress("asking", len(found) + 1) as progress:
        for node in [relays.here, *found, *(node for node in known if node not in found)]:
            if node in rows:
                continue
            answers = node == relays.here or node in found
            rows[node] = row = {"node": node.hex(), "name": relays.name_of(node),
                                "answers": answers}  # fmt: skip
            row |= relays.last_life(node)
            if answers:
                row["hops"] = found[node].hops if node in found else 0
                row |= await _life(relays, node)
                progress.step()
    return list(rows.values())


async def _life(relays: Relays, node: bytes) -> dict[str, Any]:
    try:
        status = await relays.ask_json(node, {"ask": "status"})
    except UserError as e:
        return {"problem": str(e)}
    relays.note_life(node, status)
    return {"answered_s": int(time.time()), "status": status}


def _node_line(row: dict[str, Any]) -> str:
    head = f"{row['name']:<16} {row['node']}"
    board = f"{row['board']}, " if row.get("board", "unknown") != "unknown" else ""
    then = ""
    if "problem" in row or not row["answers"]:
        then = row.get("problem", "does not answer")
        if "status" not in row:
            return f"{head}  {board}{then}; it has never told us how it is"
        then += f"; {ago(int(time.time()) - row['answered_s'])} it was: "
    else:
        then = "on the wire, " if not row["hops"] else f"{row['hops']} hops, "
    status = row["status"]
    battery = f", battery {status['battery'][1]} %" if status["battery"] else ""
    near = ", ".join(
        f"..{n['node'][-4:]} {n['rssi_dbm']} dBm" for n in status["neighbours"] if n["link"] == 0
    )
    store = status["store"]
    full = 100 * store["records"] // max(1, store["capacity"])
    return (
        f"{head}  {board}{then}firmware {status['firmware']}, up {length(status['uptime_s'])}"
        f"{battery}, keeps {status['parcels']}, store {full} %\n    hears {near or 'nobody'}"
    )
