"""Records of the directory: what was signed is read back, and nothing else is."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.announce import parcel_of
from gateway.directory_records import (
    ACCOUNT,
    DEVICE,
    AccountRecord,
    DeviceRecord,
    RecordError,
    commitment,
    decode,
    folded,
    read,
    sign_account,
    sign_device,
)
from gateway.sealing import FRAME_PAYLOAD
from tests.gateway.people_kit import Somebody, public, signing_key

names = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
    .map(lambda s: s.encode()[:32].decode("utf-8", "ignore"))
    .filter(lambda s: s and s.isprintable())
)
keys = st.integers(0, 2**30).map(lambda n: signing_key(str(n)))


@st.composite
def accounts(draw):
    key = draw(keys)
    devices = draw(st.sets(st.binary(min_size=8, max_size=8), max_size=8))
    return key, AccountRecord(
        public(key),
        draw(st.integers(1, 2**32 - 1)),
        draw(st.binary(min_size=16, max_size=16)),
        tuple(sorted(devices)),
        draw(names) if devices else "",
    )


@given(accounts())
def test_an_account_record_is_read_as_it_was_signed_and_fits_one_parcel(made):
    key, record = made
    payload = sign_account(key, record)
    assert read(payload) == record
    assert len(payload) <= FRAME_PAYLOAD
    assert record.deleted == (not record.devices)


@given(keys, st.integers(0, 2**32 - 1), st.integers(0, 15))
def test_a_device_record_is_read_as_it_was_signed(key, number, lifetime):
    record = DeviceRecord(public(signing_key("a")), public(key), b"\5" * 32, number, lifetime)
    payload = sign_device(key, record)
    assert read(payload) == record
    assert len(payload) == 167


ANA = Somebody("Ana")
ACCOUNT_RECORD, DEVICE_RECORD = ANA.says(7, (1, 2)), ANA.device_says()


@pytest.mark.parametrize("payload", [ACCOUNT_RECORD, DEVICE_RECORD], ids=["account", "device"])
def test_every_changed_bit_is_refused(payload):
    for at in range(len(payload)):
        for bit in range(8):
            changed = bytearray(payload)
            changed[at] ^= 1 << bit
            with pytest.raises(RecordError):
                read(bytes(changed))


@settings(max_examples=300)
@given(st.sampled_from([ACCOUNT_RECORD, DEVICE_RECORD]), st.data())
def test_every_cut_and_splice_is_refused(payload, data):
    start = data.draw(st.integers(0, len(payload)))
    end = data.draw(st.integers(start, len(payload)))
    put = data.draw(st.binary(max_size=80))
    changed = payload[:start] + put + payload[end:]
    if changed != payload:
        with pytest.raises(RecordError):
            read(changed)


@given(st.binary(max_size=250))
def test_garbage_is_refused(garbage):
    for payload in (garbage, bytes([ACCOUNT, 1]) + garbage, bytes([DEVICE, 1]) + garbage):
        with pytest.raises(RecordError):
            read(payload)


def account(**changes):
    fields = {"account": ANA.account, "sequence": 1, "next_key": bytes(16),
              "devices": (b"a" * 8, b"b" * 8), "name": "Ana"} | changes  # fmt: skip
    return sign_account(ANA.key, AccountRecord(**fields))


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 0},
        {"devices": (b"b" * 8, b"a" * 8)},
        {"devices": (b"a" * 8, b"a" * 8)},
        {"devices": tuple(bytes([n]) * 8 for n in range(9))},
        {"devices": (b"a" * 7,)},
        {"name": ""},
        {"name": "x" * 33},
        {"name": " Ana"},
        {"name": "Ana\n"},
        {"name": "An\u202ea"},
        {"name": "Ana", "devices": ()},
    ],
)
def test_a_signature_does_not_make_a_record_of_nonsense(changes):
    with pytest.raises(RecordError):
        read(account(**changes))
    read(account())


def test_a_name_that_is_not_utf8_is_refused():
    body = account()[1:-64].replace(b"Ana", b"\xff\xfe\xfd")
    with pytest.raises(RecordError, match="name"):
        read(b"\1" + body + ANA.key.sign(b"helio1/account\0" + body))


def test_one_kind_of_record_is_not_taken_for_the_other():
    """Nor is the signature of another use of the same key."""
    body = DEVICE_RECORD[1:-64]
    for domain in (b"helio1/account\0", b"helio1/msg\0", b""):
        with pytest.raises(RecordError, match="signature"):
            read(b"\2" + body + ANA.device(1).sign(domain + body))
    read(b"\2" + body + ANA.device(1).sign(b"helio1/device\0" + body))


@pytest.mark.parametrize("prekey", [bytes(32), b"\1" + bytes(31)])
def test_a_prekey_of_small_order_is_refused(prekey):
    record = DeviceRecord(ANA.account, public(ANA.device(1)), prekey, 1, 9)
    with pytest.raises(RecordError, match="prekey"):
        read(sign_device(ANA.device(1), record))


def test_a_lifetime_beyond_the_codes_is_refused():
    with pytest.raises(RecordError, match="lifetime"):
        decode(ANA.device_says(lifetime=16))


def test_names_are_compared_as_people_see_them():
    assert folded("ANA") == folded("ana") == folded("\uff21na")
    assert folded("Jos\u00e9") == folded("JOSE\u0301")
    assert folded("Ana") != folded("Anna")


VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "directory.json").read_text())


@pytest.mark.parametrize("v", VECTORS, ids=[v["title"] for v in VECTORS])
def test_the_vectors(v):
    def raw(name):
        return bytes.fromhex(v[name])

    record = read(raw("payload"))
    assert parcel_of(raw("payload"), raw("token")) == raw("parcel")
    assert record.account == raw("account")
    if "prekey" in v:
        assert (record.device, record.prekey) == (raw("device"), raw("prekey"))
        assert (record.prekey_seq, record.lifetime) == (v["prekey_seq"], v["lifetime"])
        return
    assert (record.sequence, record.name) == (v["sequence"], v["name"])
    assert [d.hex() for d in record.devices] == v["devices"]
    assert record.next_key == raw("next_key") == commitment(raw("next_account"))
    key = {"Ana": ANA.key}.get(v["name"])
    if key is not None:
        assert sign_account(key, record) == raw("payload")
