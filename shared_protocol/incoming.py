"""What neighbours bring: parcels, receipts, wants, custody, whom they hear (SPEC.md 4, 5, 7)."""

from shared_protocol import parcel, receipt, shelf, sync
from shared_protocol.ending import accept_receipt
from shared_protocol.errors import DecodeError
from shared_protocol.neighbours import AIR, TETHER
from shared_protocol.parcel_index import FARTHER, RETURNED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.neighbours import Neighbour
    from shared_protocol.node import Node


class Incoming:
    """Takes in what frames carry, each by its type."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def on_parcel(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A PARCEL frame: one parcel for everybody."""
        node = self._node
        hops, age, _, immutable = parcel.split(body)
        immutable = bytes(immutable)
        if parcel.kind(immutable[0]) == parcel.RECEIPT:
            raise DecodeError("a receipt in a parcel frame")
        parcel.check(immutable)
        if parcel.kind(immutable[0]) != parcel.MESSAGE:
            node.stats["unknown_kinds"] += 1  # and carried all the same
        now_s = node.clock.now_s(now_ms)
        verdict, row = node.shelf.accept(hops, age, immutable, now_s)
        if verdict == shelf.REFUSED or verdict == shelf.NO_ROOM:
            node.stats["refused"] += 1
            node.pull.refused(node.shelf.short_of(immutable))
            return
        if row < 0:
            node.stats["expired_on_arrival"] += 1
            node.pull.arrived(node.shelf.short_of(immutable), now_ms)
            return
        if verdict == shelf.TOMBSTONED:
            node.pull.arrived(node.shelf.short_of(immutable), now_ms)
            if node.index.state[row] == RETURNED:
                node.for_everybody(row, now_ms)
            node.queues[neighbour.link].parcel(node.index.short[row])
            return
        node.pull.arrived(node.index.short[row], now_ms)
        if verdict == shelf.NEW or verdict == shelf.SPREAD:
            node.index.source[row] = neighbour.number()
            node.index.cover[row] |= neighbour.bit
            node.news(row, neighbour, now_ms)
            if verdict == shelf.NEW:
                node.event("arrived", immutable, hops)
        elif node.custody.heard(neighbour, row, hops - 1, now_s):
            node.room_again(now_ms)
        else:
            node.push.heard(neighbour, row, now_ms)
        piece = immutable[0] & parcel.PIECES and hops - 1 < node.index.hops[row]
        if piece or neighbour.link == TETHER:  # a gateway shows its people what the mesh took
            if node.index.held(row) or node.index.code[row] & FARTHER:  # or was passed on
                node.custody.took(neighbour.link, row, now_ms)

    def on_receipts(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A RECEIPTS frame: what has been delivered."""
        node = self._node
        for hops, age, immutable in receipt.split_frame(body):
            verdict, row = accept_receipt(
                node.shelf, hops, age, immutable, node.clock.now_s(now_ms)
            )
            if row < 0:
                continue
            node.pull.arrived(node.index.short[row], now_ms)
            node.index.cover[row] |= neighbour.bit
            if verdict == shelf.NEW or verdict == shelf.SPREAD:
                node.index.source[row] = neighbour.number()
                node.news(row, neighbour, now_ms)
                node.room_again(now_ms)
                token = receipt.decode(immutable)
                if verdict == shelf.NEW:
                    node.event("receipt", receipt.message_id(token), token)
            else:
                node.push.heard(neighbour, row, now_ms)

    def on_want(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A WANT frame: what a neighbour lacks, of me or of another."""
        node = self._node
        tail, ids = sync.decode_want(body)
        mine = tail == node.node_id[3:]
        for short in ids:
            row = node.index.find(short)
            if row < 0 or not node.index.sendable(row):
                continue
            node.push.lacks(neighbour, row, now_ms)
            if mine:
                node.push.asked(short)
                node.queues[neighbour.link].parcel(short)
        if not mine:
            node.pull.overheard(ids, now_ms)

    def on_have(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A HAVE frame: which pieces a neighbour has taken over."""
        node = self._node
        if node.custody.on_have(neighbour, body, node.clock.now_s(now_ms)):
            node.room_again(now_ms)

    def on_hello(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A HELLO frame: whom a neighbour hears."""
        node = self._node
        if neighbour.link == AIR:
            node.cover.on_hello(neighbour, body, node.node_id)
