"""Who gives way when the shelf is full (SPEC.md 10).

What is not held any more goes first, the dead before the seen; then what is held, as evict() says.
Receipts have a quarter of the index for messages known here
and a quarter for others.
"""

from shared_protocol.neighbours import bits
from shared_protocol.parcel_index import DEAD, MATCHED, PASSED, ROUTED, SEEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.parcel_index import ParcelIndex
    from shared_protocol.shelf import Shelf


def limit_receipts(shelf: "Shelf", mark: int) -> None:
    """Receipts get half of the shelf, a quarter those for messages never seen here (forging
    them is free) and a quarter the others. The oldest of its kind gives way."""
    count, oldest = oldest_receipt(shelf, mark)
    if count >= shelf.index.capacity // 4:
        shelf.remove(oldest)


def oldest_receipt(shelf: "Shelf", mark: int) -> tuple[int, int]:
    """How many receipts with this MATCHED mark there are, and the row of the oldest."""
    index = shelf.index
    count, oldest = 0, -1
    for row in index.rows():
        if index.is_receipt(row) and index.code[row] & MATCHED == mark:
            count += 1
            if oldest < 0 or index.first_s[row] < index.first_s[oldest]:
                oldest = row
    return count, oldest


def make_room(shelf: "Shelf", priority: int) -> bool:
    """A free row: from what is not held (dead first, then longest known), then by eviction."""
    index = shelf.index
    if index.size < index.capacity:
        return True
    best, best_rank = -1, None
    for row in index.rows():
        state = index.state[row]
        if state in (DEAD, PASSED, SEEN):
            rank = (state == SEEN, index.first_s[row])
            if best_rank is None or rank < best_rank:
                best, best_rank = row, rank
    if best < 0:
        best = evict(shelf, priority)
    if best < 0:
        return False
    if index.state[best] == SEEN:
        displace(shelf, index.short[best])
    shelf.remove(best)
    return True


# What had to go, roughly: a bitmap of 12 bits of each short id. A node that knows less than its
# neighbours would otherwise want back what it just gave up, put the next thing out for it, and
# never come to rest. A few others are passed over with them until the map is cleared; whoever
# sends those unasked is still heard.
DISPLACED_BYTES = 512


def displace(shelf: "Shelf", short: int) -> None:
    """This one had to go."""
    shelf.displaced[short >> 3 & 511] |= 1 << (short & 7)


def was_displaced(shelf: "Shelf", short: int) -> bool:
    """Had this one to go (or one like it)?"""
    return bool(shelf.displaced[short >> 3 & 511] >> (short & 7) & 1)


def evict(shelf: "Shelf", priority: int) -> int:
    """Drop one held parcel of the lowest priority, not above `priority`: its row, or -1.

    Of these one that came from whom most of them came from, so that no neighbour's traffic can
    push out the others'; then what most neighbours have; then the longest kept. Never one whose
    end this node is: nobody else may have it yet.
    """
    index = shelf.index
    share = bytearray(4 * 32)  # how many of a priority came from a neighbour; 255 is enough
    for row in index.rows():
        if index.held(row):
            at = _share(index, row)
            share[at] = min(share[at] + 1, 0xFF)
    best, best_rank = -1, None
    for row in index.rows():
        its = index.code[row] >> 2 & 3
        if not index.held(row) or its > priority or index.state[row] == ROUTED:
            continue  # what goes alone is nowhere else, and there is little of it
        rank = (its, -share[_share(index, row)], -bits(index.cover[row]), index.first_s[row])
        if (best_rank is None or rank < best_rank) and not shelf.is_ours(shelf.immutable(row)):
            best, best_rank = row, rank
    if best >= 0:
        shelf.drop(best)
        shelf.evicted += 1
    return best


def _share(index: "ParcelIndex", row: int) -> int:
    return (index.code[row] >> 2 & 3) << 5 | index.source[row] & 31


def remove_oldest_receipt(shelf: "Shelf") -> bool:
    """Give up one receipt, unmatched ones first. False if there is none."""
    for mark in (0, MATCHED):
        _, oldest = oldest_receipt(shelf, mark)
        if oldest >= 0:
            shelf.remove(oldest)
            return True
    return False
