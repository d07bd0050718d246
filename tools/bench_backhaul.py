"""`helio bench backhaul`: gateways and a hub of three real nats-servers on this machine.

The gateway is the real one, without a relay: parcels go through its box (SQLite, a commit each
batch), the seal, and the hub's acknowledgement by two of three servers. Its peer is nats-py's own
publisher with as many under way, on the same stream, before and after. The thousand gateways are
connections with our keys, bells and reading, in this process and without a database: what they
measure is the hub, and Python playing a thousand clients.
"""

import asyncio
import contextlib
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.backhaul import SYNCED
from gateway.backhaul_connection import Line, connect, hang_up
from gateway.backhaul_hub import PUBLISH_MOST, Hub
from gateway.backhaul_item import ALL, HubKey, Item
from gateway.backhaul_settings import Settings
from gateway.config import Config
from gateway.database import get_meta
from gateway.desk import Desk
from gateway.gateway import Gateway
from shared_protocol import parcel
from shared_protocol.lifetime import LIFETIMES_S
from tools.bench import BenchFailed, row
from tools.field import NotReached, until
from tools.hub import PASSWORD, USER, Cluster

if TYPE_CHECKING:
    from nats.aio.client import Client

Row = dict[str, Any]

CATCH_UP, STEADY = 9_000, 10_000
_ROUNDS = 2  # of the gateway's rate; the publisher has its turn before, between and after
MANY, FEW, ADDRESSED = 1_000, 10, 100
IDLE_S = 20
_PAYLOAD = 218  # of a parcel that fills a frame
_CODE = 10  # a week
_WAIT_S = 120
_CATCH_UP_S, _SHARE, _FAN_OUT_S, _FLAT = 5, 0.7, 10, 1.2
_LAG_S = 0.05
_AT_ONCE = 50  # connections opened


class BenchHub:
    """The cluster, and who is at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cluster = Cluster(folder / "hub")
        self.key = os.urandom(32)
        self.settings = Settings(self.cluster.urls, USER, PASSWORD, after_s=0)

    @contextlib.asynccontextmanager
    async def gateway(self, region: str) -> AsyncIterator[Gateway]:
        """A gateway that runs, connected, in a region and a folder of its own."""
        desk = Desk(self.folder / region)
        settings = replace(self.settings, region=region)
        config = Config(region, self.key, delay_max_s=0, backhaul=settings)
        gateway = Gateway(config, desk)
        running = asyncio.create_task(gateway.run())
        try:
            backhaul = gateway.backhaul
            await until(lambda: backhaul._session, _WAIT_S, "the connection", 0.01)  # type: ignore[union-attr]
            yield gateway
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            desk.close()

    async def client(self, number: int, region: str) -> tuple["Client", Hub]:
        """A connection as a gateway's, without the gateway."""
        url = self.cluster.urls[number % len(self.cluster.urls)]
        nc = await connect(Line(url), self.settings, self.folder)
        hub = Hub(nc, HubKey(self.key, region), lambda size: None)
        try:
            await hub.prepare()
        except BaseException:
            await hang_up(nc)
            raise
        return nc, hub

    def bytes_out(self) -> int:
        """What the three servers have sent, to gateways and to each other."""
        return sum(server.counts()["out_bytes"] for server in self.cluster.servers)


def measure(seed: int) -> dict[str, Any]:
    """`results`, as `helio bench` wants them."""
    with tempfile.TemporaryDirectory(prefix="heliograph-") as folder:
        hub = BenchHub(Path(folder))
        hub.cluster.start()
        try:
            return {"results": asyncio.run(_measure(hub))}
        except NotReached as e:
            raise BenchFailed(str(e)) from None
        finally:
            hub.cluster.stop()


async def _measure(hub: BenchHub) -> list[Row]:
    rows = await _catch_up(hub)
    rows += await _steady(hub)
    rows += await _idle(hub)
    return rows + await _crowd(hub)


def _parcels(count: int) -> list[bytes]:
    head = bytes([parcel.first_byte(parcel.MESSAGE, 1, False), _CODE << 4])
    return [head + os.urandom(parcel.MID_LEN + _PAYLOAD) for _ in range(count)]


def _sealed(key: HubKey, address: str, immutable: bytes) -> tuple[str, bytes, int]:
    subject = key.subject(address, immutable)
    return subject, key.seal(subject, Item(1, 0, 7, immutable)), LIFETIMES_S[_CODE]


