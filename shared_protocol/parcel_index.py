"""What a node knows, in arrays allocated once: the sync set and the store's index are one table.

One entry is one parcel seen (or one receipt). The short id (30 bits) finds it; `handle` says where
the bytes lie if they are held. Parallel arrays instead of objects: 30 bytes an entry, and nothing
grows after boot (MemoryErrors on a relay come from fragmentation, long before the heap is full).
"""

from array import array

from shared_protocol.limits import DIFFERENCES_MAX, SUMS_MAX
from shared_protocol.sketch import Decoder, Sketch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

FREE, WHOLE, SLOT, WINDOW, SEEN, RECEIPT = 0, 1, 2, 3, 4, 5
DEAD, ROUTED, PASSED, RETURNED = 6, 7, 8, 9  # from here on not part of what is compared
# WHOLE    held: a parcel that is no piece, or a piece of a message whose end this node is
# SLOT     held: a piece in one of this relay's own slots
# WINDOW   held until it is known to be held farther on
# SEEN     not held: passed on, declined or evicted; counts as known
# RECEIPT  a token, held; its message is tombstoned
# DEAD     expired or purged: never wanted again
# ROUTED   held: on its way to one gateway, or there; nobody else need have it (unicast.py)
# PASSED   not held: it was ROUTED, and the next node has it
# RETURNED a receipt for what was ROUTED: it goes back the same way, and nobody else need have it

NO_GROUP = 0xFF
NO_HANDLE = 0xFFFF  # no store gives this one (store.py)
NO_PIECE = 0xFF  # n <= 255, so an index within a block is at most 254
NOBODY = 0xFF  # the source of what this node wrote itself, or read from its store
_HELD = (WHOLE, SLOT, WINDOW, ROUTED)
_SENDABLE = (WHOLE, SLOT, WINDOW, RECEIPT)

FARTHER = 2  # mark: a node that had it after me has said so
MATCHED = 1  # mark: this receipt is for a message that was known here


