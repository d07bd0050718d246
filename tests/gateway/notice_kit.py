"""Notices for tests: of people whose keys follow from their names."""

import hashlib

from gateway.notices import LOOKING, SAFE, SOS, Notice, sign
from shared_protocol import receipt
from tests.gateway.people_kit import public, signing_key


def token_of(label):
    return hashlib.sha256(f"token {label}".encode()).digest()[:16]


def mid_of(label):
    return receipt.message_id(token_of(label))


def notice(who, label="1", type_=SAFE, unix_s=1_800_000_000, **more):
    """The parcel of a notice; `label` names its token."""
    more.setdefault("text", "at the mill" if type_ == LOOKING else "")
    key = signing_key(who)
    said = Notice(type_, unix_s, public(key), more.pop("name", who), **more)
    return sign(key, said, token_of(f"{who} {label}"))


def call(who, label="1", **more):
    """An SOS."""
    return notice(who, label, SOS, need=more.pop("need", 1), **more)
