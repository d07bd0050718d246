"""How a parcel's time on a shelf ends: its receipt comes, or its age does (SPEC.md 5 and 4.2)."""

from shared_protocol import parcel, receipt, records, room
from shared_protocol.lifetime import LIFETIMES_S, age_s, tombstone_s
from shared_protocol.limits import HOPS_MAX
from shared_protocol.parcel_index import (
    DEAD,
    MATCHED,
    NO_GROUP,
    NO_PIECE,
    PASSED,
    RECEIPT,
    RETURNED,
)
from shared_protocol.shelf import EXPIRED, KNOWN, SPREAD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.shelf import Shelf

DEAD_MIN_S = 600  # an expired id is remembered at least this long, so that it is not wanted back


def accept_receipt(
    shelf: "Shelf", hops: int, age: int, immutable: bytes, now_s: int, routed: bool = False
) -> tuple[int, int]:
    """A receipt: (NEW | KNOWN | SPREAD | EXPIRED | NO_ROOM, row). NEW has purged its parcels.
    routed: it goes back alone, as its message came."""
    mid = receipt.message_id(receipt.decode(immutable))
    row = shelf.tombstone(mid)
    if row >= 0:
        if routed or shelf.index.state[row] == RECEIPT:
            return KNOWN, row
        shelf.index.set_state(row, RECEIPT)
        return SPREAD, row
    code = immutable[1] >> 4
    left_s = LIFETIMES_S[code] - age_s(age, code)
    matched = False
    for r in shelf.each_of(mid):
        if shelf.index.state[r] != PASSED:  # that is not remembered as long as it lives
            r_left_s = shelf.index.expires_s[r] - now_s
            left_s = max(left_s, r_left_s) if matched else r_left_s
        matched = True
    if left_s <= 0:
        return EXPIRED, -1
    expires_s = now_s + tombstone_s(left_s)
    for r in shelf.each_of(mid):
        if routed:  # not dead: should it be with somebody else, that one shall ask
            shelf.passed_on(r)
            shelf.index.hops[r] = HOPS_MAX
        else:
            shelf.bury(r, expires_s)
    room.limit_receipts(shelf, MATCHED if matched else 0)
    short = receipt.short_id(shelf.short_key, mid)
    born_s = max(0, now_s - age_s(age, code))  # so that its age goes on from here
    kept = records.Kept(True, born_s, expires_s, hops, immutable)
    state = RETURNED if routed else RECEIPT
    verdict, row = shelf.add(short, kept, state, NO_GROUP, NO_PIECE)
    if row >= 0 and matched:
        shelf.index.code[row] |= MATCHED
    return verdict, row


def dying(shelf: "Shelf", row: int, now_s: int, least_s: int, share: int) -> bool:
    """Has this parcel less than least_s, or a share-th of its lifetime, left? Then it is let
    go here where a neighbour has none of it, or both would differ until it ends (SPEC.md 7.3).
    """
    life_s = LIFETIMES_S[shelf.index.code[row] >> 4]
    left_s = shelf.index.expires_s[row] - now_s
    try:
        if left_s >= min(least_s, life_s // share) or shelf.is_ours(shelf.immutable(row)):
            return False
    except KeyError:  # its record has gone bad, and the row with it
        return True
    shelf.bury(row, now_s + max(DEAD_MIN_S, life_s // 20))
    return True


def overage(shelf: "Shelf", row: int, now_s: int) -> bool:
    """Is this receipt kept as a tombstone only? Nobody would take it any more."""
    return now_s - shelf.index.first_s[row] >= LIFETIMES_S[shelf.index.code[row] >> 4]


def sweep(shelf: "Shelf", now_s: int) -> list[bytes]:
    """Let everything expire that is due: the message ids of held parcels that ended here."""
    index = shelf.index
    ended: list[bytes] = []
    for at in range(index.size - 1, -1, -1):  # backwards: removing moves what comes behind
        row = index.row_at(at)
        if index.expires_s[row] > now_s:
            continue
        if index.state[row] in (DEAD, PASSED) or index.is_receipt(row):
            shelf.remove(row)
            continue
        if index.held(row):
            mid = shelf.immutable(row)[2 : parcel.HEAD_LEN]
            if mid not in ended:
                ended.append(mid)
        life_s = LIFETIMES_S[index.code[row] >> 4]
        shelf.bury(row, now_s + max(DEAD_MIN_S, life_s // 20))
    return ended
