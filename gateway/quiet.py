"""What the devices of people tell each other without anybody reading it: typed messages (SPEC.md
6.2) that change what is known of a contact and are not shown."""

import struct
from dataclasses import replace

from gateway.database import writing
from gateway.desk import Desk
from gateway.directory_records import AccountRecord, RecordError, read
from gateway.identity import BOX_ROOT_LEN, NO_BOX_ROOT, Card, parse_card
from gateway.sealing import Opened

HERE, DEVICES, READ, COPY, PREKEY = 2, 3, 6, 9, 10  # the first byte of a typed body
_QUIET = HERE, DEVICES, READ, COPY, PREKEY
_PREKEY = struct.Struct(">B32sI")
_FROM_CONTACTS = 33  # stands for a neighbour where records come sealed (neighbours: 0-31)
_RECORDS_MAX = 9  # an account's and those of eight devices


def prekey_body(card: Card) -> bytes:
    """What says which prekey the sender has from now on: 37 bytes, one frame."""
    return _PREKEY.pack(PREKEY, card.x25519, card.prekey_seq)


def hear(desk: Desk, opened: Opened, clock_s: int) -> bool:
    """Take such a message of a contact; False if it is one to be shown. clock_s: the node's."""
    if not opened.typed or not opened.body or opened.body[0] not in _QUIET:
        return False
    body = opened.body
    if body[0] == PREKEY and len(body) == _PREKEY.size:
        _, x25519, number = _PREKEY.unpack(body)
        opened = replace(opened, card=replace(opened.sender, x25519=x25519, prekey_seq=number))
    if body[0] == DEVICES:
        _hear_devices(desk, opened.sender, body, clock_s)
    desk.receive(opened, "")
    return True


def _hear_devices(desk: Desk, sender: Card, body: bytes, clock_s: int) -> None:
    """A contact's list of devices: the directory judges the records as if the mesh had brought
    them. The box root counts if the list that counts has the sender in it."""
    root, payloads = body[1 : 1 + BOX_ROOT_LEN], _cut(body[1 + BOX_ROOT_LEN :])
    if not payloads:
        return
    try:
        first = read(payloads[0])
    except RecordError:
        return
    if not isinstance(first, AccountRecord):
        return
    desk.directory.take_all(payloads, _FROM_CONTACTS, clock_s, desk.wall.moment().unix_s)
    row = desk.db.execute("SELECT card FROM contact WHERE id = ?", (sender.id,)).fetchone()
    newest = desk.directory.newest(desk.directory.now(sender.account))
    if row is None or root == NO_BOX_ROOT or newest != first:
        return
    if desk.directory.is_removed(sender.account, sender.ed25519):
        return
    card = replace(parse_card(row["card"]), box_root=root)
    with writing(desk.db):
        desk.db.execute("UPDATE contact SET card = ? WHERE id = ?", (card.text(), sender.id))


def _cut(raw: bytes) -> list[bytes]:
    """Records, each behind its length; none if that is not what it is."""
    out: list[bytes] = []
    while raw:
        end = 1 + raw[0]
        if len(raw) < end or len(out) == _RECORDS_MAX:
            return []
        out.append(raw[1:end])
        raw = raw[end:]
    return out
