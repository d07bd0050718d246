"""Which neighbour gets a copy of a parcel, and how many: one rule from static mesh to carriers.

- A parcel has a budget of copies, halved whenever it is given on (binary Spray and Wait:
  Spyropoulos, Psounis, Raghavendra 2005).
- Whoever has one copy left makes a further one only for a neighbour of clearly better utility than
  any before (delegation forwarding: Erramilli, Crovella, Chaintreau, Diot 2008): who heard the
  destination more recently or, where neither ever heard it, who meets more nodes (routes.py).
- Where a gradient to the gateway is live, all copies go down that instead.

Receipts purge all copies: they go first in a contact, to everybody. The store holds three bytes
for each parcel, its state: (copies, level, flags). Only the copies travel.
"""

from shared_protocol.beats import UNKNOWN
from shared_protocol.lifetime import HIGH, SOS
from shared_protocol.routes import RATE_MAX, q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.routes import Routes

    State = tuple[int, int, int]

COPIES_MAX = 120
UNLIMITED = 255  # copies of an SOS: never divided
NO_LEVEL = 128  # level: below this an age; from here on no age was known, and it is 128 + a rate
TRIED, QUARTER, HALF = 1, 2, 4  # flags: was sent down a gradient; how far it was refreshed
FAILED = TRIED | QUARTER  # the gradient led nowhere

_FLOOR = (6, 7, 64)  # copies at birth, by priority: background, normal, high
_SCARCE = (1, 2, 8)  # 32ths of (nodes / contacts expected) cubed: more where they are rare
_STEP = 6  # of q(): clearly better is 0.6 times as long ago,
_MORE = 5  # or 1.5 times as many contacts
_SETTLED_S = 600  # before it has been up so long a node cannot tell how many it meets
_FEW = 60  # contacts within the lifetime: who expects fewer does not choose


def birth(routes: "Routes", priority: int, lifetime_s: int, nodes: int, now_s: int) -> "State":
    """The state of a new parcel in a network of about so many nodes."""
    if priority == SOS:
        return UNLIMITED, NO_LEVEL, 0
    floor = _FLOOR[priority]
    if routes.uptime_s(now_s) < _SETTLED_S:
        return floor, NO_LEVEL, 0
    quarters = min(4 * nodes // max(routes.expected(lifetime_s, now_s), 1), 255)
    copies = _SCARCE[priority] * quarters * quarters * quarters >> 11
    return max(floor, min(copies, COPIES_MAX)), NO_LEVEL, 0


def received(copies: int, priority: int) -> "State":
    """The state of a parcel that came with so many copies: a neighbour may say what it likes."""
    if priority == SOS:
        return UNLIMITED, NO_LEVEL, 0
    return min(copies, COPIES_MAX), NO_LEVEL, 0


def give(
    routes: "Routes",
    state: "State",
    to: int,
    lifetime_s: int,
    said: tuple[int, int, int],
    now_s: int,
) -> "tuple[int, State]":
    """(copies to give to a neighbour, the state of what is kept); with 0 copies, give nothing.

    The neighbour lacks the parcel, never had it, has no receipt for it, and is not its destination
    `to` (which is always given a copy: the state stays as it is). said: (age, hops, rate), the
    neighbour's age() and distance() of `to`, and its rate(). If the transfer fails, keep the old
    state, or add the copies to what it is by then.
    """
    copies, level, flags = state
    age, hops, rate = said
    if copies == UNLIMITED:
        return UNLIMITED, state
    if flags & FAILED != FAILED:
        mine = routes.distance(to, now_s)
        if mine != UNKNOWN:
            if hops < mine and copies:
                return copies, (0, level, flags | TRIED)
            return 0, state
    mine = routes.age(to, now_s)
    if age > q(min(lifetime_s // 16, 0xFFFF)):
        age = UNKNOWN  # heard more than a quarter of the lifetime ago: anywhere by now
    best = min(mine, level)
    if copies > 1 and (age + _STEP <= mine or routes.sociable(rate, lifetime_s, _FEW, now_s)):
        half = copies // 2
        return half, (copies - half, age if age + _STEP <= best else level, flags)
    if age + _STEP <= best:
        return 1, (copies, age, flags)
    if mine == age == UNKNOWN and level >= NO_LEVEL and routes.uptime_s(now_s) >= _SETTLED_S:
        rate = min(rate, RATE_MAX)
        if rate >= max(routes.rate(), level - NO_LEVEL) + _MORE:
            return 1, (copies, NO_LEVEL + rate, flags)
    return 0, state


def refresh(state: "State", priority: int, age_s: int, lifetime_s: int) -> "State":
    """At the parcel's source, while there is no receipt: a few more copies once a quarter of the
    lifetime is over, as many as at birth if it is urgent or once half is over. A gradient that was
    tried has failed then: it is left, and the second time there are as many copies as can be."""
    copies, level, flags = state
    if copies == UNLIMITED:
        return state
    if not flags & QUARTER and age_s >= lifetime_s >> 2:
        flags |= QUARTER
        urgent = priority == HIGH or flags & TRIED
        copies += _FLOOR[priority] if urgent else _FLOOR[priority] >> 2
    if not flags & HALF and age_s >= lifetime_s >> 1:
        flags |= HALF
        copies = COPIES_MAX if flags & TRIED else copies + _FLOOR[priority]
    return min(copies, COPIES_MAX), level, flags


def send_order(arrives: bool, priority: int, copies: int, age_s: int) -> int:
    """The greatest is sent first: to the destination, by priority, most copies, newest."""
    newness = 0x3FFFF - min(age_s >> 4, 0x3FFFF)  # 16 s, up to 48 days
    return (arrives << 2 | priority) << 26 | copies << 18 | newness


def drop_order(own: bool, expired: bool, hops: int, age_s: int) -> int:
    """The greatest is dropped first: expired, then the most travelled, then oldest. -1: never."""
    if own and not expired:
        return -1
    return expired << 24 | hops << 18 | min(age_s >> 4, 0x3FFFF)
