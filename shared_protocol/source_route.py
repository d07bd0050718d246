"""Passing frames on along the way that they carry, and back (SPEC.md 7.6).

A relay keeps nothing but what it has just sent, until the next node is heard sending it on. Each
step is tried a few times; when the way is broken the laptop looks for another.
"""

from shared_protocol import command, frame
from shared_protocol.command import ANSWER, DONE, FIND, FOUND, NODE_LEN, REQUEST, TAIL, Command
from shared_protocol.limits import COMMANDS_KEPT_MAX, FINDS_REMEMBERED_MAX, WAY_NODES_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbour
    from shared_protocol.outgoing import LinkQueue

_AGAIN_MS, _AGAIN_SPREAD_MS = 120, 60  # the next node's turn takes 5 to 20
_TRIES = 5  # at 30 % loss one step in 400 fails
_FIND_TRIES = 3  # the last ones of a flood have nobody who would pass it on
_JITTER_MS = 40  # who hears the same FIND does not pass it on in the same moment
_CROWD_MS = 3000  # answers of everybody are spread over this time
_FIND_EVERY_MS = 500  # a flood of these is nobody's right
_IDLE_MS = 60_000


class _Sent:
    """A command that was sent on, until somebody is heard having it."""

    def __init__(self, c: Command, due_ms: int) -> None:
        self.kind: int = c.kind
        self.number: int = c.number
        self.way: bytes = c.way
        self.progress = _progress(c)
        self.body = command.encode(c)
        self.due_ms = due_ms
        self.tries = 0

    def key(self) -> tuple[int, int, bytes]:
        """By which it is told from others."""
        return self.kind, self.number, self.way[-TAIL:]

    def is_behind(self, c: Command) -> bool:
        """Has whoever sent this command of the same exchange got mine, or one after it?"""
        if self.kind == FIND:  # others pass it on without having heard mine
            longer = len(c.way) > len(self.way) and c.way.startswith(self.way)
            return c.kind <= FOUND and longer
        if c.kind != self.kind:
            return bool(self.kind == REQUEST and c.kind == ANSWER)
        return c.way[-TAIL:] == self.way[-TAIL:] and _progress(c) > self.progress


class SourceRoutes:
    """One node's part in it. `arrived` is a list of Commands for this node: FOUND and ANSWER where
    it asked, REQUEST where it is asked; the shell takes them out."""

    def __init__(
        self, node_id: bytes, queue: "LinkQueue", random_below: "Callable[[int], int]", now_ms: int
    ) -> None:
        self._id = node_id
        self._tail = node_id[-TAIL:]
        self._queue = queue
        self._random = random_below
        self.arrived: list[Command] = []
        self._sent: list[_Sent] = []
        self._finds: list[tuple[int, bytes]] = []  # (number, first node) of those passed on
        self._passed: list[tuple[int, int, bytes]] = []  # (kind, number, end) of the others
        self._find_ms = now_ms - _FIND_EVERY_MS
        self._used_ms = now_ms

    def idle(self, now_ms: int) -> bool:
        """Has nobody wanted anything for a while?"""
        return not self._sent and not self.arrived and now_ms - self._used_ms > _IDLE_MS

    def send(self, c: Command, now_ms: int, delay_ms: int = 0) -> None:
        """Send one of our own, from the beginning of its way or from its end. Dropped when too
        much is under way already."""
        self._used_ms = now_ms
        if c.kind == FIND:
            self._finds.append((c.number, c.way[:TAIL]))
        self._keep(c, now_ms + delay_ms)

    def on_frame(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A COMMAND frame, for whomever. DecodeError if garbled."""
        c = command.decode(body)
        self._used_ms = now_ms
        self._went_on(c)
        if c.step == DONE:
            return
        if c.kind == FIND:
            self._on_find(c, neighbour, now_ms)
            return
        at = TAIL * c.step
        if c.way[at : at + TAIL] != self._tail:
            return
        last = c.step == (len(c.way) // TAIL - 1 if c.kind == REQUEST else 0)
        if c.kind == FOUND:
            rest = c.rest + command.strength(neighbour.rssi_dbm)
            c = Command(FOUND, c.step, c.number, c.way, rest)
        if not last:
            step = c.step + 1 if c.kind == REQUEST else c.step - 1
            self._pass_on(Command(c.kind, step, c.number, c.way, c.rest), now_ms)
            return
        if c.kind != REQUEST:  # the answer to a request says as much
            done = Command(c.kind, DONE, c.number, c.way[-TAIL:], b"")
            self._queue.control(frame.COMMAND, command.encode(done))
        if len(self.arrived) < COMMANDS_KEPT_MAX:
            self.arrived.append(c)

    def _on_find(self, c: Command, neighbour: "Neighbour", now_ms: int) -> None:
        known = (c.number, c.way[:TAIL])
        if known in self._finds or len(c.way) // TAIL >= WAY_NODES_MAX:
            return
        if now_ms - self._find_ms < _FIND_EVERY_MS:
            return
        self._find_ms = now_ms
        if len(self._finds) >= FINDS_REMEMBERED_MAX:
            self._finds.pop(0)
        self._finds.append(known)
        sought = c.rest[:NODE_LEN]
        way, rest = c.way + self._tail, c.rest + command.strength(neighbour.rssi_dbm)
        nodes = len(way) // TAIL
        everybody = sought == command.EVERYBODY
        if everybody or sought == self._id:
            found = Command(FOUND, nodes - 2, c.number, way, self._id + rest[NODE_LEN:])
            self._keep(found, now_ms + self._random(_CROWD_MS if everybody else _JITTER_MS))
        if sought != self._id:
            step = min(nodes - 1, DONE - 1)
            self._keep(Command(FIND, step, c.number, way, rest), now_ms + self._random(_JITTER_MS))

    def _pass_on(self, c: Command, now_ms: int) -> None:
        key = (c.kind, c.number, c.way[-TAIL:])
        again = key in self._passed
        if again:  # whoever sent it has not heard me: once more, but nobody need hear it now
            self._sent = [s for s in self._sent if s.key() != key]
        elif len(self._passed) >= FINDS_REMEMBERED_MAX:
            self._passed.pop(0)
        if not again:
            self._passed.append(key)
        self._keep(c, now_ms)
        if again and self._sent and self._sent[-1].key() == key:
            self._sent[-1].tries = _TRIES - 1

    def _keep(self, c: Command, due_ms: int) -> None:
        if len(self._sent) < COMMANDS_KEPT_MAX:
            self._sent.append(_Sent(c, due_ms))

    def _went_on(self, c: Command) -> None:
        """A command was heard: what I sent of its exchange before need not be sent again."""
        for sent in list(self._sent):
            if sent.tries and sent.number == c.number and sent.is_behind(c):
                self._sent.remove(sent)

    def poll(self, now_ms: int, idle_ms: int) -> int:
        """Send what is due; milliseconds until more is."""
        wait_ms = idle_ms
        for sent in list(self._sent):
            if now_ms >= sent.due_ms:
                if sent.tries >= (_FIND_TRIES if sent.kind == FIND else _TRIES):
                    self._sent.remove(sent)
                    continue
                self._queue.control(frame.COMMAND, sent.body)
                sent.tries += 1
                sent.due_ms = now_ms + _AGAIN_MS + self._random(_AGAIN_SPREAD_MS)
            wait_ms = min(wait_ms, sent.due_ms - now_ms)
        return wait_ms


def _progress(c: Command) -> int:
    """How far a command has come, within its kind."""
    step: int = c.step
    if step == DONE or c.kind in (FIND, REQUEST):
        return step
    return len(c.way) // TAIL - step
