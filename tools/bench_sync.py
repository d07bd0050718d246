"""`helio bench sync`: what it costs two nodes to find out what only one of them knows.

The sessions run inside MicroPython with a relay's code and heap, as a node would hold them: a
beacon with the count, the odd sketch and four sums; then questions for more sums, and answers.
Bytes are those of the bodies, estimate and check included, beside the least that could do: the
binary logarithm of the number of ways in which d of 2^32 ids can differ.
"""

import math
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.errors import UserError
from tools import bench_sync_peers as peers
from tools.bench import on_micropython, row
from tools.virtual_board.rom import RomError, build_rom

_SCRIPT = "bench_sync_device.py"
_HEAP = "100k"
_WORKERS = 2
_IDS = (5_000, 2_000, 500, 100)  # known to both
_ROUNDS = 50  # of sessions with 1 to 50 differences each
_SLOWER = 25  # times fewer rounds where MicroPython has no machine code

_SHOWN = (1, 2, 4, 5, 7, 10, 15, 20, 30, 40, 50)
_FRAME_BYTES = 11  # header and MAC around every body
_BEACON_BYTES = 5  # of a beacon's body that are not about what it knows
_ID_BITS = 32

_PEER_IDS = 1_000
_PEER_DIFFERENCES = (5, 10, 20, 50)
_PEER_ROUNDS = 10


def measure(seed: int, divisor: int = 1) -> list[dict[str, Any]]:
    """All rows. `divisor` makes the run shorter, for a test."""
    try:
        rom = build_rom(bundled=False)
    except RomError as e:
        raise UserError(str(e)) from None
    rounds = _ROUNDS // divisor
    if not (rom / "firmware" / "gf30.mpy").exists():
        rounds = max(1, rounds // _SLOWER)
    with ThreadPoolExecutor(_WORKERS) as pool:
        jobs = {
            ids: pool.submit(
                on_micropython, _SCRIPT, [str(ids), str(rounds), str(seed)], _HEAP, rom
            )
            for ids in _IDS
        }
        found = {ids: job.result() for ids, job in jobs.items()}
    costs = _Costs(found, rounds)
    return _bytes(costs) + _right(costs) + _relay(found[_IDS[0]]) + _beside(costs, seed, divisor)


class _Costs:
    """Totals of the sessions, by differences, over all sizes."""

    def __init__(self, found: dict[int, Any], rounds: int) -> None:
        self.by_size = {ids: self._totals(part) for ids, part in found.items()}
        self.each = rounds * len(found)
        sizes = list(self.by_size.values())
        self.totals = {d: [sum(size[d][i] for size in sizes) for i in range(4)] for d in sizes[0]}

    @staticmethod
    def _totals(part: dict[str, Any]) -> dict[int, list[int]]:
        return {int(d): totals for d, totals in part["sessions"].items()}

    def bodies(self, d: int) -> float:
        return self.totals[d][0] / self.each

    def messages(self, d: int) -> float:
        return self.totals[d][1] / self.each

    def times_limit(self, d: int) -> float:
        return self.bodies(d) / limit(d)


def limit(d: int) -> float:
    """Bytes that no scheme can do with less: log2 C(2^32, d) / 8."""
    return math.log2(math.comb(1 << _ID_BITS, d)) / 8


# --- rows


def _bytes(costs: _Costs) -> list[dict[str, Any]]:
    rows = []
    for d in _SHOWN:
        body, messages = costs.bodies(d), costs.messages(d)
        whole = body + _BEACON_BYTES + _FRAME_BYTES * messages
        what = f"{d} difference{'s' if d > 1 else ''}"
        rows += [
            row(f"bodies, {what}", round(body, 1), "B"),
            row(f"whole frames, {what}", round(whole, 1), "B"),
            row(f"messages, {what}", round(messages, 2), "messages"),
            row(f"times the limit, {what}", round(costs.times_limit(d), 2), "x",
                f"{limit(d):.1f} B", most={5: 2.2, 10: 1.75}.get(d)),
        ]  # fmt: skip
    worst = max(range(15, 51), key=costs.times_limit)
    ratio = round(costs.times_limit(worst), 2)
    rows.append(row(f"times the limit, the worst of 15 to 50: {worst}", ratio, "x", most=1.65))
    many, few = max(costs.by_size), min(costs.by_size)
    spent = {ids: sum(t[0] for t in costs.by_size[ids].values()) for ids in (many, few)}
    ratio = round(spent[many] / spent[few], 3)
    rows.append(row(f"bodies with {many:,} ids, times those with {few}", ratio, "x"))
    return rows


def _right(costs: _Costs) -> list[dict[str, Any]]:
    sessions = costs.each * len(costs.totals)
    wrong = sum(totals[3] for totals in costs.totals.values())
    open_ended = sessions - sum(totals[2] for totals in costs.totals.values())
    return [
        row(f"wrong in {sessions:,} sessions", wrong, "sessions", most=0),
        row(f"not decoded with 60 sums, of {sessions:,}", open_ended, "sessions", most=0),
    ]


def _relay(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Time and heap, of the part with the most ids."""
    rows = []
    for d, us in sorted(part["decode_us"].items(), key=lambda item: int(item[0])):
        most = 10 if d == "16" else None
        rows.append(row(f"decode {d} of {_IDS[0]:,}, MicroPython", us / 1000, "ms", most=most))
    return [
        *rows,
        row("insert or remove an id, MicroPython", round(part["toggle_us"], 2), "us"),
        row(f"heap in use with {_IDS[0]:,} ids, 64-bit MicroPython", part["in_use"], "B",
            most=100 * 1024),
        row("heap of a relay's code for it", part["code"], "B", most=8 * 1024),
        row("heap of a relay's arrays for it", part["arrays"], "B", most=2560),
    ]  # fmt: skip


def _beside(costs: _Costs, seed: int, divisor: int) -> list[dict[str, Any]]:
    """The same differences by other schemes; only ours counts what estimates and checks."""
    rows = []
    rng = random.Random(seed)
    for d in _PEER_DIFFERENCES:
        spent = [_peers(rng, d) for _ in range(max(1, _PEER_ROUNDS // divisor))]
        rows.append(row(f"{d} of {_PEER_IDS:,}: heliograph", round(costs.bodies(d), 1), "B"))
        for name in spent[0]:
            mean = sum(one[name] for one in spent) / len(spent)
            unit = "messages" if "messages" in name else "B"
            rows.append(row(f"{d} of {_PEER_IDS:,}: {name}", round(mean, 1), unit))
    return rows


def _peers(rng: random.Random, d: int) -> dict[str, float]:
    """Bytes of each peer for one pair of sets with d differences, on either side at random."""
    everything = rng.sample(range(1, 1 << 30), _PEER_IDS + d)
    differing, common = everything[:d], set(everything[d:])
    own = rng.randint(0, d)
    mine, theirs = common | set(differing[:own]), common | set(differing[own:])
    by_ranges, messages = peers.ranges(mine, theirs)
    return {
        "sketch of exactly the right size": peers.exact_sketch(d),
        "rateless IBLT": peers.rateless_iblt(set(differing)),
        "Golomb filter, 1 of 128 missed": peers.golomb_filter(theirs),
        "ranges": by_ranges,
        "ranges, messages": messages,
    }
