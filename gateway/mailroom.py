"""The mailroom: between the node, which knows parcels, and the desk, which knows people.

Recognises what is for us by its hint, rebuilds and opens it, keeps the text durably and only then
lets the receipt go; raises the state of what was sent when the mesh shows news of it. What is for
phones it leaves to sorting.py, which does the same without opening anything.
"""

import logging
from collections.abc import Callable
from typing import Any

from gateway import quiet
from gateway.desk import Desk
from gateway.errors import UserError
from gateway.identity import Card, Identity
from gateway.notices import KIND as NOTICE
from gateway.parcels import rebuild_bundle, tag_key
from gateway.people import note_refused
from gateway.pieces import Shape
from gateway.post_office import PostOffice
from gateway.sealing import (
    Opened,
    SealError,
    UnknownSender,
    hint_for,
    open_bundle,
)
from gateway.sorting import Sorting, claims, token_in
from gateway.underway import WithNeighbours
from shared_protocol import parcel, receipt
from shared_protocol.errors import DecodeError
from shared_protocol.node import Node
from shared_protocol.parcel_fields import Parcel, decode

_log = logging.getLogger(__name__)


class Mailroom:
    """Opens what arrives and follows what was sent.

    release(action): runs `action` after a receipt's privacy delay. now_ms(): the node's time.
    `node` is set by the gateway, and again when it starts its node anew. on_record(immutable):
    what is done with a parcel of the directory; on_notice(immutable): of the board;
    on_receipt(mid, token): with any token that comes.
    """

    node: Node

    def __init__(
        self,
        desk: Desk,
        office: PostOffice,
        release: Callable[[Callable[[], None]], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._desk = desk
        self._office = office
        office.on_taken = self._taken_by_a_phone
        self.sorting = Sorting(office)
        self._release = release
        self._now_ms = now_ms
        self.on_record: Callable[[bytes], None] = lambda immutable: None
        self.on_notice: Callable[[bytes], None] = lambda immutable: None
        self.on_receipt: Callable[[bytes, bytes], None] = lambda mid, token: None
        self.crossing: set[bytes] = set()  # messages that this gateway carries over the backhaul
        self._sent: set[bytes] = set()
        self._waiting: set[bytes] = set()  # opened, but by somebody who is not a contact yet
        self._releasing: set[bytes] = set()
        self.unopenable = 0
        self._me: Identity | None = None
        self.reload()

    def reload(self) -> None:
        """Another process may have changed the person, the contacts or the outbox."""
        try:
            self._me = self._desk.identity()
        except UserError:
            self._me = None
        rows = self._desk.db.execute("SELECT mid FROM sent")
        self._sent = {bytes(row[0]) for row in rows}

    def is_ours(self, immutable: bytes) -> bool:
        """Is this gateway an end of the parcel's message? Then it may hold all its pieces."""
        mid = bytes(immutable[2 : parcel.HEAD_LEN])
        if mid in self._sent or mid in self._office.outbox.open or mid in self.crossing:
            return True
        return self.is_for_people_here(immutable)

    def is_for_people_here(self, immutable: bytes) -> bool:
        """Is this parcel for the person of this gateway, or for a phone's device?"""
        p = decode(bytes(3) + immutable)
        return self._is_for_us(p) or self.sorting.is_for_phones(p)

    def _is_for_us(self, p: Parcel) -> bool:
        _, _, b0, _, mid, hint = p.head
        if self._me is None or hint is None or parcel.kind(b0) != parcel.MESSAGE:
            return False
        return self._box(hint, mid) is not None

    def _box(self, hint: bytes | None, mid: bytes) -> bytes | None:
        """The mailbox key of ours under which this hint is right."""
        assert self._me is not None
        card = self._me.card
        boxes = [card.mailbox_key, card.public_mailbox_key]
        if self._me.former is not None:
            boxes.append(self._me.former.card.mailbox_key)
        for box in boxes:
            if hint == hint_for(box, mid):
                return box
        return None

    # --- what the node tells

    def handle(self, event: tuple[Any, ...]) -> None:
        """One event of the node."""
        kind = event[0]
        if kind == "arrived":
            p = decode(bytes(3) + event[1])
            mid = p.head[4]
            if parcel.kind(p.head[2]) == parcel.RECORD:
                self.on_record(event[1])
            if parcel.kind(p.head[2]) == NOTICE:
                self.on_notice(event[1])
            if self._is_for_us(p) and mid not in self._sent:
                self.try_open(mid)
            owed = self.sorting.arrived(self.node, p)
            if owed is not None:
                self._release_receipt(*owed)
        elif kind == "receipt":
            self._delivered(event[1], event[2])
            self.on_receipt(event[1], event[2])
        elif kind == "expired":
            self._desk.improve(event[1], "expired")
            self._office.improve(event[1], "expired")

    def _delivered(self, mid: bytes, token: bytes) -> None:
        if self._desk.improve(mid, "delivered"):
            _log.info("delivered: message %s", mid.hex())
        self._office.delivered(mid, token)

    def _taken_by_a_phone(self, mid: bytes, token: bytes, code: int | None) -> None:
        """A phone of this gateway has opened a message. code: None if the mesh has not seen it."""
        self._desk.improve(mid, "delivered")
        if code is not None:
            self._release_receipt(mid, token, code)

    def try_open(self, mid: bytes) -> None:
        """Open a message if enough of it is here. Of several that claim to be it each is tried by
        itself: a false one must not take the true one with it."""
        assert self._me is not None
        for _, shape, mine in list(claims(self.node, mid)):
            try:
                opened = self._open_or_meet([p for p, _ in mine], shape)
            except UnknownSender:
                self._waiting.add(mid)
                continue
            except (SealError, DecodeError, ValueError) as e:  # whatever a sender made of it
                _log.warning("message %s dropped: %s", mid.hex(), e)
                self.unopenable += 1
                for _, row in mine:
                    self.node.shelf.drop(row)
                continue
            if opened is None:
                continue
            self._waiting.discard(mid)
            first, row = mine[0]
            if quiet.hear(self._desk, opened, self._clock_s()):
                self._release_receipt(mid, opened.token, first.head[3] >> 4)
                return
            self._desk.receive(
                opened,
                _text_of(opened),
                mid=mid, token=opened.token, code=first.head[3],
                relays=max(0, max(self.node.index.hops[r] for _, r in mine) - 1),
            )  # fmt: skip
            self._release_receipt(mid, opened.token, first.head[3] >> 4)
            return

    def _clock_s(self) -> int:
        return self.node.clock.now_s(self._now_ms())

    def _open_or_meet(self, parcels: list[Parcel], shape: Shape | None) -> Opened | None:
        """Opened; a stranger whose card came along is a contact from now on."""
        try:
            return self._open(parcels, shape)
        except UnknownSender as e:
            if e.card is None:
                raise
            self._check_device(parcels[0].head[4], e.card)
            if not self._desk.meet(e.card):
                raise
            return self._open(parcels, shape)

    def _open(self, parcels: list[Parcel], shape: Shape | None) -> Opened | None:
        assert self._me is not None
        _, _, b0, b1, mid, hint = parcels[0].head
        if shape is None:
            bundle: bytes | None = parcels[0].payload
        else:
            key = tag_key(self._box(hint, mid) or b"", mid)
            bundle = rebuild_bundle(key, mid, shape, parcels)
        if bundle is None:
            return None
        head = bytes([b0, b1]) + mid
        opened = open_bundle(self._me, head, bundle, shape, self._desk.cards())
        self._check_device(mid, opened.sender)
        return opened

    def _check_device(self, mid: bytes, sender: Card) -> None:
        """SealError, and a note of it, if the sender's account has said that the device is not its
        own (any more)."""
        if self._desk.directory.is_removed(sender.account, sender.ed25519):
            note_refused(self._desk.db, mid, sender, self._desk.wall.moment().unix_s)
            raise SealError(f"it is from a device that {sender.name} has removed")

    def forget_releases(self) -> None:
        """Those that wait will not be done: catch_up() begins them again."""
        self._releasing.clear()

    def _release_receipt(self, mid: bytes, token: bytes, code: int) -> None:
        if mid in self._releasing:
            return
        self._releasing.add(mid)

        def go() -> None:
            self._releasing.discard(mid)
            immutable = receipt.encode(token, 1, code)
            self.node.submit_receipt(immutable, 0, self._now_ms())
            self.node.shelf.sync()
            if self.node.shelf.tombstone(mid) >= 0:
                self._desk.db.execute("UPDATE message SET receipted = 1 WHERE mid = ?", (mid,))
                self._office.receipted(token)
                self._delivered(mid, token)  # who wrote it may be of this gateway too

        self._release(go)

    def catch_up(self) -> None:
        """After a start or a new contact: open what can be opened, release owed receipts."""
        rows = self._desk.db.execute(
            "SELECT mid, token, code FROM message WHERE direction = 'in' AND receipted = 0"
        ).fetchall()
        for row in rows:
            self._release_receipt(bytes(row["mid"]), bytes(row["token"]), row["code"] >> 4)
        for mid, token, code in self._office.owed():
            self._release_receipt(mid, token, code)
        owed = self._desk.db.execute("SELECT mid FROM sent WHERE state != 'delivered'").fetchall()
        waits = {*self._office.outbox.open, *self._office.watches.open()}
        for mid in {bytes(row["mid"]) for row in owed} | waits:
            known = token_in(self.node, mid)
            if known is not None:  # a receipt that came just before the power went
                self._delivered(mid, known)
        mids = set(self._waiting)
        for row in list(self.node.index.rows()):
            if self.node.index.held(row):
                p = decode(bytes(3) + self.node.shelf.immutable(row))
                if p.head[4] not in self._sent and self._is_for_us(p):
                    mids.add(p.head[4])
        for mid in mids:
            self.try_open(mid)
        self.sorting.search_again()

    def look(self) -> None:
        """A bit of what waits for phones that registered after it came."""
        for owed in self.sorting.search(self.node, self._now_ms()):
            self._release_receipt(*owed)

    def follow(self) -> None:
        """Raise to `on_mesh` what neighbours hold enough of, to rebuild it without us."""
        rows = self._desk.db.execute("SELECT mid FROM sent WHERE state = 'queued'")
        mids = {bytes(row["mid"]) for row in rows} | self._office.outbox.queued()
        there = WithNeighbours(self.node, mids)
        for mid, count in there.counts():
            self._office.pieces_out(mid, count)
        for mid in there.enough():
            self._desk.improve(mid, "on_mesh")
            self._office.improve(mid, "on_mesh")


def _text_of(opened: Opened) -> str:
    """What a person reads of it here."""
    if opened.typed:
        return f"[kind {opened.body[0] if opened.body else 0}: only the chat page shows this]"
    return opened.body.decode("utf-8", "replace")
