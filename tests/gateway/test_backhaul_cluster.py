"""Valleys with a cluster of three real servers between them; power cuts by kill -9."""

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections import Counter

import pytest

from gateway.backhaul_item import HubKey
from gateway.config import FILE
from shared_protocol import records
from tests.gateway.hub_scene import KEY, Valley
from tests.gateway.test_backhaul import has, some_parcel
from tools.field import Field, FieldGateway, until
from tools.hub import PASSWORD, USER, Cluster, as_operator, stream_state

pytestmark = pytest.mark.system
PARCELS = 5_000
CUT_AT = 1_500  # so many are at the hub when the power goes
LONG_S = 120


@contextlib.contextmanager
def three_servers(folder):
    cluster = Cluster(folder / "hub")
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def join_hub(gateway, cluster):
    """Give a gateway that is a process of its own the hub."""
    path = gateway.folder / FILE
    before, _ = path.read_text().split("[backhaul]")
    servers = ", ".join(f'"{url}"' for url in cluster.urls)
    path.write_text(
        f"{before}[backhaul]\nservers = [{servers}]\n"
        f'user = "{USER}"\npassword = "{PASSWORD}"\nafter_s = 0\n'
    )


def everything(valley_or_path):
    """Of each parcel in a gateway's database: how often it is in the node's store, and how often
    in the backhaul's box."""
    with contextlib.closing(sqlite3.connect(valley_or_path)) as db:
        kept = [bytes(row[0]) for row in db.execute("SELECT bytes FROM record")]
        box = [bytes(row[0]) for row in db.execute("SELECT immutable FROM backhaul_item")]
    stored = Counter(records.decode(r).immutable for r in kept if r[:1] == b"P")
    return stored, Counter(box)


async def hub_has(nc, key):
    info = await stream_state(nc, key.stream)
    return -1 if info is None else info["state"]["messages"]


async def check_hub(cluster, key):
    """None lost, none twice."""
    nc = await as_operator(cluster.urls, LONG_S)
    info = await until(lambda: stream_state(nc, key.stream), LONG_S, "the hub's account")
    assert info["state"]["messages"] == info["state"]["num_subjects"] == PARCELS
    await nc.close()


def test_the_leader_is_killed(tmp_path):
    """...in the middle of five thousand parcels."""

    async def story(cluster):
        arrived = Counter()
        async with (
            Valley(tmp_path / "a", cluster.urls) as a,
            Valley(tmp_path / "b", cluster.urls) as b,
        ):
            handle = b.gateway.mailroom.handle

            def counted(event):
                if event[0] == "arrived":
                    arrived[event[1]] += 1
                handle(event)

            b.gateway.mailroom.handle = counted
            await a.connected()
            await b.connected()
            nc = await as_operator(cluster.urls)
            parcels = [some_parcel() for _ in range(PARCELS)]
            fill(a, parcels)
            key = a.backhaul.key
            await until(lambda: reached(nc, key), LONG_S, "some at the hub")
            info = await until(lambda: stream_state(nc, key.stream), LONG_S, "its leader")
            await nc.close()
            (leader,) = (s for s in cluster.servers if s.name == info["cluster"]["leader"])
            leader.stop(signal.SIGKILL)
            await until(lambda: len(arrived) == PARCELS, LONG_S, "all to cross")
            owed = "SELECT count(*) FROM backhaul_item WHERE owes != ''"
            await until(
                lambda: a.desk.db.execute(owed).fetchone()[0] == 0, LONG_S, "the last word"
            )
            leader.start()
            assert set(arrived.values()) == {1}
            assert arrived.keys() == set(parcels)
            assert all(has(b, p) for p in parcels)
            await check_hub(cluster, key)

    with three_servers(tmp_path) as cluster:
        asyncio.run(asyncio.wait_for(story(cluster), 3 * LONG_S))


async def reached(nc, key):
    return await hub_has(nc, key) >= CUT_AT


def fill(valley, parcels):
    """As `helio send` beside the gateway: into its store, from where it takes them."""
    put_records(valley.desk.db, parcels)


def put_records(db, parcels):
    kept = [records.Kept(False, records.UNSET_S, 0, 0, immutable) for immutable in parcels]
    rows = [(records.encode_kept(one),) for one in kept]
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO record (bytes) VALUES (?)", rows)
    db.execute("COMMIT")


def test_everything_is_killed(tmp_path):
    """All servers and both gateways, at once, in the middle of five thousand parcels; twice."""
    parcels = [some_parcel() for _ in range(PARCELS)]
    key = HubKey(KEY, "")

    async def story(cluster, gateways):
        put_records(gateways[0].desk.db, parcels)
        for gateway in gateways:
            gateway.desk.close()  # ours would keep SQLite from recovering after a kill
            join_hub(gateway, cluster)
        for part in (1, 2, 3):
            cluster.start()
            for gateway in gateways:
                gateway.start()
            nc = await as_operator(cluster.urls, LONG_S)
            wanted = PARCELS if part == 3 else part * CUT_AT

            async def there(nc=nc, wanted=wanted):
                return await hub_has(nc, key) >= wanted

            await until(there, LONG_S, f"{wanted} at the hub")
            if part < 3:
                for server in cluster.servers:
                    server.stop(signal.SIGKILL)
                for gateway in gateways:
                    gateway.stop(signal.SIGKILL)
            await nc.close()
        path = gateways[1].folder / "heliograph.db"
        await until(lambda: len(everything(path)[0]) == PARCELS, LONG_S, "all to cross", 1)
        await check_hub(cluster, key)
        for gateway in gateways:
            gateway.stop()
        for gateway in gateways:
            stored, box = everything(gateway.folder / "heliograph.db")
            assert stored.keys() == box.keys() == set(parcels)
            assert set(stored.values()) == set(box.values()) == {1}

    with three_servers(tmp_path) as cluster:
        gateways = [FieldGateway(name, name, tmp_path, KEY, "") for name in ("a", "b")]
        try:
            asyncio.run(asyncio.wait_for(story(cluster, gateways), 4 * LONG_S))
        finally:
            for gateway in gateways:
                gateway.stop(signal.SIGKILL)


def test_two_meshes_of_boards(tmp_path):
    """Three relays each. Who writes is at the far end of one mesh, who reads at that of the other;
    between them are the gateway with a hub of each mesh, and three servers."""

    async def story(cluster, one, other):
        for field in (one, other):
            join_hub(field.a, cluster)
            field.a.start()
            field.b.start()
        ana, bo = one.b.desk, other.b.desk
        ana.add_contact(bo.me()["card"], "Bo in the next valley")
        bo.add_contact(ana.me()["card"], "Ana in the next valley")
        text = os.urandom(700).hex()
        ana.send("Bo in the next valley", text)
        await until(lambda: [m for m in bo.listing("in") if m["text"] == text], LONG_S, "it")

        def delivered():
            return ana.listing("out")[-1]["state"] == "delivered"

        await until(delivered, LONG_S, "the receipt")
        assert not one.broken()
        assert not other.broken()

    with three_servers(tmp_path) as cluster, contextlib.ExitStack() as stack:
        fields = []
        for name in ("one", "other"):
            field = Field(3, 0.05, 1, tmp_path / name, (f"Al of {name}", f"Bo of {name}"), key=KEY)
            stack.callback(field.close)
            fields.append(field)
        asyncio.run(asyncio.wait_for(story(cluster, *fields), 3 * LONG_S))
