"""A running gateway: one node of the mesh, tethered to its relay, with the mailroom behind it."""

import asyncio
import json
import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from gateway import about
from gateway.announce import Announcer
from gateway.backhaul import Backhaul
from gateway.backhaul_mesh import BackhaulMesh
from gateway.board_keeper import BoardKeeper, leaves_at_once
from gateway.config import Config
from gateway.crypto import ecb
from gateway.database import get_meta, set_meta
from gateway.desk import Desk
from gateway.errors import UserError
from gateway.links.serial_port import PortError, SerialPort
from gateway.mailroom import Mailroom
from gateway.node_store import SqliteStore
from gateway.post_office import PostOffice
from gateway.rotation import Rotation
from gateway.shared_wire import SharedWire
from gateway.sorting import token_in
from shared_protocol import receipt, records
from shared_protocol.cells import to_bytes
from shared_protocol.errors import DecodeError, HeliographError
from shared_protocol.frame import FrameCipher
from shared_protocol.neighbours import TETHER
from shared_protocol.node import Node, Settings
from shared_protocol.parcel import HEAD_LEN, ROUTE_LEN
from shared_protocol.parcel_index import ParcelIndex

CAPACITY = 20_000  # parcels known at once: 1 MB of RAM
_RECONNECT_S = 1.0
_LOOK_S = 0.2  # how often another process's writes (`helio send`) are looked for
_STATUS_S, _WANTED_S = 1.0, 5.0
_ORIGIN_MEAN_S = 3  # privacy delays, exponential: a message leaves, a receipt leaves
_RECEIPT_MEAN_S = 20
_ORIGIN_HOPS = 4  # first hops are drawn from 0..3, so that the origin does not announce itself

_log = logging.getLogger(__name__)


