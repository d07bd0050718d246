"""People: what to think of a name, the devices of a contact, and whose mail is refused."""

import sqlite3
from typing import Any

from gateway.database import writing
from gateway.directory_records import DeviceRecord, device_hash
from gateway.directory_view import DirectoryView, Entry
from gateway.errors import UserError
from gateway.identity import NO_BOX_ROOT, Card, spaced

REFUSED_MAX = 500  # remembered; the oldest is forgotten


def device_cards(directory: DirectoryView, card: Card, added: bool) -> list[Card]:
    """The cards of all devices of a contact, as far as they are known, that of the contact's card
    first, even if it was removed. added: by the person; whose card came along with a message only
    claims its account, until that lists the device.
    """
    newest = {}
    if added or not directory.is_removed(card.account, card.ed25519):
        newest = {r.device: r for r in directory.devices(directory.now(card.account))}
    known = newest.pop(card.ed25519, None)
    first = card if known is None or known.prekey_seq <= card.prekey_seq else _card(card, known)
    return [first, *(_card(card, record) for record in newest.values())]


def _card(contact: Card, record: DeviceRecord) -> Card:
    """Of another device of the same person: the box root is the account's (SPEC.md 2)."""
    return Card(
        contact.account, record.device, record.prekey, record.prekey_seq, contact.box_root,
        contact.name,
    )  # fmt: skip


def cards_of_entry(directory: DirectoryView, entry: Entry) -> list[Card]:
    """Cards of the devices of somebody who is known from the directory only."""
    return [
        Card(record.account, record.device, record.prekey, record.prekey_seq, NO_BOX_ROOT,
             entry.record.name)
        for record in directory.devices(entry.record.account)
        if device_hash(record.device) in entry.devices
    ]  # fmt: skip


def as_dict(entry: Entry) -> dict[str, Any]:
    """An account of the directory, for people and programs. marks: see docs/PEOPLE.md."""
    marks = [
        mark
        for mark, so in (
            ("name_taken", entry.others and not entry.first),
            ("name_shared", entry.others and entry.first),
            ("conflict", entry.rival is not None),
            ("key_changed", entry.former is not None),
            ("gone_on", entry.later is not None),
        )
        if so
    ]
    return {
        "id": entry.id,
        "words": spaced(entry.id),
        "name": entry.record.name,
        "sequence": entry.record.sequence,
        "devices": [device.hex() for device in entry.devices],
        "heard_s": entry.heard_unix_s,
        "marks": marks,
        "former": entry.former,
        "later": entry.later,
        "others": list(entry.others),
    }


# --- mail of removed devices


def note_refused(db: sqlite3.Connection, mid: bytes, sender: Card, unix_s: int) -> None:
    """A message was refused since its device is not the sender's any more: keep that it was. The
    last ones stay, so the times rise also where the clock was set back."""
    with writing(db):
        last = db.execute("SELECT coalesce(max(heard_unix_s), 0) FROM refused_mail").fetchone()[0]
        db.execute(
            "INSERT OR IGNORE INTO refused_mail VALUES (?, ?, ?, ?, ?)",
            (mid, sender.account, sender.id, sender.name, max(unix_s, last + 1)),
        )
        db.execute(
            "DELETE FROM refused_mail WHERE mid NOT IN (SELECT mid FROM refused_mail "
            "ORDER BY heard_unix_s DESC LIMIT ?)",
            (REFUSED_MAX,),
        )


def refused(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """What was refused, by device: name, device (id), messages, and when the last one came."""
    rows = db.execute(
        "SELECT name, device, count(*) AS messages, max(heard_unix_s) AS unix_s "
        "FROM refused_mail GROUP BY device ORDER BY unix_s DESC"
    )
    return [dict(row) for row in rows]


def card_to_add(directory: DirectoryView, wanted: str) -> Card:
    """The card of somebody in the directory, by name or id. UserError if it is nobody, or
    several."""
    compact = wanted.replace(" ", "").lower()
    found = [
        e for e in directory.find(wanted)
        if e.id == compact or e.record.name.casefold() == wanted.strip().casefold()
    ]  # fmt: skip
    if not found:
        raise UserError(f"nobody called {wanted!r} was heard of: see `helio people list`")
    if len(found) > 1:
        ids = ", ".join(spaced(entry.id) for entry in found[:8])
        raise UserError(f"{len(found)} people use that name: choose by id ({ids})")
    cards = cards_of_entry(directory, found[0])
    if not cards:
        raise UserError(f"no device of {found[0].record.name} was heard of yet: try again later")
    return cards[0]
