"""When to send beacons: Trickle (RFC 6206), quiet while nothing is new."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MIN_MS = 500
MAX_MS = 60_000
_NEWS_MS = 4 * MIN_MS  # news alone shortens only intervals longer than this: pushes come first


class Trickle:
    """The timer of RFC 6206 4.2. random_below(n) gives an int in 0..n-1."""

    def __init__(self, random_below: "Callable[[int], int]", now_ms: int) -> None:
        self._random = random_below
        self.interval_ms = MIN_MS
        self._begin(now_ms)

    def _begin(self, now_ms: int) -> None:
        half = self.interval_ms // 2
        self._fire_ms = now_ms + half + self._random(half)
        self._end_ms = now_ms + self.interval_ms
        self._heard = 0
        self._fired = False

    def consistent(self) -> None:
        """A neighbour's beacon told nothing new."""
        self._heard += 1

    def reset(self, now_ms: int) -> None:
        """Something is new: start again from the shortest interval (no-op if already there)."""
        if self.interval_ms > MIN_MS:
            self.interval_ms = MIN_MS
            self._begin(now_ms)

    def soften(self, now_ms: int) -> None:
        """There is news here, which a push should bring to the others too."""
        if self.interval_ms > _NEWS_MS:
            self.reset(now_ms)

    def due(self, now_ms: int, redundancy: int, owed: "Callable[[int], bool]") -> bool:
        """Send a beacon now? Not after so many consistent ones of others, unless it is owed."""
        fire = False
        if not self._fired and now_ms >= self._fire_ms:
            self._fired = True
            fire = self._heard < redundancy or owed(now_ms)
        if now_ms >= self._end_ms:
            self.interval_ms = min(2 * self.interval_ms, MAX_MS)
            self._begin(now_ms)
        return fire

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until due() has to be asked again."""
        return max(0, (self._end_ms if self._fired else self._fire_ms) - now_ms)
