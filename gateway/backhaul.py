"""The backhaul: a gateway with a way to the Internet joins its mesh with others through a hub.

Beside the mesh, never in its way: the node is looked at and given to in its own turns, everything
between is in SQLite (backhaul_box.py), and whatever the hub does or does not do ends in one line
and another try later. docs/BACKHAUL.md.
"""

import asyncio
import contextlib
import json
import logging
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from gateway import backhaul_box, backhaul_budget, backhaul_give
from gateway.backhaul_box import Box
from gateway.backhaul_budget import CONNECT_BYTES, Budget
from gateway.backhaul_choice import Choice
from gateway.backhaul_connection import Line, connect
from gateway.backhaul_give import TURN_S, Giver
from gateway.backhaul_hub import HubError
from gateway.backhaul_item import HubKey
from gateway.backhaul_session import Session
from gateway.backhaul_settings import Settings
from gateway.database import get_meta, set_meta

RETRY_S = (1.0, 600.0)  # the first wait after a failure, and the longest; each is twice the last
# In the database's meta: how it is; what `helio backhaul sync` writes; the same, when it was done.
STATUS, WISH, SYNCED = "backhaul_status", "backhaul_wish", "backhaul_synced"
_HELD_S = 10.0  # a connection that lasted so long is begun again at once
_FEED_S = 0.2  # how soon it is looked whether something has come
_TIDY_S = 600

_log = logging.getLogger(__name__)


class Mesh(backhaul_give.Mesh, Protocol):
    """What the backhaul needs of a gateway."""

    def in_turn(self, action: Callable[[], None]) -> None: ...
    def on_trouble(self, error: Exception) -> None: ...


class Backhaul:
    """Made before the node is, which asks box.crossing when it starts. node_id: its six bytes.
    folder: the data folder, to which the paths in the settings are relative."""

    def __init__(
        self,
        settings: Settings,
        network_key: bytes,
        node_id: bytes,
        db: sqlite3.Connection,
        mesh: Mesh,
        folder: Path,
    ) -> None:
        self.settings, self.folder = settings, folder
        self._db, self._mesh = db, mesh
        self._me = int.from_bytes(node_id[-2:], "big")
        self.key = HubKey(network_key, settings.region)
        self.box = Box(db, self.key, self._me)
        self.budget = Budget(db, settings.bytes_per_hour, mesh.clock_s)
        self.choice = Choice(self.box, self.key, mesh, settings.after_s)
        self.gateways = {self._me}
        self._session: Session | None = None
        self._wish = get_meta(db, WISH) or b""
        self._hurry = asyncio.Event()
        self._giver = Giver(self.box, mesh)
        self._gave = 0, False
        self._tidied_s = 0.0
        self._told: dict[str, Any] = {}
        self._said: set[str] = set()  # what the log says already, since all was well

    # --- in the node's turn

    def look(self) -> None:
        """What is due between the node and the box. Called some times a second."""
        now_s = time.monotonic()
        news = self.choice.look()
        if now_s - self._tidied_s >= _TIDY_S:
            self._tidied_s = now_s
            self.box.tidy(self._mesh.clock_s())
        live = self._mesh.node.gradients.beats.live(self._mesh.clock_s())
        gateways = {self._me} | {gateway for gateway, _, _ in live}
        wish = get_meta(self._db, WISH) or b""
        wished, self._wish = wish != self._wish, wish
        if wished:
            self._hurry.set()
        if gateways != self.gateways:
            self.gateways, news = gateways, True
        if self._session is not None and (news or wished or self.choice.asked):
            self._session.news(wished)

    async def _feed(self) -> None:
        """Hand on what came from the hub, a bit at a time."""
        while True:
            self._gave = 0, False
            self._mesh.in_turn(self._give)
            count, delivered = self._gave
            if delivered and self._session is not None:
                self._session.news(False)
            await asyncio.sleep(TURN_S if count else _FEED_S)

    def _give(self) -> None:
        self._gave = self._giver.give()

    # --- beside it

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed())
            tasks.create_task(self._keep_connected())

    async def _keep_connected(self) -> None:
        servers, failures, tried = list(self.settings.servers), 0, 0
        random.shuffle(servers)
        while True:
            server = servers[tried % len(servers)]
            tried += 1
            held = False
            try:
                held = await self._visit(server)
                problem = f"the connection to {server} was lost"
            except HubError as e:
                problem = str(e)
            except sqlite3.Error as e:
                self._mesh.on_trouble(e)
                problem = f"the database refuses: {e}"
            self._session = None
            failures = 0 if held else failures + 1
            self.tell("waiting", problem, server)
            rounds = failures // len(servers)  # another server is tried at once
            wait_s = min(RETRY_S[1], RETRY_S[0] * 2 ** min(rounds, 20)) if failures else 0.2
            await self._wait(wait_s * random.uniform(0.75, 1.25))

    async def _wait(self, wait_s: float) -> None:
        self._hurry.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), wait_s)

    async def _visit(self, server: str) -> bool:
        """One connection, until it ends. True if it lasted. HubError."""
        sos = self.box.to_push(1, self._mesh.clock_s(), True, False) != []
        if not self.budget.spend(CONNECT_BYTES, sos):
            raise HubError("this hour's bytes are spent: it goes on in the next")
        line = Line(server)
        nc = await connect(line, self.settings, self.folder)
        session = Session(self, nc, line)
        try:
            with line.plainly():
                await session.begin()
                self._session = session
                self.tell("connected", "", server)
                began_s = time.monotonic()
                await session.run()
                return time.monotonic() - began_s > _HELD_S
        finally:
            self._session = None
            await session.close()

    def synced(self) -> None:
        """Everything was read since the last wish."""
        set_meta(self._db, SYNCED, self._wish)

    def clock_s(self) -> int:
        """The node's clock."""
        return self._mesh.clock_s()

    def tell(self, state: str, problem: str, server: str) -> None:
        """Write down how it is, for `helio backhaul status`; say what is new in the log."""
        told = {"state": state, "problem": problem, "server": server}
        before = self._told
        if told == before:
            return
        self._told = told
        if problem and problem not in self._said:
            self._said.add(problem)
            _log.warning("backhaul: %s", problem)
        elif not problem:
            self._said.clear()
        if state == "connected" and state != before.get("state"):
            _log.info("backhaul: %s to %s", state, server)
        kept = told | {"since_unix_s": int(time.time()), "region": self.key.region}
        set_meta(self._db, STATUS, json.dumps(kept).encode())


def status(db: sqlite3.Connection) -> dict[str, Any]:
    """How the backhaul of a data folder is, from any process."""
    kept: dict[str, Any] = json.loads(get_meta(db, STATUS) or b"{}")
    used = backhaul_budget.used(db)
    waits = backhaul_box.counts(db)
    return {"state": "off", "problem": "", "server": ""} | kept | waits | {"used": used}
