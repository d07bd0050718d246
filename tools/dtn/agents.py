"""What a node does when it meets another, the same under flow.py and under PONS.

An agent reads what it needs to know of the other one directly, as if summaries were exchanged
without a loss; the bytes that this takes on the air are counted.
"""

from dataclasses import dataclass, field

from shared_protocol.lifetime import NORMAL

State = tuple[int, int, int]  # (copies, level, flags), see shared_protocol/carrying.py

HELLO_BYTES = 16  # who I am, digests, my rate
OFFER_BYTES = 5  # a parcel that the other may lack
RECEIPT_BYTES = 21


@dataclass(frozen=True)
class Message:
    """One message to be delivered. src, dst: nodes. to_gateway: dst is one, and spreads beats."""

    number: int
    src: int
    dst: int
    at_s: float
    size: int
    lifetime_s: int
    priority: int = NORMAL
    to_gateway: bool = False

    def expired(self, now_s: float) -> bool:
        """Is its lifetime over?"""
        return now_s > self.at_s + self.lifetime_s


@dataclass
class Outcome:
    """What came out of a run. came: message number -> second of its delivery. sent: transfers."""

    came: dict[int, float] = field(default_factory=dict)
    sent: int = 0
    events: int = 0


@dataclass
class Parcel:
    """A message as one node carries it. state: what carrying.py keeps of it."""

    message: Message
    hops: int
    state: State


@dataclass(frozen=True)
class Gift:
    """One transfer. order: the greatest first. state: of what the giver keeps. taken: the copies
    that it has less."""

    order: int
    parcel: Parcel
    copies: int
    state: State
    taken: int


@dataclass
class Agent:
    """Epidemic routing with summary vectors (Vahdat, Becker 2000); with receipts or without.

    capacity: parcels in the buffer. swallows: it takes everything and keeps nothing.
    """

    number: int
    capacity: int
    receipts: bool = True
    swallows: bool = False
    held: dict[int, Parcel] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    coming: set[int] = field(default_factory=set)  # on the air to here
    done: set[int] = field(default_factory=set)  # messages with a receipt
    hello_bytes: int = 0
    receipt_bytes: int = 0

    def write(self, message: Message, now_s: float) -> None:
        """A message is born here."""
        self._hold(Parcel(message, 0, self.birth(message, now_s)), now_s)

    def meet(self, other: "Agent", now_s: float) -> None:
        """A contact starts, or has gone on for a while: what a hello says is heard."""
        self.hello_bytes += HELLO_BYTES

    def learn(self, receipts: set[int]) -> set[int]:
        """Receipts come from another node and purge. Those that are news, to be passed on."""
        if not self.receipts:
            return set()
        self.receipt_bytes += RECEIPT_BYTES * len(receipts)
        news = receipts - self.done
        self.done |= news
        for number in news & self.held.keys():
            del self.held[number]
        return news

    def next_gift(self, other: "Agent", now_s: float) -> Gift | None:
        """What to give to `other` now, if anything."""
        best = None
        for parcel in list(self.held.values()):
            message = parcel.message
            if message.number in other.seen or message.number in other.coming:
                continue
            if message.expired(now_s):
                del self.held[message.number]
                continue
            gift = self.gift(parcel, other, now_s)
            if gift and (best is None or gift.order > best.order):
                best = gift
        return best

    def promise(self, gift: Gift, other: "Agent") -> None:
        """The transfer begins: its copies are the other's already."""
        self.hello_bytes += OFFER_BYTES
        gift.parcel.state = gift.state
        other.coming.add(gift.parcel.message.number)

    def failed(self, gift: Gift, other: "Agent") -> None:
        """The contact ended during the transfer: its copies come back."""
        other.coming.discard(gift.parcel.message.number)
        copies, level, flags = gift.parcel.state
        gift.parcel.state = (copies + gift.taken, level, flags)

    def take(self, gift: Gift, now_s: float) -> bool:
        """A parcel has come. True if this is its destination."""
        message = gift.parcel.message
        self.coming.discard(message.number)
        if message.number in self.seen or message.number in self.done:
            return False
        if message.dst == self.number:
            self.seen.add(message.number)
            return True
        self._hold(Parcel(message, gift.parcel.hops + 1, self.received(gift)), now_s)
        return False

    def _hold(self, parcel: Parcel, now_s: float) -> None:
        number = parcel.message.number
        self.seen.add(number)
        if self.swallows and parcel.hops:
            return
        self.held[number] = parcel
        if len(self.held) > self.capacity:
            orders = {n: self.drop_order(p, now_s) for n, p in self.held.items()}
            del self.held[max(orders, key=orders.__getitem__)]

    # What a routing rule decides.

    def birth(self, message: Message, now_s: float) -> State:
        """The state of a new message."""
        return 1, 0, 0

    def received(self, gift: Gift) -> State:
        """The state of a parcel that was given."""
        return gift.copies, 0, 0

    def gift(self, parcel: Parcel, other: "Agent", now_s: float) -> Gift | None:
        """Whether and how to give this parcel, which the other one lacks."""
        return self.giving(parcel, other, now_s, 1, parcel.state)

    def giving(
        self, parcel: Parcel, other: "Agent", now_s: float, copies: int, state: State
    ) -> Gift:
        """A gift of so many copies that leaves the parcel in this state."""
        order = self.order(parcel, other, now_s)
        return Gift(order, parcel, copies, state, parcel.state[0] - state[0])

    def order(self, parcel: Parcel, other: "Agent", now_s: float) -> int:
        """The greatest first: to its destination, then the newest."""
        message = parcel.message
        return (message.dst == other.number) << 32 | int(message.at_s)

    def drop_order(self, parcel: Parcel, now_s: float) -> int:
        """The greatest is dropped first: expired, not one's own, most hops, oldest."""
        message = parcel.message
        order = message.expired(now_s) << 50 | (parcel.hops > 0) << 49 | parcel.hops << 40
        return order | int(now_s - message.at_s)


@dataclass
class Sprayer(Agent):
    """Binary Spray and Wait (Spyropoulos, Psounis, Raghavendra 2005)."""

    budget: int = 8

    def birth(self, message: Message, now_s: float) -> State:
        return self.budget, 0, 0

    def gift(self, parcel: Parcel, other: Agent, now_s: float) -> Gift | None:
        copies = parcel.state[0]
        if parcel.message.dst == other.number:
            return self.giving(parcel, other, now_s, 1, parcel.state)
        if copies < 2:
            return None
        return self.giving(parcel, other, now_s, copies // 2, (copies - copies // 2, 0, 0))
