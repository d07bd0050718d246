"""A relay's part in commands that come through the mesh (SPEC.md 7.6). Loaded for a while when
one comes by; what opens those for this relay (far_answers.py) only for them.
"""

import gc

from firmware import forget
from shared_protocol.command import REQUEST
from shared_protocol.errors import DecodeError
from shared_protocol.limits import IDLE_MS
from shared_protocol.neighbours import AIR
from shared_protocol.source_route import SourceRoutes

_ANSWERS_ROOM = 8_500  # free bytes: what answers takes 4,000, the answer 2,000


class FarConsole:
    """Passes commands on, and gives the wire what comes for it."""

    def __init__(self, relay, random_below) -> None:
        self._relay = relay
        node, now_ms = relay.node, relay.now_ms()
        self._routes = SourceRoutes(node.node_id, node.queues[AIR], random_below, now_ms)
        self._answers = None

    def on_frame(self, neighbour, body: bytes, now_ms: int) -> None:
        """A COMMAND frame of a neighbour's, DecodeError if garbled; of whoever is on the wire, if
        that is None."""
        if neighbour is None:
            try:
                self._routes.send(body, now_ms)
            except DecodeError:
                self._relay.node.stats["bad_bodies"] += 1
        elif neighbour.link == AIR:
            self._routes.on_frame(neighbour, body, now_ms)

    def poll(self, now_ms: int) -> int:
        """Do what is due; milliseconds until more is. With nothing to do for a while it goes."""
        while self._routes.arrived:
            body = self._routes.arrived.pop(0)
            if body[0] >> 6 == REQUEST:
                self._answer(body, now_ms)
            elif self._relay.tether is not None:
                self._relay.tether.answer(b"\0", [body])
        if self._routes.idle(now_ms):
            self.leave()
        return self._routes.poll(now_ms, IDLE_MS)

    def _answer(self, body: bytes, now_ms: int) -> None:
        if self._answers is None:
            gc.collect()
            if gc.mem_free() < _ANSWERS_ROOM:
                return  # mail comes first
            from firmware.far_answers import FarAnswers

            self._answers = FarAnswers(self._relay, now_ms)
        answer = self._answers.answer(body, now_ms)
        if answer:
            self._routes.send(answer, now_ms)

    def leave(self) -> None:
        """Give the room back, until the next command."""
        self._relay.far = None
        forget("firmware.far_console", "firmware.far_answers")