class Gateway:
    """The node, its tether and its mailroom, over one desk."""

    def __init__(self, config: Config, desk: Desk) -> None:
        self.config = config
        self.desk = desk
        desk.gateway_name = config.name
        self._port: SerialPort | None = None
        self._random = secrets.SystemRandom()
        self._relay_status: dict[str, Any] = {}
        self._problem = ""
        self._wait_ms = 1
        self._stopped = False  # the database failed: the node is started again from it
        self.office = PostOffice(desk.db, desk.path)
        self.office.now_s = self.clock_s
        self.office.token_of = lambda mid: token_in(self.node, mid)
        self.office.on_trouble = self._trouble
        self.office.on_clock = desk.wall.heard
        self.office.letters.wall_ms = lambda: desk.wall.moment().unix_ms
        self.mailroom = Mailroom(desk, self.office, self._release_receipt, _now_ms)
        self.board = BoardKeeper(desk, self.office, self)
        self.mailroom.on_notice = self.board.arrived
        self.mailroom.on_receipt = self.board.receipt
        self.announcer = Announcer(desk, self)
        self.mailroom.on_record = self.announcer.arrived
        self.rotation = Rotation(desk)
        self._login = about.login(config, desk.path.parent)
        self._shared = SharedWire(desk.path.parent, lambda: self._port)
        self.backhaul: Backhaul | None = None
        if config.backhaul is not None:
            mesh = BackhaulMesh(self, self._trouble)
            folder = desk.path.parent
            self.backhaul = Backhaul(
                config.backhaul, config.network_key, self._node_id(), desk.db, mesh, folder
            )
            self.mailroom.crossing = self.backhaul.box.crossing
        self._start_node()

    def _start_node(self) -> None:
        set_meta(self.desk.db, "way", self._my_way())
        self.store = SqliteStore(self.desk.db, self.desk.path)
        self.node = Node(
            self._node_id(),
            FrameCipher(self.config.network_key, self.config.epoch, ecb),
            ParcelIndex(CAPACITY),
            self.store,
            Settings(True, self._meta("secret", lambda: os.urandom(16)), self.config.cell),
            self.mailroom.is_ours,
            self._random.randrange,
            _now_ms(),
        )
        self.mailroom.node = self.node
        self._data_version = (self._version(), self.desk.people_changed)

    def _my_way(self) -> bytes:
        """Where this gateway is, for those who answer its people."""
        return self._node_id()[-ROUTE_LEN:] + to_bytes(self.config.cell)

    def _node_id(self) -> bytes:
        return self._meta("node_id", lambda: bytes([0x02]) + os.urandom(5))

    def _meta(self, key: str, make: Callable[[], bytes]) -> bytes:
        value = get_meta(self.desk.db, key)
        if value is None:
            value = make()
            set_meta(self.desk.db, key, value)
        return value

    def _version(self) -> int:
        return int(self.desk.db.execute("PRAGMA data_version").fetchone()[0])

    # --- tasks

    async def run(self) -> None:
        """Everything a gateway does, until cancelled."""
        self._safely(self.mailroom.catch_up)
        self._safely(self.announcer.catch_up)
        self._safely(self.board.catch_up)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tether())
            tasks.create_task(self._drive())
            tasks.create_task(self._look())
            tasks.create_task(self._ask_relay())
            tasks.create_task(self._shared.run())
            if self.backhaul is not None:
                tasks.create_task(self.backhaul.run())

    async def _tether(self) -> None:
        """Keep the serial port open, whatever happens to it."""
        while self.config.port:
            try:
                self._port = SerialPort(self.config.port, self._heard)
            except PortError as e:
                if str(e) != self._problem:
                    _log.warning("%s", e)
                self._problem = str(e)
                await asyncio.sleep(_RECONNECT_S)
                continue
            self._problem = ""
            self._port.on_command = self._shared.heard
            self.node.link_up(TETHER, _now_ms())
            try:
                await self._port.closed.wait()
            finally:
                self._port.close()
                self._port = None
                self._relay_status = {}
                self.node.link_down(TETHER)

    def _heard(self, address: bytes, frame: bytes) -> None:
        self._safely(lambda: self.node.receive(TETHER, address, frame, 0, _now_ms()))
        self._safely(self._turn)

    async def _drive(self) -> None:
        while True:
            if self._stopped:
                await asyncio.sleep(_RECONNECT_S)
                self._restart_node()
            self._safely(self._turn)
            await asyncio.sleep(self._wait_ms / 1000)

    def in_turn(self, action: Callable[[], object]) -> None:
        """Something that touches the node, and what follows from it."""
        self._safely(action)
        self._safely(self._turn)

    def _safely(self, action: Callable[[], object]) -> None:
        """Everything that touches the node goes through here.

        When SQLite refuses (full, locked, damaged), what the node believes and what is on the disk
        may differ: stop it, and begin again from the disk, which has all that was acknowledged.
        """
        if self._stopped:
            return
        try:
            action()
        except (sqlite3.Error, HeliographError, LookupError, TypeError, OSError, UserError) as e:
            self._trouble(e)

    def _trouble(self, error: Exception) -> None:
        if self._stopped:
            return
        _log.error("the database refuses (%s): starting again from it", error)
        self._problem = f"the database refuses: {error}"
        self._stopped = True

    def _restart_node(self) -> None:
        try:
            if self.desk.db.in_transaction:
                self.desk.db.execute("ROLLBACK")
            self._start_node()
            self.mailroom.forget_releases()  # those that were due while it stood still
            self._stopped = False
            self._problem = ""
            if self._port is not None:
                self.node.link_up(TETHER, _now_ms())
            self.mailroom.catch_up()
            self.announcer.catch_up()
            self.board.catch_up()
        except (sqlite3.Error, HeliographError) as e:
            self._stopped = True
            self._problem = f"the database refuses: {e}"

    def _turn(self) -> None:
        """Let the node do what is due, hand on its events, send."""
        wait_ms = self.node.poll(_now_ms())
        while self.node.events:
            events, self.node.events = self.node.events, []
            for event in events:
                self.mailroom.handle(event)
            wait_ms = self.node.poll(_now_ms())
        self._send()
        self._wait_ms = min(max(wait_ms, 1), 200)

    def _send(self) -> None:
        port = self._port
        while port is not None and port.room():
            frame = self.node.next_frame(TETHER, _now_ms())
            if frame is None:
                break
            port.send(self.node.node_id, frame)
        if port is not None:
            port.pump()

    async def _look(self) -> None:
        """See what another process wrote; follow what was sent."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self._safely(self._look_once)
            self._safely(self.desk.wall.keep)
            self._update_status()

    def _look_once(self) -> None:
        version = (self._version(), self.desk.people_changed)
        fresh = self.store.news()
        if fresh or version != self._data_version:
            self.mailroom.reload()
            self._adopt(fresh)
        if version != self._data_version:
            self._data_version = version
            self.mailroom.catch_up()
        self.office.work()
        self.mailroom.look()
        self.mailroom.follow()
        self.announcer.look()
        self.board.look()
        self.rotation.look(self.clock_s())
        if self.backhaul is not None:
            self.backhaul.look()
        self._turn()

    def _adopt(self, fresh: list[tuple[int, bytes]]) -> None:
        for handle, record in fresh:
            try:
                kept = records.decode(record)
            except DecodeError:
                continue
            if isinstance(kept, records.Kept):
                adopt = self._adopter(handle, kept)
                if leaves_at_once(kept.immutable):
                    self._safely(adopt)
                else:
                    self._delayed(_ORIGIN_MEAN_S, adopt)

    def _adopter(self, handle: int, kept: records.Kept) -> Callable[[], None]:
        hops = self._random.randrange(_ORIGIN_HOPS) if self.config.delay_max_s else 0
        kept = kept._replace(hops=hops)

        def adopt() -> None:
            if kept.is_receipt:  # submitted anew: it ends the message here too
                self._end(kept.immutable)
                self.node.shelf.discard(handle)
                return
            if self._is_done(kept.immutable):
                self.node.shelf.discard(handle)
                return
            self.node.adopt(handle, kept, _now_ms())
            self.mailroom.handle(("arrived", kept.immutable, 0))  # it may be for somebody here

        return adopt

    def _end(self, immutable: bytes) -> None:
        self.node.submit_receipt(immutable, 0, _now_ms())
        self.node.shelf.sync()
        token = receipt.decode(immutable)
        self.mailroom.handle(("receipt", receipt.message_id(token), token))

    def _is_done(self, immutable: bytes) -> bool:
        """Was it taken here before it could leave?"""
        return self.node.shelf.tombstone(bytes(immutable[2:HEAD_LEN])) >= 0

    # --- what the announcer and the board need

    def clock_s(self) -> int:
        """The node's own clock, which counts powered seconds (SPEC.md 4.2)."""
        return self.node.clock.now_s(_now_ms())

    def put_out(self, immutable: bytes, age: int) -> None:
        """Let a parcel of ours leave, after the privacy delay of a message."""
        hops = self._random.randrange(_ORIGIN_HOPS) if self.config.delay_max_s else 0
        self._delayed(_ORIGIN_MEAN_S, lambda: self.node.submit(immutable, hops, age, _now_ms()))

    def release(
        self,
        token: bytes,
        code: int,
        done: Callable[[], None] = lambda: None,
        *,
        at_once: bool = False,
    ) -> None:
        """End a parcel of ours in all of the mesh, after the privacy delay of a receipt unless
        at_once; done() is called when the node has kept that."""
        immutable = receipt.encode(token, 1, code)

        def go() -> None:
            self.node.submit_receipt(immutable, 0, _now_ms())
            self.node.shelf.sync()
            if self.node.shelf.tombstone(receipt.message_id(token)) >= 0:
                done()

        self._safely(go) if at_once else self._release_receipt(go)

    def _release_receipt(self, action: Callable[[], object]) -> None:
        self._delayed(_RECEIPT_MEAN_S, action)

    def _delayed(self, mean_s: float, action: Callable[[], object]) -> None:
        """Run after a random time: an observer must not see who wrote, or read, when."""
        limit_s = self.config.delay_max_s
        if not limit_s:
            self._safely(action)
            return
        delay_s = min(self._random.expovariate(1 / mean_s), limit_s)
        asyncio.get_running_loop().call_later(delay_s, self._safely, action)

    # --- status

    def about(self) -> dict[str, Any]:
        """What anybody may know of this gateway."""
        of_node = about.gateway(
            self.config, self.node, self._my_way(), self.desk.node_status, self.desk.wall.moment()
        )
        return of_node | self._login | {"board": self.board.board.seq()}

    def mesh(self) -> dict[str, Any]:
        """What its node sees of the mesh, and how much it keeps for whom."""
        counts = {"board": dict(self.board.board.counts)}
        return self.desk.status() | self.office.status() | counts

    async def _ask_relay(self) -> None:
        while True:
            # An answer takes a relay memory that its mail needs: only if somebody wants to know.
            wanted = time.monotonic() - self.desk.status_asked_s < _WANTED_S
            if self._port is not None and wanted and not self._shared.in_use:
                try:
                    answer = await self._port.ask(b'{"ask": "status"}')
                    status = json.loads(answer)
                    self._relay_status = status if isinstance(status, dict) else {}
                except (TimeoutError, ValueError, RecursionError):
                    self._relay_status = {}
            elif not wanted:
                self._relay_status = {}
            await asyncio.sleep(_STATUS_S if wanted else _LOOK_S)

    def _silence(self) -> str:
        if self._port is None or self._port.answered:
            return ""
        return f"nothing on {self.config.port} answers: is it a Heliograph relay?"

    def _update_status(self) -> None:
        of_node = about.node(self.node, self.node.clock.now_s(_now_ms()))
        connected = self._port is not None and of_node["neighbours"]
        self.desk.node_status = of_node | {
            "relay": "connected" if connected else "not connected",
            "port": self.config.port,
            "problem": self._problem or self._silence(),
            "capacity": CAPACITY,
            "unopenable": self.mailroom.unopenable,
            "disk_refused": self.store.refused,
            "bad_lines": self._port.bad_lines if self._port is not None else 0,
            "tethered_relay": self._relay_status,
        }


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
