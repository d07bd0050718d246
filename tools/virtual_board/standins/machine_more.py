"""What of ESP32 MicroPython's `machine` only some boards use: deep sleep, pins, ADC, UART."""

import sys

import machine
from micropython import const

_EXIT_SLEEP = const(75)


def deepsleep(time_ms: int) -> None:
    """Switch everything off but a timer; the board starts again after so many milliseconds."""
    machine.host.write("S %d\n" % time_ms)
    sys.exit(_EXIT_SLEEP)
