"""Beacons: what I know, told to neighbours, and the handshake that proves them (SPEC.md 7.1)."""

from shared_protocol import beacon
from shared_protocol.reconcile import COVERED, EQUAL, LACKING, UNCLEAR
from shared_protocol.trickle import Trickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbour
    from shared_protocol.node import Node

_CHALLENGE_MS = 3_600_000  # an hour: a recording older than that proves nothing to a new neighbour
_QUIET_MS = 8_000  # beacon intervals from which on a beacon says less
_FEW_NEIGHBOURS = 8  # with so few, one beacon more is worth its air
_SOON_MS, _SOON_SPREAD_MS = 20, 80  # an answer waits a random while: others answer too


class Greeting:
    """When a node sends beacons, what it says in them, and what it learns from others'."""

    def __init__(self, node: "Node", random_below: "Callable[[int], int]", now_ms: int) -> None:
        self._node = node
        self._random = random_below
        self.trickle = Trickle(random_below, now_ms)
        self._due_ms: int | None = now_ms + random_below(_SOON_SPREAD_MS)
        self._echo_turn = 0
        self.new_challenge(now_ms)

    def new_challenge(self, now_ms: int) -> None:
        """Draw another challenge; neighbours that are fresh stay so."""
        self._challenge = self._random(1 << beacon.CHALLENGE_BITS)
        self._challenged_ms = now_ms

    def soon(self, now_ms: int) -> None:
        """Somebody waits for my beacon."""
        if self._due_ms is None:
            self._due_ms = now_ms + _SOON_MS + self._random(_SOON_SPREAD_MS)

    def poll(self, now_ms: int) -> int:
        """Have a beacon sent on every link if one is due; milliseconds until the next may be."""
        if now_ms - self._challenged_ms >= _CHALLENGE_MS:
            self.new_challenge(now_ms)
        redundancy = 2 if len(self._node.neighbours.all) <= _FEW_NEIGHBOURS else 1
        due = self.trickle.due(now_ms, redundancy, self._owed)
        if due or (self._due_ms is not None and now_ms >= self._due_ms):
            self._due_ms = None
            for queue in self._node.queues:
                queue.beacon_due = queue.up
        wait_ms = self.trickle.wait_ms(now_ms)
        return wait_ms if self._due_ms is None else min(wait_ms, self._due_ms - now_ms)

    def _owed(self, now_ms: int) -> bool:
        """Does somebody need my beacon, whatever others sent?"""
        for n in self._node.neighbours.all:
            if not n.fresh or n.wants_echo:
                return True
        # A beat travels in beacons only: suppressed for long, a gateway would seem to be gone.
        return bool(self._node.gradients.untold) or self._node.push.owed(now_ms)

    def beacon_body(self, link: int, now_ms: int) -> bytes:
        """The beacon for one link, with an echo for each neighbour there that needs one."""
        node = self._node
        flags = beacon.GATEWAY if node.is_gateway else 0
        if node.shelf.groups.any_full():
            flags |= beacon.FULL
        echoes: list[tuple[bytes, int, int]] = []
        around = node.neighbours.all
        for i in range(len(around)):
            n = around[(self._echo_turn + i) % len(around)]
            if n.link == link and (not n.fresh or n.wants_echo):
                if len(echoes) == beacon.ECHOES_MAX:
                    self._echo_turn += i  # the others come first the next time
                    break
                echoes.append((n.tail(), 0 if n.fresh else 1, n.challenge))
                n.wants_echo = False
        digest = node.reconcile.digest(link, self._quiet())
        gateways = node.gradients.told(link, node.clock.now_s(now_ms))
        return beacon.encode(
            flags, self._challenge, digest, echoes, gateways, node.cell, node.told
        )

    def _quiet(self) -> bool:
        """Has nothing happened for a while, as far as I know?"""
        if self.trickle.interval_ms < _QUIET_MS:
            return False
        return all([n.equal or not n.fresh for n in self._node.neighbours.all])

    def heard(
        self,
        link: int,
        src: bytes,
        neighbour: "Neighbour | None",
        counter: int,
        body: bytes,
        rssi_dbm: int,
        now_ms: int,
    ) -> None:
        """A beacon with a valid MAC. DecodeError if its body is none."""
        b = beacon.decode(body)
        self._node.stats["unknown_kinds"] += b.unknown
        if neighbour is None:
            neighbour = self._node.neighbours.add(link, src, now_ms)
            if neighbour is None:
                return
            self.soon(now_ms)
        elif neighbour.fresh and neighbour.replayed(counter):
            self._node.stats["replayed"] += 1
            return
        neighbour.heard_ms = now_ms
        neighbour.rssi_dbm = rssi_dbm
        neighbour.flags = b.flags
        neighbour.cell = b.cell
        if neighbour.fresh and b.challenge != neighbour.challenge:
            neighbour.wants_echo = True  # it has rebooted: do not let it wait for my next beacon
            neighbour.restarted()
            self.soon(now_ms)
        neighbour.challenge = b.challenge
        for tail, ask, challenge in b.echoes:
            if tail == self._node.node_id[3:]:
                if challenge == self._challenge and not neighbour.fresh:
                    neighbour.freshen(counter)
                    self._node.neighbours.refresh_masks()
                    self._node.look_soon(now_ms)
                if ask:
                    neighbour.wants_echo = True
                    self.soon(now_ms)
        if neighbour.fresh:
            if self._node.gradients.heard(neighbour, b.gateways, self._node.clock.now_s(now_ms)):
                self.trickle.soften(now_ms)
            verdict = self._node.reconcile.on_beacon(neighbour, b.digest, now_ms)
            told = self._node.told
            if b.told > told or (b.told[0] and self._node.spread):
                self._node.on_extended(neighbour, b"", now_ms, b.told)
            if verdict in (EQUAL, COVERED):
                if b.told >= told or not told[1]:  # else mine says more
                    self.trickle.consistent()
            elif verdict == LACKING:
                self.trickle.reset(now_ms)
            elif verdict == UNCLEAR:
                self.trickle.soften(now_ms)  # there is more to it than one exchange
