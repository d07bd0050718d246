"""Commands that show one relay, or change it: helio relay status, set, reboot, store."""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

from gateway.ask import sure
from gateway.commands import show
from gateway.errors import UserError
from gateway.inspection import with_relays
from gateway.position import cell_at
from gateway.progress import Progress
from gateway.relays import Relays, parsed

_START_S = 60  # until a relay has started again: mounting a full store takes seconds
_LOOK_S = 1.0
_POWERS = ("always", "balanced", "long")


def status(args: argparse.Namespace) -> int:
    """helio relay status: everything a relay tells about itself."""

    async def run(relays: Relays) -> int:
        said = await relays.ask_json(relays.named(args.node), {"ask": "status"})
        show(args, said, "\n".join(_status_lines(said)))
        return 0

    return with_relays(args, run)


def _status_lines(status: dict[str, Any]) -> list[str]:
    store = status["store"]
    return [
        f"{status['name']}  {status['node']}  firmware {status['firmware']},"
        f" up {status['uptime_s']} s, boot {status['boots']}",
        f"parcels {status['parcels']} (knows {status['known']} of {status['capacity']})",
        *_waiting(status),
        *(f"  to gateway {to}: {_given(*given)}" for to, *given in status["underway"]),
        *_flooded(status["stats"]["unicasts_flooded"]),
        *(f"gateway {name}: {hops} hops" for name, hops in status["gateways"]),
        f"flash {store['records']} records of {store['capacity']} (limit: {store['limit']})",
        f"each sector erased {store['erased']} times, {store['write_errors']} write errors",
        f"evicted {status['evicted']}, damaged {status['damaged']}",
        f"heap peak {status['heap_peak']} bytes, free {status['heap_free']}",
        *_battery(status["battery"]),
        f"neighbours {status['neighbours_known']}",
        *(f"  {_neighbour(n)}" for n in status["neighbours"]),
    ]


def _battery(told: list[int] | None) -> list[str]:
    return [f"battery {told[1]} %, {told[0]} mV"] if told else []


def _waiting(status: dict[str, Any]) -> list[str]:
    """What the parcels that it holds wait for."""
    if status["parcels"] <= len(status["underway"]):
        return []
    if not status["lacked"] and not status["everywhere"]:
        return [f"  {status['parcels']} waiting: nobody is near"]
    reasons = ("lacked", "a neighbour lacks them"), ("everywhere", "all neighbours have them")
    return [f"  {status[key]} waiting: {why}" for key, why in reasons if status[key]]


def _flooded(count: int) -> list[str]:
    return (
        [f"{count} found no neighbour nearer to their gateway: given to everybody"]
        if count
        else []
    )


def _given(to: str, tries: int) -> str:
    """What is done about a parcel that goes alone."""
    return f"being given to ..{to}" + (f", {tries} times in vain" if tries else "")


def _neighbour(n: dict[str, Any]) -> str:
    """One neighbour in words."""
    if not n["fresh"]:
        return f"{n['node']}  not proved yet"
    heard = "heard well" if n["heard_well"] else "heard badly"
    hears = "hears it too" if n["hears_me"] else "does not hear it"
    knows = "knows the same" if n["equal"] else "knows other parcels"
    if n["lacks"]:
        knows += f", lacks {n['lacks']} of those held"
    where = f"{n['rssi_dbm']} dBm, {heard}, {hears}" if n["link"] == 0 else "tethered"
    return f"{n['node']}  {where}, {knows}"


def reboot(args: argparse.Namespace) -> int:
    """helio reboot: start a relay again. What it keeps stays."""

    async def run(relays: Relays) -> int:
        node = relays.named(args.node)
        await relays.ask_json(node, {"ask": "reboot"})
        said = await _back(relays, node)
        show(args, said, f"{relays.name_of(node)} has started again")
        return 0

    return with_relays(args, run)


def clear(args: argparse.Namespace) -> int:
    """helio store clear: give a relay an empty store; what it holds is lost."""

    async def run(relays: Relays) -> int:
        node = relays.named(args.node)
        held = parsed(await relays.ask(node, {"ask": "status"}))  # or why there is no store
        what = f"{held['parcels']} parcels" if "parcels" in held else "something that is not ours"
        name = relays.name_of(node)
        sure(args.yes, f"{name} holds {what}. All of it is lost.",
             f"this loses what {name} holds ({what}): say --yes")  # fmt: skip
        await relays.ask_json(node, {"ask": "format"})
        said = await _back(relays, node)
        show(args, said, f"{name} has started again with an empty store")
        return 0

    return with_relays(args, run)


async def _back(relays: Relays, node: bytes) -> dict[str, Any]:
    """Wait until a relay that said it would has started again: its answer to a ping."""
    asked_s = time.monotonic()
    with Progress("waiting for it to start again", _START_S) as progress:
        while (waited_s := time.monotonic() - asked_s) < _START_S:
            await asyncio.sleep(_LOOK_S)
            progress.step(waited_s)
            try:
                said = await relays.ask_json(node, {"ask": "ping"})
            except UserError:
                continue
            if int(said["uptime_s"]) <= time.monotonic() - asked_s:
                return said
    raise UserError(f"{relays.name_of(node)} has not come back within {_START_S} s")


def change(args: argparse.Namespace) -> int:
    """helio set: change a relay's name, position or power profile."""
    values = dict(_setting(text) for text in args.settings)

    async def run(relays: Relays) -> int:
        node = relays.named(args.node)
        await relays.ask_json(node, {"ask": "set", "set": values})
        said = await _back(relays, node)
        name = (await relays.ask_json(node, {"ask": "status"}))["name"]
        if values.get("name", name) != name:
            raise UserError(f"{name} has started again and did not take it: try again")
        relays.note_change(node, values)
        show(args, said | values, f"{relays.name_of(node)} has started again with it")
        return 0

    return with_relays(args, run)


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if key == "name" and equals and 0 < len(value.encode()) <= 24:
        return key, value
    if key == "power" and value in _POWERS:
        return key, value
    if key == "position":
        try:
            latitude, longitude = (float(part) for part in value.split(","))
            return "cell", cell_at(latitude, longitude)
        except ValueError:
            pass
    raise UserError(f"{text}: write name=NAME, position=LAT,LON or power={'|'.join(_POWERS)}")


def export(args: argparse.Namespace) -> int:
    """helio store export: everything a relay keeps, as a file of JSON lines."""
    path = Path(args.file)
    if path.exists():
        raise UserError(f"{path} exists already: choose another name")

    async def run(relays: Relays) -> int:
        node = relays.named(args.node)
        lines = []
        with Progress("reading") as progress:
            async for names, row in relays.queue(node):
                record = await relays.ask(node, {"ask": "record", "short": row.short})
                lines.append(json.dumps(row.as_json(names) | {"record": record.hex()}) + "\n")
                progress.step()
        _write(path, "".join(lines))
        show(args, {"file": str(path), "records": len(lines)}, f"{len(lines)} records in {path}")
        return 0

    return with_relays(args, run)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as e:
        raise UserError(f"{path} cannot be written: {e.strerror}") from None
