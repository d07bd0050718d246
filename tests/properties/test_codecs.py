"""Every codec there and back, and every decoder on anything: a value or DecodeError."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from aes import ecb
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_protocol import (
    beacon,
    node_record,
    parcel,
    parcel_fields,
    receipt,
    records,
    serial_line,
    statement,
    sync,
)
from shared_protocol.cells import NO_CELL
from shared_protocol.errors import DecodeError
from shared_protocol.frame import BODY_MAX, COUNTER_MAX, FrameCipher

settings.register_profile("helio", max_examples=150, deadline=None, derandomize=True)
settings.load_profile("helio")

CIPHER = FrameCipher(bytes(32), 2, ecb)
SRC = bytes((2, 0, 0, 0, 0, 1))


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


SHORT = st.integers(0, sync.ID_MAX)
BYTE, U16, U32 = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
HOPS = st.integers(0, 63)


@st.composite
def pieces(draw: Callable[..., Any]) -> parcel.Piece:
    k = draw(st.integers(2, 128))
    n = draw(st.integers(k, 255))
    blocks = draw(st.integers(1, 16))
    index, block = draw(st.integers(0, n - 1)), draw(st.integers(0, blocks - 1))
    return parcel.Piece(index, k, n, block, blocks, draw(exactly(4)))


@st.composite
def parcels(draw: Callable[..., Any]) -> parcel_fields.Parcel:
    in_pieces = draw(st.booleans())
    b0 = parcel.first_byte(draw(st.integers(0, 7)), draw(st.integers(0, 3)), in_pieces)
    b1 = draw(BYTE)
    extras = parcel_fields.Extras(
        piece=draw(pieces()) if in_pieces else None,
        route=draw(exactly(3)) if b1 & parcel.ROUTE else None,
        cell=draw(exactly(3)) if b1 & parcel.CELL else None,
        copies=draw(st.none() | BYTE),
    )
    hint = draw(exactly(4)) if b1 & parcel.HINT else None
    return parcel_fields.Parcel(
        head=(draw(HOPS), draw(U16), b0, b1, draw(exactly(12)), hint),
        payload=draw(st.binary(max_size=200)),
        extras=None if extras == parcel_fields.NO_EXTRAS else extras,
    )


@given(parcels())
def test_parcel(p: parcel_fields.Parcel) -> None:
    body = parcel_fields.encode(p)
    assert parcel_fields.decode(body) == p
    hops, age, copies, immutable = parcel.split(body)
    extras = p.extras or parcel_fields.NO_EXTRAS
    assert (hops, age, copies) == (*p.head[:2], extras.copies)
    assert parcel.join(hops, age, copies, immutable) == body
    parcel.check(immutable)
    if extras.piece:
        assert parcel.piece_of(immutable) == extras.piece


@given(st.integers(0, 15), st.integers(0, COUNTER_MAX), exactly(6), st.binary(max_size=BODY_MAX))
def test_frame(frame_type: int, counter: int, src: bytes, body: bytes) -> None:
    data = CIPHER.seal(frame_type, counter, src, body)
    assert CIPHER.open(src, data) == (frame_type, counter, body)


@given(
    BYTE,
    st.integers(0, 0x7FFFFF),
    st.tuples(U16, exactly(8), st.lists(SHORT, max_size=15)),
    st.lists(st.tuples(exactly(3), st.integers(0, 1), st.integers(0, 0x7FFFFF)), max_size=15),
    st.lists(st.tuples(U16, U16, BYTE), max_size=16),
    st.integers(0, NO_CELL),
    st.tuples(U32, st.integers(1, 255)) | st.just(beacon.NOTHING_TOLD),
    st.lists(st.tuples(st.integers(4, 255), st.binary(max_size=20)), max_size=3),
)
def test_beacon(
    flags: int,
    challenge: int,
    digest: tuple,
    echoes: list,
    gateways: list,
    cell: int,
    told: tuple,
    extensions: list,
) -> None:
    sketch = sync.encode_sketch(*digest)
    body = beacon.encode(flags, challenge, sketch, echoes, gateways, cell, told)
    for kind, value in extensions:
        body += bytes((kind, len(value))) + value
    got = beacon.decode(body)
    unknown = len(extensions)
    assert got == (flags, challenge, sketch, echoes, gateways, cell, told, unknown)
    assert sync.decode_sketch(got.digest) == (digest[0], digest[1], list(digest[2]))


@given(st.lists(SHORT, min_size=32, max_size=32))
def test_summary(sums: list[int]) -> None:
    assert list(sync.decode_summary(sync.encode_summary(sums))) == sums


@given(SHORT, SHORT, st.sets(SHORT, max_size=57))
def test_list(a: int, b: int, ids: set[int]) -> None:
    lo, hi = min(a, b), max(a, b)
    inside = sorted(i for i in ids if lo <= i <= hi)
    assert sync.decode_list(sync.encode_list(lo, hi, inside)) == (lo, hi, tuple(inside))


@given(exactly(3), st.lists(SHORT, min_size=1, max_size=16))
def test_want(tail: bytes, ids: list[int]) -> None:
    assert sync.decode_want(sync.encode_want(tail, ids)) == (tail, tuple(ids))


@given(st.lists(st.tuples(SHORT, HOPS), min_size=1, max_size=47))
def test_have(pairs: list[tuple[int, int]]) -> None:
    assert sync.decode_have(sync.encode_have(pairs)) == pairs


@given(st.booleans(), U32, U32, HOPS, st.binary(min_size=14, max_size=240))
def test_kept(is_receipt: bool, first_s: int, expires_s: int, hops: int, immutable: bytes) -> None:
    kept = records.Kept(is_receipt, first_s, expires_s, hops, immutable)
    assert records.decode(records.encode_kept(kept)) == kept


@given(st.tuples(U16, U32, U32, U32, U32, U32))
def test_clock(fields: tuple[int, ...]) -> None:
    clock = records.Clock(*fields)
    assert records.decode(records.encode_clock(clock)) == clock


@given(U32, st.binary(max_size=900), st.binary(max_size=40), st.integers(0, 6400))
def test_node_record(sequence: int, payload: bytes, rest: bytes, bit: int) -> None:
    sector = node_record.pack(sequence, payload)
    assert node_record.unpack(sector + rest) == (sequence, payload)
    bent = bytearray(sector[: len(payload) + 14])
    bent[bit // 8 % len(bent)] ^= 1 << bit % 8
    assert node_record.unpack(bytes(bent) + rest) is None
    assert node_record.unpack(rest) is None


@given(
    st.lists(
        st.tuples(HOPS, U16, exactly(16), st.integers(0, 3), st.integers(0, 15)),
        min_size=1,
        max_size=11,
    )
)
def test_receipts(rows: list) -> None:
    made = [(hops, age, receipt.encode(token, p, code)) for hops, age, token, p, code in rows]
    body = b"".join(parcel.join(hops, age, None, immutable) for hops, age, immutable in made)
    assert receipt.split_frame(body) == made
    assert [receipt.decode(immutable) for _, _, immutable in made] == [row[2] for row in rows]


@given(st.integers(0, 255), st.binary(min_size=1, max_size=600), st.integers(0, 1))
def test_serial_chunks(seq: int, message: bytes, channel: int) -> None:
    host, relay = serial_line.SerialLine(True, seq), serial_line.SerialLine(False, seq)
    host.send(channel, message)
    got = []
    for now_ms in range(20):
        line = host.poll(now_ms)[0]
        assert len(line) <= 182
        got += relay.receive(line, now_ms)
        host.receive(relay.poll(now_ms)[0], now_ms)
    assert got == [(channel, message)]


def relay_reads(body: bytes) -> None:
    immutable = parcel.split(body)[3]
    parcel.check(immutable)
    if immutable[0] & parcel.PIECES:
        parcel.piece_of(immutable)


DECODERS: list[Callable[[bytes], Any]] = [
    parcel_fields.decode,
    relay_reads,
    parcel.piece_of,
    beacon.decode,
    sync.decode_summary,
    sync.decode_list,
    sync.decode_want,
    sync.decode_have,
    sync.decode_sketch,
    sync.decode_sums,
    sync.decode_request,
    records.decode,
    statement.decode_update,
    receipt.decode,
    receipt.split_frame,
    lambda frame: CIPHER.open(SRC, frame),
]


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=260))
def test_anything_decodes_or_is_refused(decode: Callable[[bytes], Any], data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        decode(data)


SAMPLES = [
    parcel.join(1, 2, 3, bytes((3, 0x6E)) + bytes(12) + bytes((0, 2, 3, 0)) + bytes(20)),
    beacon.encode(3, 7, sync.encode_sketch(5, bytes(8), [9] * 4), [(b"abc", 1, 5)] * 4)
    + b"\x01\x02ab",
    sync.encode_sketch(5, bytes(8), [9] * 15),
    sync.encode_request(7, 9),
    sync.encode_list(0, sync.ID_MAX, [1, 5, 9]),
    sync.encode_want(b"abc", [1, 2]),
    sync.encode_have([(1, 2), (3, 4)]),
    parcel.join(1, 2, None, receipt.encode(bytes(16), 1, 6)) * 3,
    records.encode_kept(records.Kept(False, 1, 2, 3, bytes(20))),
    records.encode_clock(records.Clock(1, 2, 3, 4, 5, 6)),
    statement.encode_update((1, bytes(3), 1, bytes(6), 2000, bytes(32), bytes(8))) + bytes(64),
]


@pytest.mark.parametrize("decode", DECODERS)
@given(
    sample=st.sampled_from(SAMPLES),
    cut=st.integers(0, 90),
    at=st.integers(0, 89),
    byte=BYTE,
)
def test_almost_right_decodes_or_is_refused(
    decode: Callable[[bytes], Any], sample: bytes, cut: int, at: int, byte: int
) -> None:
    bent = bytearray(sample[: len(sample) - cut % 12])
    if bent:
        bent[at % len(bent)] = byte
    with contextlib.suppress(DecodeError):
        decode(bytes(bent))


@given(st.lists(st.binary(max_size=90) | st.sampled_from([b"\n", b"\x02"]), max_size=30))
def test_any_bytes_into_the_serial_line(parts: list[bytes]) -> None:
    relay = serial_line.SerialLine(False, 0)
    for part in parts:
        relay.receive(part, 0)
        assert len(relay._in) <= serial_line.LINE_MAX
    relay.poll(0)