async def _store(hub: Hub, things: list[tuple[str, bytes, int]]) -> None:
    for at in range(0, len(things), PUBLISH_MOST):
        results = await hub.publish(things[at : at + PUBLISH_MOST])
        if None in results:
            raise BenchFailed("the hub did not acknowledge everything")


async def _ready(hub: BenchHub) -> tuple["Client", Hub]:
    """The first client, as soon as the three servers have found each other."""
    end_s = time.monotonic() + _WAIT_S
    while True:
        try:
            return await hub.client(0, "late")
        except Exception as e:  # noqa: BLE001 - whatever a cluster says that is not one yet
            if time.monotonic() > end_s:
                raise BenchFailed(f"no hub: {e}") from None
            await asyncio.sleep(0.5)


async def _catch_up(hub: BenchHub) -> list[Row]:
    nc, there = await _ready(hub)
    key = HubKey(hub.key, "late")
    await _store(there, [_sealed(key, ALL, one) for one in _parcels(CATCH_UP)])
    await nc.close()
    async with hub.gateway("late") as gateway:
        db = gateway.desk.db
        started_s = time.monotonic()
        await until(lambda: _count(db, "1") == CATCH_UP, _WAIT_S, "the catch-up", 0.02)
        durable_s = time.monotonic() - started_s
    what = f"catch-up of {CATCH_UP:,} parcels, durable here"
    return [row(what, round(durable_s, 2), "s", most=_CATCH_UP_S)]


def _count(db: sqlite3.Connection, which: str) -> int:
    query = f"SELECT count(*) FROM backhaul_item WHERE {which}"  # noqa: S608 - our own words
    return int(db.execute(query).fetchone()[0])


async def _steady(hub: BenchHub) -> list[Row]:
    nc, _ = await hub.client(0, "steady")
    bare = [await _bare(nc, hub)]
    own = []
    async with hub.gateway("steady") as gateway:
        for _ in range(_ROUNDS):
            own.append(await _through_the_box(gateway))
            bare.append(await _bare(nc, hub))
    await nc.close()
    ours = sum(own) / len(own)
    peer = sum(bare) / len(bare)
    return [
        row("into the hub: nats-py's own publisher", round(peer), "parcels/s"),
        row("into the hub: a gateway, from box to acknowledged", round(ours), "parcels/s"),
        row("  share of the publisher's", round(ours / peer, 2), "", "nats-py", least=_SHARE),
    ]  # fmt: skip


async def _through_the_box(gateway: Gateway) -> float:
    """Parcels a second that a gateway stores."""
    db, backhaul = gateway.desk.db, gateway.backhaul
    assert backhaul is not None
    assert backhaul._session is not None
    expires_s = gateway.clock_s() + LIFETIMES_S[_CODE]
    things = [(ALL, 1, expires_s, one) for one in _parcels(STEADY)]
    started_s = time.monotonic()
    backhaul.box.put(things)
    backhaul._session.news(False)
    await until(lambda: _count(db, "owes = 'push'") == 0, _WAIT_S, "the rate", 0.02)
    return STEADY / (time.monotonic() - started_s)


async def _bare(nc: "Client", hub: BenchHub) -> float:
    """Parcels a second that nats-py stores, as many under way as with us."""
    js = nc.jetstream(timeout=10)
    key = HubKey(hub.key, "steady")
    things = [_sealed(key, "bare", one) for one in _parcels(STEADY)]
    gate = asyncio.Semaphore(PUBLISH_MOST)

    async def one(subject: str, data: bytes) -> None:
        async with gate:
            await js.publish(subject, data)

    started_s = time.monotonic()
    await asyncio.gather(*(one(subject, data) for subject, data, _ in things))
    return STEADY / (time.monotonic() - started_s)


async def _idle(hub: BenchHub) -> list[Row]:
    """What a gateway with nothing to do asks the hub for."""
    async with hub.gateway("idle") as gateway:
        db = gateway.desk.db
        await until(lambda: get_meta(db, SYNCED) is not None, _WAIT_S, "the first reading", 0.1)
        before = sum(server.counts()["in_msgs"] for server in hub.cluster.servers)
        await asyncio.sleep(IDLE_S)  # what is measured is that nothing happens
        with_one = sum(server.counts()["in_msgs"] for server in hub.cluster.servers) - before
    before = sum(server.counts()["in_msgs"] for server in hub.cluster.servers)
    await asyncio.sleep(IDLE_S)
    alone = sum(server.counts()["in_msgs"] for server in hub.cluster.servers) - before
    asked = max(0, with_one - alone)  # the servers talk among themselves
    return [row("requests of an idle gateway", round(asked * 60 / IDLE_S, 1), "/min", most=1)]


