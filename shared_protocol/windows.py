"""How a node talks where others sleep: in windows (SPEC.md 19). Loaded only where somebody does.

Takes Trickle's place: a beacon in each window, at a random moment, unless others said the same;
and decides when frames may go out, and who stays awake for what follows them.
"""

from shared_protocol import frame
from shared_protocol.limits import IDLE_MS
from shared_protocol.neighbours import AIR
from shared_protocol.schedule import GUARD_MS, NOTHING, STRANGE, WINDOW_MS
from shared_protocol.trickle import MAX_MS, MIN_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbour
    from shared_protocol.node import Node
    from shared_protocol.schedule import Schedule

PACE = 16  # so many times shorter are waits that are for the channel: a window is short
_BEACONS_ENOUGH = 3  # heard in a window: mine adds little,
_SILENT_MOST = 4  # but after so many windows it is due: others measure their clocks by it
_AGAIN_SPREAD_MS = 20  # a beacon that somebody needs now
_LINGER_MS = 85  # awake after a parcel: who has it may pass it on,
_MORE_MS, _MORE_MOST_MS = 5, 200  # and for each that waits behind it
_EXCHANGE_MS = 60  # awake after a question: the answer comes at once
_BUSY_MS = 5  # two frames so close: the second has waited for the first
_SPREAD_MS, _SPREAD_EACH_MS = 12, 3  # what has waited for the window goes out within

# Frames after which others go on, and those that are answered.
_NEWS = (frame.PARCEL, frame.RECEIPTS, frame.UNICAST, frame.EXTENDED)
_QUESTIONS = (frame.WANT, frame.SUMMARY, frame.LIST, frame.SKETCH_REQUEST, frame.SKETCH)


