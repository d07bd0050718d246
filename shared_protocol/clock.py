"""A node's own clock and send counter, and how both outlive a power cut (SPEC.md 3 and 4.2)."""

from shared_protocol.errors import LocalError
from shared_protocol.frame import COUNTER_MAX
from shared_protocol.records import Clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.shelf import Shelf

COUNTER_STEP = 4096  # counters reserved in the store at once: lost by a reboot, harmless
COMMAND_STEP = 64  # the same for counters of commands: one write in 64 of them
SAVE_EVERY_S = 600
BOOT_COST_S = 60  # unknown time without power, counted as this; ages a node that boots in a loop


class NodeClock:
    """Powered seconds since the node was made, and a counter that never comes twice."""

    def __init__(self, shelf: "Shelf", now_ms: int) -> None:
        self._shelf = shelf
        last = shelf.clock
        start_s = last.clock_s + BOOT_COST_S if last.boots else 0
        self._zero_s: int = start_s - now_ms // 1000
        self._counters: list[int] = [last.counter_limit, last.counter_limit]  # by link
        self.commands: int = last.commands  # counters of commands must exceed this (SPEC.md 7.6)
        self._commands_limit: int = last.commands
        self._save(last.boots + 1, start_s)

    def now_s(self, now_ms: int) -> int:
        """The node's clock in seconds."""
        return self._zero_s + now_ms // 1000

    def next_counter(self, link: int, now_ms: int) -> int:
        """The counter for the next frame on a link, one more than the last one there, so that
        neighbours see what they miss. Its reservation is durable before it is used."""
        counter = self._counters[link]
        if counter >= self._shelf.clock.counter_limit:
            self._save(self._shelf.clock.boots, self.now_s(now_ms))
        counter += 1
        if counter > COUNTER_MAX:
            raise LocalError("send counter used up: give this network a new key")
        self._counters[link] = counter
        return counter

    def command(self, counter: int, now_ms: int) -> None:
        """A command was accepted; its counter is spent also after a power cut."""
        self.commands = counter
        if counter >= self._commands_limit:
            self._commands_limit = counter + COMMAND_STEP
            self._save(self._shelf.clock.boots, self.now_s(now_ms))

    def keep(self, now_ms: int) -> None:
        """Save the clock if it is time to."""
        now_s = self.now_s(now_ms)
        if now_s - self._shelf.clock.clock_s >= SAVE_EVERY_S:
            self._save(self._shelf.clock.boots, now_s)

    def _save(self, boots: int, clock_s: int) -> None:
        limit = max(self._counters) + COUNTER_STEP
        shelf = self._shelf
        damaged = shelf.store.damaged + shelf.bad_records
        clock = Clock(
            min(boots, 0xFFFF), clock_s, limit, shelf.evicted, damaged, self._commands_limit
        )
        shelf.save_clock(clock)
        shelf.sync()
