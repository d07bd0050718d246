"""A gateway, as its backhaul sees it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared_protocol.node import Node

if TYPE_CHECKING:
    from gateway.gateway import Gateway


class BackhaulMesh:
    """trouble(error): the database has refused."""

    def __init__(self, gateway: "Gateway", trouble: Callable[[Exception], None]) -> None:
        self._gateway, self._trouble = gateway, trouble

    @property
    def node(self) -> Node:
        """The node, which may be started anew."""
        return self._gateway.node

    def clock_s(self) -> int:
        """The node's clock."""
        return self._gateway.clock_s()

    def now_ms(self) -> int:
        """The node's time."""
        return time.monotonic_ns() // 1_000_000

    def is_for_people_here(self, immutable: bytes) -> bool:
        """Is this for somebody of this gateway?"""
        return self._gateway.mailroom.is_for_people_here(immutable)

    def handle(self, event: tuple[Any, ...]) -> None:
        """Something has come, as if the node had told it."""
        self._gateway.mailroom.handle(event)

    def in_turn(self, action: Callable[[], None]) -> None:
        """Do something with the node; nothing while that stands still."""
        self._gateway.in_turn(action)

    def on_trouble(self, error: Exception) -> None:
        """The database has refused."""
        self._trouble(error)
