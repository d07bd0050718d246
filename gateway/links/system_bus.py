"""The system's D-Bus, as the few calls that Wi-Fi and Bluetooth need of it."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, InvalidAddressError

from gateway.errors import UserError

CALL_S = 20.0
_DBUS = "org.freedesktop.DBus"
_PROPERTIES = f"{_DBUS}.Properties"

Listener = Callable[[str, str, str, list[Any]], None]  # path, interface, member, body


class BusError(Exception):
    """A service refused a call. name: of the D-Bus error, "" when it did not answer."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text or name)
        self.name = name


class Service:
    """One service on the system bus. Make it with connect()."""

    def __init__(self, bus: MessageBus, name: str) -> None:
        self._bus = bus
        self.name = name
        self.on_signal: Listener = lambda path, interface, member, body: None
        self.on_owner: Callable[[bool], None] = lambda there: None
        bus.add_message_handler(self._heard)

    @classmethod
    async def connect(cls, name: str) -> "Service":
        """A service, whether it runs or not. UserError if there is no system bus."""
        try:
            bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        except (OSError, AuthError, InvalidAddressError) as e:
            text = f"there is no system bus ({e}): sudo systemctl start dbus"
            raise UserError(text) from None
        service = cls(bus, name)
        for rule in (
            f"type='signal',sender='{name}'",
            f"type='signal',sender='{_DBUS}',member='NameOwnerChanged',arg0='{name}'",
        ):
            await service._to_bus("AddMatch", "s", rule)
        return service

    def close(self) -> None:
        """Leave the bus."""
        self._bus.disconnect()

    async def is_there(self) -> bool:
        """Does it run, if need be since the bus has just started it?"""
        if not (await self._to_bus("NameHasOwner", "s", self.name))[0]:
            with contextlib.suppress(BusError):
                await self._to_bus("StartServiceByName", "su", self.name, 0)
        return bool((await self._to_bus("NameHasOwner", "s", self.name))[0])

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> list[Any]:
        """What a method gives. BusError if it refuses, or says nothing for twenty seconds."""
        message = Message(
            destination=self.name, path=path, interface=interface, member=member,
            signature=signature, body=list(body),
        )  # fmt: skip
        return await self._ask(message)

    async def get(self, path: str, interface: str, name: str) -> Any:
        """A property. BusError."""
        return plain((await self.call(path, _PROPERTIES, "Get", "ss", interface, name))[0])

    async def set(self, path: str, interface: str, name: str, value: Variant) -> None:
        """Change a property. BusError."""
        await self.call(path, _PROPERTIES, "Set", "ssv", interface, name, value)

    async def _to_bus(self, member: str, signature: str, *body: Any) -> list[Any]:
        return await self._ask(Message(
            destination=_DBUS, path="/org/freedesktop/DBus", interface=_DBUS, member=member,
            signature=signature, body=list(body),
        ))  # fmt: skip

    async def _ask(self, message: Message) -> list[Any]:
        try:
            reply = await asyncio.wait_for(self._bus.call(message), CALL_S)
        except (TimeoutError, OSError, EOFError) as e:
            raise BusError("", f"{message.member}: no answer ({type(e).__name__})") from None
        assert reply is not None  # only for messages that want none
        if reply.message_type is MessageType.ERROR:
            text = str(reply.body[0]) if reply.body else ""
            raise BusError(reply.error_name or "", f"{message.member}: {text}")
        return list(reply.body)

    def _heard(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "NameOwnerChanged" and message.body[0] == self.name:
            self.on_owner(bool(message.body[2]))
        elif message.interface != _DBUS:
            body = [plain(value) for value in message.body]
            self.on_signal(message.path or "", message.interface or "", message.member or "", body)


def plain(value: Any) -> Any:
    """A value without its Variants, however deep."""
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value
