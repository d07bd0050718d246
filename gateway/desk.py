"""The desk: what a person does at a gateway. The CLI and the chat page both stand before it.

It works on the database alone, so `helio send` works while no gateway runs: the message waits
there until one does.
"""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

from gateway import copies, person
from gateway.database import get_meta, is_full, open_database, writing
from gateway.directory import Directory
from gateway.errors import UserError
from gateway.identity import NO_BOX_ROOT, Card, Identity, clean_name, parse_card
from gateway.people import device_cards
from gateway.sealing import Opened, seal
from gateway.wall_clock import WallClock
from shared_protocol import records
from shared_protocol.lifetime import NORMAL, lifetime_code
from shared_protocol.limits import MESSAGE_MAX

LIFETIME_S = 7 * 86400
STRANGERS_MAX = 200  # contacts that wrote first; who comes then waits until they are added
WAY_LASTS_S = 86_400  # people move: what a contact said of its gateway holds for a day
_POLL_S = 0.2  # how often another process's writes are looked for

_COLUMNS = "seq, id, contact, direction, text, state, unix_s, relays"


class Desk:
    """One person's contacts and messages, in the database of one gateway."""

    message_max = MESSAGE_MAX

    def __init__(self, data: Path) -> None:
        self.path = data / "heliograph.db"
        self.db = open_database(self.path)
        self.wall = WallClock(self.db)
        self.directory = Directory(self.db, self._known_accounts)
        self.gateway_name = ""
        self.people_changed = 0  # rises when contacts or the person change in this process
        self.node_status: dict[str, Any] = {"relay": "not connected", "neighbours": 0}
        self.status_asked_s = 0.0  # when, by time.monotonic()

    # --- who I am

    def identity(self) -> Identity:
        """The person's keys. UserError if there are none yet."""
        return person.load(self.db)

    def create_identity(self, name: str) -> Identity:
        """Make the person's keys, or change the name if they exist."""
        return person.create(self.db, name)

    def restore_identity(self, me: Identity) -> None:
        """Let the person of an identity kit live here. UserError if somebody does already."""
        person.restore(self.db, me)

    def me(self) -> dict[str, Any]:
        """Name, id, card and gateway of the person who lives here."""
        card = self.identity().card
        return {
            "name": card.name, "id": card.id, "words": card.fingerprint, "card": card.text(),
            "gateway": self.gateway_name,
        }  # fmt: skip

    # --- whom I know

    def cards(self) -> list[Card]:
        """The cards of all contacts, each with those of its other devices, under the names that
        they have here."""
        rows = self.db.execute("SELECT card, added FROM contact").fetchall()
        return [
            card
            for row in rows
            for card in device_cards(self.directory, parse_card(row["card"]), bool(row["added"]))
        ]

    def _known_accounts(self) -> set[bytes]:
        """Accounts that stay in the directory: of contacts, and of those announced here."""
        here = {bytes(row[0]) for row in self.db.execute("SELECT key FROM announcement")}
        rows = self.db.execute("SELECT card FROM contact WHERE added")
        known = {parse_card(row["card"]).account for row in rows}
        return here | known | {self.directory.now(account) for account in known}

    def contacts(self) -> list[dict[str, Any]]:
        """All contacts by name."""
        rows = self.db.execute("SELECT * FROM contact ORDER BY name").fetchall()
        return [_person(r) for r in rows]

    def add_contact(self, card: str, name: str | None) -> dict[str, Any]:
        """Add a contact by the text of its card; adding it again is harmless."""
        return self.add_card(parse_card(card), name)

    def add_card(self, parsed: Card, name: str | None) -> dict[str, Any]:
        """The same, of a card that was read already."""
        called = clean_name(name or parsed.name)
        mine = get_meta(self.db, "signing_key")
        if mine is not None and self.identity().card.ed25519 == parsed.ed25519:
            raise UserError("that is your own card: give it to others, and add theirs")
        taken = self.db.execute("SELECT id FROM contact WHERE name = ?", (called,)).fetchone()
        if taken is not None and taken["id"] != parsed.id:
            raise UserError(f"you have another contact called {called}: choose a different name")
        with writing(self.db):
            self.db.execute(
                "INSERT INTO contact (id, name, card) VALUES (?, ?, ?) ON CONFLICT (id) "
                "DO UPDATE SET name = excluded.name, card = excluded.card, added = 1",
                (parsed.id, called, parsed.text()),
            )
        self.people_changed += 1
        return _person(self._find_contact(parsed.id))

    def meet(self, card: Card) -> bool:
        """Know somebody whose card came along with a message, as not added by the person. False if
        there are too many of them, or it is ourselves."""
        strangers = self.db.execute("SELECT count(*) FROM contact WHERE added = 0").fetchone()[0]
        if strangers >= STRANGERS_MAX or card.id == self.identity().card.id:
            return False
        with writing(self.db):
            for called in (card.name, f"{card.name} ({card.id[:4]})", card.id):
                cursor = self.db.execute(  # a name that somebody here has is not given twice
                    "INSERT OR IGNORE INTO contact (id, name, card, added) VALUES (?, ?, ?, 0)",
                    (card.id, called, card.text()),
                )
                if cursor.rowcount:
                    break
        self.people_changed += 1
        return True

    def _find_contact(self, wanted: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self.db.execute(
            "SELECT * FROM contact WHERE id = ? OR name = ? COLLATE NOCASE", (wanted, wanted)
        ).fetchone()
        if row is None:
            raise UserError(f"no contact called {wanted!r}: add the card with `helio contact add`")
        return row

    # --- messages

    def send(self, contact: str, text: str) -> dict[str, Any]:
        """Seal a text for a contact (by id or name) and queue it: durable when this returns."""
        me = self.identity()
        to = self._find_contact(contact)
        try:
            body = text.encode()
        except UnicodeEncodeError:
            raise UserError("the text is not valid UTF-8") from None
        if not text.strip():
            raise UserError("the message is empty")
        if len(body) > MESSAGE_MAX:
            raise UserError(f"the message has {len(body)} bytes, {MESSAGE_MAX} at most")
        code = lifetime_code(LIFETIME_S)
        now_s = self.wall.moment().unix_s
        cards = self._devices_of(to)
        # Where the contact is was said by one device, we do not know which: not of several.
        way = _fresh_way(to, now_s) if len(cards) == 1 else b""
        first = not self.has_written(to["id"])
        my_way = get_meta(self.db, "way") or b""
        try:
            while True:
                sealed = [
                    seal(me, card, body, now_s, NORMAL,
                         min(code, self.directory.longest_lifetime(card.ed25519)),
                         with_card=first, way=way, my_way=my_way)
                    for card in cards
                ]  # fmt: skip
                with writing(self.db):
                    if any(self._known(one.mid) for one in sealed):
                        now_s += 1  # the same words in the same second are one message
                        continue
                    row_id = self._insert(
                        contact=to["id"], direction="out", state="queued", text=text,
                        unix_s=now_s, mid=sealed[0].mid, token=sealed[0].token, code=code << 4,
                    )  # fmt: skip
                    copies.keep(self.db, row_id, list(zip(cards, sealed, strict=True)))
                    for immutable in (part for one in sealed for part in one.parcels):
                        kept = records.Kept(False, records.UNSET_S, 0, 0, immutable)
                        self.db.execute(
                            "INSERT INTO record (bytes) VALUES (?)", (records.encode_kept(kept),)
                        )
                return self.message(row_id)
        except sqlite3.OperationalError as e:
            if is_full(e):
                raise UserError(
                    "the disk is full: this message was not taken, older ones are "
                    "safe; free some space and send it again"
                ) from None
            raise UserError(f"the message was not taken, try again ({e})") from None

    def _devices_of(self, contact: sqlite3.Row) -> list[Card]:
        """The devices that get a contact's mail: those that are known, and not removed."""
        known = parse_card(contact["card"])
        cards = [
            card
            for card in device_cards(self.directory, known, bool(contact["added"]))
            if not self.directory.is_removed(known.account, card.ed25519)
        ]
        if cards:
            return cards
        raise UserError(
            f"{contact['name']} has removed the device that you know, and no other one was heard "
            "of yet: ask for a new card"
        )

    def _contact_of(self, sender: Card) -> str:
        """The id of the contact whose device this is."""
        rows = self.db.execute("SELECT id, card, added FROM contact").fetchall()
        of = {
            card.id: row["id"]
            for row in rows
            for card in device_cards(self.directory, parse_card(row["card"]), bool(row["added"]))
        }
        return sender.id if sender.id in {row["id"] for row in rows} else of[sender.id]

    def has_written(self, contact: str) -> bool:
        """Has anything come from this contact? Then they have our card."""
        query = "SELECT 1 FROM message WHERE contact = ? AND direction = 'in'"
        return self.db.execute(query, (contact,)).fetchone() is not None

    def _known(self, mid: bytes) -> bool:
        row = self.db.execute("SELECT 1 FROM message WHERE mid = ?", (mid,)).fetchone()
        return row is not None

    def _insert(self, **fields: Any) -> int:
        fields["seq"] = self._next_seq()
        names = ", ".join(fields)
        marks = ", ".join("?" * len(fields))
        cursor = self.db.execute(
            f"INSERT INTO message ({names}) VALUES ({marks})",  # noqa: S608 - names are our own
            tuple(fields.values()),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _next_seq(self) -> int:
        return int(self.db.execute("SELECT coalesce(max(seq), 0) + 1 FROM message").fetchone()[0])

    def receive(self, opened: Opened, text: str, **fields: Any) -> None:
        """Keep a message that was opened, and what it says of its sender: durable when this
        returns. A second time is a no-op. Without fields only what it says of its sender."""
        sender, unix_s, way = opened.sender, opened.unix_s, opened.way
        contact = self._contact_of(sender)
        with writing(self.db):
            self.learn_card(opened.card, sender)
            if way:  # the newest counts, unless the clock that said so was ahead
                now_s = self.wall.moment().unix_s
                self.db.execute(
                    "UPDATE contact SET way = ?, way_said_s = ?, way_heard_s = ? "
                    "WHERE id = ? AND (way_said_s < ? OR way_said_s > ? OR way_heard_s < ?)",
                    (way, unix_s, now_s, contact, unix_s, now_s, now_s - WAY_LASTS_S),
                )
            if fields and not self._known(fields["mid"]):
                self._insert(
                    contact=contact, direction="in", state="received", text=text,
                    unix_s=unix_s, **fields,
                )  # fmt: skip

    def learn_card(self, card: Card | None, known: Card) -> None:
        """A newer card of a contact's device, inside a transaction. Of their other devices the
        directory knows."""
        if card is not None and _follows(card, known):
            self.db.execute("UPDATE contact SET card = ? WHERE id = ?", (card.text(), card.id))

    def improve(self, mid: bytes, state: str) -> bool:
        """Raise the state of a message sent: queued, on_mesh, delivered; expired only if neither
        delivered before. True if it changed. It never goes back."""
        with writing(self.db):
            risen = copies.improve(self.db, mid, state)
            if risen is None:
                return False
            first, best = risen
            self.db.execute(
                "UPDATE message SET state = ?, seq = ? WHERE mid = ?",
                (best, self._next_seq(), first),
            )
        return True

    def message(self, row_id: int) -> dict[str, Any]:
        """One message."""
        query = f"SELECT {_COLUMNS} FROM message WHERE id = ?"  # noqa: S608 - a constant
        row = self.db.execute(query, (row_id,)).fetchone()
        return self._as_dict(row)

    def messages(self, after: int = 0, limit: int = 500) -> list[dict[str, Any]]:
        """Messages that changed after the change number `after`, in the order of change."""
        query = f"SELECT {_COLUMNS} FROM message WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - a constant
        rows = self.db.execute(query, (after, limit))
        return [self._as_dict(row) for row in rows]

    def listing(self, direction: str) -> list[dict[str, Any]]:
        """The inbox ("in") or outbox ("out"), oldest first, with names."""
        rows = self.db.execute(
            "SELECT message.*, contact.name, contact.added FROM message JOIN contact "
            "ON contact.id = message.contact WHERE direction = ? ORDER BY message.id",
            (direction,),
        )
        return [
            self._as_dict(row) | {"name": row["name"], "added": bool(row["added"])} for row in rows
        ]

    def _as_dict(self, row: sqlite3.Row) -> dict[str, Any]:
        message = {key: row[key] for key in _COLUMNS.split(", ")}
        message["bytes"] = len(message["text"].encode())
        if message["direction"] == "out":
            message |= copies.told(self.db, message["id"], message["state"])
        return message

    async def changed(self, after: int) -> None:
        """Return as soon as some message has changed after this change number."""
        while self._next_seq() <= after + 1:  # noqa: ASYNC110 - another process may write
            await asyncio.sleep(_POLL_S)

    def status(self) -> dict[str, Any]:
        """What the gateway's node says of itself."""
        self.status_asked_s = time.monotonic()
        return self.node_status

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def _person(contact: sqlite3.Row) -> dict[str, Any]:
    words = parse_card(contact["card"]).fingerprint
    added = bool(contact["added"])
    return {"id": contact["id"], "name": contact["name"], "words": words, "added": added}


def _follows(card: Card, known: Card) -> bool:
    """Is this the same person's card with a newer prekey, or the first with a box root?"""
    newer = card.prekey_seq > known.prekey_seq or known.box_root == NO_BOX_ROOT
    return newer and (card.ed25519, card.account) == (known.ed25519, known.account)


def _fresh_way(contact: sqlite3.Row, now_s: int) -> bytes:
    """The way to a contact's gateway, as long as the contact may still be there."""
    if contact["way"] is None or not 0 <= now_s - contact["way_heard_s"] <= WAY_LASTS_S:
        return b""
    return bytes(contact["way"])
