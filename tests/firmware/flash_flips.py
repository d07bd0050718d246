"""One bit after the other of a used chip flips, and nobody may notice but the counters."""

from tests.firmware.flash_chip import SECTOR
from tests.firmware.flash_lab import Bench, Wrong, genuine


def used_bench(encrypted=False):
    """The smallest ring, used: live, moved, dead and remembered records, a clean sector, a head
    with room in it."""
    bench = Bench(5, 60, encrypted)
    bench.run(200)
    while bench.store.ring.end > SECTOR // 2 or not bench.store.moved:
        bench.run(1)
    bench.check()
    bench.forgiving = True
    return bench


class Flips:
    """Flips bits one at a time and counts. On plain flash every record must survive. On encrypted
    flash a bit spoils its whole block: what does not lie in its sector must survive, and what was
    deleted may come back."""

    def __init__(self, bench):
        self.bench = bench
        self.flips = self.mended = self.lost = 0
        self.wrong = {}
        self.first = None
        bench.mount()
        self.used = bench.freeze()
        self.places = {h: bench.store.table[h] // SECTOR for h in bench.model}

    def run(self, bits):
        for bit in bits:
            self.bench.thaw(self.used)
            try:
                self._flip(bit)
            except (Wrong, KeyError, IndexError, ValueError, OSError) as error:
                verdict = error.verdict if isinstance(error, Wrong) else "raised"
                self.wrong[verdict] = self.wrong.get(verdict, 0) + 1
                if not self.first:
                    self.first = f"bit {bit & 7} of byte {bit >> 3}: {error!r}"

    def _flip(self, bit):
        bench = self.bench
        self.flips += 1
        bench.chip.flip(bit)
        bench.mount()
        if bench.store.ring.encrypted:
            self._settle(bit // 8 // SECTOR)
        bench.check()
        bench.insist(bench.record())
        bench.insist(bench.record())
        bench.again()
        self.mended += bench.store.damaged > 0

    def _settle(self, sector):
        bench = self.bench
        found = dict(bench.store.records())
        for record in found.values():
            if not genuine(record):
                raise Wrong("wrong", "a record that nobody put")
        for handle, record in bench.model.items():
            if found.get(handle) != record:
                if self.places[handle] != sector:
                    raise Wrong("lost", f"handle {handle}")
                self.lost += 1
        bench.model = found
