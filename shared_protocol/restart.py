"""What a node does with its store at the start, before it says anything (SPEC.md 9).

Records may be there twice, half deleted or damaged, whatever moment the power went.
"""

from shared_protocol import receipt, records
from shared_protocol.errors import DecodeError
from shared_protocol.parcel_index import MATCHED, NO_HANDLE, RECEIPT

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
                gone.append(shelf.take_clock(handle, kept))
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


def _take(shelf: "Shelf", handle: int, kept: records.Kept, gone: list[int]) -> None:
    if (
        shelf.index.size < shelf.index.capacity
        and shelf.adopt(handle, kept, shelf.clock.clock_s) < 0
    ):
        gone.append(handle)
