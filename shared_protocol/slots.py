"""Which pieces of a long message a relay keeps: fewer than k, not the first to come (SPEC.md 10).

A block of k data pieces travels as n parcels. Of each block a relay holds at most k-1 at any
moment: its own *slots*, chosen by rendezvous hashing (Thaler, Ravishankar 1998) of its node id,
and a *forwarding window* for all others, which it keeps only until they are known to be held
farther on. First come first kept would let junk under the same message id keep true pieces out.
"""

from array import array

from shared_protocol.hashing import H
from shared_protocol.limits import GROUPS_MAX, WINDOW_MAX
from shared_protocol.parcel import Piece


def shape(k: int) -> tuple[int, int]:
    """(own slots, window) of a block with k data pieces; together k - 1."""
    window = min(WINDOW_MAX, max(1, (k - 1) // 2))
    return k - 1 - window, window


def own_slots(node_id: bytes, mid: bytes, piece: Piece) -> bytes:
    """Bitmap (bit i of byte i >> 3) of the indices that this node keeps of the piece's block."""
    slots, _ = shape(piece.k)
    block = bytes((piece.block,))
    ranked = array("I", bytes(4 * piece.n))  # an array, as a list of n takes a KB in one piece
    for i in range(piece.n):
        digest = H(b"slot", node_id, mid, block, bytes((i,)))
        rank = (digest[0] << 14 | digest[1] << 6 | digest[2] >> 2) << 8 | i  # 30 bits: a small int
        at = i
        while at and ranked[at - 1] > rank:
            ranked[at] = ranked[at - 1]
            at -= 1
        ranked[at] = rank
    bitmap = bytearray((piece.n + 7) // 8)
    for i in range(slots):
        index = ranked[i] & 0xFF
        bitmap[index >> 3] |= 1 << (index & 7)
    return bytes(bitmap)


class Groups:
    """The blocks of pieces a node knows, at most GROUPS_MAX, with counts of what it holds of each.

    Another shape (k, n, blocks) under the same message id is another group: junk in another shape
    does not displace the true pieces.
    """

    def __init__(self, node_id: bytes) -> None:
        self._node_id = node_id
        self._keys: list[bytes | None] = [None] * GROUPS_MAX
        self._slots: list[bytes] = [b""] * GROUPS_MAX
        self._room = bytearray(GROUPS_MAX)
        self.held = bytearray(GROUPS_MAX)
        self.window = bytearray(GROUPS_MAX)
        self.held_peak = 0

    def find(self, mid: bytes, piece: Piece) -> int:
        """The number of the piece's group, made if there is a free one; -1 if there is none."""
        key = mid + bytes((piece.k, piece.n, piece.block, piece.blocks))
        for group in range(GROUPS_MAX):
            if self._keys[group] == key:
                return group
        for group in range(GROUPS_MAX):
            if not self.held[group]:
                self._keys[group] = key
                self._slots[group] = own_slots(self._node_id, mid, piece)
                self._room[group] = shape(piece.k)[1]
                self.held[group] = self.window[group] = 0
                return group
        return -1

    def is_slot(self, group: int, index: int) -> bool:
        """Is this index among the node's own slots?"""
        return bool(self._slots[group][index >> 3] >> (index & 7) & 1)

    def room(self, group: int) -> int:
        """Free places in the group's forwarding window."""
        return max(0, self._room[group] - self.window[group])

    def any_full(self) -> bool:
        """Is the window of any group with pieces in it full?"""
        for group in range(GROUPS_MAX):
            if self.held[group] and self.window[group] >= self._room[group]:
                return True
        return False

    def any_waiting(self) -> bool:
        """Does any piece wait in a window?"""
        return any(self.window)

    def least_room(self) -> int:
        """The smallest room among the windows in use (WINDOW_MAX if there is none)."""
        least = WINDOW_MAX
        for group in range(GROUPS_MAX):
            if self.held[group]:
                least = min(least, self.room(group))
        return least

    def hold(self, group: int, in_window: bool) -> None:
        """A piece of this group is held from now on."""
        self.held[group] += 1
        self.window[group] += in_window
        self.held_peak = max(self.held_peak, self.held[group])

    def release(self, group: int, in_window: bool) -> None:
        """A piece of this group is not held any more."""
        self.held[group] -= 1
        self.window[group] -= in_window
