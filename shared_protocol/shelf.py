"""The shelf: what a node keeps, and the rules of keeping (SPEC.md 9 and 10).

Joins the index (RAM), the store (records) and the groups of pieces. A tombstoned message is
refused; a piece outside the own slots needs a place in the window. room.py says who gives way on
a full shelf, ending.py how a parcel's time is over, restart.py what happens at the start.
"""

from shared_protocol import parcel, receipt, records, room
from shared_protocol.errors import MediumFull, StoreFull
from shared_protocol.hashing import H
from shared_protocol.lifetime import LIFETIMES_S, SOS, age_field, age_s
from shared_protocol.limits import HOPS_MAX, VARIANTS_PIECE_MAX, VARIANTS_WHOLE_MAX
from shared_protocol.parcel_index import (
    DEAD,
    FARTHER,
    NO_GROUP,
    NO_HANDLE,
    NO_PIECE,
    PASSED,
    ROUTED,
    SEEN,
    SLOT,
    WHOLE,
    WINDOW,
)
from shared_protocol.slots import Groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared_protocol.parcel_index import ParcelIndex
    from shared_protocol.store import Store

NEW, KNOWN, REFUSED, TOMBSTONED, DECLINED, EXPIRED, NO_ROOM = 0, 1, 2, 3, 4, 5, 6
SPREAD = 7  # known, as something that goes alone; from now on it is for everybody
_EVICT_MOST = 96  # for one record: a flash sector full of the smallest has 80


