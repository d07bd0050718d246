"""Stand-in for ESP32 MicroPython's `network`: enough WLAN to turn the radio on and tune it.

There is no access point to connect to or to be: only the station's interface is modelled.
"""

import machine
from air_link import LINK

STA_IF = 0


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
        self, name: str | None = None, channel: int | None = None, pm: int = PM_NONE
    ) -> bytes | int | None:
        """Read 'mac' or 'channel'; or set channel=1..14. pm changes nothing that is modelled."""
        if name == "mac":
            return machine.unique_id()
        if name == "channel":
            return LINK.channel
        if name is not None:
            raise ValueError
        if channel is not None:
            LINK.tune(channel)
        return None
