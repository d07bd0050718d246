"""Parcels and what is in them; lifetimes."""

from checks import mid, piece, raises, whole

from shared_protocol import lifetime, parcel, parcel_fields
from shared_protocol.errors import DecodeError, LocalError


def test_the_id_is_of_the_immutable_part_alone():
    immutable = whole(1)
    near = parcel.join(1, 0, None, immutable)
    far = parcel.join(60, 999, 7, immutable)
    assert parcel.split(near)[3] == parcel.split(far)[3] == immutable
    assert parcel.parcel_id(immutable) != parcel.parcel_id(whole(1, b"other"))


def test_split_gives_the_copies_apart():
    assert parcel.split(parcel.join(5, 6, 7, whole(1))) == (5, 6, 7, whole(1))
    assert parcel.split(parcel.join(5, 6, 0, whole(1))) == (5, 6, 0, whole(1))
    assert parcel.split(parcel.join(5, 6, None, whole(1))) == (5, 6, None, whole(1))


def test_first_byte():
    b0 = parcel.first_byte(parcel.RECORD, 2, True)
    assert (parcel.kind(b0), parcel.priority(b0), b0 & parcel.PIECES) == (3, 2, 1)
    assert parcel.first_byte(0, 0, False) == 0


def test_pieces_in_range_only():
    assert parcel.piece_of(piece(1, 9, 8, 10)) == parcel.Piece(9, 8, 10, 0, 1, b"tag!")
    assert parcel.piece_of(piece(1, 254, 128, 255, block=15, blocks=16)).block == 15
    for bad in ((0, 1, 3), (0, 129, 200), (0, 4, 3), (3, 2, 3)):
        assert raises(DecodeError, parcel.piece_of, piece(1, *bad)), bad
    assert raises(DecodeError, parcel.piece_of, piece(1, 0, block=1, blocks=1))


def test_check_wants_every_field():
    for b1, size in ((0, 0), (2, 4), (8, 3), (4, 3), (14, 10)):
        head = bytes((0, b1)) + mid(1)
        parcel.check(head + bytes(size))
        if size:
            assert raises(DecodeError, parcel.check, head + bytes(size - 1))


def test_encoding_pieces_out_of_range_is_our_mistake():
    p = parcel_fields.decode(parcel.join(1, 0, None, piece(1, 0)))
    for index, k, n in ((0, 1, 3), (0, 129, 200), (0, 4, 3), (3, 2, 3)):
        bad = parcel.Piece(index, k, n, 0, 1, b"tag!")
        extras = parcel_fields.Extras(bad, None, None, None)
        assert raises(LocalError, parcel_fields.encode, parcel_fields.Parcel(p.head, b"", extras))


def test_every_length_decodes_or_is_refused():
    body = parcel.join(1, 2, None, whole(1, b"a text of some length"))
    for size in range(len(body)):
        if size < 17:
            assert raises(DecodeError, parcel_fields.decode, body[:size])
        else:
            assert parcel_fields.decode(body[:size]).payload == body[17:size]


def test_the_ends_and_the_relays_agree_on_what_is_valid():
    for b1 in range(16):
        for b0 in (2, 3, 0x42, 0xFF):
            for size in range(17, 45):
                body = (bytes((1, 0, 0, b0, b1)) + mid(1) + bytes((0, 2, 3)) + bytes(30))[:size]
                ends = raises(DecodeError, parcel_fields.decode, body)
                assert ends == raises(DecodeError, _relay, body), (b0, b1, size)


def _relay(body):
    parcel.check(parcel.split(body)[3])


def test_lifetime_codes():
    assert len(lifetime.LIFETIMES_S) == 16
    assert lifetime.LIFETIMES_S[15] == 45 * 86400
    for code in range(16):
        seconds = lifetime.LIFETIMES_S[code]
        assert lifetime.lifetime_code(seconds) == code
        if code < 15:
            assert lifetime.lifetime_code(seconds + 1) == code + 1
        assert lifetime.age_s(lifetime.age_field(seconds, code), code) == seconds
    assert lifetime.lifetime_code(0) == 0
    assert lifetime.lifetime_code(10**9) == 15


def test_age_is_rounded_down_and_clamped():
    assert lifetime.age_field(7, 7) == 1
    assert lifetime.age_field(119, 8) == 1
    assert lifetime.age_field(-5, 0) == 0
    assert lifetime.age_field(10**9, 15) == 0xFFFF


def test_a_tombstone_outlives_its_message():
    assert lifetime.tombstone_s(0) == 3600
    assert lifetime.tombstone_s(86400) == 86400 + 21600 + 3600
