"""Who is near: people whose phone is at this gateway, and who have chosen to be seen.

    PUT /api/device {…, "seen_as": contact card}    seen from now on; without it not any more
    GET /api/nearby -> {"here": [{"card", "ago_s"}]}

In memory only, and forgotten after an hour without a word of that phone. Records of the directory
do not say at which gateway somebody is, so nobody further away is shown.
"""

from typing import Any

from aiohttp import web

from gateway.errors import UserError
from gateway.identity import NO_BOX_ROOT, parse_card
from gateway.post_office import PostOffice
from gateway.web.requests import Signed, answer

SILENT_S = 3600.0
SHOWN_MAX = 100  # in one answer: who was heard last
_CARD_MAX = 400  # characters


def card_of(device: bytes, seen_as: object) -> str:
    """The card under which a device (its key) wants to be seen, "" if it does not. UserError."""
    if seen_as is None or seen_as == "":
        return ""
    if not isinstance(seen_as, str) or len(seen_as) > _CARD_MAX:
        raise UserError('"seen_as" must be a contact card.')
    card = parse_card(seen_as)
    if card.ed25519 != device:
        raise UserError('"seen_as" must be the card of the device itself.')
    if card.box_root != NO_BOX_ROOT:  # who has it recognises this person's mail
        raise UserError('"seen_as" must be a card without its box root: everybody sees it.')
    return card.text()


class Nearby:
    """The cards of those who want to be seen."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office
        self._cards: dict[str, str] = {}  # by device

    def routes(self, signed: Signed) -> list[web.RouteDef]:
        """GET /api/nearby, for registered devices."""

        async def people(request: web.Request) -> web.Response:
            await signed(request)
            return answer({"here": self.people()})

        return [web.get("/api/nearby", people, allow_head=False)]

    def show(self, device: str, card: str) -> None:
        """A device wants to be seen under this card; "": not any more."""
        if card:
            self._cards[device] = card
        else:
            self._cards.pop(device, None)

    def people(self) -> list[dict[str, Any]]:
        """Whom to show, last heard first."""
        silent = {name: self._office.devices.silent_s(name) for name in self._cards}
        for name, silent_s in silent.items():
            if silent_s is None or silent_s > SILENT_S:
                del self._cards[name]
        here = sorted(self._cards, key=lambda name: silent[name] or 0.0)[:SHOWN_MAX]
        return [{"card": self._cards[n], "ago_s": int(silent[n] or 0.0)} for n in here]
