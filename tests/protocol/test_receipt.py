"""Receipts: who shows the token proves delivery."""

from checks import mid, new_shelf, raises, receipt_of, token, whole

from shared_protocol import parcel, receipt
from shared_protocol.ending import accept_receipt
from shared_protocol.errors import DecodeError
from shared_protocol.shelf import KNOWN, NEW


def test_the_token_unlocks_the_message_id():
    assert receipt.message_id(receipt.decode(receipt_of(5))) == mid(5)
    assert mid(5) != mid(6)
    assert len(mid(5)) == 12


def test_only_whole_receipts_decode():
    good = receipt_of(1)
    assert receipt.decode(good) == token(1)
    for bad in (b"", good[:-1], good + b"x", whole(1), b"\x08\xa1" + token(1)):
        assert raises(DecodeError, receipt.decode, bad)
    for b0 in range(256):
        right = b0 & 0xF9 == 0x08  # version 0, kind 1, any priority, no pieces
        assert raises(DecodeError, receipt.decode, bytes((b0, 0xA0)) + token(1)) != right, b0


def test_a_frame_of_receipts():
    frame = b"".join([parcel.join(i, 10 * i, None, receipt_of(i)) for i in range(11)])
    assert len(frame) == 231
    got = receipt.split_frame(frame)
    assert got == [(i, 10 * i, receipt_of(i)) for i in range(11)]
    for size in range(len(frame)):
        if size % 21 or not size:
            assert raises(DecodeError, receipt.split_frame, frame[:size])


def test_one_bad_receipt_spoils_its_frame():
    frame = parcel.join(1, 2, None, receipt_of(1)) + bytes(21)
    assert raises(DecodeError, receipt.split_frame, frame)


def test_short_ids_are_small_ints_and_keyed():
    key, other = bytes(16), bytes(15) + b"\1"
    ids = [receipt.short_id(key, mid(i)) for i in range(50)]
    assert max(ids) < 1 << 30
    assert len(set(ids)) == 50
    assert receipt.short_id(other, mid(0)) != ids[0]


def test_all_variants_of_a_receipt_are_one_thing():
    """Priority and lifetime are not proved by the token, so they do not make another receipt."""
    s = new_shelf()
    assert accept_receipt(s, 1, 0, receipt_of(1, 6), 10)[0] == NEW
    assert accept_receipt(s, 1, 0, receipt_of(1, 9), 10)[0] == KNOWN
    assert s.index.known == 1
