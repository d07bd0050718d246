"""Power cuts at every program and erase of a run, and at those of the starts that follow.

The run is made once. Before each of its steps everything is frozen; the step is cut at each of its
operations, in each shape and behind it, and each time the store must recover, whole, and go on
working.
"""

from tests.firmware.flash_chip import KINDS, SECTOR
from tests.firmware.flash_lab import Bench, Wrong, cut
from tests.protocol.mesh_dice import Dice
from tools.virtual_board.nor_lab import SHAPES

_DONE = SHAPES  # one shape more: a program is complete, and nobody learns of it
_OFTEN = ("put", "move", "strike")
_DEPTH = 3  # cuts in the starts after a cut
_LATER = 3  # steps after a start in which the next cut comes
_AFTER = 24  # records put after the last cut


class Cuts:
    """Cuts a run and counts. `wrong`: what was found, by verdict; `first`: the first of them.

    `every`: cut one operation in so many, and of the kinds that are rare one in every / 8.
    """

    def __init__(self, bench, every=1, depth=_DEPTH):
        self.bench = bench
        self.every, self.every_rare = every, max(1, every // 8)
        self.depth = depth
        self.dice = Dice(7)
        self.kinds = {kind: [0] * (_DONE + 1) for kind in KINDS}
        self.operations = {kind: 0 for kind in KINDS}
        self.starts = self.deeper = 0
        self.wrong = {}
        self.first = None

    def run(self, steps):
        """So many steps, cut or made."""
        for _ in range(steps):
            self._cut_step(self.bench.next_step())

    def moved(self):
        """How many records were moved in the run."""
        return self.bench.moved + self.bench.store.moved

    def cuts(self):
        """How many there were in the run itself; `deeper` are those after a cut."""
        return sum([sum(shapes) for shapes in self.kinds.values()])

    def whole(self):
        """How many of these came right behind an operation."""
        return sum([shapes[_DONE] for shapes in self.kinds.values()])

    def _cut_step(self, step):
        bench = self.bench
        before = bench.freeze()
        bench.chip.log = log = []
        bench.do(step)
        bench.chip.log = None
        after = bench.freeze()
        for operation in range(len(log)):
            kind = log[operation]
            self.operations[kind] += 1
            if self.operations[kind] % (self.every if kind in _OFTEN else self.every_rare):
                continue
            for shape in range(SHAPES if kind == "erase" else _DONE + 1):
                bench.thaw(before)
                at_byte = SECTOR if shape == _DONE else None
                try:
                    if not cut(bench, operation, shape, lambda: bench.do(step), at_byte):
                        raise Wrong("inside", "the same step made fewer operations")
                    self.kinds[bench.chip.kind()][shape] += 1
                    self._recover(self.depth)
                    self._go_on()
                except (Wrong, KeyError, IndexError, ValueError, OSError) as error:
                    verdict = error.verdict if isinstance(error, Wrong) else "raised"
                    self.wrong[verdict] = self.wrong.get(verdict, 0) + 1
                    if not self.first:
                        where = f"{kind} of {step[0]}, operation {operation}, shape {shape}"
                        self.first = f"{where}: {error!r}"
        bench.thaw(after)

    def _recover(self, depth):
        """Start after a cut; and with starts that are cut themselves, each in a shape by lot."""
        bench = self.bench
        dark = bench.freeze()
        bench.chip.power_on()
        bench.chip.log = log = []
        bench.again()
        bench.chip.log = None
        self.starts += 1
        if not depth:
            return
        well = bench.freeze()
        for operation in range(len(log)):
            bench.thaw(dark)
            if cut(bench, operation, self.dice.below(SHAPES), bench.mount):
                self.deeper += 1
                self._recover(depth - 1)
        bench.thaw(well)
        for _ in range(_LATER):
            # Which of the step's operations is not known before: the first or the second.
            if cut(bench, self.dice.below(2), self.dice.below(SHAPES), self._step):
                self.deeper += 1
                self._recover(depth - 1)
                break

    def _step(self):
        self.bench.do(self.bench.next_step())

    def _go_on(self):
        """The store still works: it takes much more, and the next start finds all of it."""
        bench = self.bench
        for _ in range(_AFTER):
            bench.insist(bench.record())
        bench.check()
        ring = bench.store.ring
        if ring.write_errors and not ring.encrypted:
            raise Wrong("inside", "a cut was taken for a bad place")
        bench.again()
        self.starts += 1


def storm(encrypted, seed, within, times):
    """So many cuts in a row, each within so many operations of the start before. Raises Wrong."""
    bench = Bench(8, 300, encrypted, seed)
    bench.run(200)
    for _ in range(times):
        operations, shape = bench.dice.below(within), bench.dice.below(SHAPES)
        while not cut(bench, operations, shape, lambda: bench.run(20)):
            operations = 0
        bench.again()
    for _ in range(60):
        bench.insist(bench.record())
    bench.again()


def new_cuts(encrypted, every=1, depth=_DEPTH, seed=1):
    """Cuts on a small ring that is full already and has moved records."""
    bench = Bench(8, 300, encrypted, seed)
    bench.run(300)
    return Cuts(bench, every, depth)
