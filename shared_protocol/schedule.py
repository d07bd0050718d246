"""When the radio is on: windows that neighbours share without a master, sans-IO (SPEC.md 19).

Net time is ticks + offset. A window opens whenever it is a multiple of 2**k ms: periods nest, so
one that sleeps 16 s meets one that sleeps 4 s, and as 2**k divides the range of the ticks these
may wrap. Frames carry net time; after each window a node moves halfway to the middle between the
earliest and the latest that it heard (the median would forget the one neighbour beyond a bridge,
and both sides would drift apart). How fast its clock runs in sleep it learns, and applies that to
time asleep only: awake it runs on a crystal.

All times are ticks modulo 2**30 ms, taken from any milliseconds that rise. Integers only.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TICKS = 0x3FFFFFFF
_HALF = 0x20000000
NET_TIME_LEN = 6
WINDOW_MS = 128
PROFILES = {"balanced": (12, 1800), "long": (14, 4 * 3600)}  # (k: period 2**k ms, scan every s)
GUARD_MS = 5  # radios that have just started, timers that fire late
_LEARN_K = 12  # a clock that is not known yet sleeps no longer than this
_LEARNT_WINDOWS, _LEARNT_DEV = 8, 64  # so many within 4 ms (in 1/16 ms): sleep twice as long
# The rate follows quickly in the beginning, later slowly and by at most 4 ms (in 1/256) at once:
# a stamp may be old, because its frame had to wait.
_COARSE_WINDOWS, _FINE = 8, 1024
_SETTLE_MS = 60_000  # awake after the start: all that is near shall become known
_SAME_MS = 256  # farther off, it is another schedule under the same name
_OTHER_WINDOWS = 8  # so long a schedule that was left is kept beside the new one,
_STRANGE_WINDOWS = 3  # and so long somebody is met who has not proved to be live
_SCAN_AFTER = (6, 14, 30, 62)  # windows without anybody
_LOST = 24  # windows without anybody: the clock is not known any more
_RATE_MAX = 33554  # 8000 ppm: a unit is 1/256 ms in 2**14 ms, .24 ppm
_AIRTIME_US = 192 + 8 * 43 + 300 + 500  # of an empty frame, waiting for the channel, rounding
NOTHING, MOVED, STRANGE = 0, 1, 2


def ahead(a: int, b: int) -> int:
    """How many ms time a is after time b."""
    return ((a - b + _HALF) & TICKS) - _HALF


class Schedule:
    """One node's windows. profile: one of PROFILES. never_sleeps: it only keeps time for others.

    id: 1..65535 names the schedule; 0 before there is one. windows: how many have begun.
    """

    def __init__(
        self, profile: str, never_sleeps: bool, random_below: "Callable[[int], int]", now: int
    ) -> None:
        self._random = random_below
        self._most_k, self._scan_s = PROFILES[profile]
        self.never_sleeps = never_sleeps
        self.k = min(_LEARN_K, self._most_k)
        self.id = 0
        self.windows = 0
        self.misses = 0
        self.rate = 0  # how much the clock loses in sleep
        self._off = 0
        self._frac = 0  # 1/256 ms
        self._least = self._most = 0  # this window's phase errors, ms
        self._heard = False
        self._dev = 128  # error to be expected, 1/16 ms
        self._corrected = 0  # so many times, up to _COARSE_WINDOWS
        self._good = 0  # windows within _LEARNT_DEV
        self._slept = 0  # ms asleep since somebody was heard last
        self._open = False
        self._closed = now & TICKS
        self._other_off = self._other_n = 0  # another schedule, met in its windows too
        self._other_open = False
        self._slow_k = self.k  # of the slowest neighbour lately; _slow_n: windows to remember it
        self._slow_n = 0
        self._hold = self._begun = self.stay_awake_until = now & TICKS
        self._settled = False
        period = 1 << self._most_k
        self._found = (now + period + period // 10 + random_below(period)) & TICKS
        self._scan = self._next_scan(now)
        self._scanning = False

    def change(self, profile: str) -> None:
        """Another profile, from the next window on; to a longer one it learns its way."""
        self._most_k, self._scan_s = PROFILES[profile]
        self.k = min(self.k, self._most_k)
        self._good = 0

    # --- what is heard and said

    def net_time(self, now: int, good: bool, more: int) -> bytes:
        """The six bytes for a frame that goes out now. good: nothing was queued before it."""
        stamp = now + self._off
        k = 0 if self.never_sleeps else self.k
        return bytes(
            (
                stamp >> 8 & 255, stamp & 255, self.id >> 8, self.id & 255,
                k << 4 | good << 3, min(more, 255),
            )
        )  # fmt: skip

    def heard(self, now: int, told: bytes, size: int, proven: bool, prompt: bool) -> int:
        """The net time in a frame of `size` bytes. proven: its sender is live, the frame is new.
        prompt: the channel was free before it, so that it went out when it was stamped.
        MOVED: it is ours from now on. STRANGE: its sender does not have ours."""
        stamp = (told[0] << 8 | told[1]) + (_AIRTIME_US + 8 * size) // 1000
        name = told[2] << 8 | told[3]
        if not name:
            return NOTHING
        error = ((stamp - now - self._off + 0x8000) & 0xFFFF) - 0x8000
        if not self.id:
            self._off = stamp - now & TICKS
            return self._take(name, now)
        if name == self.id and proven:
            self._note_period(told[4] >> 4)
            if -_SAME_MS < error < _SAME_MS:
                self.misses = 0
                if told[4] & 8 and prompt:
                    self._note(error)
                return NOTHING
            # One name, two phases: the later wins, and whoever is lost gives in.
            if error < 0 and self.misses < _SCAN_AFTER[0]:
                return STRANGE
        elif name >= self.id or not proven:
            if name != self.id and not self._near(error):
                if not self._other_n or proven:
                    self._other_off = (self._off + error) & TICKS
                self._other_n = max(self._other_n, _STRANGE_WINDOWS)
                return STRANGE
            return NOTHING
        if not self._near(error):  # else only the name changes
            self._other_off, self._other_n = self._off, _OTHER_WINDOWS
            self._off = (self._off + error) & TICKS
        return self._take(name, now)

    def _take(self, name: int, now: int) -> int:
        self.id = name
        self._frac = self.misses = 0
        self._heard = self._open = False
        self._closed = now - (1 << self.k) & TICKS
        return MOVED

    def _near(self, error: int) -> bool:
        return -WINDOW_MS // 2 < error < WINDOW_MS // 2

    def _note(self, error: int) -> None:
        self._least = min(self._least, error) if self._heard else error
        self._most = max(self._most, error) if self._heard else error
        self._heard = True

    def _note_period(self, k: int) -> None:
        if k >= self._slow_k:
            self._slow_k, self._slow_n = k, 4

    # --- time

    def look(self, now: int) -> None:
        """Let time pass while awake: windows begin and end, a schedule is founded, a scan ends."""
        now &= TICKS
        if not self.id:
            if ahead(now, self._found) < 0:
                return
            self._off = -now & TICKS
            self._take(1 + self._random(0xFFFF), now)
        if not self._settled and ahead(now, self._begun) >= _SETTLE_MS:
            self._settled = True
        phase = self._phase(now, self._off)
        if phase < WINDOW_MS:
            if not self._open and ahead(now, self._closed) > 1 << self.k - 1:
                self._open = True
                self.windows += 1
        elif self._open:
            self._open = False
            self._close(now)
        if self._other_n:
            inside = self._phase(now, self._other_off) < WINDOW_MS
            if self._other_open and not inside:
                self._other_n -= 1
            elif inside and not self._other_open:
                self.windows += 1
            self._other_open = inside
        if self._scanning and ahead(now, self._scan) >= (1 << self._most_k) + WINDOW_MS:
            self._scanning = False
            self._scan = self._next_scan(now)

    def on_slept(self, ms: int) -> None:
        """So long the clock ran on what it has in sleep: correct what it lost."""
        self._slept = min(self._slept + ms, TICKS >> 4)
        lost = self._frac + ((self.rate * (min(ms, 1 << 15) >> 2)) >> 12)
        self._off = (self._off + (lost >> 8)) & TICKS
        self._frac = lost & 255

    def _close(self, now: int) -> None:
        """A window is over: correct the clock by what was heard since the one before."""
        self._closed = now
        self._slow_n -= 1
        if self._slow_n < 0:
            self._slow_k = self.k
        if not self._heard:
            if (now + self._off) & ((1 << max(self.k, self._slow_k)) - 1) < 1 << self.k:
                self._missed(now)
            return
        self._heard = False
        middle = (self._least + self._most) << 7  # 1/256 ms
        error = abs(middle) >> 4  # 1/16 ms
        self._dev += error - self._dev if error > self._dev else (error - self._dev) >> 2
        change = self._frac + (middle >> 1 if error < 128 else middle)
        self._off = (self._off + (change >> 8)) & TICKS
        self._frac = change & 255
        if self._slept >= 1 << self.k - 1:
            learnt = self._corrected >= _COARSE_WINDOWS
            m = max(-_FINE, min(_FINE, middle)) if learnt else middle
            self.rate += ((m << 10) // (self._slept >> 4)) >> (4 if learnt else 2)
            self._corrected += not learnt
            self.rate -= self.rate >> 8  # or all clocks would run away together
            self.rate = max(-_RATE_MAX, min(_RATE_MAX, self.rate))
            self._good = min(self._good + 1, 255) if self._dev < _LEARNT_DEV else 0
            if self._good >= _LEARNT_WINDOWS and self.k < self._most_k:
                self.k += 1
                self._good = 0
        self._slept = 0

    def _missed(self, now: int) -> None:
        self.misses += 1
        if self.misses in _SCAN_AFTER:
            self._scan = now
        if self.misses == _LOST:
            self.k = min(_LEARN_K, self._most_k)
            self._good = self._corrected = 0

    def _next_scan(self, now: int) -> int:
        ms = self._scan_s * 500
        return (now + ms + self._random(ms)) & TICKS

    def _phase(self, now: int, off: int) -> int:
        return (now + off) & ((1 << self.k) - 1)

    # --- what it comes to

    def settled(self) -> bool:
        """Is the time over in which it stays awake after its start?"""
        return self._settled and self.id > 0

    def stay_awake(self, now: int, ms: int) -> None:
        """Somebody is about to say something."""
        until = (now + ms) & TICKS
        if ahead(until, self.stay_awake_until) > 0 or ahead(now, self.stay_awake_until) > 0:
            self.stay_awake_until = until

    def hold(self, now: int, ms: int) -> None:
        """My listeners are known to be awake so long: I may go on."""
        self._hold = (now + ms) & TICKS
        self.stay_awake(now, ms + GUARD_MS)

    def want_scan(self, now: int) -> bool:
        """Is it time to listen for a whole period, for somebody who has another schedule?"""
        now &= TICKS
        if not self._scanning and ahead(now, self._scan) >= 0 and self.settled():
            self._scanning = True
            self._scan = now
        return self._scanning

    def margin(self) -> int:
        """So long before a window it listens, and after it: twice what its clock may be wrong."""
        unsure = min(self.misses, 16) << self.k >> 10
        return min(GUARD_MS + (self._dev >> 3) + unsure, 1 << self.k >> 3)

    def next_wake(self, now: int) -> int:
        """Milliseconds until the radio must be listening; 0: be awake now."""
        now &= TICKS
        if self.never_sleeps or self.want_scan(now) or self._open or self.busy(now):
            return 0
        wait = self._until(now, self._off)
        return min(wait, self._until(now, self._other_off)) if self._other_n else wait

    def busy(self, now: int) -> int:
        """Milliseconds until next_wake() may be more than 0; 0: it is."""
        now &= TICKS
        if not self.id:
            return max(1, ahead(self._found, now))
        if not self._settled:
            return max(1, _SETTLE_MS - ahead(now, self._begun))
        if self._scanning:
            return max(1, (1 << self._most_k) + WINDOW_MS - ahead(now, self._scan))
        left = max(0, ahead(self.stay_awake_until, now), ahead(self._hold, now))
        left = max(left, self._late(now, self._off))
        return max(left, self._late(now, self._other_off)) if self._other_n else left

    def _late(self, now: int, off: int) -> int:
        return WINDOW_MS + self.margin() - self._phase(now, off)

    def _until(self, now: int, off: int) -> int:
        return max(0, (1 << self.k) - self._phase(now, off) - self.margin())

    def may_send(self, now: int) -> bool:
        """Are those for whom it is meant awake, as far as can be known?"""
        now &= TICKS
        if not self.id or ahead(self._hold, now) > 0:
            return True
        if self._in_time(self._phase(now, self._off)):
            return True
        return self._other_n > 0 and self._in_time(self._phase(now, self._other_off))

    def send_wait(self, now: int) -> int:
        """Milliseconds until may_send() may be true."""
        if self.may_send(now):
            return 0
        wait = (1 << self.k) - self._phase(now, self._off)
        if self._other_n:
            wait = min(wait, (1 << self.k) - self._phase(now, self._other_off))
        return wait + GUARD_MS

    def _in_time(self, phase: int) -> bool:
        return GUARD_MS <= phase < WINDOW_MS - GUARD_MS

    def left(self, now: int) -> int:
        """Milliseconds of this window in which one may begin to send."""
        phase = self._phase(now & TICKS, self._off)
        left = WINDOW_MS - GUARD_MS - phase
        if self._other_n:
            left = max(left, WINDOW_MS - GUARD_MS - self._phase(now & TICKS, self._other_off))
        return max(0, left)
