"""Our rule as an agent: shared_protocol/carrying.py and routes.py decide, this only calls them."""

from dataclasses import dataclass, field

from shared_protocol import carrying
from shared_protocol.routes import Routes
from tools.dtn.agents import Agent, Gift, Message, Parcel, State

AGES_BYTES = 4  # asked of a neighbour, and its answer: a destination, an age, a distance
BEAT_BYTES = 5


@dataclass
class Carrier(Agent):
    """nodes: how large it takes the network to be. lies: it says that it just heard everybody."""

    nodes: int = 60
    lies: bool = False
    routes: Routes = field(default_factory=lambda: Routes(0))

    def meet(self, other: Agent, now_s: float) -> None:
        super().meet(other, now_s)
        assert isinstance(other, Carrier)
        self.routes.hear(other.number, other.routes.rate(), int(now_s))

    def beat(self, gateway: int, number: int, hops: int, now_s: float) -> bool:
        """A neighbour tells of a gateway's beat. True if it is to be passed on."""
        self.hello_bytes += BEAT_BYTES
        return gateway != self.number and self.routes.beat(gateway, number, hops, int(now_s))

    def says(self, to: int, now_s: int) -> State:
        """What it answers when asked for a destination: age, hops, rate."""
        self.hello_bytes += AGES_BYTES
        if self.lies:
            return 0, 1, 104
        return self.routes.age(to, now_s), self.routes.distance(to, now_s), self.routes.rate()

    def birth(self, message: Message, now_s: float) -> State:
        m = message
        return carrying.birth(self.routes, m.priority, m.lifetime_s, self.nodes, int(now_s))

    def received(self, gift: Gift) -> State:
        return carrying.received(gift.copies, gift.parcel.message.priority)

    def gift(self, parcel: Parcel, other: Agent, now_s: float) -> Gift | None:
        assert isinstance(other, Carrier)
        m, now = parcel.message, int(now_s)
        if m.src == self.number:
            age_s = int(now_s - m.at_s)
            parcel.state = carrying.refresh(parcel.state, m.priority, age_s, m.lifetime_s)
        if m.dst == other.number:
            return self.giving(parcel, other, now_s, 1, parcel.state)
        said = other.says(m.dst, now)
        copies, kept = carrying.give(self.routes, parcel.state, m.dst, m.lifetime_s, said, now)
        return self.giving(parcel, other, now_s, copies, kept) if copies else None

    def order(self, parcel: Parcel, other: Agent, now_s: float) -> int:
        m = parcel.message
        arrives, age_s = m.dst == other.number, int(now_s - m.at_s)
        return carrying.send_order(arrives, m.priority, parcel.state[0], age_s)

    def drop_order(self, parcel: Parcel, now_s: float) -> int:
        m = parcel.message
        age_s = int(now_s - m.at_s)
        return carrying.drop_order(not parcel.hops, m.expired(now_s), parcel.hops, age_s)
