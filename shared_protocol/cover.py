"""Who hears whom: by it a node knows whom another's transmission reaches (SPEC.md 7.2).

A HELLO names those whose frames its sender gets well. From the HELLOs of all neighbours follows,
for each of them, which of the others hear it: its *cover*, one bit each. Nothing is kept of nodes
that are not neighbours themselves.
"""

from shared_protocol import frame
from shared_protocol.errors import DecodeError
from shared_protocol.limits import NEIGHBOURS_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbour, Neighbours
    from shared_protocol.outgoing import LinkQueue

ID_LEN = 2  # the last bytes of an address; two alike around one node cost a transmission at most
_AGAIN_MS = 60_000
_SOON_MS, _SOON_SPREAD_MS = 500, 1500  # after a change: more neighbours may come at once


class Cover:
    """Sends and understands HELLO frames on one link."""

    def __init__(
        self,
        link: int,
        neighbours: "Neighbours",
        queue: "LinkQueue",
        random_below: "Callable[[int], int]",
        now_ms: int,
    ) -> None:
        self._link = link
        self._neighbours = neighbours
        self._queue = queue
        self._random = random_below
        self._told = 0  # mask of those heard well, whom my next HELLO lists
        self._due_ms = now_ms + _AGAIN_MS

    def poll(self, now_ms: int) -> int:
        """Queue a HELLO when one is due; milliseconds until the next may be."""
        if now_ms >= self._due_ms:
            self._due_ms = now_ms + _AGAIN_MS - self._random(_AGAIN_MS // 8)
            told = self._told & self._neighbours.fresh_mask[self._link]
            ids = [n.address[-ID_LEN:] for n in self._neighbours.all if n.bit & told]
            self._queue.control(frame.HELLO, b"".join(ids))
        return self._due_ms - now_ms

    def look(self, now_ms: int) -> None:
        """Now and then: has it changed who is heard well? Then others should know soon."""
        well = self._neighbours.heard_well(self._link)
        if well != self._told:
            self._told = well
            soon_ms = now_ms + _SOON_MS + self._random(_SOON_SPREAD_MS)
            self._due_ms = min(self._due_ms, soon_ms)

    def on_hello(self, neighbour: "Neighbour", body: bytes, me: bytes) -> None:
        """A neighbour lists whom it hears well; `me` is my own address. DecodeError if garbled."""
        if len(body) % ID_LEN or len(body) > ID_LEN * NEIGHBOURS_MAX:
            raise DecodeError("hello length")
        ids = [bytes(body[at : at + ID_LEN]) for at in range(0, len(body), ID_LEN)]
        for n in self._neighbours.all:
            if n.link == self._link and n is not neighbour:
                if n.address[-ID_LEN:] in ids:
                    n.cover |= neighbour.bit
                else:
                    n.cover &= ~neighbour.bit
        neighbour.hears_me = me[-ID_LEN:] in ids
        self._neighbours.refresh_masks()
