"""The records of the person who lives at this gateway: one for the account, one for the device."""

import contextlib
import os
import secrets
from collections.abc import Callable

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
    decode,
    device_hash,
    sign_account,
    sign_device,
)
from gateway.directory_view import DirectoryView, Entry
from gateway.errors import UserError
from gateway.identity import Identity
from shared_protocol.lifetime import lifetime_code

_NEXT_KEY, _ISSUED, _WITHOUT = "next_account_key", "account_sequence", "removed_devices"
_SAID, _CONTESTED = "account_name_said", "account_contested"
# Of several devices that see one conflict the lowest ends it when it looks, the others perhaps:
# two that look in step would else go on for ever.
_PERHAPS = 0.25
_DICE = secrets.SystemRandom()


def own_records(
    desk: Desk,
    directory: DirectoryView,
    delete: bool = False,
    chance: Callable[[], float] = _DICE.random,
) -> list[bytes]:
    """What to announce, as it travels; the account's newest record again where that says it all.

    chance(): from 0 to 1. UserError if another device of the account has removed this one.
    """
    me = desk.identity()
    account = _account_record(desk, directory, me, delete, chance)
    if delete:
        return [account]
    card = me.card
    record = DeviceRecord(
        card.account, card.ed25519, card.x25519, card.prekey_seq, lifetime_code(LIFETIME_S)
    )
    return [account, sign_device(me.signing, record)]


def _account_record(
    desk: Desk, directory: DirectoryView, me: Identity, delete: bool, chance: Callable[[], float]
) -> bytes:
    card = me.card
    mine = device_hash(card.ed25519)
    known = directory.entry(card.account)
    last = directory.payload(card.account)
    if last is not None and known is None:  # it is a tombstone
        if delete:
            return last
        raise UserError("this account was deleted: make another one in another --data folder")
    issued = _number(desk, _ISSUED)
    removed = _removed(desk)
    others: set[bytes] = set()
    newest = 0
    if known is not None:
        newest = known.record.sequence
        lists = _lists(known)
        others = set().union(*lists) - {mine} - removed
        if not delete and not _must_speak(desk, me, known, lists, removed, chance):
            return known.payload
    if len(others) >= DEVICES_MAX:
        raise UserError(f"the account has {DEVICES_MAX} devices already: remove one first")
    sequence = min(max(newest, issued) + 1, SEQUENCE_MAX)
    record = AccountRecord(
        card.account, sequence, commitment(_next_key(desk)),
        () if delete else tuple(sorted(others | {mine})), "" if delete else card.name,
    )  # fmt: skip
    with writing(desk.db):  # never a second record of this number
        set_meta(desk.db, _ISSUED, sequence.to_bytes(4, "big"))
        set_meta(desk.db, _SAID, card.name.encode())
    return sign_account(me.account, record)


def _must_speak(
    desk: Desk,
    me: Identity,
    known: Entry,
    lists: list[set[bytes]],
    removed: set[bytes],
    chance: Callable[[], float],
) -> bool:
    """Has this device something to say that the newest record does not? UserError if it is out.

    A list without this device and with the number of our own last one was made by who had not
    heard of us: what both list goes into the next. A higher one is a removal, unless our own was
    contested: then it may come from who heard the other one only.
    """
    mine = device_hash(me.card.ed25519)
    issued, newest = _number(desk, _ISSUED), known.record.sequence
    listed = [mine in devices for devices in lists]
    if issued and newest > issued:
        if not any(listed) and _number(desk, _CONTESTED) != issued:
            raise UserError("another device of yours has removed this one from the account")
        if any(listed) and not all(listed):
            return False  # those who signed the two lists decide
    if removed & set().union(*lists) or not any(listed) or newest < issued:
        return True
    if len(lists) > 1:
        return mine == min(set().union(*lists)) or chance() < _PERHAPS
    said = get_meta(desk.db, _SAID)
    if me.card.name.encode() != (known.record.name.encode() if said is None else said):
        return True
    # Of several devices each has drawn a key of its own: whose is in the list may stay there.
    alone = lists == [{mine}]
    return alone and known.record.next_key != commitment(_next_key(desk))


def note_conflict(desk: Desk, payload: bytes) -> None:
    """A record was heard that disputes another one of its number: remember if that is our own."""
    record = decode(payload)
    issued = _number(desk, _ISSUED)
    with contextlib.suppress(UserError):  # nobody lives here
        ours = record.account == desk.identity().card.account
        if ours and isinstance(record, AccountRecord) and record.sequence == issued:
            set_meta(desk.db, _CONTESTED, issued.to_bytes(4, "big"))


def _lists(known: Entry) -> list[set[bytes]]:
    """The devices of the newest record, and of its rival if there is one."""
    found = [known.record, *([] if known.rival is None else [decode(known.rival)])]
    return [set(record.devices) for record in found if isinstance(record, AccountRecord)]


def _number(desk: Desk, name: str) -> int:
    return int.from_bytes(get_meta(desk.db, name) or b"", "big")


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
    """Go on under the key that the present one has committed to, and draw the one after it.
    UserError if another device has drawn that key."""
    mine = commitment(_next_key(desk))
    newest = desk.directory.newest(desk.identity().card.account)
    if newest is not None and newest.devices and newest.next_key != mine:
        raise UserError(
            "another device of yours has drawn the key that follows: change it there; or remove "
            "that device with --without, and try again a minute later"
        )
    with writing(desk.db):
        set_meta(desk.db, "account_key", get_meta(desk.db, _NEXT_KEY) or b"")
        set_meta(desk.db, _NEXT_KEY, os.urandom(32))
        for name in (_ISSUED, _SAID, _CONTESTED):
            set_meta(desk.db, name, b"")
    desk.people_changed += 1