class Shelf:
    """Keeps parcels and receipts within an index (RAM) and a store (records).

    is_ours(parcel) -> bool: is this node an end of the message (then it may hold it whole)?
    """

    def __init__(
        self,
        node_id: bytes,
        secret: bytes,
        short_key: bytes,
        index: "ParcelIndex",
        store: "Store",
        is_ours: "Callable[[bytes], bool]",
    ) -> None:
        self.index = index
        self._node_id = node_id
        self.groups = Groups(node_id)
        self.store = store
        self._secret = secret
        self.short_key = short_key
        self.is_ours = is_ours
        self._dirty = False
        self.displaced = bytearray(room.DISPLACED_BYTES)
        self.evicted = 0
        self.bad_records = 0  # in the node's life, as far as the clock's record knows
        self.clock = records.Clock(0, 0, 0, 0, 0, 0)
        self.clock_handle = NO_HANDLE

    # --- what comes in

    def is_home(self, immutable: bytes) -> bool:
        """Is this node the gateway to which this parcel goes, and the end of its message?"""
        if not immutable[1] & parcel.ROUTE or immutable[0] & parcel.PIECES:
            return False
        route, _ = parcel.destination(immutable)
        mine = int.from_bytes(self._node_id[-parcel.ROUTE_LEN :], "big")
        return route == mine and self.is_ours(immutable)

    def accept(
        self, hops: int, age: int, immutable: bytes, now_s: int, routed: bool = False
    ) -> tuple[int, int]:
        """Offer a parcel: (verdict, row). The row is -1 unless the index knows the parcel now;
        for TOMBSTONED it is the receipt's. routed: it is for one gateway, not for everybody."""
        short = self.short_of(immutable)
        row = self.index.find(short)
        if row >= 0 and self.index.state[row] == PASSED:
            heard_from = self.index.source[row], self.index.cover[row]
            self.remove(row)
            verdict, row = self.accept(hops, age, immutable, now_s, routed)
            if routed and row >= 0:
                self.index.source[row], self.index.cover[row] = heard_from
            return verdict, row
        if row >= 0:
            self._younger(row, hops, age, immutable[1] >> 4, now_s)
            if self.index.state[row] != ROUTED or routed:
                return KNOWN, row
            self.index.set_state(row, WHOLE)
            return SPREAD, row
        code = immutable[1] >> 4
        left_s = LIFETIMES_S[code] - age_s(age, code)
        if left_s <= 0:
            return EXPIRED, -1
        tomb = self.tombstone(bytes(immutable[2 : parcel.HEAD_LEN]))
        if tomb >= 0:
            return TOMBSTONED, tomb
        kept = records.Kept(False, now_s, now_s + left_s, hops, immutable)
        if routed:
            return self.add(short, kept, ROUTED, NO_GROUP, NO_PIECE)
        return self._place(short, kept)

    def _place(self, short: int, kept: records.Kept) -> tuple[int, int]:
        immutable = kept.immutable
        if not immutable[0] & parcel.PIECES:
            if not self._keep_variant(short, immutable, NO_GROUP, NO_PIECE, VARIANTS_WHOLE_MAX):
                return self._note_seen(short, kept)
            return self.add(short, kept, WHOLE, NO_GROUP, NO_PIECE)
        piece = parcel.piece_of(immutable)
        if self.is_ours(immutable):
            return self.add(short, kept, WHOLE, NO_GROUP, piece.index)
        group = self.groups.find(bytes(immutable[2 : parcel.HEAD_LEN]), piece)
        if group < 0:
            return REFUSED, -1
        if self.groups.is_slot(group, piece.index):
            if not self._keep_variant(short, immutable, group, piece.index, VARIANTS_PIECE_MAX):
                return self._note_seen(short, kept)
            return self.add(short, kept, SLOT, group, piece.index)
        if not self.groups.room(group):
            return REFUSED, -1
        return self.add(short, kept, WINDOW, group, piece.index)

    def add(
        self, short: int, kept: records.Kept, state: int, group: int, piece: int
    ) -> tuple[int, int]:
        """Take it in if there is room: (NEW or NO_ROOM, row)."""
        priority = parcel.priority(kept.immutable[0])
        if not room.make_room(self, priority):
            return NO_ROOM, -1
        handle = self.put(records.encode_kept(kept), priority)
        if handle == NO_HANDLE:
            return NO_ROOM, -1
        row = self.enter(short, kept, state, group, piece)
        self.index.handle[row] = handle
        if group != NO_GROUP:
            self.groups.hold(group, state == WINDOW)
        return NEW, row

    def put(self, record: bytes, priority: int) -> int:
        """Store a record, by eviction if it must be: its handle, or NO_HANDLE."""
        for _ in range(_EVICT_MOST):
            try:
                handle = self.store.put(record)
                self._dirty = True
                return handle
            except MediumFull:
                break
            except StoreFull:
                if room.evict(self, priority) < 0:
                    break
        return NO_HANDLE

    def _note_seen(self, short: int, kept: records.Kept) -> tuple[int, int]:
        if not room.make_room(self, 0):
            return NO_ROOM, -1
        return DECLINED, self.enter(short, kept, SEEN, NO_GROUP, NO_PIECE)

    def enter(self, short: int, kept: records.Kept, state: int, group: int, piece: int) -> int:
        """A new row of the index; the caller has made room, and stored what is to be held."""
        index = self.index
        row = index.add(short, state)
        if kept.is_receipt:
            mid = receipt.message_id(receipt.decode(kept.immutable))
        else:
            mid = kept.immutable[2:6]
        index.mid30[row] = _mid30(mid)
        index.first_s[row] = kept.first_s
        index.expires_s[row] = kept.expires_s
        index.hops[row] = kept.hops
        b0, b1 = kept.immutable[0], kept.immutable[1]
        index.code[row] = b1 & 0xF0 | parcel.priority(b0) << 2
        index.group[row] = group
        index.piece[row] = piece
        return row

    def _younger(self, row: int, hops: int, age: int, code: int, now_s: int) -> None:
        """A second copy: smaller age and hop count lead, within the lifetime since first seen."""
        index = self.index
        if index.state[row] == DEAD or index.is_receipt(row):
            return
        index.hops[row] = min(index.hops[row], hops)
        expires_s = now_s + LIFETIMES_S[code] - age_s(age, code)
        latest_s = index.first_s[row] + LIFETIMES_S[code]
        index.expires_s[row] = max(index.expires_s[row], min(expires_s, latest_s))

    def _keep_variant(
        self, short: int, immutable: bytes, group: int, piece: int, most: int
    ) -> bool:
        """May this be kept beside others that claim to be the same? The smallest keyed hashes win,
        so nobody outside can choose parcels that push the true one out (SPEC.md 10.3)."""
        index = self.index
        mid30 = _mid30(immutable[2:6])
        worst, worst_rank, count = -1, self._variant_rank(short), 0
        for row in index.rows():
            same = index.mid30[row] == mid30 and index.held(row) and index.group[row] == group
            if not same or index.piece[row] != piece:
                continue
            count += 1
            rank = self._variant_rank(index.short[row])
            if rank > worst_rank:
                worst, worst_rank = row, rank
        if count < most:
            return True
        if worst < 0:
            return False
        self.drop(worst)
        return True

    def _variant_rank(self, short: int) -> bytes:
        return H(b"variant", self._secret, short.to_bytes(4, "big"))[:8]

    # --- a message and its receipt

    def tombstone(self, mid: bytes) -> int:
        """The row of the receipt for this message, or -1."""
        row = self.index.find(receipt.short_id(self.short_key, mid))
        return row if row >= 0 and self.index.is_receipt(row) else -1

    def rows_of(self, mid: bytes) -> list[int]:
        """Rows of a message's parcels, for its ends; a relay goes through each_of instead."""
        return list(self.each_of(mid))

    def each_of(self, mid: bytes) -> "Iterator[int]":
        """Rows of a message's parcels; what is held is compared in full, the rest by 30 bits."""
        index, mid30 = self.index, _mid30(mid)
        for row in index.rows():
            if index.mid30[row] != mid30 or index.state[row] == DEAD or index.is_receipt(row):
                continue
            if not index.held(row) or self.immutable(row)[2 : parcel.HEAD_LEN] == mid:
                yield row

    # --- what goes

    def drop(self, row: int) -> None:
        """Give up the content; the parcel still counts as known, and if somebody farther on has it
        also after a restart."""
        self._let_go(row, self.index.code[row] & FARTHER > 0)
        self.index.set_state(row, SEEN)

    def passed_on(self, row: int) -> None:
        """Give up the content of a parcel that goes alone: somebody has it who came farther."""
        self._let_go(row)
        self.index.set_state(row, PASSED)

    def bury(self, row: int, expires_s: int) -> None:
        """Purged or expired: never wanted again until expires_s."""
        self._let_go(row)
        self.index.set_state(row, DEAD)
        self.index.expires_s[row] = expires_s

    def _let_go(self, row: int, remember: bool = False) -> None:
        index = self.index
        handle = index.handle[row]
        if handle != NO_HANDLE:
            index.handle[row] = NO_HANDLE  # first, so that a store in trouble leaves no loose end
            self.store.delete(handle, remember)
            self._dirty = True
        group = index.group[row]
        if group != NO_GROUP:  # a group lasts as long as one of its pieces is held
            self.groups.release(group, index.state[row] == WINDOW)
            index.group[row] = NO_GROUP

    def remove(self, row: int) -> None:
        """Forget the row altogether."""
        self._let_go(row)
        self.index.remove(row)

    def discard(self, handle: int) -> None:
        """Delete a record that no row names."""
        self.store.delete(handle)
        self._dirty = True

    # --- what goes out again

    def immutable(self, row: int) -> bytes:
        """The immutable part of a held parcel or receipt. KeyError if it has gone bad in the
        store; the row is forgotten then, so that the parcel is taken again where it is whole."""
        try:
            kept = records.decode(self.store.get(self.index.handle[row]))
        except KeyError:
            self.remove(row)
            raise
        immutable: bytes = kept.immutable  # type: ignore[union-attr]  # no row names a Clock
        return immutable

    def body(self, row: int, now_s: int) -> bytes:
        """The parcel or receipt as it goes on a frame now: one hop more, its age counted on."""
        index = self.index
        immutable = self.immutable(row)
        code = immutable[1] >> 4
        if index.is_receipt(row):
            age = now_s - index.first_s[row]
        else:
            age = LIFETIMES_S[code] - (index.expires_s[row] - now_s)
        hops = min(HOPS_MAX, index.hops[row] + 1)
        return parcel.join(hops, age_field(age, code), None, immutable)

    def sync(self) -> None:
        """Everything accepted is durable when this returns."""
        if self._dirty:
            self.store.sync()
            self._dirty = False

    # --- the clock

    def save_clock(self, clock: records.Clock) -> None:
        """Replace the clock record; durable after sync()."""
        record = records.encode_clock(clock)
        handle = self.put(record, SOS)
        while handle == NO_HANDLE and room.remove_oldest_receipt(self):
            handle = self.put(record, SOS)  # without a counter nothing can be sent at all
        if handle == NO_HANDLE:
            raise StoreFull("no room for the clock")
        if self.clock_handle != NO_HANDLE:
            self.store.delete(self.clock_handle)
        self.clock, self.clock_handle = clock, handle
        self._dirty = True

    def mark_farther(self, row: int) -> None:
        """A node that had the piece after us has it: one condition for leaving the window."""
        self.index.code[row] |= FARTHER

    def short_of(self, immutable: bytes) -> int:
        """The short id of a parcel that is no receipt."""
        return receipt.short_id(self.short_key, parcel.parcel_id(immutable))


def _mid30(mid: bytes) -> int:
    return int.from_bytes(mid[:4], "big") >> 2
