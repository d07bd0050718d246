"""A relay's part in commands that come through the mesh (SPEC.md 7.6).

Loaded while there are any. What is asked is sealed for this relay alone, and is done once however
often it comes.
"""

from firmware import forget
from firmware.crypto import ecb
from shared_protocol import command
from shared_protocol.command import ANSWER, ANSWERED, ASKED, REQUEST, TOO_OLD, Command
from shared_protocol.errors import DecodeError
from shared_protocol.frame import FrameCipher
from shared_protocol.limits import IDLE_MS
from shared_protocol.node import AIR
from shared_protocol.serial_line import CONSOLE
from shared_protocol.source_route import SourceRoutes

_KEEP_MS = 30_000  # an answer, for whoever fetches its parts
_OPEN_MOST, _OPEN_EVERY_MS = 20, 1000  # capsules, each two milliseconds of an ESP32's time


class FarConsole:
    """Passes commands on, answers those for this relay, and gives the wire what comes for it."""

    def __init__(self, relay, random_below) -> None:
        self._relay = relay
        node = relay.node
        self._routes = SourceRoutes(node.node_id, node.queues[AIR], random_below, relay.now_ms())
        self._cipher = FrameCipher(relay.command_key, 0, ecb)
        self._counter = -1  # of the last request
        self._said: tuple[int, int, list] = (0, 0, [])  # its answer: mark, since when, pieces
        self._opened = 0
        self._opened_ms = relay.now_ms()

    def on_frame(self, neighbour, body: bytes, now_ms: int) -> None:
        """A COMMAND frame of a neighbour's, DecodeError if garbled; of whoever is on the wire, if
        that is None."""
        if neighbour is None:
            try:
                self._routes.send(command.decode(body), now_ms)
            except DecodeError:
                self._relay.tether.line.bad_lines += 1
        elif neighbour.link == AIR:
            self._routes.on_frame(neighbour, body, now_ms)

    def poll(self, now_ms: int) -> int:
        """Do what is due; milliseconds until more is. With nothing to do for a while it goes."""
        while self._routes.arrived:
            c = self._routes.arrived.pop(0)
            if c.kind != REQUEST:
                self._relay.tether.line.send(CONSOLE, b"\0" + command.encode(c))
            elif self._may_open():
                self._answer(c)
        if self._routes.idle(now_ms):
            self._relay.far = None
            forget("firmware.far_console", "shared_protocol.source_route")
            forget("shared_protocol.command")
        return self._routes.poll(now_ms, IDLE_MS)

    def _may_open(self) -> bool:
        now_ms = self._relay.now_ms()
        if now_ms - self._opened_ms >= _OPEN_EVERY_MS:
            self._opened, self._opened_ms = 0, now_ms
        self._opened += 1
        return self._opened <= _OPEN_MOST

    def _answer(self, c: Command) -> None:
        relay = self._relay
        me, now_ms = relay.node.node_id, relay.now_ms()
        try:
            kind, counter, text = self._cipher.open(me, c.rest)
            if kind != ASKED:
                raise DecodeError("not asked")
            mark, part, request = command.decode_asked(text)
        except DecodeError:
            relay.node.stats["bad_bodies"] += 1
            return
        clock = relay.node.clock
        if counter == self._counter or counter > clock.commands:
            kind, text = ANSWERED, self._said_to(counter, mark, part, request, now_ms)
        else:
            kind, text = TOO_OLD, clock.commands.to_bytes(4, "big")
        capsule = self._cipher.seal(kind, counter, me, text)
        back = Command(ANSWER, len(c.way) // command.TAIL - 2, c.number, c.way, capsule)
        self._routes.send(back, now_ms)

    def _said_to(self, counter: int, mark: int, part: int, request: bytes, now_ms: int) -> bytes:
        if counter != self._counter:
            self._relay.node.clock.command(counter, now_ms)
            self._counter = counter
            if not part:
                from firmware import asked

                self._said = (counter, now_ms, asked.answer(request, self._relay))
        said_mark, said_ms, said = self._said
        gone = now_ms - said_ms > _KEEP_MS or (part and mark != said_mark)
        if gone or part >= command.parts_of(said):
            return command.encode_answered(0, 0, [])
        return command.encode_answered(said_mark, part, said)
