"""Sorting: what the mesh brings for phones becomes letters, unopened.

Recognised by the hint over all registered mailbox keys, rebuilt from pieces with the key that the
mailbox key gives for this message, and kept. Beside it: what the node knows of a message.
"""

import time
from collections.abc import Iterator

from gateway.devices import Device
from gateway.errors import UserError
from gateway.parcels import rebuild_bundle, tag_key
from gateway.pieces import Shape
from gateway.post_office import PostOffice
from gateway.posting import check_shape
from gateway.underway import IN
from shared_protocol import parcel, receipt
from shared_protocol.node import Node
from shared_protocol.parcel_fields import Parcel, decode
from shared_protocol.parcel_fields import piece as piece_fields
from shared_protocol.parcel_index import NO_GROUP, SEEN, SLOT, WHOLE, WINDOW

SEARCH_S = 0.02  # at a time, so that nobody has to wait for it; a row takes up to a millisecond

Owed = tuple[bytes, bytes, int]  # mid, token and lifetime code of a receipt that shall leave


class Sorting:
    """Puts parcels into the letter boxes of a post office."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office
        self._left: list[int] = []  # short ids that the search has still to look at
        self._generation = 0  # of the mailbox keys that are searched for

    def is_for_phones(self, p: Parcel) -> bool:
        """Is this parcel of a message for a registered device?"""
        return bool(self._recipients(p))

    def _recipients(self, p: Parcel) -> list[tuple[Device, bytes]]:
        _, _, b0, _, mid, hint = p.head
        if hint is None or parcel.kind(b0) != parcel.MESSAGE:
            return []
        return self._office.devices.recognise(mid, hint)

    def arrived(self, node: Node, p: Parcel) -> Owed | None:
        """A parcel has come. Keeps the message, if that is whole now, for each device that it is
        for. The receipt that is owed, if a phone had taken it before."""
        to = self._recipients(p)
        mid = p.head[4]
        if not to:
            return None
        taken = self._office.letters.taken_before(mid)
        if taken is not None:
            return mid, *taken
        shape = shape_in(p)
        if shape is not None and not self._perhaps_whole(node, mid, shape, to):
            return None
        for head, shape, parcels in claims(node, mid):
            relays = max(0, max(node.index.hops[row] for _, row in parcels) - 1)
            for device, box in to:
                if shape is not None and self._office.letters.has(mid, device.id, head, shape):
                    continue  # more pieces of it than it takes
                bundle = _bundle(mid, shape, [p for p, _ in parcels], box)
                if bundle is not None:
                    self._keep(device, head, shape, bundle, relays)
        return None

    def _keep(
        self, device: Device, head: bytes, shape: Shape | None, bundle: bytes, relays: int
    ) -> None:
        office = self._office
        office.write_now(lambda: office.keep(device, head, shape, bundle, relays))
        office.underway.ended(head[2:])

    def _perhaps_whole(
        self, node: Node, mid: bytes, shape: Shape, to: list[tuple[Device, bytes]]
    ) -> bool:
        """May there be enough of it? Else its phones are told how far it is. Asked for each piece
        that comes: it reads no parcel."""
        held = sum(1 for row in _rows(node, mid) if node.index.held(row))
        needed = shape.k * shape.blocks
        if held >= needed:
            return True
        for device, _ in to:
            self._office.underway.note(device.id, IN, mid, held, needed)
        return False

    # --- after a start or a registration

    def search_again(self) -> None:
        """Look through all that the node holds, from the beginning."""
        self._generation = -1

    def search(self, node: Node, now_ms: int) -> list[Owed]:
        """Go on looking for mail of devices that registered after it came; receipts owed."""
        office = self._office
        if self._generation != office.devices.generation or office.room_again:
            self._generation, office.room_again = office.devices.generation, False
            index, before = node.index, set(self._left)  # those come first: nobody waits for ever
            held = [index.short[row] for row in index.rows() if index.held(row)]
            self._left = [short for short in held if short not in before] + self._left
        found: dict[tuple[bytes, Shape | None], Parcel] = {}
        end_s = time.monotonic() + SEARCH_S
        while self._left and time.monotonic() < end_s:
            row = node.index.find(self._left.pop())
            if row >= 0 and node.index.held(row):
                p = decode(bytes(3) + node.shelf.immutable(row))
                if self._recipients(p):
                    found[p.head[4], shape_in(p)] = p
                    if node.index.state[row] in (SLOT, WINDOW):
                        become_its_end(node, p.head[4], now_ms)
        owed = [self.arrived(node, p) for p in found.values()]
        return [one for one in owed if one is not None]


def become_its_end(node: Node, mid: bytes, now_ms: int) -> None:
    """This gateway passed a message's pieces on, and now the message is for somebody here: it
    keeps all that it has of them, and wants the others back."""
    index = node.index
    for row in _rows(node, mid):
        if index.state[row] in (SLOT, WINDOW):
            node.shelf.groups.release(index.group[row], index.state[row] == WINDOW)
            index.group[row] = NO_GROUP
            index.set_state(row, WHOLE)
        elif index.state[row] == SEEN:
            node.shelf.remove(row)
    node.pull.room_again()  # and what there was no room for
    node.reconcile.list_soon(now_ms)


def token_in(node: Node, mid: bytes) -> bytes | None:
    """The token of a message's receipt, if the node has that."""
    row = node.shelf.tombstone(mid)
    return None if row < 0 else receipt.decode(node.shelf.immutable(row))


def held_parcels(node: Node, mid: bytes) -> list[tuple[Parcel, int]]:
    """The parcels of a message that the node holds, and their rows."""
    rows = [row for row in node.shelf.rows_of(mid) if node.index.held(row)]
    return [(decode(bytes(3) + node.shelf.immutable(row)), row) for row in rows]


def shape_in(p: Parcel) -> Shape | None:
    """The shape that a parcel says its message has."""
    piece = piece_fields(p)
    return None if piece is None else Shape(piece.k, piece.n, piece.blocks)


def _rows(node: Node, mid: bytes) -> list[int]:
    """What the node knows of a message, and, once in a thousand million, of another."""
    index, first = node.index, int.from_bytes(mid[:4], "big") >> 2
    return [row for row in index.rows() if index.mid30[row] == first]


def claims(
    node: Node, mid: bytes
) -> Iterator[tuple[bytes, Shape | None, list[tuple[Parcel, int]]]]:
    """What claims to be this message: (head, shape, parcels), each whole parcel by itself, pieces
    together if there may be enough of them."""
    groups: dict[tuple[bytes, Shape], list[tuple[Parcel, int]]] = {}
    for p, row in held_parcels(node, mid):
        head = bytes(p.head[2:4]) + mid
        shape = shape_in(p)
        if shape is None:
            yield head, None, [(p, row)]
        else:
            groups.setdefault((head, shape), []).append((p, row))
    for (head, shape), parcels in groups.items():
        if len(parcels) >= shape.k * shape.blocks and _allowed(shape):
            yield head, shape, parcels


def _allowed(shape: Shape) -> bool:
    try:
        check_shape(shape)
    except UserError:
        return False
    return True


def _bundle(mid: bytes, shape: Shape | None, parcels: list[Parcel], box: bytes) -> bytes | None:
    if shape is None:
        whole: bytes = parcels[0].payload
        return whole
    return rebuild_bundle(tag_key(box, mid), mid, shape, parcels)
