"""The long form of the flash store's tests: every cut, every bit (make torture; some minutes).

Prints what was done and how often the store failed: lost, resurrected, wrong. Exit code 1 if it
did. Two processes at a time, for two cores.
"""

import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from tests.firmware.flash_chip import SECTOR
from tests.firmware.flash_cuts import new_cuts, storm
from tests.firmware.flash_flips import Flips, used_bench
from tests.firmware.flash_lab import Wrong

WORKERS = 2
SEEDS = (1, 2)  # runs, each on a ring of its own
STEPS = 660  # of a run: the ring goes round four times and more
FLIP_SHARES = 16
STORMS = 24  # many cuts in a row: (within operations, times)
STORM_PLAIN, STORM_ENCRYPTED = (6, 300), (20, 100)


@dataclass
class Tally:
    """What a share of the work did, and what it found wrong."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    first: str = ""

    def add(self, other: "Tally") -> None:
        self.done += other.done
        self.wrong += other.wrong
        self.first = self.first or other.first


def cut_share(encrypted: bool, seed: int) -> Tally:
    """A run, cut at every operation in every shape, and the starts after it."""
    cuts = new_cuts(encrypted, seed=seed)
    cuts.run(STEPS)
    flash = "encrypted" if encrypted else "plain"
    done = Counter(
        {
            f"{flash}: operations": sum(cuts.operations.values()),
            f"{flash}: cuts": cuts.cuts(),
            f"{flash}: cuts that tore something": cuts.cuts() - cuts.whole(),
            f"{flash}: cuts during and after the starts": cuts.deeper,
            f"{flash}: mounts": cuts.starts,
            f"{flash}: records moved": cuts.moved(),
            f"{flash}: puts refused": cuts.bench.refused,
            f"{flash}: erases": cuts.operations["erase"],
        }
    )
    done.update({f"{flash}: cuts in {kind}": sum(n) for kind, n in cuts.kinds.items()})
    return Tally(done, Counter(cuts.wrong), cuts.first or "")


def storm_share(encrypted: bool, seed: int) -> Tally:
    """Many cuts in a row."""
    within, times = STORM_ENCRYPTED if encrypted else STORM_PLAIN
    done = Counter({f"{'encrypted' if encrypted else 'plain'}: cuts in a row": times})
    try:
        storm(encrypted, seed, within, times)
    except Wrong as error:
        return Tally(done, Counter([error.verdict]), f"storm {seed}: {error}")
    return Tally(done)


def flip_share(encrypted: bool, share: int) -> Tally:
    """One share of a chip's bits; on encrypted flash one bit of every block."""
    flips = Flips(used_bench(encrypted))
    bits = range(0, flips.bench.chip.bytes_total * 8, 128 if encrypted else 1)
    flips.run(bits[share::FLIP_SHARES])
    flash = "encrypted" if encrypted else "plain"
    done = Counter(
        {
            f"{flash}: bits flipped": flips.flips,
            f"{flash}: damage counted": flips.mended,
            f"{flash}: records spoilt": flips.lost,
        }
    )
    return Tally(done, Counter(flips.wrong), flips.first or "")


def main() -> int:
    """Do it all; the exit code."""
    jobs = [(cut_share, e, seed) for e in (True, False) for seed in SEEDS]
    jobs += [(flip_share, e, share) for e in (False, True) for share in range(FLIP_SHARES)]
    jobs += [(storm_share, e, seed) for e in (False, True) for seed in range(1, STORMS + 1)]
    started = time.monotonic()
    total = Tally()
    with ProcessPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(*job) for job in jobs]
        for count, future in enumerate(as_completed(futures), 1):
            total.add(future.result())
            if sys.stdout.isatty():
                said = f"{count} of {len(jobs)} shares, {time.monotonic() - started:.0f} s"
                print(f"\r{said}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r" + " " * 40, end="\r")
    for what, count in sorted(total.done.items()):
        print(f"{what:48} {count:>9,}")
    verdicts = ["lost", "resurrected", "wrong", *sorted(total.wrong)]
    print(", ".join(f"{total.wrong[v]} {v}" for v in dict.fromkeys(verdicts)))
    print(f"{time.monotonic() - started:.0f} s; {SECTOR} bytes a sector")
    if total.first:
        print(f"first: {total.first}", file=sys.stderr)
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