class Listener:
    """One of many gateways: its connection, its place, what it has read."""

    def __init__(self, number: int, nc: "Client", hub: Hub, key: HubKey, place: int) -> None:
        self.nc, self.hub, self._key, self._place = nc, hub, key, place
        self.number = number
        self.address = key.address(number)
        self.got = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Hang up bells, as a session does."""
        for subject in self._key.filters({self.number}):
            await self.hub.bell(subject, self._rings)

    def _rings(self, subject: str, number: int) -> None:
        task = asyncio.create_task(self._read(subject, number))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, subject: str, number: int) -> None:
        await self.hub.bell(subject, self._rings)
        while self._place < number:  # the server asked may lag behind the one that rang
            found, _ = await self.hub.read(subject, self._place, PUBLISH_MOST)
            for one in found:
                self._key.open(one.subject, one.data)
                self._place = max(self._place, one.seq)
            self.got += len(found)
            if not found:
                await asyncio.sleep(_LAG_S)


async def _crowd(hub: BenchHub) -> list[Row]:
    key = HubKey(hub.key, "crowd")
    nc, there = await hub.client(0, "crowd")
    listeners: list[Listener] = []
    costs = []
    announced_s = 0.0
    try:
        for size in (FEW, MANY):
            await _more(hub, key, there, listeners, size)
            costs.append(await _addressed(hub, key, there, listeners))
        before = [listener.got for listener in listeners]
        started_s = time.monotonic()
        await _store(there, [_sealed(key, ALL, one) for one in _parcels(1)])

        def all_have() -> bool:
            return all(x.got > n for x, n in zip(listeners, before, strict=True))

        await until(all_have, _WAIT_S, "the announcement", 0.02)
        announced_s = time.monotonic() - started_s
        memory = max(server.counts()["mem"] for server in hub.cluster.servers) / 1e6
    finally:
        await asyncio.gather(*(x.nc.close() for x in listeners), return_exceptions=True)
        await nc.close()
    few, many = costs
    return [
        row(f"one announcement to {MANY:,} gateways", round(announced_s, 2), "s", most=_FAN_OUT_S),
        row(f"hub's bytes out for a parcel to one of {FEW}", round(few[0]), "bytes"),
        row(f"hub's bytes out for a parcel to one of {MANY:,}", round(many[0]), "bytes",
            most=round(few[0] * _FLAT)),
        row(f"time for a parcel to one of {FEW}", round(few[1] * 1000, 1), "ms"),
        row(f"time for a parcel to one of {MANY:,}", round(many[1] * 1000, 1), "ms"),
        row(f"memory of a server with its part of {MANY:,} gateways", round(memory), "MB"),
    ]  # fmt: skip


async def _more(
    hub: BenchHub, key: HubKey, there: Hub, listeners: list[Listener], size: int
) -> None:
    place = (await there.prepare()).top
    while len(listeners) < size:
        numbers = range(len(listeners), min(size, len(listeners) + _AT_ONCE))
        opened = await asyncio.gather(*(hub.client(n, "crowd") for n in numbers))
        new = [Listener(n, *o, key, place) for n, o in zip(numbers, opened, strict=True)]
        await asyncio.gather(*(listener.listen() for listener in new))
        listeners += new
    await asyncio.gather(*(listener.nc.flush() for listener in listeners))


async def _addressed(
    hub: BenchHub, key: HubKey, there: Hub, listeners: list[Listener]
) -> tuple[float, float]:
    """Bytes that the hub sends, and seconds, for a parcel that is for one gateway: one after the
    other, to ten of them."""
    to = listeners[:: max(1, len(listeners) // FEW)][:FEW]
    before, started_s = hub.bytes_out(), time.monotonic()
    for n, immutable in enumerate(_parcels(ADDRESSED)):
        listener = to[n % FEW]
        had = listener.got
        await _store(there, [_sealed(key, listener.address, immutable)])
        await until(lambda x=listener, h=had: x.got > h, _WAIT_S, "a parcel", 0.001)  # type: ignore[misc]
    taken_s = (time.monotonic() - started_s) / ADDRESSED
    return (hub.bytes_out() - before) / ADDRESSED, taken_s
