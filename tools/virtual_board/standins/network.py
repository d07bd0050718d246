"""Stand-in for ESP32 MicroPython's `network`: enough WLAN to turn the radio on and tune it.

There is no access point to connect to or to be: only the station's interface is modelled.
"""

import machine
from air_link import LINK
from micropython import const

STA_IF = 0
_WRONG_MODE = const(-12293)  # ESP_ERR_WIFI_MODE: the station is off
_WRONG_MAC = const(-12297)  # ESP_ERR_WIFI_MAC: a group's address is nobody's


class WLAN:
    """The station; every WLAN(STA_IF) is the same one."""

    PM_NONE = 0

    def __init__(self, interface: int = STA_IF) -> None:
        if interface:
            raise ValueError

    def active(self, on: bool | None = None) -> bool:
        """Tell whether the interface is up, after bringing it up or down when asked to."""
        if on is not None:
            LINK.is_up = bool(on)
        return LINK.is_up

    def config(
        self,
        name: str | None = None,
        mac: bytes | None = None,
        channel: int | None = None,
        pm: int = PM_NONE,
    ) -> bytes | int | None:
        """Read 'mac' or 'channel'; or set mac=six bytes, or channel=1..14.

        The interface must be up for a new mac. What the chip does to one while ESP-NOW is on
        nobody says: here it is an error. pm changes nothing that is modelled.
        """
        if name == "mac":
            return LINK.mac or machine.unique_id()
        if name == "channel":
            return LINK.channel
        if name is not None:
            raise ValueError
        if mac is not None:
            if len(mac) != 6:
                raise ValueError
            if mac[0] & 1:
                raise OSError(_WRONG_MAC)
            if LINK.pipe or not LINK.is_up:
                raise OSError(_WRONG_MODE)
            LINK.mac = bytes(mac)
        if channel is not None:
            LINK.tune(channel)
        return None
