"""GPS: sentences on both interpreters, cells beside the gateway's floats."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.gps import Nmea, cell_at, place
from gateway.position import cell_at as cell_by_floats
from shared_protocol.cells import apart
from tests.firmware import gps_sentences
from tests.on_micropython import run_module

TESTS = [name for name in dir(gps_sentences) if name.startswith("test_")]


@pytest.mark.parametrize("name", TESTS)
def test_sentences(name: str) -> None:
    getattr(gps_sentences, name)()


def test_sentences_on_micropython() -> None:
    run_module(Path(gps_sentences.__file__), "160k")


@given(st.lists(st.binary(max_size=200)))
def test_no_bytes_raise(chunks: list[bytes]) -> None:
    nmea = Nmea()
    for chunk in chunks:
        nmea.receive(chunk)


FIELDS = st.sampled_from(
    [b"", b"A", b"V", b"N", b"W", b"1", b"0", b"4722.6140", b"00832.50", b".", b"..", b"-1.5",
     b"9" * 40, b"\xb2", b"12.\xb2", b"1.5e3", b" 12", b"1_0.0"]
)  # fmt: skip


@given(st.sampled_from([b"GPRMC", b"GPGGA"]), st.lists(FIELDS, max_size=14))
def test_no_fields_raise(kind: bytes, fields: list[bytes]) -> None:
    place(gps_sentences.sentence(b",".join([kind, *fields])).rstrip())


@given(st.integers(-850000000, 850000000), st.integers(-1800000000, 1800000000))
def test_integers_find_the_cell_that_floats_find(north_e7: int, east_e7: int) -> None:
    ours, theirs = cell_at(north_e7, east_e7), cell_by_floats(north_e7 / 1e7, east_e7 / 1e7)
    # On the line between two cells the last bit of a float decides.
    assert ours == theirs or apart(ours, theirs) <= 2
    if ours != theirs:
        near = [cell_by_floats((north_e7 + n) / 1e7, (east_e7 + e) / 1e7)
                for n in (-1, 0, 1) for e in (-1, 0, 1)]  # fmt: skip
        assert ours in near
