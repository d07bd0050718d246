"""Where this relay stands, by the NMEA sentences of a GPS receiver.

Only boards that have one load this. Settings, in the node record: {"rx": pin, "tx": pin, "baud":
9600}. All arithmetic is in integers: floats of an ESP32 have 24 bits, and a cell
(shared_protocol/cells.py) is 2^-21 of the way round.
"""

import asyncio

from shared_protocol.cells import NO_CELL, apart

LINE_MAX = 120  # NMEA 0183 allows 82; some receivers send more
_EVERY_MS = 250  # at 9600 baud 240 bytes come meanwhile
_RXBUF = 1024  # a flash erase and a burst of mail may delay us
_STAY_MS = 60_000  # so long must it be elsewhere, or is a cold receiver wrong
_NEAR = 2  # apart() of the eight cells around: an edge is no move

_TURN_E7 = 3_600_000_000  # degrees * 1e7 once round
_LATITUDE_MOST_E7 = 850_000_000  # where Web Mercator ends
_ONE = 1 << 48  # fixed point
_PI = 884279719003555  # * _ONE
_LN2 = 195103586505167
_EARTH_M, _SIDE_M = 6_378_137, 32  # WGS 84, a cell: as in gateway/position.py


class Nmea:
    """Bytes from the receiver to places; never raises, whatever comes."""

    def __init__(self) -> None:
        self._rest = b""

    def receive(self, data: bytes) -> tuple | None:
        """The last place that these bytes complete: degrees * 1e7 (north, east), or None."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LINE_MAX:
            self._rest = b""
        last = None
        for line in lines:
            last = place(line) or last
        return last


def place(line: bytes) -> tuple | None:
    """A sentence RMC or GGA with a fix to degrees * 1e7 (north, east); of anything else None."""
    line = line.strip()
    if len(line) > LINE_MAX or line[:1] != b"$" or line[-3:-2] != b"*":
        return None
    check = 0
    for byte in line[1:-3]:
        check ^= byte
    if line[-2:].upper() != b"%02X" % check:
        return None
    fields = line[1:-3].split(b",")
    kind = fields[0][2:]
    if kind == b"RMC" and len(fields) > 6 and fields[2] == b"A":
        at = 3
    elif kind == b"GGA" and len(fields) > 6 and fields[6] in (b"1", b"2", b"4", b"5"):
        at = 2  # the others: none, by dead reckoning, by hand
    else:
        return None
    north = _degrees(fields[at], fields[at + 1], b"NS", 90)
    east = _degrees(fields[at + 2], fields[at + 3], b"EW", 180)
    return None if north is None or east is None else (north, east)


def _degrees(value: bytes, side: bytes, sides: bytes, most: int) -> int | None:
    """[d]ddmm.mmmm and its side of the world to degrees * 1e7."""
    whole, _, part = value.partition(b".")
    if len(whole) < 3 or not (whole + part).isdigit() or len(side) != 1 or side not in sides:
        return None
    minutes_e5 = int(whole[-2:]) * 100_000 + int((part + b"00000")[:5])
    if minutes_e5 >= 6_000_000:
        return None
    degrees = int(whole[:-2]) * 10_000_000 + minutes_e5 * 5 // 3
    if degrees > most * 10_000_000:
        return None
    return degrees if side == sides[:1] else -degrees


def cell_at(north_e7: int, east_e7: int) -> int:
    """The cell of a place; NO_CELL beyond 85 degrees north or south."""
    if not -_LATITUDE_MOST_E7 <= north_e7 <= _LATITUDE_MOST_E7:
        return NO_CELL
    column = _cells(2 * _PI * east_e7 // _TURN_E7)
    row = _cells(_mercator(2 * _PI * north_e7 // _TURN_E7))
    return (column & 0xFFF) << 12 | row & 0xFFF


def _cells(radians: int) -> int:
    return radians * _EARTH_M // (_SIDE_M * _ONE)


def _mercator(latitude: int) -> int:
    """asinh(tan(x)) = ln((1 + sin x) / (1 - sin x)) / 2, in and out * _ONE."""
    if latitude < 0:
        return -_mercator(-latitude)
    sine = term = latitude
    n = 1
    while term:  # x - x^3/3! + x^5/5! ...
        term = term * latitude // _ONE * latitude // _ONE // ((n + 1) * (n + 2))
        n += 2
        sine += term if n % 4 == 1 else -term
    return _ln((_ONE + sine) * _ONE // (_ONE - sine)) // 2


def _ln(x: int) -> int:
    """ln of a number that is at least 1, in and out * _ONE."""
    total = 0
    while x >= 2 * _ONE:
        x >>= 1
        total += _LN2
    ratio = (x - _ONE) * _ONE // (x + _ONE)  # ln x = 2 (r + r^3/3 + r^5/5 ...), r at most 1/3
    power, n = ratio, 1
    while power:
        total += 2 * power // n
        power = power * ratio // _ONE * ratio // _ONE
        n += 2
    return total


class Place:
    """The cell that a node tells, which follows the receiver without haste."""

    def __init__(self, cell: int) -> None:
        self.cell = cell
        self._away_ms: int | None = None

    def heard(self, cell: int, now_ms: int) -> int:
        """The receiver says so: the cell to tell. It changes after a minute elsewhere."""
        here = self.cell != NO_CELL and apart(cell, self.cell) <= _NEAR
        if here or cell == NO_CELL:
            self._away_ms = None
        elif self._away_ms is None:
            self._away_ms = now_ms
        elif now_ms - self._away_ms >= _STAY_MS:
            self.cell, self._away_ms = cell, None
        return self.cell


class Receiver:
    """Keeps relay.node.cell where a receiver says. Settings: of the record, see above."""

    def __init__(self, settings: dict, relay) -> None:
        from machine import UART

        self._uart = UART(1, settings["baud"], rx=settings["rx"], tx=settings["tx"], rxbuf=_RXBUF)
        self._relay = relay
        self._nmea = Nmea()

    async def run(self) -> None:
        """For ever."""
        told = None
        while True:
            data = self._uart.read() if self._uart.any() else None
            found = self._nmea.receive(data) if data else None
            node = getattr(self._relay, "node", None)  # none at its beginning, and at its end
            if found and node:
                told = told or Place(node.cell)
                node.cell = told.heard(cell_at(found[0], found[1]), self._relay.now_ms())
            await asyncio.sleep_ms(_EVERY_MS)
