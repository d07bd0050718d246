"""Pages of a relay's queue: bytes in, rows out (firmware/queue_page.py says how they are made)."""

import struct
from dataclasses import dataclass
from typing import Any

from gateway.errors import UserError
from shared_protocol import parcel
from shared_protocol import parcel_index as index
from shared_protocol.lifetime import LIFETIMES_S

ROWS_MOST = 24
_PAGE, _HEAD, _NEIGHBOUR = 0x51, 3, 7
_ROW = struct.Struct("!I12sBBBBBBBBIII")
_PRIORITIES = ("background", "normal", "high", "SOS")
_KINDS = {parcel.MESSAGE: "message", parcel.STATEMENT: "statement", parcel.RECORD: "record"}
STATES = {
    index.WHOLE: "whole", index.SLOT: "own slot", index.WINDOW: "passing on",
    index.SEEN: "passed on", index.RECEIPT: "receipt", index.DEAD: "ended",
    index.ROUTED: "goes alone", index.PASSED: "handed over", index.RETURNED: "receipt, goes back",
}  # fmt: skip
HELD = (index.WHOLE, index.SLOT, index.WINDOW, index.ROUTED, index.RECEIPT, index.RETURNED)


@dataclass(frozen=True)
class Row:
    """One parcel that a relay keeps, or knows of."""

    short: int
    message: str  # 24 hex digits; 8 of what is not held any more, the rest zeros
    state: int
    kind: str
    priority: str
    hops: int
    piece: int | None  # index within its block
    of: int  # how many pieces rebuild the block, 0 of what is whole
    block: int
    blocks: int
    tries: int
    age_s: int
    here_s: int
    left_s: int
    who: tuple[int, ...]  # bits of the neighbours that have it, or shall have it

    def why(self, neighbours: int) -> str:
        """Why it is still here. neighbours: how many are near now."""
        if self.state in (index.RECEIPT, index.RETURNED):
            return "tells others that the message was delivered"
        if self.state == index.ROUTED:
            return "is being given to the next node"
        if not neighbours:
            return "nobody is near"
        if len(self.who) < neighbours:
            return "a neighbour lacks it"
        if self.state == index.WINDOW:
            return "nobody farther on has said that they have it"
        return "all neighbours have it; it waits for the recipient"

    def as_json(self, names: dict[int, str]) -> dict[str, Any]:
        """For --json. names: what to call the neighbour of each bit."""
        values = {key: value for key, value in vars(self).items() if key not in ("who", "state")}
        who = [names.get(bit, str(bit)) for bit in self.who]
        key = "next" if self.state == index.ROUTED else "has_it"
        return values | {"state": STATES[self.state], key: who, "why": self.why(len(names))}


def decode_page(page: bytes) -> tuple[bool, dict[int, bytes], list[Row]]:
    """A page to (are there more, the neighbours' addresses by bit if they were asked for, rows).
    UserError if it is none."""
    count = page[2] if len(page) >= _HEAD else 0
    start = _HEAD + _NEIGHBOUR * count
    if len(page) < start or page[0] != _PAGE or (len(page) - start) % _ROW.size:
        raise UserError("the relay's answer is no page of its queue: flash it again")
    neighbours = {
        page[at]: page[at + 1 : at + _NEIGHBOUR] for at in range(_HEAD, start, _NEIGHBOUR)
    }
    rows = [_row(fields) for fields in _ROW.iter_unpack(page[start:])]
    return page[1] > 0, neighbours, rows


def _row(fields: tuple[Any, ...]) -> Row:
    short, mid, state, b0, code, hops, piece, k, block, tries, here_s, left_s, mask = fields
    receipt = state in (index.RECEIPT, index.RETURNED)
    life_s = LIFETIMES_S[code >> 4]
    return Row(
        short=short,
        message=mid.hex(),
        state=state,
        kind="receipt" if receipt else _KINDS.get(parcel.kind(b0), "unknown"),
        priority=_PRIORITIES[code >> 2 & 3],
        hops=hops,
        piece=None if piece == index.NO_PIECE else piece,
        of=k,
        block=block >> 4,
        blocks=(block & 15) + 1,
        tries=tries,
        age_s=here_s if receipt else max(0, life_s - left_s),
        here_s=here_s,
        left_s=left_s,
        who=tuple(bit for bit in range(32) if mask >> bit & 1),
    )
