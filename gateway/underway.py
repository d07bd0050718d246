"""Long messages under way: how many of their pieces are where, for phones that listen.

To look at only: in memory, told when it changes, at most so often, and never stored. What it says
of a message that arrives is before anybody has checked its pieces.
"""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Mapping

from shared_protocol.node import Node
from shared_protocol.parcel_fields import decode
from shared_protocol.parcel_fields import piece as piece_fields

NOTES_MAX = 200  # messages, of all devices; the one that stood still longest is forgotten
TELL_EVERY_S = 0.5

OUT, IN = "out", "in"
Note = tuple[str, bytes, int, int]  # OUT or IN, mid, pieces there, pieces in all


class Underway:
    """What listening phones are told beside their news."""

    def __init__(self) -> None:
        self._notes: OrderedDict[tuple[str, str, bytes], tuple[int, int, int]] = OrderedDict()
        self._number = 0  # of the last note
        self._changed: set[str] = set()  # devices
        self._told_s = 0.0

    def note(self, device: str, way: str, mid: bytes, done: int, of: int) -> None:
        """So many of the pieces of a device's message have got through."""
        key = (device, way, mid)
        if self._notes.get(key, (0, 0, 0))[1:] == (done, of):
            return
        self._number += 1
        self._notes[key] = (self._number, done, of)
        self._notes.move_to_end(key)
        self._changed.add(device)
        if len(self._notes) > NOTES_MAX:
            self._notes.popitem(last=False)

    def ended(self, mid: bytes) -> None:
        """The message is whole, or on the mesh: its state says the rest."""
        for key in [key for key in self._notes if key[2] == mid]:
            del self._notes[key]

    def changed(self) -> set[str]:
        """Devices that have something new to be told; nobody twice in TELL_EVERY_S."""
        now = time.monotonic()
        if not self._changed or now - self._told_s < TELL_EVERY_S:
            return set()
        self._told_s = now
        changed, self._changed = self._changed, set()
        return changed

    def after(self, device: str, number: int) -> tuple[list[Note], int]:
        """Notes for a device behind this number, and the number to go on from."""
        notes = [
            (way, mid, done, of)
            for (whose, way, mid), (at, done, of) in self._notes.items()
            if whose == device and at > number
        ]
        return notes, self._number


class WithNeighbours:
    """Of some messages of ours: how many parcels of each block neighbours have."""

    def __init__(self, node: Node, mids: set[bytes]) -> None:
        self.blocks: defaultdict[bytes, defaultdict[int, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self._needed: dict[bytes, tuple[int, int]] = {}  # of each block, and blocks
        firsts = {int.from_bytes(mid[:4], "big") >> 2 for mid in mids}
        index = node.index
        for row in list(index.rows()) if mids else ():
            # What goes alone is with one relay only: it can still be lost there.
            if index.mid30[row] in firsts and index.compared(row) and index.cover[row]:
                if not index.held(row):
                    continue
                p = decode(bytes(3) + node.shelf.immutable(row))
                piece = piece_fields(p)
                if p.head[4] in mids:
                    self.blocks[p.head[4]][0 if piece is None else piece.block] += 1
                    self._needed[p.head[4]] = (1, 1) if piece is None else (piece.k, piece.blocks)

    def enough(self) -> list[bytes]:
        """Those that could be rebuilt without us."""
        return [mid for mid, blocks in self.blocks.items() if self._is_enough(mid, blocks)]

    def _is_enough(self, mid: bytes, blocks: Mapping[int, int]) -> bool:
        k, count = self._needed[mid]
        return len(blocks) == count and min(blocks.values()) >= k

    def counts(self) -> list[tuple[bytes, int]]:
        """(mid, parcels that neighbours have) of those in pieces."""
        return [
            (mid, sum(blocks.values()))
            for mid, blocks in self.blocks.items()
            if self._needed[mid] != (1, 1)
        ]
