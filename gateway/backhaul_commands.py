"""helio backhaul status and sync: how the gateway of a data folder gets on with its hub."""

import argparse
import contextlib
import os
import time
from typing import Any

from gateway.backhaul import SYNCED, WISH, status
from gateway.backhaul_box import counts
from gateway.commands import data_dir, gateway_lock, opened_desk, show
from gateway.config import FILE, load_config
from gateway.database import get_meta, set_meta
from gateway.errors import UserError

_LOOK_S = 0.2


def backhaul_status(args: argparse.Namespace) -> int:
    """helio backhaul status: connected or not, why not, and what waits. 0 if all is well."""
    with opened_desk(args) as desk:
        told = status(desk.db)
    settings = load_config(data_dir(args) / FILE).backhaul
    if settings is None:
        told |= {"state": "off", "problem": ""}
    elif not _runs(args):
        told |= {"state": "not running", "problem": "helio gateway run keeps the connection"}
    told["bytes_per_hour"] = 0 if settings is None else settings.bytes_per_hour
    show(args, told, _lines(told))
    return int(told["state"] != "connected" or bool(told["problem"]))


def _lines(told: dict[str, Any]) -> str:
    if told["state"] == "off":
        return "no hub: name one in [backhaul] of gateway.toml"
    lines = [f"{told['state']}  {told['server']}"]
    if told["problem"]:
        lines.append(f"  {told['problem']}")
    lines.append(f"to the hub: {told['to_push']} waiting, {told['sos_to_push']} of them SOS")
    lines.append(f"into the mesh: {told['to_give']} waiting; {told['known']} known in all")
    if told["bytes_per_hour"]:
        lines.append(f"this hour: {told['used']:,} of {told['bytes_per_hour']:,} bytes")
    return "\n".join(lines)


def sync(args: argparse.Namespace) -> int:
    """helio backhaul sync: push and read all now; 0 when that is done, 1 if it was not in time."""
    if load_config(data_dir(args) / FILE).backhaul is None:
        raise UserError("no hub: name one in [backhaul] of gateway.toml")
    if not _runs(args):
        raise UserError("no gateway runs on this folder: helio gateway run does all by itself")
    end_s = time.monotonic() + args.wait
    with opened_desk(args) as desk:
        wish = os.urandom(8)
        set_meta(desk.db, WISH, wish)
        while time.monotonic() < end_s:
            waits = counts(desk.db)
            read = get_meta(desk.db, SYNCED) == wish
            if read and not waits["to_push"] and not waits["to_give"]:
                break
            time.sleep(_LOOK_S)
        else:
            read = False
        told = status(desk.db) | {"done": read}
    show(args, told, "all is there and here" if read else f"not in time\n{_lines_of(told)}")
    return int(not read)


def _lines_of(told: dict[str, Any]) -> str:
    return _lines(told | {"bytes_per_hour": 0})


def _runs(args: argparse.Namespace) -> bool:
    """Does a gateway run on this folder?"""
    with contextlib.suppress(OSError):
        try:
            gateway_lock(data_dir(args)).close()
        except UserError:
            return True
    return False
