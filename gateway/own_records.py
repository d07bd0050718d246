"""The records of the person who lives at this gateway: one for the account, one for the device."""

import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.database import get_meta, set_meta, writing
from gateway.desk import LIFETIME_S, Desk
from gateway.directory_records import (
    DEVICES_MAX,
    HASH_LEN,
    SEQUENCE_MAX,
    AccountRecord,
    DeviceRecord,
    commitment,
    device_hash,
    sign_account,
    sign_device,
)
from gateway.directory_view import DirectoryView
from gateway.errors import UserError
from gateway.identity import Identity
from shared_protocol.lifetime import lifetime_code

_NEXT_KEY, _ISSUED, _WITHOUT = "next_account_key", "account_sequence", "removed_devices"


def own_records(desk: Desk, directory: DirectoryView, delete: bool = False) -> list[bytes]:
    """What to announce, as it travels; the account's newest record again where that says it all.

    UserError if another device of the account has removed this one.
    """
    me = desk.identity()
    account = _account_record(desk, directory, me, delete)
    if delete:
        return [account]
    card = me.card
    record = DeviceRecord(
        card.account, card.ed25519, card.x25519, card.prekey_seq, lifetime_code(LIFETIME_S)
    )
    return [account, sign_device(me.signing, record)]


def _account_record(desk: Desk, directory: DirectoryView, me: Identity, delete: bool) -> bytes:
    card = me.card
    mine = device_hash(card.ed25519)
    known = directory.entry(card.account)
    next_key = commitment(_next_key(desk))
    issued = int.from_bytes(get_meta(desk.db, _ISSUED) or b"", "big")
    last = directory.payload(card.account)
    if last is not None and known is None:  # it is a tombstone
        if delete:
            return last
        raise UserError("this account was deleted: make another one in another --data folder")
    others: set[bytes] = set()
    newest = 0
    if known is not None:
        newest = known.record.sequence
        removed = _removed(desk)
        others = set(known.devices) - {mine} - removed
        if issued and newest > issued and mine not in known.devices:
            raise UserError("another device of yours has removed this one from the account")
        same = (known.record.name, known.record.next_key) == (card.name, next_key)
        same = same and known.rival is None and not removed & set(known.devices)
        if mine in known.devices and same and not delete:
            return known.payload
    if len(others) >= DEVICES_MAX:
        raise UserError(f"the account has {DEVICES_MAX} devices already: remove one first")
    sequence = min(max(newest, issued) + 1, SEQUENCE_MAX)
    record = AccountRecord(
        card.account, sequence, next_key,
        () if delete else tuple(sorted(others | {mine})), "" if delete else card.name,
    )  # fmt: skip
    with writing(desk.db):  # never a second record of this number
        set_meta(desk.db, _ISSUED, sequence.to_bytes(4, "big"))
    return sign_account(me.account, record)


def _next_key(desk: Desk) -> bytes:
    """The public key to which the account will change, should it have to."""
    seed = get_meta(desk.db, _NEXT_KEY)
    if seed is None:
        seed = os.urandom(32)
        set_meta(desk.db, _NEXT_KEY, seed)
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _removed(desk: Desk) -> set[bytes]:
    raw = get_meta(desk.db, _WITHOUT) or b""
    return {raw[i : i + HASH_LEN] for i in range(0, len(raw), HASH_LEN)}


def remove_device(desk: Desk, device: str) -> None:
    """Take a device (its id) out of the account, for good. UserError if it is none of its own."""
    card = desk.identity().card
    newest = desk.directory.entry(card.account)
    hashes = {} if newest is None else {hash_.hex(): hash_ for hash_ in newest.devices}
    wanted = device.replace(" ", "").lower()
    if wanted == card.id:
        raise UserError("that is this device: remove it from another one of yours")
    if wanted not in hashes:
        raise UserError(f"{device} is no device of your account: `helio people list` shows them")
    removed = _removed(desk) | {hashes[wanted]}
    set_meta(desk.db, _WITHOUT, b"".join(sorted(removed)))


def change_account_key(desk: Desk) -> None:
    """Go on under the key that the present one has committed to, and draw the one after it."""
    _next_key(desk)
    with writing(desk.db):
        set_meta(desk.db, "account_key", get_meta(desk.db, _NEXT_KEY) or b"")
        set_meta(desk.db, _NEXT_KEY, os.urandom(32))
        set_meta(desk.db, _ISSUED, b"")
    desk.people_changed += 1
