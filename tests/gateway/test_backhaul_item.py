"""What lies at a hub: sealed under the network key, bound to its subject."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backhaul_item import ALL, HubKey, Item, mid_of
from shared_protocol import parcel, receipt
from shared_protocol.errors import DecodeError
from tests.vectors.make_backhaul import vectors

KEY = HubKey(bytes(range(32)), "")
HEADS = st.tuples(st.integers(0, 3), st.integers(0, 15))
ADDRESSES = st.one_of(st.just(ALL), st.integers(0, 0xFFFF).map(KEY.address))


@st.composite
def parcels(draw):
    priority, code = draw(HEADS)
    if draw(st.booleans()):
        return receipt.encode(draw(st.binary(min_size=16, max_size=16)), priority, code)
    kind = draw(st.sampled_from([0, 2, 3, 4, 7]))
    b0 = parcel.first_byte(kind, priority, False)
    return bytes([b0, code << 4]) + draw(st.binary(min_size=12, max_size=222))


@st.composite
def items(draw):
    hops, age, source = draw(
        st.tuples(st.integers(0, 63), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
    )
    return Item(hops, age, source, draw(parcels()))


@given(items(), ADDRESSES)
def test_there_and_back(item, address):
    subject = KEY.subject(address, item.immutable)
    assert KEY.open(subject, KEY.seal(subject, item)) == item


@given(items(), ADDRESSES, st.data())
def test_a_bit_that_changed_is_noticed(item, address, data):
    subject = KEY.subject(address, item.immutable)
    sealed = bytearray(KEY.seal(subject, item))
    at = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[at >> 3] ^= 1 << (at & 7)
    with pytest.raises(DecodeError):
        KEY.open(subject, bytes(sealed))


@given(st.binary(max_size=300), st.text(max_size=80))
def test_garbage_is_refused(data, subject):
    with pytest.raises(DecodeError):
        KEY.open(subject, data)


@given(items(), items(), ADDRESSES)
def test_nothing_lies_under_anothers_name(item, other, address):
    """Not even what somebody with the network key puts there."""
    subject = KEY.subject(address, other.immutable)
    if subject == KEY.subject(address, item.immutable):
        return
    with pytest.raises(DecodeError):
        KEY.open(subject, KEY.seal(subject, item))


@given(parcels())
def test_a_wildcard_ends_the_parcels_and_spares_the_receipt(immutable):
    subject = KEY.subject(ALL, immutable).split(".")
    pattern = KEY.parcels_of(mid_of(immutable)).split(".")
    ended = len(subject) == len(pattern) and all(
        p in ("*", s) for p, s in zip(pattern, subject, strict=True)
    )
    assert ended == (parcel.kind(immutable[0]) != parcel.RECEIPT)


def test_another_network_is_another_world():
    other = HubKey(bytes(32), KEY.region)
    item = Item(0, 0, 0, bytes([parcel.first_byte(0, 1, False), 0xA0]) + os.urandom(100))
    subject = other.subject(ALL, item.immutable)
    assert subject != KEY.subject(ALL, item.immutable)
    with pytest.raises(DecodeError):
        KEY.open(subject, other.seal(subject, item))
    assert HubKey(bytes(32), "").region != HubKey(bytes(range(32)), "").region


def test_what_fits_no_frame_is_refused():
    b0 = parcel.first_byte(0, 1, False)
    for immutable in (bytes([b0, 0xA0]) + bytes(235), bytes([b0, 0xA0]) + bytes(11)):
        subject = KEY.subject(ALL, immutable)
        with pytest.raises(DecodeError):
            KEY.open(subject, KEY.seal(subject, Item(0, 0, 0, immutable)))


def test_vectors():
    path = Path(__file__).parents[1] / "vectors" / "backhaul.json"
    kept = json.loads(path.read_text())
    assert kept == vectors()
    for v in kept:
        key = HubKey(bytes.fromhex(v["network_key"]), v["region"])
        item = Item(v["hops"], v["age"], v["source"], bytes.fromhex(v["immutable"]))
        assert key.open(v["subject"], bytes.fromhex(v["data"])) == item
