"""The person who lives in a data folder: the CLI's own keys, in the database's `meta` table."""

import os
import sqlite3
from dataclasses import replace

from gateway.database import get_meta, set_meta, writing
from gateway.errors import UserError
from gateway.identity import Identity, Seeds, clean_name
from gateway.wall_clock import WallClock


def load(db: sqlite3.Connection) -> Identity:
    """The person's keys. UserError if there are none yet."""
    name = get_meta(db, "name")
    keys = [get_meta(db, key) for key in ("signing_key", "prekey", "box_root")]
    if name is None or None in keys:
        raise UserError("nobody lives here yet: run `helio id --name YOUR-NAME` first")
    signing, prekey, box_root = (bytes(k or b"") for k in keys)
    account = get_meta(db, "account_key")
    if account is None:  # the person was made before there were accounts
        with writing(db):
            account = get_meta(db, "account_key") or os.urandom(32)
            set_meta(db, "account_key", account)
    number = int.from_bytes(get_meta(db, "prekey_seq") or b"\1", "big")
    seeds = Seeds(account, signing, prekey, number, box_root, name.decode())
    former = get_meta(db, "former_prekey")
    if former is None:
        return Identity.load(seeds)
    number = int.from_bytes(get_meta(db, "former_prekey_seq") or b"", "big")
    before = Identity.load(replace(seeds, prekey=former, prekey_seq=number))
    return replace(Identity.load(seeds), former=before)


def create(db: sqlite3.Connection, name: str) -> Identity:
    """Make the person's keys, or change the name if they exist."""
    name = clean_name(name)
    try:
        load(db)
    except UserError:
        return _keep(db, Identity.new(name))
    with writing(db):
        set_meta(db, "name", name.encode())
    return load(db)


def renew(db: sqlite3.Connection, above: int = 0) -> Identity:
    """Draw a new prekey, of the next number or one above `above`. The former one goes on to open
    what is under way, the one before it is deleted: no sooner than a message's longest lifetime
    after the last time."""
    me = load(db)
    with writing(db):
        set_meta(db, "former_prekey", me.prekey.private_bytes_raw())
        set_meta(db, "prekey", os.urandom(32))
        number = max(me.card.prekey_seq, above) + 1
        set_meta(db, "prekey_seq", number.to_bytes(4, "big"))
        set_meta(db, "former_prekey_seq", me.card.prekey_seq.to_bytes(4, "big"))
    return load(db)


def restore(db: sqlite3.Connection, me: Identity) -> None:
    """Let the person of an identity kit live here. UserError if somebody does already.

    With a new prekey: since the kit was made contacts may have heard of ones with higher numbers,
    which count for them. Seconds are above any number that was counted up week by week.
    """
    try:
        here = load(db)
    except UserError:
        _keep(db, me)
        renew(db, WallClock(db).moment().unix_s)
        return
    raise UserError(f"{here.card.name} lives here already: choose another --data folder")


def _keep(db: sqlite3.Connection, me: Identity) -> Identity:
    seeds = me.seeds()
    with writing(db):
        set_meta(db, "account_key", seeds.account)
        set_meta(db, "signing_key", seeds.signing)
        set_meta(db, "prekey", seeds.prekey)
        set_meta(db, "prekey_seq", seeds.prekey_seq.to_bytes(4, "big"))
        set_meta(db, "box_root", seeds.box_root)
        set_meta(db, "name", seeds.name.encode())
    return me
