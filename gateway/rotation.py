"""New prekeys, every seven days: what was sealed for one that is gone nobody can open any more,
whoever takes the device (SPEC.md 2.1).

The former prekey stays until the next one is drawn, so for as long as a message lives. Contacts
are told in one frame each, at background priority; who is announced, the directory tells too.
"""

import argparse

from gateway.ask import sure
from gateway.commands import opened_desk, show
from gateway.database import get_meta, set_meta, writing
from gateway.desk import LIFETIME_S, Desk
from gateway.errors import UserError
from gateway.identity import Card, Identity, parse_card
from gateway.people import device_cards
from gateway.person import renew
from gateway.quiet import prekey_body
from gateway.sealing import seal
from shared_protocol import records
from shared_protocol.lifetime import BACKGROUND, lifetime_code

EVERY_S = 7 * 86_400  # of the node's clock, as lifetimes are; at least the longest lifetime
_LOOK_EVERY_S = 60
_SINCE = "prekey_since"  # number of the prekey and the node's clock when a gateway first saw it
_TOLD = "prekey_told"  # number of the prekey that contacts were told of last
_WARNING = (
    "The prekey before the present one is deleted: what is under way for it nobody will ever read."
)


class Rotation:
    """Draws a new prekey for the person of a gateway when it is time, and tells contacts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._looked_s = -_LOOK_EVERY_S

    def look(self, clock_s: int) -> None:
        """Do what is due by the node's clock, in seconds."""
        if clock_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = clock_s
        try:
            me = self._desk.identity()
        except UserError:
            return
        number = me.card.prekey_seq
        since = get_meta(self._desk.db, _SINCE) or b""
        known = int.from_bytes(since[:4], "big") == number
        if known and clock_s - int.from_bytes(since[4:], "big") >= EVERY_S:
            me = renew(self._desk.db)
            number, known = me.card.prekey_seq, False
            self._desk.people_changed += 1
        if not known:
            said = number.to_bytes(4, "big") + clock_s.to_bytes(8, "big")
            set_meta(self._desk.db, _SINCE, said)
        told = get_meta(self._desk.db, _TOLD)
        if me.former is not None and told != number.to_bytes(4, "big"):
            tell(self._desk, me)


def tell(desk: Desk, me: Identity) -> int:
    """Tell all contacts who have our card of the present prekey, in the same transaction that
    notes it. How many frames."""
    now_s = desk.wall.moment().unix_s
    code = lifetime_code(LIFETIME_S)
    body = prekey_body(me.card)
    parcels = []
    for card, added in _who_have_our_card(desk):
        for device in device_cards(desk.directory, card, added):
            if desk.directory.is_removed(device.account, device.ed25519):
                continue
            lifetime = min(code, desk.directory.longest_lifetime(device.ed25519))
            try:
                sealed = seal(me, device, body, now_s, BACKGROUND, lifetime, typed=True)
            except UserError:
                continue
            parcels += sealed.parcels
    with writing(desk.db):
        for immutable in parcels:
            kept = records.Kept(False, records.UNSET_S, 0, 0, immutable)
            desk.db.execute("INSERT INTO record (bytes) VALUES (?)", (records.encode_kept(kept),))
        set_meta(desk.db, _TOLD, me.card.prekey_seq.to_bytes(4, "big"))
    return len(parcels)


def _who_have_our_card(desk: Desk) -> list[tuple[Card, bool]]:
    """Contacts who have written, or have what we wrote; not strangers who wait to be answered.
    Each with: was it added by the person?"""
    rows = desk.db.execute(
        "SELECT card, added FROM contact WHERE "
        "(added OR id IN (SELECT contact FROM message WHERE direction = 'out')) AND id IN "
        "(SELECT contact FROM message WHERE direction = 'in' OR state = 'delivered')"
    )
    return [(parse_card(row["card"]), bool(row["added"])) for row in rows]


def renew_now(args: argparse.Namespace) -> int:
    """helio id renew: a new prekey before its time."""
    with opened_desk(args) as desk:
        if desk.identity().former is not None:
            sure(args.yes, _WARNING, "add --yes to delete the prekey before the present one")
        card = renew(desk.db).card
        text = f"prekey {card.prekey_seq}. A gateway on this folder tells your contacts"
        show(args, {"prekey": card.prekey_seq, "card": card.text()}, f"{text}\n{card.text()}")
    return 0
