"""Passing frames on along the way that they carry, and back (SPEC.md 7.6; command.py).

A relay keeps nothing but what it has just sent, until the next node is heard sending it on. Each
step is tried a few times; when the way is broken the laptop looks for another. Commands stay
bytes here, as they came: a relay has no room for more.
"""

from shared_protocol import frame
from shared_protocol.command import (
    ANSWER,
    DONE,
    EVERYBODY,
    FIND,
    FOUND,
    HEAD,
    NODE_LEN,
    REQUEST,
    TAIL,
)
from shared_protocol.errors import DecodeError
from shared_protocol.limits import COMMANDS_KEPT_MAX, COMMANDS_REMEMBERED_MAX, WAY_NODES_MAX

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
_FIND_EVERY_MS = 250  # a flood of these is nobody's right
_IDLE_MS = 10_000


class SourceRoutes:
    """One node's part in it. `arrived` lists the commands for this node: FOUND and ANSWER where it
    asked, REQUEST where it is asked; the shell takes them out."""

    def __init__(
        self, node_id: bytes, queue: "LinkQueue", random_below: "Callable[[int], int]", now_ms: int
    ) -> None:
        self._id = node_id
        self._queue = queue
        self._random = random_below
        self.arrived: list[bytes] = []
        self._sent: list[tuple[bytes, list[int]]] = []  # (command, [when it is due, tries])
        self._known: list[bytes] = []  # what was passed on: see _key()
        self._find_ms = now_ms - _FIND_EVERY_MS
        self._used_ms = now_ms

    def idle(self, now_ms: int) -> bool:
        """Has nobody wanted anything for a while?"""
        return not self._sent and not self.arrived and now_ms - self._used_ms > _IDLE_MS

    def send(self, body: bytes, now_ms: int) -> None:
        """Send one of our own, from the beginning of its way or from its end. Dropped when too
        much is under way already. DecodeError if garbled."""
        self._used_ms = now_ms
        if body[0] >> 6 == FIND:
            self._known.append(_key(body))
        self._keep(body, now_ms)

    def on_frame(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A COMMAND frame, for whomever. DecodeError if garbled."""
        body = bytes(body)
        way = _way(body)
        kind, step = body[0] >> 6, body[0] & 63
        self._used_ms = now_ms
        self._went_on(body)
        if step == DONE:
            return
        if kind == FIND:
            self._on_find(body, neighbour, now_ms)
        elif way[TAIL * step : TAIL * step + TAIL] == self._id[-TAIL:]:
            if kind == FOUND:
                body += strength(neighbour.rssi_dbm)
            if step != (body[3] - 1 if kind == REQUEST else 0):
                self._pass_on(_with_step(body, step + 1 if kind == REQUEST else step - 1), now_ms)
                return
            if kind != REQUEST:  # the answer to a request says as much
                done = bytes((kind << 6 | DONE, body[1], body[2], 1)) + way[-TAIL:]
                self._queue.control(frame.COMMAND, done)
            if len(self.arrived) < COMMANDS_KEPT_MAX:
                self.arrived.append(body)

    def _on_find(self, body: bytes, neighbour: "Neighbour", now_ms: int) -> None:
        way, key = _way(body), _key(body)
        if key in self._known or body[3] >= WAY_NODES_MAX:
            return
        if now_ms - self._find_ms < _FIND_EVERY_MS:
            return
        self._find_ms = now_ms
        self._remember(key)
        rest = body[HEAD + len(way) :]
        sought = rest[:NODE_LEN]
        heard = rest[NODE_LEN:] + strength(neighbour.rssi_dbm)
        head, way = bytes((body[1], body[2], body[3] + 1)), way + self._id[-TAIL:]
        if sought == EVERYBODY or sought == self._id:
            found = bytes((FOUND << 6 | body[3] - 1,)) + head + way + self._id + heard
            delay_ms = self._random(_CROWD_MS if sought == EVERYBODY else _JITTER_MS)
            self._keep(found, now_ms + delay_ms)
        if sought != self._id:
            onward = bytes((FIND << 6 | body[3],)) + head + way + sought + heard
            self._keep(onward, now_ms + self._random(_JITTER_MS))

    def _pass_on(self, body: bytes, now_ms: int) -> None:
        key = _key(body)
        again = key in self._known
        if again:  # whoever sent it has not heard me: once more, but nobody need hear it now
            self._sent = [s for s in self._sent if _key(s[0]) != key]
        else:
            self._remember(key)
        self._keep(body, now_ms, _TRIES - 1 if again else 0)

    def _remember(self, key: bytes) -> None:
        if len(self._known) >= COMMANDS_REMEMBERED_MAX:
            self._known.pop(0)
        self._known.append(key)

    def _keep(self, body: bytes, due_ms: int, tries: int = 0) -> None:
        _way(body)
        if len(self._sent) < COMMANDS_KEPT_MAX:
            self._sent.append((body, [due_ms, tries]))

    def _went_on(self, body: bytes) -> None:
        """A command was heard: what I sent of its exchange before need not be sent again."""
        for sent in list(self._sent):
            if sent[1][1] and sent[0][1:3] == body[1:3] and _is_behind(sent[0], body):
                self._sent.remove(sent)

    def poll(self, now_ms: int, idle_ms: int) -> int:
        """Send what is due; milliseconds until more is."""
        wait_ms = idle_ms
        for sent in list(self._sent):
            body, when = sent
            if now_ms >= when[0]:
                if when[1] >= (_TRIES if body[0] >> 6 else _FIND_TRIES):
                    self._sent.remove(sent)
                    continue
                self._queue.control(frame.COMMAND, body)
                when[0] = now_ms + _AGAIN_MS + self._random(_AGAIN_SPREAD_MS)
                when[1] += 1
            wait_ms = min(wait_ms, when[0] - now_ms)
        return wait_ms


def strength(rssi_dbm: int) -> bytes:
    """A signal strength in dBm, 0 to -255, to one byte."""
    return bytes((max(0, min(255, -rssi_dbm)),))


def _way(body: bytes) -> bytes:
    """The way of a command. DecodeError if it is cut short, or what depends on its length."""
    if len(body) < HEAD:
        raise DecodeError("command too short")
    nodes, step = body[3], body[0] & 63
    left = len(body) - HEAD - TAIL * nodes
    if nodes > WAY_NODES_MAX or left < 0 or (step >= nodes and step != DONE):
        raise DecodeError("way of a command")
    if body[0] >> 6 <= FOUND and step != DONE and not nodes <= left - NODE_LEN <= 2 * nodes:
        raise DecodeError("signal strengths of a command")
    return body[HEAD : HEAD + TAIL * nodes]


def _key(body: bytes) -> bytes:
    """By which a command is told from others: its kind, its number, and the end of its way; of a
    FIND the beginning."""
    way = _way(body)
    return bytes((body[0] >> 6,)) + body[1:3] + (way[-TAIL:] if body[0] >> 6 else way[:TAIL])


def _with_step(body: bytes, step: int) -> bytes:
    return bytes((body[0] & 0xC0 | step,)) + body[1:]


def _is_behind(mine: bytes, heard: bytes) -> bool:
    """Has whoever sent the other command of this exchange got mine, or one after it?"""
    kind, other = mine[0] >> 6, heard[0] >> 6
    my_way, way = _way(mine), _way(heard)
    if kind == FIND:  # others pass it on without having heard mine
        return other <= FOUND and len(way) > len(my_way) and way[: len(my_way)] == my_way
    if kind != other:
        return kind == REQUEST and other == ANSWER
    step, mine_step = heard[0] & 63, mine[0] & 63
    further = step > mine_step if kind == REQUEST or step == DONE else step < mine_step
    return way[-TAIL:] == my_way[-TAIL:] and further
