"""PONS (pons-dtn) with its own routers and ours: the same walks, messages and buffers for each.

Our router is an agent (agents.py) behind PONS's Router interface. Its hellos and receipts take no
time here; their bytes are counted. What PONS itself does, and does not model, is left as it is: no
two transfers share a link's bandwidth, and a message is lost only if the contact ends first.
"""

import contextlib
import io
import logging
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import UserError
from tools.dtn.agents import Agent, Gift, Message, Outcome
from tools.dtn.flow import BYTES_PER_S, DELAY_S, REPEAT_S
from tools.dtn.scenes import FIELD_M, RANGE_M, Scene

try:
    import pons
    from pons.routing import (
        DirectDeliveryRouter,
        EpidemicRouter,
        PRoPHETRouter,
        Router,
        SprayAndWaitRouter,
    )
except ImportError as e:
    raise UserError(f"{e.name} is missing: pip install -e '.[bench]'") from None

NET = "air"
SCAN_S = 2.0
SPRAY_COPIES = 7  # PONS's default


@dataclass
class Run(Outcome):
    """And how long PONS took for it."""

    wall_s: float = 0.0


class AgentRouter(Router):  # type: ignore[misc]
    """Our agents as a router of PONS: node n is agents[n]."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        super().__init__(scan_interval=SCAN_S)
        self._agents = agents
        self._sending: dict[tuple[str, int], Gift] = {}
        self._greeted: dict[int, float] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "AgentRouter":
        return AgentRouter(self._agents)  # PONS copies one router for all nodes

    def start(self, netsim: Any, my_id: int) -> None:
        super().start(netsim, my_id)
        self.agent = self._agents[my_id]

    def add(self, msg: Any) -> None:
        """A message is written here."""
        self.agent.write(msg.content, self.env.now)
        self._offer_all()

    def scan(self) -> Iterator[Any]:
        """PONS's scan, and after it: greet again those who are still there."""
        for event in super().scan():
            for peer in self.peers:
                if self.env.now - self._greeted[peer] >= REPEAT_S:
                    self._greet(peer)
            yield event

    def on_peer_discovered(self, peer_id: int) -> None:
        self._greet(peer_id)

    def _greet(self, peer: int) -> None:
        self._greeted[peer] = self.env.now
        other = self._router(peer)
        self.agent.meet(other.agent, self.env.now)
        self._learn(other.agent.done - self.agent.done)
        self._offer(peer)

    def _learn(self, receipts: set[int]) -> None:
        """Receipts run through everybody who is in contact now."""
        todo = [(self, receipts)]
        while todo:
            router, receipts = todo.pop()
            news = router.agent.learn(receipts) if receipts else receipts
            if news:
                todo += [(router._router(p), news) for p in router._within_reach()]

    def _within_reach(self) -> list[int]:
        """Those whom a scan has found and who are still there."""
        near = self.netsim.nodes[self.my_id].neighbors[NET]
        return [peer for peer in self.peers if peer in near]

    def _router(self, node: int) -> "AgentRouter":
        router: AgentRouter = self.netsim.nodes[node].router
        return router

    def _offer_all(self) -> None:
        for peer in self._within_reach():
            self._offer(peer)

    def _offer(self, peer: int) -> None:
        """Give a neighbour the next parcel. As PONS's links never queue, then the one after it."""
        other = self._router(peer).agent
        while peer in self.netsim.nodes[self.my_id].neighbors[NET]:
            gift = self.agent.next_gift(other, self.env.now)
            if gift is None:
                return
            self.agent.promise(gift, other)
            msg = packet(gift.parcel.message)
            self._sending[msg.unique_id(), peer] = gift
            self.netsim.routing_stats["started"] += 1
            self.send(peer, msg)

    def on_tx_failed(self, msg_id: str, remote_id: int) -> None:
        gift = self._sending.pop((msg_id, remote_id))
        self.agent.failed(gift, self._router(remote_id).agent)

    def on_msg_received(self, msg: Any, remote_id: int, was_known: bool) -> None:
        gift = self._router(remote_id)._sending.pop((msg.unique_id(), self.my_id))
        if self.agent.take(gift, self.env.now):
            self._learn({gift.parcel.message.number})
        self._offer_all()


def packet(message: Message) -> Any:
    """A message as PONS has them. Its spray-and-wait fails without metadata."""
    return pons.Message(
        str(message.number), message.src, message.dst, message.size, message.at_s,
        ttl=message.lifetime_s, metadata={},
    )  # fmt: skip


def peers(capacity: int) -> dict[str, Router]:
    """PONS's own routers. capacity: messages of 1,000 bytes in a buffer, 0 for no limit."""
    size = 1000 * capacity
    return {
        "Epidemic": EpidemicRouter(scan_interval=SCAN_S, capacity=size),
        "Spray-and-Wait": SprayAndWaitRouter(SPRAY_COPIES, True, SCAN_S, size),
        "PRoPHET": PRoPHETRouter(SCAN_S, size),
        "DirectDelivery": DirectDeliveryRouter(SCAN_S, size),
    }


def run(scene: Scene, messages: list[Message], router: Router) -> Run:
    """One run of PONS from beginning to end, silently."""
    net = pons.NetworkSettings(NET, range=RANGE_M, bandwidth=BYTES_PER_S, loss=0.0, delay=DELAY_S)
    nodes = pons.generate_nodes(scene.nodes, net=[net], router=router)
    quiet = {"movement_logger": False, "peers_logger": False, "event_logging": False}
    sim = pons.NetSim(scene.duration_s, nodes, (FIELD_M, FIELD_M), scene.moves, config=quiet)
    result = Run()
    sim.env.process(_write_all(sim, messages))
    for node in sim.nodes.values():
        node.router.apps.append(_Inbox(result.came))
    handler = signal.getsignal(signal.SIGINT)
    logging.disable(logging.INFO)
    started = time.perf_counter()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            sim.setup()
            sim.run()
    finally:
        logging.disable(logging.NOTSET)
        signal.signal(signal.SIGINT, handler)
    if pons.simulation.aborted:  # run() catches Ctrl-C and ends as if all was well
        pons.simulation.aborted = False
        raise KeyboardInterrupt
    result.wall_s = time.perf_counter() - started
    result.sent = sim.net_stats["tx"]
    result.events = next(sim.env._eid)
    return result


def _write_all(sim: Any, messages: list[Message]) -> Iterator[Any]:
    """PONS's generator of events: each message is written at its time."""
    for message in messages:
        yield sim.env.timeout(message.at_s - sim.env.now)
        sim.routing_stats["created"] += 1
        msg = packet(message)
        msg.content = message
        sim.nodes[message.src].router.add(msg)


class _Inbox(pons.App):  # type: ignore[misc]
    """What PONS hands to applications: deliveries, each once."""

    def __init__(self, came: dict[int, float]) -> None:
        super().__init__(0)
        self._came = came

    def on_msg_received(self, msg: Any) -> None:
        self._came.setdefault(int(msg.id), self.netsim.env.now)
