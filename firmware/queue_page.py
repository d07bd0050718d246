"""What a relay keeps, a page at a time: rows in the order of their short ids (docs/CLI.md, queue).

    51 | more 1 | neighbours 1 | [bit 1 | address 6] each | rows of 36 bytes each

    short id 4 | mid 12 | state 1 | b0 1 | lifetime code 4 bits, priority 2, marks 2 | hops 1
    index 1 | k 1 | block and blocks 1 | tries 1 | here for 4 | left 4 | who has it 4

Whoever reads asks for what comes after the last short id: so nothing is missed and nothing comes
twice, whatever arrives or leaves meanwhile. Of what is not held any more only the first 30 bits of
the message id are known. The mask says who has it, or, of what goes alone, who shall have it.
"""

import struct

from shared_protocol import parcel, receipt
from shared_protocol.parcel_index import ROUTED
from shared_protocol.unicast import NEXT, TRIES

PAGE = 0x51
_ROW = "!I12sBBBBBBBBIII"
_MOST = 24  # rows: 900 bytes, the largest answer that always finds a piece of heap
_MID30 = 8  # hex digits of a message id that are enough to look for it


def page(node, asked: dict, now_s: int) -> bytes:
    """The rows behind short id `after`, at most `most`; of one message only, if `of` names the
    beginning of its id (8 hex digits), then also what is known of it and not held; with `names`
    also which neighbour each bit of a mask is. KeyError, TypeError or ValueError if they make no
    sense."""
    index = node.index
    most = min(_MOST, asked.get("most", _MOST))
    of = int(asked["of"][:_MID30], 16) >> 2 if "of" in asked else -1
    at = index.position(asked.get("after", -1) + 1)
    rows = []
    while at < index.size and len(rows) < most:
        row = index.row_at(at)
        held = index.held(row) or index.is_receipt(row)
        if index.mid30[row] == of if of >= 0 else held:
            try:
                rows.append(_row(node, row, held, now_s))
            except KeyError:
                continue  # its record has gone bad, and the row with it
        at += 1
    names = []
    if asked.get("names"):
        names = [bytes((n.number(),)) + n.address for n in node.neighbours.all if n.fresh]
    head = bytes((PAGE, at < index.size, len(names)))
    return head + b"".join(names) + b"".join(rows)


def _row(node, row: int, held: bool, now_s: int) -> bytes:
    index = node.index
    mid = (index.mid30[row] << 2).to_bytes(4, "big") + bytes(8)
    b0 = k = block = tries = 0
    who = index.cover[row]
    if held:
        immutable = node.shelf.immutable(row)
        b0 = immutable[0]
        if index.is_receipt(row):
            mid = receipt.message_id(receipt.decode(immutable))
        else:
            mid = immutable[2 : parcel.HEAD_LEN]
        if b0 & parcel.PIECES:
            k, block = immutable[parcel.HEAD_LEN + 1], immutable[parcel.HEAD_LEN + 3]
    if index.state[row] == ROUTED:
        journey = node.unicast.journeys.get(index.short[row])
        if journey:
            who, tries = journey[NEXT], min(255, journey[TRIES])
    return struct.pack(
        _ROW, index.short[row], mid, index.state[row], b0, index.code[row], index.hops[row],
        index.piece[row], k, block, tries,
        max(0, now_s - index.first_s[row]), max(0, index.expires_s[row] - now_s), who,
    )  # fmt: skip