class Windows:
    """What a Node asks where there is a schedule; makes itself known to it."""

    def __init__(
        self, node: "Node", schedule: "Schedule", random_below: "Callable[[int], int]"
    ) -> None:
        self._node = node
        self.schedule = schedule
        self._random = random_below
        self.interval_ms = MIN_MS  # how long nothing was new, as Trickle tells it
        self._window = 0
        self._gate_ms = 0  # before this nothing leaves: not everybody at once
        self._slot_ms = 0
        self._spoken = True  # my beacon of this window has been, or was not needed
        self._heard = 0
        self._silent = 0
        self._heard_ms = self._sent_ms = 0  # the last frame
        self.beacons_only = False  # too weak a battery to carry for others
        self._awake = 0  # mask of neighbours that never sleep
        self._first = node.greeting.trickle  # until there is a schedule
        node.windows = self
        node.greeting.trickle = self
        node.greeting.pace = node.push.pace = PACE
        node.pull.pace = 4 * PACE  # a push is over by then, and another window far
        node.push.eager = True

    # --- as Trickle

    def consistent(self) -> None:
        """A neighbour's beacon told nothing new."""
        self._heard += 1

    def reset(self, now_ms: int) -> None:
        """Somebody near lacks something, or has it: a beacon now, if the window is open."""
        self.interval_ms = MIN_MS
        if not self.schedule.id:
            self._first.reset(now_ms)
        elif self._spoken or self._slot_ms > now_ms + _AGAIN_SPREAD_MS:
            self._slot_ms = now_ms + 1 + self._random(_AGAIN_SPREAD_MS)
            self._spoken = False
            self._silent = _SILENT_MOST

    def soften(self, now_ms: int) -> None:
        """There is news here, which a push should bring to the others too."""
        self.interval_ms = MIN_MS
        if not self.schedule.id:
            self._first.soften(now_ms)

    def due(self, now_ms: int, redundancy: int, owed: "Callable[[int], bool]") -> bool:
        """Send a beacon now?"""
        schedule = self.schedule
        schedule.look(now_ms)
        if not schedule.id:
            return self._first.due(now_ms, redundancy, owed)
        if schedule.windows != self._window:
            self._begin(now_ms)
        if self._spoken or now_ms < self._slot_ms or not schedule.may_send(now_ms):
            return False
        self._spoken = True
        if self._heard >= _BEACONS_ENOUGH and self._silent < _SILENT_MOST and not owed(now_ms):
            return False
        self._silent = 0
        return True

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until due() has to be asked again."""
        if not self.schedule.id:
            return self._first.wait_ms(now_ms)
        schedule = self.schedule
        wait_ms = schedule.send_wait(now_ms)
        if not wait_ms:
            wait_ms = schedule.left(now_ms) + 2 * GUARD_MS  # it closes then
            if not self._spoken:
                wait_ms = max(1, min(wait_ms, self._slot_ms - now_ms))
        if not schedule.never_sleeps:
            wait_ms = min(wait_ms, schedule.busy(now_ms) or IDLE_MS)
        return min(wait_ms, IDLE_MS)

    def _begin(self, now_ms: int) -> None:
        self._window = self.schedule.windows
        waiting = len(self._node.queues[AIR].parcels) + self._node.push.pending()
        spread_ms = min(WINDOW_MS // 2, _SPREAD_MS + _SPREAD_EACH_MS * waiting)
        self._gate_ms = now_ms + GUARD_MS + self._random(spread_ms)
        self._slot_ms = now_ms + GUARD_MS + self._random(WINDOW_MS - 3 * GUARD_MS)
        self._spoken = False
        self._silent += 1
        self._heard = 0
        self.interval_ms = min(2 * self.interval_ms, MAX_MS)

    # --- what a node asks

    def may_send(self, now_ms: int, beacon: bool) -> bool:
        """Is it the time for a frame on the air? beacon: for one that introduces me."""
        schedule = self.schedule
        if self.beacons_only and not beacon:
            return False
        if not schedule.id or (beacon and not schedule.settled()):
            return True
        if not self._node.neighbours.fresh_mask[AIR] & ~self._awake:
            return True
        return now_ms >= self._gate_ms and schedule.may_send(now_ms)

    def send_wait(self, now_ms: int) -> int:
        """Milliseconds until may_send() may be true."""
        beacon = self._node.queues[AIR].beacon_due
        if self.may_send(now_ms, beacon):
            return 0
        if self.beacons_only and not beacon:
            return IDLE_MS
        return max(self.schedule.send_wait(now_ms), min(IDLE_MS, self._gate_ms - now_ms))

    def stamp(self, kind: int, counter: int, body: bytes, now_ms: int) -> tuple[int, bytes]:
        """A frame goes out: its counter and body, with net time if there is one, and room."""
        schedule = self.schedule
        more = len(self._node.queues[AIR].parcels)
        if kind in _NEWS:
            ms = _LINGER_MS + min(_MORE_MS * more, _MORE_MOST_MS)
            schedule.hold(now_ms, ms - 2 * GUARD_MS)
        elif kind in _QUESTIONS:
            schedule.stay_awake(now_ms, _EXCHANGE_MS)
        prompt = kind == frame.BEACON and now_ms - self._sent_ms > _BUSY_MS
        self._sent_ms = now_ms
        if not schedule.id or len(body) > frame.BODY_MAX - frame.NET_TIME_LEN:
            return counter, body
        return counter | frame.NET_TIME, schedule.net_time(now_ms, prompt, more) + body

    def heard(
        self, neighbour: "Neighbour | None", kind: int, told: bytes, size: int, now_ms: int
    ) -> None:
        """A frame of this type was heard, with this net time or none. neighbour: if it is fresh,
        and the frame is no replay."""
        schedule = self.schedule
        if neighbour is None and kind != frame.BEACON:
            return
        if told:
            prompt = now_ms - self._heard_ms > _BUSY_MS
            found = schedule.heard(now_ms, told, size, neighbour is not None, prompt)
            if found != NOTHING:
                self._node.greeting.soon(now_ms)
                if found == STRANGE:
                    schedule.stay_awake(now_ms, _EXCHANGE_MS)
            if neighbour is not None:
                self._awake &= ~neighbour.bit
                self._awake |= 0 if told[4] >> 4 else neighbour.bit
        self._heard_ms = now_ms
        if kind in _NEWS:
            more = told[5] if told else 1
            schedule.stay_awake(now_ms, _LINGER_MS + min(_MORE_MS * more, _MORE_MOST_MS))
        elif kind in _QUESTIONS:
            schedule.hold(now_ms, _EXCHANGE_MS - 2 * GUARD_MS)  # who asks stays awake for it

    def gone(self, bit: int) -> None:
        """These neighbours are not heard any more."""
        self._awake &= ~bit
