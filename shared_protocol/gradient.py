"""Gradients: how many hops every node is from each gateway (SPEC.md 7.4).

A gateway numbers a beat every two minutes of its own clock; whoever hears it in the beacon of a
neighbour with whom it gets on well both ways is one hop farther, and says so in its own beacons.
"""

from shared_protocol.beats import BEAT_S, UNKNOWN, Beats
from shared_protocol.limits import GATEWAYS_TOLD_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared_protocol.neighbours import Neighbour

_AIR = 0


class Gradients:
    """What a node knows of gateways, and tells of them."""

    def __init__(self, node_id: bytes, is_gateway: bool) -> None:
        self._me = int.from_bytes(node_id[-2:], "big")
        self._is_gateway = is_gateway
        self.beats = Beats()
        self.untold = False  # a beat was heard that no beacon of mine has told yet
        self._turn = [0, 0]  # by link

    def told(self, link: int, now_s: int) -> list[tuple[int, int, int]]:
        """(gateway, number of its last beat, hops) for a beacon on a link; of many, others each
        time."""
        if link == _AIR:
            self.untold = False
        self.beats.tick(now_s)
        told = []
        if self._is_gateway:
            told.append((self._me, now_s // BEAT_S & 0xFFFF, 0))
        live = self.beats.live(now_s)
        for i in range(min(len(live), GATEWAYS_TOLD_MAX - len(told))):
            told.append(live[(self._turn[link] + i) % len(live)])
        self._turn[link] += GATEWAYS_TOLD_MAX - 1
        return told

    def heard(
        self, neighbour: "Neighbour", beats: "Sequence[tuple[int, int, int]]", now_s: int
    ) -> bool:
        """A neighbour tells of gateways. True if one is nearer than was known."""
        if neighbour.link == _AIR and not (neighbour.heard_well() and neighbour.hears_me):
            return False
        nearer = False
        for gateway, number, hops in beats:
            if gateway == self._me and self._is_gateway:
                continue
            was = self.beats.distance(gateway, now_s)
            if self.beats.beat(gateway, number, hops, now_s):
                self.untold = True
                is_now = self.beats.distance(gateway, now_s)
                nearer |= was == UNKNOWN or is_now < was
        return nearer
