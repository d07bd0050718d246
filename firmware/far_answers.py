"""Requests that came through the mesh for this relay alone: opened, and done once however often
they come (SPEC.md 7.6)."""

from firmware.crypto import ecb
from shared_protocol.capsule import (
    ANSWERED,
    ASKED,
    TOO_OLD,
    decode_asked,
    encode_answered,
    parts_of,
)
from shared_protocol.command import ANSWER, HEAD, TAIL
from shared_protocol.errors import DecodeError
from shared_protocol.frame import FrameCipher

_KEEP_MS = 30_000  # an answer, for whoever fetches its parts
_OPEN_MOST, _OPEN_EVERY_MS = 20, 1000  # capsules, each two milliseconds of an ESP32's time


class FarAnswers:
    """Opens capsules, has them answered, seals the answers."""

    def __init__(self, relay, now_ms: int) -> None:
        self._relay = relay
        self._cipher = FrameCipher(relay.command_key, 0, ecb)
        self._counter = -1  # of the last request
        self._said: tuple[int, int, list] = (0, 0, [])  # its answer: mark, since when, pieces
        self._opened = 0
        self._opened_ms = now_ms

    def answer(self, body: bytes, now_ms: int) -> bytes:
        """A REQUEST to the ANSWER that goes back, nothing if it is none for this relay."""
        if now_ms - self._opened_ms >= _OPEN_EVERY_MS:
            self._opened, self._opened_ms = 0, now_ms
        self._opened += 1
        if self._opened > _OPEN_MOST:
            return b""
        node = self._relay.node
        me, clock, end = node.node_id, node.clock, HEAD + TAIL * body[3]
        try:
            kind, counter, text = self._cipher.open(me, body[end:])
            if kind != ASKED:
                raise DecodeError("not asked")
            mark, part, request = decode_asked(text)
        except DecodeError:
            node.stats["bad_bodies"] += 1
            return b""
        if counter == self._counter or counter > clock.commands:
            kind, text = ANSWERED, self._said_to(counter, mark, part, request, now_ms)
        else:
            kind, text = TOO_OLD, clock.commands.to_bytes(4, "big")
        head = bytes((ANSWER << 6 | body[3] - 2,)) + body[1:end]
        return head + self._cipher.seal(kind, counter, me, text)

    def _said_to(self, counter: int, mark: int, part: int, request: bytes, now_ms: int) -> bytes:
        if counter != self._counter:
            self._relay.node.clock.command(counter, now_ms)
            self._counter = counter
            if not part:
                from firmware import asked

                self._said = (counter, now_ms, asked.answer(request, self._relay, True))
        said_mark, said_ms, said = self._said
        gone = now_ms - said_ms > _KEEP_MS or (part and mark != said_mark)
        if gone or part >= parts_of(said):
            return encode_answered(0, 0, [])
        return encode_answered(said_mark, part, said)
