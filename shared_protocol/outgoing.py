"""What waits to be sent on one link: control frames first, then parcels with gaps between."""

from shared_protocol.limits import OUT_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class LinkQueue:
    """One link's queues. Parcels are named by short id and built only when their turn comes, so no
    second copy of a piece exists. gap_ms: pause between parcels, so that a burst of one node
    leaves the channel to its neighbours' answers."""

    def __init__(self, gap_ms: int) -> None:
        self.gap_ms = gap_ms
        self.up = False  # nothing is queued for a link on which nobody can hear it
        self.beacon_due = False
        self.dropped = 0
        self._control: list[tuple[int, bytes]] = []
        self._parcels: list[int] = []
        self._next_ms = 0

    def control(self, frame_type: int, body: bytes) -> None:
        """Queue a short frame; a full queue drops it (every exchange is repeated by its timer)."""
        if not self.up or (frame_type, body) in self._control:
            return
        if len(self._control) >= OUT_MAX:
            self.dropped += 1
            return
        self._control.append((frame_type, body))

    def parcel(self, short: int) -> bool:
        """Queue a parcel or receipt by short id. False if the queue is full."""
        if not self.up:
            return False
        if short in self._parcels:
            return True
        if len(self._parcels) >= OUT_MAX:
            self.dropped += 1
            return False
        self._parcels.append(short)
        return True

    def next_control(self) -> tuple[int, bytes] | None:
        """The next (frame type, body), if any."""
        return self._control.pop(0) if self._control else None

    def next_parcel(self, now_ms: int) -> int:
        """The next parcel's short id, -1 if none is there or the gap is not over."""
        if not self._parcels or now_ms < self._next_ms:
            return -1
        return self._parcels.pop(0)

    def take_if(self, wanted: "Callable[[int], bool]") -> int:
        """Take the first waiting short id for which wanted(short id) holds, or -1."""
        for short in self._parcels:
            if wanted(short):
                self._parcels.remove(short)
                return short
        return -1

    def sent_parcel(self, now_ms: int) -> None:
        """A parcel went out: the gap begins."""
        self._next_ms = now_ms + self.gap_ms

    def wait_ms(self, now_ms: int, idle_ms: int) -> int:
        """Milliseconds until this queue has something to send; idle_ms if it is empty."""
        if self.beacon_due or self._control:
            return 0
        if self._parcels:
            return max(0, self._next_ms - now_ms)
        return idle_ms

    def clear(self) -> None:
        """The link is down: forget everything."""
        self.up = False
        self._control.clear()
        self._parcels.clear()
        self.beacon_due = False
