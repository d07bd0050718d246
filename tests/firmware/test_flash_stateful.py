"""The store against a dict, as hypothesis would have it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.firmware.flash_lab import Bench, cut
from tools.virtual_board.nor_lab import SHAPES


class FlashMachine(RuleBasedStateMachine):
    """Puts, both kinds of deletes, reads, quiet moments, starts and power cuts."""

    encrypted = False

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(5, 40, self.encrypted)

    @rule(length=st.integers(8, 512), times=st.integers(1, 12))
    def put(self, length: int, times: int) -> None:
        for _ in range(times):
            self.bench.put(self.bench.record()[:length])

    @precondition(lambda self: self.bench.model)
    @rule(which=st.integers(0, 40), remember=st.booleans())
    def delete(self, which: int, remember: bool) -> None:
        handles = sorted(self.bench.model)
        self.bench.delete(handles[which % len(handles)], remember)

    @precondition(lambda self: self.bench.model)
    @rule(remember=st.booleans(), times=st.integers(1, 10))
    def evict(self, remember: bool, times: int) -> None:
        for _ in range(min(times, len(self.bench.model))):
            self.bench.delete(self.bench.oldest(), remember)

    @rule()
    def idle(self) -> None:
        self.bench.store.idle()

    @rule()
    def start(self) -> None:
        self.bench.again()

    @rule(
        operations=st.integers(0, 30),
        shape=st.integers(0, SHAPES - 1),
        at_byte=st.none() | st.integers(0, 530),
        steps=st.integers(1, 20),
    )
    def lose_power(self, operations: int, shape: int, at_byte: int | None, steps: int) -> None:
        cut(self.bench, operations, shape, lambda: self.bench.run(steps), at_byte)
        self.bench.again()

    @rule(operations=st.integers(0, 3), shape=st.integers(0, SHAPES - 1))
    def lose_power_at_the_start(self, operations: int, shape: int) -> None:
        cut(self.bench, operations, shape, self.bench.mount)
        self.bench.again()

    @invariant()
    def equals_the_dict(self) -> None:
        self.bench.check()


class EncryptedMachine(FlashMachine):
    encrypted = True


TestPlain = FlashMachine.TestCase
TestPlain.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestEncrypted = EncryptedMachine.TestCase
TestEncrypted.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
