"""`helio bench power`: relays that sleep 95 % of the time and still relay.

Real nodes with windows (shared_protocol/windows.py) on tools/medium.py, in random fields of 100
nodes with nine neighbours, on boards whose clocks run wrong in sleep; tools/power/trials.py says
what is done to them, tools/power/energy.py where the currents are from.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from gateway.errors import UserError
from shared_protocol.schedule import PROFILES, WINDOW_MS
from tools.bench import gather, row
from tools.power import trials
from tools.power.energy import days
from tools.power.trials import Trial
from tools.sim.layouts import NotConnected

_WORKERS = 2
_CELL_AH = 3.0
_PERIOD_S = (1 << PROFILES["balanced"][0]) / 1000

Work = tuple[Callable[..., Any], tuple[Any, ...]]
Row = dict[str, Any]


def plan(seed: int, short: bool) -> dict[str, Work]:
    """Each trial by its name; the long ones first. short: what a test has time for."""
    if short:
        return {
            "minute": (trials.traffic, (Trial(seed, rate=2, minutes=4, nodes=40),)),
            "tenth": (trials.traffic, (Trial(seed, rate=10, minutes=3, nodes=40),)),
            "boots": (trials.boots, (seed, 40)),
            "formula": (trials.formula, (seed,)),
            "wrap": (trials.wrapped, (seed, 2, 12)),
            "bridge": (trials.bridge, (seed, 0.2)),
        }
    return {
        "bridge": (trials.bridge, (seed, 24.0)),
        "islands": (trials.islands, (seed,)),
        "minute": (trials.traffic, (Trial(seed, rate=1, minutes=40),)),
        "tenth": (trials.traffic, (Trial(seed, rate=10, minutes=15),)),
        "long": (trials.traffic, (Trial(seed, "long", rate=1, minutes=60),)),
        "drift": (trials.traffic, (Trial(seed, ppm=3500),)),
        "lossy": (trials.traffic, (Trial(seed, loss=0.3),)),
        "reboots": (trials.traffic, (Trial(seed, minutes=20, reboots=20),)),
        "mixed": (
            trials.traffic,
            (Trial(seed, "long", rate=4, nodes=60, others=("balanced", "always")),),
        ),
        "alarm": (trials.alarm, (seed, 20)),
        "wrap": (trials.wrapped, (seed, 8, 50)),
        "boots": (trials.boots, (seed,)),
        "formula": (trials.formula, (seed,)),
        "always": (trials.traffic, (Trial(seed, "always", rate=1, minutes=5),)),
    }


def measure(seed: int, short: bool = False) -> dict[str, Any]:
    """`results`, and `trials` with all that was measured."""
    work = plan(seed, short)
    try:
        with ProcessPoolExecutor(_WORKERS, get_context("spawn")) as pool:
            futures = {pool.submit(do, *what): name for name, (do, what) in work.items()}
            found = gather(pool, futures)
    except NotConnected as e:
        raise UserError(str(e)) from None
    return {"results": rows(found), "trials": {name: found[name] for name in work}}


def rows(found: dict[str, Any]) -> list[Row]:
    """The table, of those trials that there are."""
    made: list[Row] = []
    for name, of in (
        ("minute", _minute), ("tenth", _tenth), ("boots", _boots), ("islands", _islands),
        ("bridge", _bridge), ("long", _long), ("drift", _drift), ("lossy", _lossy),
        ("reboots", _reboots), ("mixed", _mixed), ("wrap", _wrap), ("alarm", _alarm),
        ("formula", _formula),
    ):  # fmt: skip
        if name in found:
            made += of(found[name], found)
    return made


def _balanced(
    t: dict[str, Any], rate: str, most_ma: float, least_d: float | None, peer: str
) -> list[Row]:
    ma = t["ma"]["esp32"]
    return [
        row(f"balanced, {rate} a minute: mean current, ESP32", ma, "mA", peer, most=most_ma),
        row("  days on 3 Ah", round(days(ma, _CELL_AH), 1), "d", least=least_d),
        row("  the board that takes most", t["ma_most"], "mA"),
        row("  awake", t["awake_pct"], "%"),
        row("  delivered within 120 s", t["delivered_pct"], "%", least=99.9),
        row("  time per hop, median", t["hop_p50_s"], "s", most=0.7),
        row("  time per hop, p95", t["hop_p95_s"], "s", most=2.6),
        row(f"  time to a node, p95 (diameter {t['diameter']})", t["p95_s"], "s", most=10),
        row("  neighbours' windows apart, p99", t["skew_p99_ms"], "ms", most=60),
    ]  # fmt: skip


def _minute(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    always = found.get("always")
    peer = f"always {always['ma']['esp32']:.0f} mA, {always['hop_p50_s']} s" if always else ""
    return _balanced(t, "1", 6.5, 19, peer)


def _tenth(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    return _balanced(t, "10", 7.0, None, "")


def _boots(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    joined_s = round(2.2 * _PERIOD_S + 5, 1)
    return [
        row("one schedule after all have booted", t["together_s"], "s", most=15),
        row("in step after a reboot or late start, the worst", t["joined_s"], "s", most=joined_s),
    ]


def _islands(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    return [
        row(f"{t['before']} islands are one after", t["merged_s"], "s",
            most=PROFILES["balanced"][1]),
        row("  delivered from then on", t["delivered_pct"], "%", least=100),
    ]  # fmt: skip


def _bridge(ms: int, found: dict[str, Any]) -> list[Row]:
    return [row("two cliques over a bridge: most apart", ms, "ms", most=WINDOW_MS // 2)]


def _long(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    return [
        row("long, 1 a minute: mean current, ESP32-C3", t["ma"]["esp32c3"], "mA",
            f"ESP32 {t['ma']['esp32']} mA", most=1.8),
        row("  days on 3 Ah, ESP32-C3", round(days(t["ma"]["esp32c3"], _CELL_AH), 1), "d"),
        row("  delivered within 300 s", t["delivered_pct"], "%", least=99.5),
        row(f"  time to a node, p95 (diameter {t['diameter']})", t["p95_s"], "s", most=45),
        row("  neighbours' windows apart, p99", t["skew_p99_ms"], "ms"),
    ]  # fmt: skip


def _drift(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    return [
        row("clocks 3,500 ppm wrong: delivered within 120 s", t["delivered_pct"], "%", least=99.9),
        row("  neighbours' windows apart, p99", t["skew_p99_ms"], "ms"),
    ]


def _lossy(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    return [row("30 % loss: delivered within 120 s", t["delivered_pct"], "%", least=99.9)]


def _reboots(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    return [row("20 reboots: delivered within 120 s", t["delivered_pct"], "%", least=99.9)]


def _mixed(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    what = "long, balanced and always mixed: delivered within 300 s"
    return [row(what, t["delivered_pct"], "%", f"p95 {t['p95_s']} s", least=99.5)]


def _wrap(same: bool, found: dict[str, Any]) -> list[Row]:
    return [row("ticks wrap in the middle: the same run (1 yes)", int(same), "", least=1)]


def _alarm(t: dict[str, Any], found: dict[str, Any]) -> list[Row]:
    return [
        row(f"SOS from the edge, diameter {t['diameter']}: until the last has it, p95",
            t["last_p95_s"], "s", most=20),
    ]  # fmt: skip


def _formula(per_cent: float, found: dict[str, Any]) -> list[Row]:
    return [
        row("energy counted beside the closed formula: off by", abs(per_cent), "%", most=2),
    ]
