"""`helio sim run SCENARIO.toml`: a mesh of real nodes in virtual time (docs/SIMULATOR.md)."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from gateway.errors import UserError
from tools.sim import scenario
from tools.sim.tally import message_rows
from tools.sim.world import World

_PATIENCE_S = 1.0  # a run that takes longer shows how far it is
_BAR = 30


def main(args: argparse.Namespace) -> int:
    """Run one scenario and print what it came to."""
    if args.seed is not None and not 0 <= args.seed <= scenario.SEED_MAX:
        raise UserError(f"--seed must be from 0 to {scenario.SEED_MAX}")
    if args.plot:
        _can_plot(Path(args.plot))
    began_s = time.perf_counter()
    world = World(scenario.load(Path(args.scenario), args.seed))
    progress = Progress(world.scenario.duration_us)
    try:
        world.run(progress.look)
    finally:
        progress.clear()
    report = summary(world, time.perf_counter() - began_s)
    if args.plot:
        from tools.sim import plot

        plot.save(world, Path(args.plot))
    print(json.dumps(report) if args.json else table(report))
    return 0


def _can_plot(path: Path) -> None:
    """Say now, not after a long run, that there will be no picture."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UserError("--plot needs matplotlib: pip install -e '.[sim]'") from None
    if not path.parent.is_dir():
        raise UserError(f"--plot: there is no folder {path.parent}")
    if path.suffix.lower() != ".png":
        raise UserError(f"--plot: {path} does not end in .png")


def summary(world: World, wall_s: float) -> dict[str, Any]:
    """The report of a run, as --json prints it."""
    s = world.scenario
    return {
        "scenario": s.name, "seed": s.seed, "nodes": len(s.places), "gateways": len(s.gateways),
        "event_hash": world.tally.event_hash(), "virtual_s": s.duration_us / 1e6,
        "wall_s": round(wall_s, 3), "events": world.tally.events,
        "metrics": world.results(), "messages": message_rows(world.letters),
    }  # fmt: skip


def table(report: dict[str, Any]) -> str:
    """The same for people, without the single messages."""
    m = report["metrics"]
    peak, left, air, reach = m["store_peak"], m["parcels_left"], m["airtime_share"], m["reach"]
    energy = m["energy_mah"]
    lost = ", ".join(f"{why} {n:,}" for why, n in m["frames_lost"].items()) or "none"
    kinds = ", ".join(f"{kind} {n:,}" for kind, n in m["frames_by_type"].items())
    per = "-" if m["frames_per_delivery"] is None else (
        f"{m['parcel_frames_per_delivery']:,} parcel frames, {m['frames_per_delivery']:,} of all"
    )  # fmt: skip
    speed = report["events"] / max(report["wall_s"], 0.001)
    rows = [
        ("scenario", f"{report['scenario']}, seed {report['seed']}: {report['nodes']} relays,"
                     f" {report['gateways']} gateways, {report['virtual_s']:,g} s"),
        ("delivered", f"{m['delivered']} of {m['messages']} messages;"
                      f" {m['receipts_back']} receipts back"),
        ("latency", _times(m["latency_s"])),
        ("receipt back after", _times(m["receipt_s"])),
        ("reach", f"{reach['mean']} of {reach['of']} relays saw a message"
                  f" (least: {reach['least']})"),
        ("frames sent", f"{m['frames_sent']:,} ({kinds})"),
        ("per delivery", per),
        ("frames heard", f"{m['frames_heard']:,}; lost: {lost}"),
        ("on the air", f"{m['bytes_on_air']:,} bytes; a relay sends {air['mean']:.3%} of the time,"
                       f" the busiest {air['most']:.3%}"),
        ("energy", f"{energy['mean']:,} mAh a relay, at most {energy['most']:,}; sending took"
                   f" {energy['sending']:,}, listening the rest"),
        ("store, at most", f"{peak['parcels']} parcels of {peak['of_parcels']},"
                           f" {peak['bytes']:,} bytes"),
        ("parcels left", f"{left['relays']} on relays, {left['gateways']} on gateways"),
        *_over_the_hub(m.get("backhaul")),
        ("event hash", report["event_hash"]),
        ("took", f"{report['wall_s']:.1f} s: {report['events']:,} events, {speed:,.0f} a second"),
    ]  # fmt: skip
    return "\n".join(f"{name:<20}{text}" for name, text in rows)


def _over_the_hub(b: dict[str, int] | None) -> list[tuple[str, str]]:
    if b is None:
        return []
    text = f"{b['pushed']} pushed, {b['refused']} of them there already; {b['taken']} taken"
    return [("over the hub", f"{text}; {b['left']} left there")]


def _times(p: dict[str, float] | None) -> str:
    return "-" if p is None else ", ".join(f"{name} {value:g} s" for name, value in p.items())


class Progress:
    """How far a run is, on a terminal, once it takes longer than a second."""

    def __init__(self, duration_us: int) -> None:
        self._duration_us = duration_us
        self._began_s = time.monotonic()
        self._shown_s = self._began_s + _PATIENCE_S
        self._terminal = sys.stderr.isatty()
        self._drawn = False

    def look(self, now_us: int) -> None:
        """Draw it again, four times a second."""
        now_s = time.monotonic()
        if not self._terminal or now_s < self._shown_s:
            return
        self._shown_s = now_s + 0.25
        self._drawn = True
        done = now_us / self._duration_us
        bar = "#" * round(done * _BAR)
        left_s = (now_s - self._began_s) * (1 / max(done, 1e-6) - 1)
        text = f"\r[{bar:.<{_BAR}}] {now_us / 1e6:,.0f} s of {self._duration_us / 1e6:,.0f} s"
        print(f"{text}, {left_s:,.0f} s to go \x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave the line empty."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
