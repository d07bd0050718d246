"""What a node does with its store at the start, before it says anything (SPEC.md 9).

Records may be there twice, half deleted or damaged, whatever moment the power went. A relay needs
none of this afterwards, so its firmware forgets the module again.
"""

from shared_protocol import parcel, receipt, records, room
from shared_protocol.errors import DecodeError
from shared_protocol.lifetime import LIFETIMES_S, SOS
from shared_protocol.parcel_index import (
    MATCHED,
    NO_GROUP,
    NO_HANDLE,
    NO_PIECE,
    RECEIPT,
    ROUTED,
    SEEN,
    SLOT,
    WHOLE,
    WINDOW,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.shelf import Shelf


def load(shelf: "Shelf") -> None:
    """Fill an empty shelf from its store: the clock first, and what receipts leave of the rest."""
    unset: list[int] = []  # parcels whose life begins now: they wait for the clock
    gone: list[int] = []
    for handle, record in shelf.store.records():
        try:
            kept = records.decode(record)
            if isinstance(kept, records.Clock):
                gone.append(_take_clock(shelf, handle, kept))
            elif kept.first_s == records.UNSET_S:
                unset.append(handle)
            else:
                _take(shelf, handle, kept, gone)
        except DecodeError:
            shelf.bad_records += 1
    for handle in unset:
        try:
            kept = records.decode(shelf.store.get(handle))
            if not isinstance(kept, records.Clock):
                _take(shelf, handle, kept, gone)
        except DecodeError:
            shelf.bad_records += 1
    for handle in gone:
        if handle != NO_HANDLE:
            shelf.discard(handle)
    for row in shelf.index.rows():
        if shelf.index.state[row] == RECEIPT:
            shelf.index.code[row] |= MATCHED  # it was once; forgers gain nothing by our reboot
            expires_s = shelf.index.expires_s[row]
            for other in shelf.each_of(receipt.message_id(receipt.decode(shelf.immutable(row)))):
                shelf.bury(other, expires_s)
    _remember(shelf)


def _remember(shelf: "Shelf") -> None:
    """What was passed on is known, though not here: neighbours would bring it all again. Newest
    first, and only as many as leave a quarter of the index free."""
    index = shelf.index
    looked_at = 0
    for record in shelf.store.remembered():
        looked_at += 1
        if looked_at > index.capacity or index.size * 4 >= index.capacity * 3:
            break
        try:
            kept = records.decode(record)
            if not isinstance(kept, records.Clock) and not kept.is_receipt:
                _know(shelf, kept)
        except DecodeError:
            shelf.bad_records += 1


def _take(shelf: "Shelf", handle: int, kept: records.Kept, gone: list[int]) -> None:
    if (
        shelf.index.size < shelf.index.capacity
        and adopt(shelf, handle, kept, shelf.clock.clock_s) < 0
    ):
        gone.append(handle)


def adopt(shelf: "Shelf", handle: int, kept: records.Kept, now_s: int) -> int:
    """Enter a record that is in the store already. Its row, or -1 if it is a duplicate
    or there is no room for it (deletions that a power cut forgot)."""
    immutable = kept.immutable
    unset = False
    if kept.first_s == records.UNSET_S:
        life_s = LIFETIMES_S[immutable[1] >> 4]
        kept = records.Kept(kept.is_receipt, now_s, now_s + life_s, kept.hops, immutable)
        unset = True
    state, group, index = WHOLE, NO_GROUP, NO_PIECE
    if kept.is_receipt:
        mid = receipt.message_id(receipt.decode(immutable))
        state, short = RECEIPT, receipt.short_id(shelf.short_key, mid)
    else:
        parcel.check(immutable)
        short = shelf.short_of(immutable)
        if immutable[0] & parcel.PIECES:
            piece = parcel.piece_of(immutable)
            index = piece.index
            if not shelf.is_ours(immutable):
                group = shelf.groups.find(bytes(immutable[2 : parcel.HEAD_LEN]), piece)
                if group < 0:
                    return -1
                state = SLOT if shelf.groups.is_slot(group, index) else WINDOW
    if shelf.index.find(short) >= 0 or (state == WINDOW and not shelf.groups.room(group)):
        return -1
    if not room.make_room(shelf, parcel.priority(immutable[0])):
        return -1
    if unset:  # its life begins now: the record must know, or each start gives it another
        written = shelf.put(records.encode_kept(kept), SOS)
        if written != NO_HANDLE:
            shelf.discard(handle)
            handle = written
    if state == WHOLE and shelf.is_home(immutable):
        state = ROUTED  # it came here alone, and nobody else need have it
    row = shelf.enter(short, kept, state, group, index)
    shelf.index.handle[row] = handle
    if group != NO_GROUP:
        shelf.groups.hold(group, state == WINDOW)
    return row


def _take_clock(shelf: "Shelf", handle: int, clock: records.Clock) -> int:
    """A clock found at the start. Of two (a power cut may leave them) the one with the higher
    counter is the later; the handle of the other, or NO_HANDLE."""
    if clock.counter_limit < shelf.clock.counter_limit:
        return handle
    other, shelf.clock_handle = shelf.clock_handle, handle
    shelf.evicted = clock.evicted
    shelf.bad_records += clock.damaged - shelf.clock.damaged
    shelf.clock = clock
    return other


def _know(shelf: "Shelf", kept: records.Kept) -> None:
    """Enter a parcel that was passed on before the restart, so that it is not wanted back."""
    short = shelf.short_of(kept.immutable)
    if kept.expires_s > shelf.clock.clock_s and shelf.index.find(short) < 0:
        if shelf.tombstone(bytes(kept.immutable[2 : parcel.HEAD_LEN])) < 0:
            shelf.mark_farther(shelf.enter(short, kept, SEEN, NO_GROUP, NO_PIECE))
