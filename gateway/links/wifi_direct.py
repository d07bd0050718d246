"""A Wi-Fi network for phones: a Wi-Fi Direct group that this machine owns, through wpa_supplicant.

Android finds it under Wi-Fi Direct; everything else joins it by its name and passphrase, as any
access point. Both stay the same over restarts, so that a printed label holds. A chip that has no
Wi-Fi Direct becomes a plain access point. (wpa_supplicant's D-Bus API, fi.w1.wpa_supplicant1.)
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import Variant

from gateway.errors import UserError
from gateway.links.system_bus import BusError, Service

NAME = "fi.w1.wpa_supplicant1"
ROOT = "/fi/w1/wpa_supplicant1"
_INTERFACE = f"{NAME}.Interface"
_DIRECT = f"{_INTERFACE}.P2PDevice"
_WPS = f"{_INTERFACE}.WPS"
_GROUP = f"{NAME}.Group"
_PERSISTENT = f"{NAME}.PersistentGroup"
_START_S = 20.0
_AGAIN_S, _AGAIN_MAX_S = 1.0, 30.0
_OWNER_ALWAYS = 15  # of 15: who wants most to own the group
_MODE_AP, _MODE_GROUP_OWNER = 2, 3
_FIRST_CHANNEL_MHZ, _STEP_MHZ = 2407, 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """The network we want. channel: 1 to 13. country: two letters, decides which are allowed."""

    interface: str
    ssid: str
    passphrase: str
    channel: int
    country: str
    device_name: str


@dataclass
class Group:
    """The network that is. interface: of the system, with which the phones speak. direct: False
    for a plain access point. stations: MAC addresses of who is connected."""

    interface: str
    object: str
    direct: bool
    stations: set[str] = field(default_factory=set)


@dataclass
class Events:
    """What whoever uses it wants to hear. asked(name, by_pin): a phone wants to join, by its
    button or by typing a PIN that it expects to be shown here: let_in()."""

    up: Callable[[Group], Awaitable[None]]
    down: Callable[[], Awaitable[None]]
    changed: Callable[[], None]
    asked: Callable[[str, bool], None]


class WifiDirect:
    """Keeps the group up while run() runs, whatever becomes of wpa_supplicant."""

    def __init__(self, wanted: Wanted, events: Events, direct: bool = True) -> None:
        """direct: False makes a plain access point even where Wi-Fi Direct could be had."""
        self._may_be_direct = direct
        self.wanted = wanted
        self.events = events
        self.group: Group | None = None
        self.problem = ""
        self._over = asyncio.Event()
        self._started: asyncio.Future[dict[str, Any]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        service = await Service.connect(NAME)
        service.on_signal = self._heard
        service.on_owner = lambda there: self._over.set()
        self._service = service
        try:
            wait_s = _AGAIN_S
            while True:
                self._over.clear()
                wait_s = _AGAIN_S if await self._once() else min(2 * wait_s, _AGAIN_MAX_S)
                await asyncio.sleep(wait_s)
        finally:
            service.close()

    async def _once(self) -> bool:
        """Bring the group up, and wait until it is gone. False if it did not come up."""
        was_up = False
        try:
            self.group = await self._start()
            self._says("")
            await self.events.up(self.group)
            was_up = True
            await self._over.wait()
        except BusError as e:
            self._says(_in_words(e, self.wanted))
        except UserError as e:
            self._says(str(e))
        finally:
            if self.group is not None:
                await self._leave(self.group)
        return was_up

    def _says(self, problem: str) -> None:
        if problem and problem != self.problem:
            _log.warning("Wi-Fi: %s", problem)
        self.problem = problem
        self.events.changed()

    # --- starting

    async def _start(self) -> Group:
        wanted = self.wanted
        if not await self._service.is_there():
            raise UserError("wpa_supplicant does not run: sudo systemctl start wpa_supplicant")
        self._device = await self._device_path()
        country = Variant("s", wanted.country)
        await self._service.set(self._device, _INTERFACE, "Country", country)
        able = await self._service.get(self._device, _INTERFACE, "Capabilities")
        if self._may_be_direct and "p2p" in able.get("Modes", []):
            return await self._start_direct()
        if "ap" in able.get("Modes", []):
            _log.warning("Wi-Fi: %s has no Wi-Fi Direct: a plain access point", wanted.interface)
            return await self._start_access_point()
        raise UserError(
            f"{wanted.interface} can make neither a Wi-Fi Direct group nor an access point: "
            "another adapter is needed"
        )

    async def _device_path(self) -> str:
        name = self.wanted.interface
        try:
            return str((await self._service.call(ROOT, NAME, "GetInterface", "s", name))[0])
        except BusError as e:
            if not e.name.endswith("InterfaceUnknown"):
                raise
        how = {"Ifname": Variant("s", name), "Driver": Variant("s", "nl80211")}
        return str((await self._service.call(ROOT, NAME, "CreateInterface", "a{sv}", how))[0])

    async def _start_direct(self) -> Group:
        wanted = self.wanted
        config = {
            "DeviceName": Variant("s", wanted.device_name),
            "GOIntent": Variant("u", _OWNER_ALWAYS),
            "PersistentReconnect": Variant("b", True),
            "IntraBss": Variant("b", False),  # phones do not reach each other
        }
        await self._service.set(self._device, _DIRECT, "P2PDeviceConfig", Variant("a{sv}", config))
        await self._end_older()
        saved = await self._saved()
        frequency = _FIRST_CHANNEL_MHZ + _STEP_MHZ * wanted.channel
        how = {
            "persistent": Variant("b", True),
            "persistent_group_object": Variant("o", saved),
            "frequency": Variant("i", frequency),
        }
        told = await self._group_added(how)
        self._group_device = str(told["interface_object"])
        self._group_object = str(told["group_object"])
        interface = await self._service.get(self._group_device, _INTERFACE, "Ifname")
        return Group(str(interface), self._group_object, True)

    async def _end_older(self) -> None:
        """A group of a gateway that was killed is still up."""
        for path in await self._service.get(ROOT, NAME, "Interfaces"):
            name = await self._service.get(path, _INTERFACE, "Ifname")
            if str(name).startswith(f"p2p-{self.wanted.interface}-"):
                await self._service.call(path, _DIRECT, "Disconnect")

    async def _saved(self) -> str:
        """The persistent group with our name and passphrase. Each start leaves one more behind, so
        older ones of our name are removed."""
        for path in await self._service.get(self._device, _DIRECT, "PersistentGroups"):
            properties = await self._service.get(path, _PERSISTENT, "Properties")
            if str(properties.get("ssid", "")).strip('"') == self.wanted.ssid:
                await self._service.call(self._device, _DIRECT, "RemovePersistentGroup", "o", path)
        how = {
            "ssid": Variant("s", self.wanted.ssid),
            "psk": Variant("s", self.wanted.passphrase),
            "mode": Variant("i", _MODE_GROUP_OWNER),
        }
        added = await self._service.call(self._device, _DIRECT, "AddPersistentGroup", "a{sv}", how)
        return str(added[0])

    async def _start_access_point(self) -> Group:
        wanted = self.wanted
        how = {
            "ssid": Variant("s", wanted.ssid),
            "psk": Variant("s", wanted.passphrase),
            "mode": Variant("i", _MODE_AP),
            "key_mgmt": Variant("s", "WPA-PSK"),
            "proto": Variant("s", "RSN"),
            "pairwise": Variant("s", "CCMP"),
            "frequency": Variant("i", _FIRST_CHANNEL_MHZ + _STEP_MHZ * wanted.channel),
        }
        # phones do not reach each other
        await self._service.set(self._device, _INTERFACE, "ApIsolate", Variant("s", "1"))
        await self._service.call(self._device, _INTERFACE, "RemoveAllNetworks")
        network = (await self._service.call(self._device, _INTERFACE, "AddNetwork", "a{sv}", how))[
            0
        ]
        await self._service.call(self._device, _INTERFACE, "SelectNetwork", "o", network)
        for _ in range(int(_START_S * 5)):
            if await self._service.get(self._device, _INTERFACE, "State") == "completed":
                self._group_device = self._group_object = self._device
                return Group(wanted.interface, self._device, False)
            await asyncio.sleep(0.2)
        raise UserError(f"the access point on {wanted.interface} does not start")

    async def _group_added(self, how: dict[str, Variant]) -> dict[str, Any]:
        """What the signal GroupStarted tells, after GroupAdd."""
        self._started = asyncio.get_running_loop().create_future()
        await self._service.call(self._device, _DIRECT, "GroupAdd", "a{sv}", how)
        try:
            return await asyncio.wait_for(self._started, _START_S)
        except TimeoutError:
            raise UserError(
                f"the Wi-Fi Direct group on {self.wanted.interface} does not start: is its channel"
                f" allowed in {self.wanted.country}, and is Wi-Fi switched on (rfkill list)?"
            ) from None
        finally:
            self._started = None

    async def _leave(self, group: Group) -> None:
        self.group = None
        with contextlib.suppress(BusError):  # it may be gone already
            if group.direct:
                await self._service.call(self._group_device, _DIRECT, "Disconnect")
            else:
                await self._service.call(self._device, _INTERFACE, "RemoveAllNetworks")
        await self.events.down()
        self.events.changed()

    # --- while it is up

    def _heard(self, path: str, interface: str, member: str, body: list[Any]) -> None:
        if member == "GroupStarted" and self._started is not None and not self._started.done():
            self._started.set_result(body[0])
        group = self.group
        if group is None:
            return
        if member == "StaAuthorized":
            group.stations.add(str(body[0]))
            self.events.changed()
        elif member == "StaDeauthorized":
            group.stations.discard(str(body[0]))
            self.events.changed()
        elif member in ("GroupFinished", "InterfaceRemoved"):
            if member == "GroupFinished" or body[0] in (self._device, self._group_device):
                self._over.set()
        elif member == "ProvisionDiscoveryPBCRequest":
            self._soon(self._asked(str(body[0]), False))
        elif member == "ProvisionDiscoveryRequestDisplayPin":
            self._soon(self._asked(str(body[0]), True))

    def _soon(self, what: Any) -> None:
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _asked(self, peer: str, by_pin: bool) -> None:
        name = peer.rpartition("/")[2]
        with contextlib.suppress(BusError):
            name = str(await self._service.get(peer, f"{NAME}.Peer", "DeviceName")) or name
        self.events.asked(name, by_pin)

    async def let_in(self, pin: str = "") -> None:
        """For two minutes: whoever types this PIN (eight digits, with their checksum); without
        one, whoever presses its button. A plain access point has neither. BusError."""
        if self.group is None or not self.group.direct:
            return
        how = {"Role": Variant("s", "registrar"), "Type": Variant("s", "pin" if pin else "pbc")}
        if pin:
            how["Pin"] = Variant("s", pin)
        await self._service.call(self._group_device, _WPS, "Start", "a{sv}", how)


def _in_words(error: BusError, wanted: Wanted) -> str:
    """What a refusal of wpa_supplicant means, and what to do."""
    name = error.name.rpartition(".")[2]
    if name == "AccessDenied":
        return "no permission for wpa_supplicant: sudo usermod -aG netdev $USER, and log in again"
    if name in ("InterfaceUnknown", "UnknownError") or "Could not" in str(error):
        return (
            f"wpa_supplicant cannot use {wanted.interface} ({error}): is it there (ip link), "
            "switched on (rfkill list), and not in use by another program?"
        )
    return f"wpa_supplicant refuses: {error}"