class ParcelIndex:
    """At most `capacity` entries. Entries are named by their row, stable while they live."""

    def __init__(
        self,
        capacity: int,
        kernels: "ModuleType | None" = None,
        differences: int = DIFFERENCES_MAX,
        handles: str = "I",
    ) -> None:
        """kernels, differences: as for Sketch and Decoder. handles: the array type that the
        store's fit in."""
        if kernels is None:
            from shared_protocol import gf30  # here: a relay has a faster one instead

            kernels = gf30
        self.capacity = capacity
        self.sketch = Sketch(kernels, SUMS_MAX)  # of everything known
        self.decoder = Decoder(kernels, differences)
        self.changes = 0  # of what is known
        zeros = bytes(4 * capacity)
        self.short = array("I", zeros)
        self.handle = array(handles, range(capacity))  # of any value as yet
        self.mid30 = array("I", zeros)  # first 30 bits of the message id: a filter, not a proof
        self.first_s = array("I", zeros)  # node clock, when it was first seen here
        self.expires_s = array("I", zeros)
        self.cover = array("I", zeros)  # mask of the neighbours known to have it
        self.group = bytearray(capacity)
        self.state = bytearray(capacity)
        self.hops = bytearray(capacity)
        self.code = bytearray(capacity)  # lifetime code << 4 | priority << 2 | the two marks below
        self.piece = bytearray(capacity)  # index within its block, or NO_PIECE
        self.source = bytearray(capacity)  # number of the neighbour's bit it came from, or NOBODY
        # Rows in ascending order of short id; behind the first `size` those that are free.
        self._order = array("H", range(capacity))
        self.size = 0
        self.known = 0  # entries that are compared: all but DEAD

    def find(self, short: int) -> int:
        """The row of this short id, or -1."""
        at = self.position(short)
        if at < self.size:
            row = self._order[at]
            if self.short[row] == short:
                return row
        return -1

    def position(self, short: int) -> int:
        """How many entries have a smaller short id."""
        lo, hi = 0, self.size
        order, ids = self._order, self.short
        while lo < hi:
            middle = (lo + hi) >> 1
            if ids[order[middle]] < short:
                lo = middle + 1
            else:
                hi = middle
        return lo

    def row_at(self, position: int) -> int:
        """The row of the entry with that many smaller short ids."""
        return self._order[position]

    def rows(self) -> "Iterator[int]":
        """All rows in ascending order of short id. Do not add or remove meanwhile."""
        order = self._order
        for at in range(self.size):
            yield order[at]

    def add(self, short: int, state: int) -> int:
        """A new row for a short id that is not there yet. The caller has made room."""
        at = self.position(short)
        row = self._order[self.size]
        view = memoryview(self._order)
        if at < self.size:
            view[at + 1 : self.size + 1] = view[at : self.size]
        self._order[at] = row
        self.size += 1
        self.short[row] = short
        self.state[row] = FREE
        self.handle[row] = NO_HANDLE
        self.group[row] = NO_GROUP
        self.cover[row] = 0
        self.hops[row] = 0
        self.code[row] = 0
        self.piece[row] = NO_PIECE
        self.source[row] = NOBODY
        self.set_state(row, state)
        return row

    def set_state(self, row: int, state: int) -> None:
        """Change the state and keep the sums by which stores are compared."""
        was, self.state[row] = self.state[row], state
        compared = FREE < state < DEAD
        if compared != (FREE < was < DEAD):
            self.sketch.toggle(self.short[row])
            self.changes += 1
            self.known += 1 if compared else -1

    def remove(self, row: int) -> None:
        """Forget an entry."""
        self.set_state(row, FREE)
        at = self.position(self.short[row])
        view = memoryview(self._order)
        if at + 1 < self.size:
            view[at : self.size - 1] = view[at + 1 : self.size]
        self.size -= 1
        self._order[self.size] = row

    def compared(self, row: int) -> bool:
        """Shall all neighbours come to know this entry?"""
        return FREE < self.state[row] < DEAD

    def held(self, row: int) -> bool:
        """Is this parcel's content here (receipts not counted)?"""
        return self.state[row] in _HELD

    def sendable(self, row: int) -> bool:
        """Can this entry be sent to any neighbour (held, or a receipt)?"""
        return self.state[row] in _SENDABLE

    def is_receipt(self, row: int) -> bool:
        """Is this entry a receipt, the tombstone of its message?"""
        return self.state[row] == RECEIPT or self.state[row] == RETURNED

    def count_held(self) -> int:
        """Parcels whose content is here, receipts not counted."""
        count = 0
        for row in self.rows():
            if self.state[row] in _HELD:
                count += 1
        return count

    def forget_neighbour(self, bit: int) -> None:
        """Clear a neighbour's bit everywhere, before its place is given to another."""
        cover, source = self.cover, self.source
        for row in self.rows():
            cover[row] &= ~bit
            if source[row] != NOBODY and bit >> source[row] == 1:
                source[row] = NOBODY

    def has_all(self, bit: int) -> None:
        """A neighbour knows all that is compared."""
        cover = self.cover
        for row in self.rows():
            if self.state[row] < DEAD:
                cover[row] |= bit

    def bucket_sums(self, buckets: int, shift: int) -> list[int]:
        """XOR of the compared short ids in each of `buckets` equal ranges."""
        sums = [0] * buckets
        for row in self.rows():
            if self.state[row] < DEAD:
                short = self.short[row]
                sums[short >> shift] ^= short
        return sums

    def ids_from(self, lo: int, most: int) -> list[int]:
        """Up to `most` compared short ids >= lo, ascending."""
        ids: list[int] = []
        for at in range(self.position(lo), self.size):
            row = self._order[at]
            if self.state[row] < DEAD:
                ids.append(self.short[row])
                if len(ids) == most:
                    break
        return ids
