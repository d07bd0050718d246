"""How phones come to a gateway: the Wi-Fi that it makes, the codes that are shown, who may join.

The network is up as long as the gateway runs. Whoever has its passphrase, from the label or the
poster, joins at any time; by a phone's Wi-Fi Direct button or a PIN only while the operator keeps
a window open (`helio pair`).
"""

import asyncio
import contextlib
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from segno import helpers

from gateway.config import Config
from gateway.database import get_meta, set_meta
from gateway.errors import UserError
from gateway.links import fence
from gateway.links.addresses import HOST, Addresses, give_address
from gateway.links.system_bus import BusError
from gateway.links.wifi_direct import Events, Group, Wanted, WifiDirect

WINDOW_S = 300  # by itself a window closes after this
WINDOW_MAX_S = 3600
HTTP_PORT = 80  # where phones look for a page
_SSID_MAX = 32
_PREFIX = "DIRECT-hg-"  # Android lists only networks that begin with DIRECT- under Wi-Fi Direct
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
_ASKING_MAX = 8


class Door(Protocol):
    """Opens the page at another address: gives what closes it."""

    async def __call__(self, host: str, port: int) -> Callable[[], Awaitable[None]]: ...


class Pairing:
    """The Wi-Fi of a gateway, and the window."""

    def __init__(
        self, config: Config, db: sqlite3.Connection, addresses: Addresses, door: Door
    ) -> None:
        self._config = config
        self._addresses = addresses
        self._door = door
        self._close: Callable[[], Awaitable[None]] | None = None
        self._until = 0.0
        self._pin = ""
        self._by_itself = False
        self._asking: list[str] = []  # phones that want to join by their button
        self._listeners: set[asyncio.Event] = set()
        self._trouble = ""
        ssid, passphrase = credentials(db, config.name)
        wanted = Wanted(
            config.wifi_interface,
            ssid,
            passphrase,
            config.wifi_channel,
            config.wifi_country,
            config.name,
        )
        self.wifi = WifiDirect(wanted, Events(self._up, self._down, self.changed, self._asked))

    async def run(self) -> None:
        """Keep the network up, and close the window in time, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.wifi.run())
            tasks.create_task(self._close_in_time())

    # --- the network

    async def _up(self, group: Group) -> None:
        give_address(group.interface)
        fence.put_up(group.interface, self._config.http_port)
        self._addresses.start(group.interface)
        self._trouble = ""
        try:
            self._close = await self._door(HOST, HTTP_PORT)
        except OSError as e:
            self._trouble = (
                f"the page cannot be served on port {HTTP_PORT} ({e.strerror or e}): is it taken?"
            )

    async def _down(self) -> None:
        if self._close is not None:
            await self._close()
            self._close = None
        await self._addresses.stop()
        with contextlib.suppress(UserError):
            fence.take_down()

    # --- the window

    def open(self, seconds: int, by_itself: bool) -> None:
        """Let phones join by button or PIN for so long; by_itself: without asking the operator.
        UserError for another length."""
        if not 1 <= seconds <= WINDOW_MAX_S:
            raise UserError(f"a window is open for 1 to {WINDOW_MAX_S} seconds")
        self._until = time.monotonic() + seconds
        self._by_itself = by_itself
        self._pin = new_pin()
        self._asking.clear()
        self.changed()

    def close(self) -> None:
        """Nobody joins by button or PIN any more."""
        self._until = 0.0
        self._pin = ""
        self._asking.clear()
        self.changed()

    @property
    def is_open(self) -> bool:
        """Is a window open?"""
        return time.monotonic() < self._until

    def _asked(self, name: str, by_pin: bool) -> None:
        if not self.is_open:
            return
        if by_pin:  # whoever sees this screen can type it: that is the answer
            self._soon(self._pin)
        elif self._by_itself:
            self._soon("")
        elif name not in self._asking and len(self._asking) < _ASKING_MAX:
            self._asking.append(name)
        self.changed()

    def answer(self, accepted: bool) -> None:
        """What the operator says to the phone that asked first; nothing if none does."""
        if not self._asking:
            return
        self._asking.pop(0)
        if accepted and self.is_open:
            self._soon("")
        self.changed()

    def _soon(self, pin: str) -> None:
        self._task = asyncio.ensure_future(self._let_in(pin))

    async def _let_in(self, pin: str) -> None:
        try:
            await self.wifi.let_in(pin)
        except BusError as e:
            self._trouble = f"wpa_supplicant does not take the phone: {e}"
            self.changed()

    async def _close_in_time(self) -> None:
        while True:
            await asyncio.sleep(1)
            if self._pin and not self.is_open:
                self.close()

    # --- what is shown

    def status(self) -> dict[str, Any]:
        """For `helio pair`: ssid and passphrase are secrets of whoever runs the gateway."""
        group = self.wifi.group
        wanted = self.wifi.wanted
        return {
            "wifi": "down" if group is None else "direct" if group.direct else "access-point",
            "ssid": wanted.ssid,
            "passphrase": wanted.passphrase,
            "qr": helpers.make_wifi_data(wanted.ssid, wanted.passphrase, "WPA"),
            "page": f"http://{HOST}/",
            "window_s": max(0, round(self._until - time.monotonic())),
            "pin": self._pin if self.is_open else "",
            "asking": list(self._asking),
            "connected": sorted(group.stations) if group else [],
            "problem": self.wifi.problem or self._trouble or self._addresses.problem,
        }

    def changed(self) -> None:
        """Whoever watches shall look."""
        for event in self._listeners:
            event.set()

    @contextlib.contextmanager
    def watched(self) -> Any:
        """An event that is set when there is news."""
        event = asyncio.Event()
        self._listeners.add(event)
        try:
            yield event
        finally:
            self._listeners.discard(event)


def credentials(db: sqlite3.Connection, name: str) -> tuple[str, str]:
    """Name and passphrase of the network: drawn once, the same from then on, for labels last."""
    kept = get_meta(db, "wifi_ssid"), get_meta(db, "wifi_passphrase")
    if kept[0] is not None and kept[1] is not None:
        return kept[0].decode(), kept[1].decode()
    ssid = _PREFIX + name
    while len(ssid.encode()) > _SSID_MAX:
        ssid = ssid[:-1]
    passphrase = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
    set_meta(db, "wifi_ssid", ssid.encode())
    set_meta(db, "wifi_passphrase", passphrase.encode())
    return ssid, passphrase


def new_pin() -> str:
    """Eight digits, the last of them the checksum (Wi-Fi Simple Configuration 2.0.5, 7.4.1)."""
    number = secrets.randbelow(10_000_000)
    digits = f"{number:07}"
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(digits))
    return f"{digits}{-total % 10}"
