"""What of ESP32 MicroPython's `machine` only some boards use: deep sleep, pins, ADC, UART."""

import sys
from os import getenv, urandom

import machine
import vfs
from micropython import const

_EXIT_SLEEP = const(75)
_PIN_MOST = const(48)
_ADC1_PINS = const((32, 33, 34, 35, 36, 37, 38, 39))  # of the classic ESP32


def deepsleep(time_ms: int) -> None:
    """Switch everything off but a timer; the board starts again after so many milliseconds."""
    machine.host.write("S %d\n" % time_ms)
    sys.exit(_EXIT_SLEEP)


def _outside(name: str, mode: str):
    """A file in the folder HELIO_OUTSIDE of the host, which is what lies around the board."""
    return vfs.VfsPosix(getenv("HELIO_OUTSIDE")).open("/" + name, mode)


class Pin:
    """A GPIO: only its number."""

    def __init__(self, id: int) -> None:
        if not 0 <= id <= _PIN_MOST:
            raise ValueError("invalid pin")
        self.id = id


class ADC:
    """Reads the microvolts in the file adc<pin>; a pin without one floats."""

    ATTN_11DB = 3

    def __init__(self, pin: Pin, atten: int) -> None:
        if pin.id not in _ADC1_PINS:
            raise ValueError("invalid pin")
        self._name = "adc%d" % pin.id

    def read_uv(self) -> int:
        try:
            with _outside(self._name, "r") as file:
                return int(file.read())
        except OSError:
            return int.from_bytes(urandom(2), "big") * 48  # up to 3.1 V


class UART:
    """Gives what is appended to the file uart<rx pin>."""

    def __init__(self, id: int, baudrate: int, rx: int, tx: int, rxbuf: int) -> None:
        self._file = _outside("uart%d" % rx, "rb")

    def any(self) -> int:
        """How many bytes have come."""
        at = self._file.tell()
        end = self._file.seek(0, 2)
        self._file.seek(at)
        return end - at

    def read(self) -> bytes | None:
        """All of them; None if there are none."""
        return self._file.read() or None
