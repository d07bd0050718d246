"""ParcelIndex against a plain dict."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared_protocol import gf30, sync
from shared_protocol.limits import SUMS_MAX
from shared_protocol.parcel_index import (
    DEAD,
    PASSED,
    RECEIPT,
    ROUTED,
    SEEN,
    SLOT,
    WHOLE,
    WINDOW,
    ParcelIndex,
)
from shared_protocol.sketch import Sketch

CAPACITY = 12
SENDABLE = (WHOLE, SLOT, WINDOW, RECEIPT)
HELD = (WHOLE, SLOT, WINDOW, ROUTED)
COMPARED = (WHOLE, SLOT, WINDOW, SEEN, RECEIPT)
STATES = st.sampled_from((*COMPARED, DEAD, ROUTED, PASSED))
# A few buckets' worth of ids that collide often, the two ends, and anything.
SHORTS = st.integers(0, 20) | st.sampled_from([sync.ID_MAX, 1 << 25]) | st.integers(0, sync.ID_MAX)
BITS = st.integers(0, 29).map(lambda i: 1 << i)


class IndexMachine(RuleBasedStateMachine):
    """`model` maps a short id to [state, cover, row]."""

    def __init__(self) -> None:
        super().__init__()
        self.index = ParcelIndex(CAPACITY)
        self.model: dict[int, list[int]] = {}

    @rule(short=SHORTS, state=STATES, bit=BITS)
    def add(self, short: int, state: int, bit: int) -> None:
        if short in self.model or len(self.model) == CAPACITY:
            return
        row = self.index.add(short, state)
        assert self.index.cover[row] == 0
        self.index.cover[row] = bit
        self.model[short] = [state, bit, row]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), state=STATES)
    def set_state(self, data: st.DataObject, state: int) -> None:
        short = data.draw(st.sampled_from(sorted(self.model)))
        self.index.set_state(self.index.find(short), state)
        self.model[short][0] = state

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        short = data.draw(st.sampled_from(sorted(self.model)))
        self.index.remove(self.index.find(short))
        del self.model[short]

    @rule(bit=BITS)
    def forget(self, bit: int) -> None:
        self.index.forget_neighbour(bit)
        for entry in self.model.values():
            entry[1] &= ~bit

    @rule(bit=BITS)
    def everybody_has(self, bit: int) -> None:
        self.index.has_all(bit)
        for entry in self.model.values():
            if entry[0] in COMPARED:
                entry[1] |= bit

    @rule(short=SHORTS, most=st.integers(1, 6))
    def look(self, short: int, most: int) -> None:
        index, compared = self.index, self.compared()
        assert (index.find(short) >= 0) == (short in self.model)
        assert index.position(short) == len([s for s in self.model if s < short])
        assert index.ids_from(short, most) == [s for s in compared if s >= short][:most]

    def compared(self) -> list[int]:
        return sorted(s for s, entry in self.model.items() if entry[0] in COMPARED)

    @invariant()
    def same(self) -> None:
        index, compared = self.index, self.compared()
        assert [index.short[row] for row in index.rows()] == sorted(self.model)
        whole, sums = Sketch(gf30, SUMS_MAX), [0] * 32
        for short in compared:
            whole.toggle(short)
            sums[short >> 25] ^= short
        assert (index.size, index.known) == (len(self.model), len(compared))
        assert (index.sketch.sums, index.sketch.odd) == (whole.sums, whole.odd)
        assert index.bucket_sums(sync.BUCKETS, sync.BUCKET_SHIFT) == sums
        for short, (state, cover, row) in self.model.items():
            assert index.find(short) == row, "rows are stable"
            assert (index.state[row], index.cover[row]) == (state, cover)
            assert index.held(row) == (state in HELD)
            assert index.sendable(row) == (state in SENDABLE)
            assert index.compared(row) == (state in COMPARED)
        assert index.count_held() == len([1 for e in self.model.values() if e[0] in HELD])


TestParcelIndex = IndexMachine.TestCase
TestParcelIndex.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)
