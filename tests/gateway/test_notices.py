"""Notices: what was signed is read back, under its own message id, and nothing else is."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import notices
from gateway.errors import UserError
from gateway.notices import (
    ANNOUNCEMENT,
    CODE_MAX,
    LOOKING,
    NEEDS,
    SAFE,
    SOS,
    Notice,
    NoticeError,
    bytes_left,
    clean_text,
    place_of,
    read,
    sign,
)
from gateway.sealing import FRAME_PAYLOAD
from shared_protocol import parcel, receipt
from shared_protocol.lifetime import NORMAL
from shared_protocol.lifetime import SOS as SOS_PRIORITY
from tests.gateway.notice_kit import call, notice, token_of
from tests.gateway.people_kit import public, signing_key

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "notices.json").read_text())
DOMAIN = b"helio1/notice\0"

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8
)
places = st.none() | st.tuples(
    st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 180_000_000)
)


@st.composite
def made(draw):
    key = signing_key(str(draw(st.integers(0, 99))))
    type_ = draw(st.sampled_from(list(notices.TYPES)))
    text = draw(texts)
    return key, Notice(
        type_,
        draw(st.integers(0, 2**32 - 1)),
        public(key),
        draw(names),
        text or ("x" if type_ in (LOOKING, ANNOUNCEMENT) else ""),
        draw(st.integers(1, len(NEEDS) - 1)) if type_ == SOS else 0,
        draw(places),
        draw(st.none() | st.integers(0, 100)),
    )


@given(made(), st.binary(min_size=16, max_size=16))
def test_a_notice_is_read_as_it_was_signed_and_fits_one_frame(made, token):
    key, said = made
    if bytes_left(said) < 0:
        with pytest.raises(UserError, match=f"{-bytes_left(said)} bytes too long"):
            sign(key, said, token)
        return
    immutable = sign(key, said, token)
    assert read(immutable) == said
    assert len(immutable) == parcel.HEAD_LEN + FRAME_PAYLOAD - bytes_left(said)
    assert 11 + 3 + len(immutable) <= 250
    assert immutable[2:14] == receipt.message_id(token)
    assert parcel.kind(immutable[0]) == notices.KIND
    its = SOS_PRIORITY if said.type == SOS else NORMAL
    assert parcel.priority(immutable[0]) == its
    parcel.check(immutable)


@settings(max_examples=300)
@given(st.binary(max_size=240))
def test_garbage_is_refused_and_nothing_else_happens(payload):
    for head in (notice("Ana")[:14], call("Ana")[:14]):
        with pytest.raises(NoticeError):
            read(head + payload)


def test_no_bit_of_a_notice_can_be_changed_and_nothing_be_left_out():
    immutable = call("Ana", text="two of us, in the cellar", place=(1, -2), battery=9)
    for at in range(len(immutable)):
        for bit in range(8):
            forged = bytearray(immutable)
            forged[at] ^= 1 << bit
            with pytest.raises(NoticeError):
                read(bytes(forged))
    for cut in range(14, len(immutable)):
        with pytest.raises(NoticeError):
            read(immutable[:cut])
    with pytest.raises(NoticeError):
        read(immutable + b"\0")


def test_a_notice_cannot_be_put_under_another_message_id():
    """Or a cancelled one would come back under a token that its author does not have."""
    mine, other = notice("Ana"), notice("Ana", "other")
    with pytest.raises(NoticeError, match="signature"):
        read(other[:14] + mine[14:])


def _signed(body):
    return body + signing_key("Ana").sign(DOMAIN + body)


def test_what_is_signed_but_nobody_would_write_is_refused():
    good = notice("Ana", text="here")
    body, name_at = good[:-64], 14 + 39
    assert read(_signed(body))
    ends = {
        "priority": bytes([body[0] | 6]) + body[1:],
        "lifetime": body[:1] + bytes([CODE_MAX + 1 << 4]) + body[2:],
        "flags of the parcel": body[:1] + bytes([body[1] | 4]) + body[2:],
        "a need without a call": body[:15] + bytes([body[15] | 16]) + body[16:],
        "a name of control characters": body[:name_at] + b"A\na" + body[name_at + 3 :],
        "no name": body[: name_at - 1] + b"\0" + body[name_at + 3 :],
        "a name that is no text": body[:name_at] + b"\xff\xfe\xfd" + body[name_at + 3 :],
        "both ways of packing": body[:15] + bytes([body[15] | 5]) + body[16:],
        "a battery that is full twice": body[:15] + b"\x08" + body[16 : name_at + 3] + b"\xc8x",
        "a place on no map": body[:15] + b"\x02" + body[16 : name_at + 3] + b"\x7f" * 8 + b"x",
        "half a place": body[:15] + b"\x02" + body[16 : name_at + 3] + b"\0" * 5,
        "a text with an escape": body[:15] + b"\0" + body[16 : name_at + 3] + b"a\x1b[2J",
    }
    for why, bad in ends.items():
        with pytest.raises(NoticeError):
            pytest.fail(f"{why}: {read(_signed(bad))}")
    empty = body[:14] + b"\x13\0" + body[16 : name_at + 3]
    with pytest.raises(NoticeError, match="empty"):
        read(_signed(empty))


def test_what_unpacks_to_too_much_is_refused():
    body = notice("Ana", text="x" * 1000)[:-64]
    assert read(_signed(body))
    bomb = notices.compress(b"x" * 1001)[1]
    with pytest.raises(NoticeError):
        read(_signed(body[:56] + bomb))


def test_a_later_version_and_a_later_type_are_known_as_such():
    for first in (0x21, 0x16, 0x1F, 0xF1):
        body = notice("Ana")[:14] + bytes([first]) + b"\0" * 50
        with pytest.raises(NoticeError) as error:
            read(body)
        assert error.value.newer


def test_texts_and_places_as_people_type_them():
    assert clean_text("  a\r\nb\r ") == "a\nb"
    with pytest.raises(UserError, match="control"):
        clean_text("a\x1b[2J")
    with pytest.raises(UserError, match="far too long"):
        clean_text("x" * 1001)
    with pytest.raises(UserError, match="UTF-8"):
        clean_text("\ud800")
    assert place_of(" 46.9481, -7.4474 ") == (46_948_100, -7_447_400)
    for bad in ("", "46", "91,0", "0,181", "nan,0", "1,2,3", "inf,0"):
        with pytest.raises(UserError):
            place_of(bad)


def test_an_empty_search_is_refused_before_it_is_signed():
    key = signing_key("Ana")
    with pytest.raises(UserError, match="empty"):
        sign(key, Notice(LOOKING, 1, public(key), "Ana"), token_of("x"))
    assert sign(key, Notice(SAFE, 1, public(key), "Ana"), token_of("x"))


@pytest.mark.parametrize("vector", VECTORS["notices"], ids=lambda v: v["title"])
def test_vectors(vector):
    said = read(bytes.fromhex(vector["parcel"]))
    fields = {k: v for k, v in vector["says"].items() if k != "device"}
    place = None if said.place is None else list(said.place)
    assert vars(said) | {"place": place, "device": said.device.hex()} == fields | {
        "device": vector["says"]["device"]
    }
    assert receipt.message_id(bytes.fromhex(vector["token"])).hex() == vector["mid"]
