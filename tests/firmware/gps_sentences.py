"""What a GPS receiver says, on both interpreters: made by hand, in the form of NMEA 0183."""

from firmware.gps import Nmea, Place, cell_at, place
from shared_protocol.cells import NO_CELL

ZURICH = (473769000, 85417000)  # 47 22.6140 N, 8 32.5020 E


def sentence(body):
    check = 0
    for byte in body:
        check ^= byte
    return b"$%s*%02X\r\n" % (body, check)


RMC = sentence(b"GPRMC,101530.00,A,4722.6140,N,00832.5020,E,0.012,,221126,,,A")
GGA = sentence(b"GNGGA,101530.00,4722.61400,N,00832.50200,E,1,08,1.01,408.2,M,48.0,M,,")
NO_FIX = (
    sentence(b"GPRMC,101531.00,V,,,,,,,221126,,,N"),
    sentence(b"GPGGA,101531.00,,,,,0,00,99.99,,,,,,"),
    sentence(b"GPGGA,101531.00,4722.6140,N,00832.5020,E,6,00,99.99,,,,,,"),
    sentence(b"GPRMC,101531.00,A,,N,,E,,,221126,,,N"),
    sentence(b"GPRMC,101531.00,A,4760.0000,N,00832.5020,E,,,221126,,,N"),
    sentence(b"GPRMC,101531.00,A,9000.0001,N,00832.5020,E,,,221126,,,N"),
    sentence(b"GPRMC,101531.00,A,4722.6140,NS,00832.5020,E,,,221126,,,N"),
    sentence(b"GPRMC,101531.00,A,4722.6140,,00832.5020,E,,,221126,,,N"),
    sentence(b"GPRMC,101531.00,A,-722.6140,N,00832.5020,E,,,221126,,,N"),
    sentence(b"GPRMC,A"),
    sentence(b"GPGSV,4,1,13,02,02,213,,03,-3,000,,11,00,121,,14,13,172,05"),
    sentence(b"PUBX,00,A"),
    sentence(b""),
    RMC.replace(b"A", b"V", 1),  # the checksum is another's
    RMC[1:],
    RMC[: len(RMC) // 2] + b"\n",
    b"$*00\n", b"*\n", b"$\n", b"\n", b"$GPRMC\n", b"\xff\x00$GPRMC,A*zz\n",
)  # fmt: skip


def test_a_fix_is_a_place():
    assert place(RMC) == place(GGA) == ZURICH
    south_west = sentence(b"GPRMC,101530,A,2257.1234567,S,04312.5,W,,,,,,A")
    assert place(south_west) == (-229520575, -432083333)


def test_no_fix_and_garbage_are_none():
    for line in NO_FIX:
        assert place(line) is None, line


def test_bytes_come_as_they_like():
    for size in (1, 7, 64, 1000):
        nmea, found = Nmea(), []
        stream = b"garbage\xff" + NO_FIX[0] + RMC + NO_FIX[1] + b"x" * 500 + b"\n" + GGA
        for at in range(0, len(stream), size):
            found.append(nmea.receive(stream[at : at + size]))
        assert [place for place in found if place] == [ZURICH] * (1 if size == 1000 else 2), size
        assert len(nmea._rest) == 0


def test_a_line_that_never_ends_takes_no_memory():
    nmea = Nmea()
    for _ in range(100):
        assert nmea.receive(b"$GPRMC,") is None
    assert len(nmea._rest) < 200
    assert nmea.receive(b"\n" + RMC) == ZURICH


def test_cells_of_the_edges_of_the_map():
    assert cell_at(0, 0) == 0
    assert cell_at(-1, -1) == 0xFFFFFF
    assert cell_at(850000001, 0) == NO_CELL
    assert cell_at(850000000, 1800000000) != NO_CELL
    assert cell_at(-850000000, -1800000000) != NO_CELL


def test_a_cell_changes_after_a_minute_elsewhere():
    here, beside, there = 5 << 12 | 5, 6 << 12 | 6, 9 << 12 | 5
    told = Place(here)
    for at_ms in range(0, 300_000, 1000):
        assert told.heard(beside if at_ms % 3000 else here, at_ms) == here  # an edge
    for at_ms in range(300_000, 360_000, 1000):
        assert told.heard(there, at_ms) == here
    assert told.heard(here, 360_000) == here  # it was a bad fix
    assert told.heard(there, 361_000) == here
    assert told.heard(there + 1, 400_000) == here
    assert told.heard(there + 2, 421_000) == there + 2


def test_a_relay_that_never_knew_waits_a_minute_too():
    told = Place(NO_CELL)
    assert told.heard(7, 1000) == NO_CELL
    assert told.heard(NO_CELL, 2000) == NO_CELL
    assert told.heard(7, 3000) == NO_CELL
    assert told.heard(7, 62_000) == NO_CELL
    assert told.heard(7, 63_000) == 7
