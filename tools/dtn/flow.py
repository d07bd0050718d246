"""Agents on contacts: finite bandwidth and buffers, transfers that break off. No frame is lost.

One transfer at a time on each link. Receipts and hellos take no time, as they are small beside the
messages; their bytes are counted.
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared_protocol.beats import BEAT_S
from tools.dtn.agents import Agent, Gift, Message, Outcome
from tools.dtn.carrier import Carrier
from tools.dtn.contacts import Meeting

REPEAT_S = 30  # how often those in contact greet again
BYTES_PER_S = 31_250
DELAY_S = 0.002
_BEAT_LEAST_S, _BEAT_MOST_S = 0.05, 0.5  # until a beat is passed on: not always the shortest way

# What happens at the same time happens in this order.
_DOWN, _UP, _WRITE, _ARRIVE, _REPEAT, _BEAT = range(6)


@dataclass
class Result(Outcome):
    """What else there is to know of a run here."""

    broken: int = 0
    hello_bytes: int = 0
    receipt_bytes: int = 0


@dataclass(eq=False)
class _Link:
    a: Agent
    b: Agent
    up: bool = True
    busy: bool = False


class Flow:
    """One run. gateways: nodes that beat from the start."""

    def __init__(
        self,
        agents: Sequence[Agent],
        meetings: list[Meeting],
        messages: list[Message],
        gateways: Sequence[int] = (),
        seed: int = 0,
    ) -> None:
        self._agents = agents
        self._links: list[dict[int, _Link]] = [{} for _ in agents]
        self._dice = random.Random(f"{seed}/beats")
        self._heap: list[tuple[float, int, int, Any]] = []
        self._count = 0
        self._now_s = 0.0
        self._end_s = max((m.down_s for m in meetings), default=0.0)
        self._result = Result()
        for m in meetings:
            self._at(m.up_s, _UP, m)
            self._at(m.down_s, _DOWN, m)
        for message in messages:
            self._at(message.at_s, _WRITE, message)
        for gateway in gateways:
            for number in range(int(self._end_s) // BEAT_S + 1):
                self._at(number * BEAT_S, _BEAT, (gateway, gateway, number, 0))

    def run(self) -> Result:
        """Until nothing is left to happen."""
        does = {
            _DOWN: self._down, _UP: self._up, _WRITE: self._write,
            _ARRIVE: self._arrive, _REPEAT: self._greet, _BEAT: self._beat,
        }  # fmt: skip
        result = self._result
        while self._heap:
            self._now_s, what, _, about = heapq.heappop(self._heap)
            result.events += 1
            does[what](about)
        for agent in self._agents:
            result.hello_bytes += agent.hello_bytes
            result.receipt_bytes += agent.receipt_bytes
        return result

    def _at(self, when_s: float, what: int, about: Any) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when_s, what, self._count, about))

    def _up(self, m: Meeting) -> None:
        link = _Link(self._agents[m.a], self._agents[m.b])
        self._links[m.a][m.b] = self._links[m.b][m.a] = link
        self._greet(link)

    def _down(self, m: Meeting) -> None:
        self._links[m.a].pop(m.b).up = False
        del self._links[m.b][m.a]

    def _greet(self, link: _Link) -> None:
        if not link.up:
            return
        a, b = link.a, link.b
        a.meet(b, self._now_s)
        b.meet(a, self._now_s)
        for_b, for_a = a.done - b.done, b.done - a.done
        self._spread(b, for_b)
        self._spread(a, for_a)
        self._pump(link)
        self._at(self._now_s + REPEAT_S, _REPEAT, link)

    def _spread(self, agent: Agent, receipts: set[int]) -> None:
        """Receipts run through everybody who is in contact now."""
        todo = [(agent, receipts)]
        while todo:
            agent, receipts = todo.pop()
            news = agent.learn(receipts) if receipts else receipts
            if news:
                todo += [(self._agents[n], news) for n in self._links[agent.number]]

    def _beat(self, beat: tuple[int, int, int, int]) -> None:
        """A node tells its neighbours of a gateway's beat."""
        node, gateway, number, hops = beat
        for other in self._links[node]:
            agent = self._agents[other]
            assert isinstance(agent, Carrier)
            if agent.beat(gateway, number, hops, self._now_s):
                soon = self._dice.uniform(_BEAT_LEAST_S, _BEAT_MOST_S)
                on = agent.routes.distance(gateway, int(self._now_s))
                self._at(self._now_s + soon, _BEAT, (other, gateway, number, on))

    def _write(self, message: Message) -> None:
        self._agents[message.src].write(message, self._now_s)
        self._pump_all(message.src)

    def _pump_all(self, node: int) -> None:
        for link in self._links[node].values():
            self._pump(link)

    def _pump(self, link: _Link) -> None:
        """Begin the next transfer, if there is one and the link is free."""
        if link.busy or not link.up:
            return
        ways = [(link.a, link.b), (link.b, link.a)]
        gifts = [(u.next_gift(v, self._now_s), u, v) for u, v in ways]
        offered = [(gift, u, v) for gift, u, v in gifts if gift]
        if offered:
            gift, u, v = max(offered, key=lambda g: g[0].order)
            u.promise(gift, v)
            link.busy = True
            self._result.sent += 1
            took_s = gift.parcel.message.size / BYTES_PER_S + DELAY_S
            self._at(self._now_s + took_s, _ARRIVE, (link, u, v, gift))

    def _arrive(self, transfer: tuple[_Link, Agent, Agent, Gift]) -> None:
        link, u, v, gift = transfer
        link.busy = False
        if not link.up:
            self._result.broken += 1
            u.failed(gift, v)
            return
        number = gift.parcel.message.number
        if v.take(gift, self._now_s):
            self._result.came[number] = self._now_s
            self._spread(v, {number})
        self._pump_all(v.number)
        self._pump_all(u.number)
