"""Valleys with a hub between them: real servers on loopback, real gateways in this process."""

import asyncio
import contextlib
import os

import pytest

from gateway import announce, backhaul_hub
from gateway.backhaul_item import ALL
from gateway.backhaul_session import Session
from gateway.gateway import _now_ms
from shared_protocol import parcel
from shared_protocol.cells import to_bytes
from shared_protocol.lifetime import SOS
from tests.gateway.hub_scene import WAIT_S, Valley, old_program
from tests.gateway.phone import Phone, befriend
from tests.gateway.two_gateways import House, join, two_phones
from tools.field import until
from tools.hub import Server, as_operator

pytestmark = pytest.mark.system
LATER = 3600  # after_s: nothing of a test lasts so long


@contextlib.asynccontextmanager
async def hub(folder, **options):
    server = Server(folder / "hub", **options).start()
    try:
        await server.up()
        yield server
    finally:
        server.stop()


def play(story, timeout_s=60):
    async def scene():
        async with asyncio.timeout(timeout_s):
            await story()

    asyncio.run(scene())


async def at_hub(server, valley):
    """Subjects that lie at the hub."""
    nc = await as_operator([server.url])
    try:
        info = await nc.jetstream().stream_info(valley.backhaul.key.stream, subjects_filter=">")
        return list(info.state.subjects or {})
    finally:
        await nc.close()


async def post_and_read(ana, bo, text):
    """The message arrives, and Ana is told so."""
    before = len(await bo.letters())
    (posted,) = await ana.post(ana.seal(bo.card, text))

    async def came():
        return len(await bo.letters()) > before

    await until(came, WAIT_S, "the letter")
    assert (await bo.read())[before:] == [text]

    async def delivered():
        return await ana.state_of(posted["mid"]) == "delivered"

    await until(delivered, WAIT_S, "the receipt")


def some_parcel(priority=1, kind=parcel.MESSAGE, size=100):
    """A parcel for nobody in particular, for a week."""
    b0 = parcel.first_byte(kind, priority, False)
    return bytes([b0, 10 << 4]) + os.urandom(parcel.MID_LEN + size)


def hand_in(valley, *immutables):
    for immutable in immutables:
        valley.gateway.node.submit(immutable, 0, 0, _now_ms())


def has(valley, immutable):
    node = valley.gateway.node
    return node.index.find(node.shelf.short_of(immutable)) >= 0


@pytest.mark.parametrize("binary", ["new", "old"])
def test_message_and_receipt_cross(tmp_path, binary):
    async def story():
        options = {"program": old_program()} if binary == "old" else {}
        async with (
            hub(tmp_path, **options) as server,
            Valley(tmp_path / "a", [server.url]) as a,
            Valley(tmp_path / "b", [server.url]) as b,
        ):
            ana, bo = await two_phones(a, b)
            await post_and_read(ana, bo, "over the hills")

            async def only_the_receipt():
                return [s.split(".")[3] for s in await at_hub(server, a)] == ["r"]

            await until(only_the_receipt, WAIT_S, "the hub to let go of the message")
            await post_and_read(ana, bo, os.urandom(4000).hex())

    play(story)


def test_people_at_gateways_without_a_hub_write_to_each_other(tmp_path):
    """Through the meshes to the gateway that has one: a long message, so that this gateway has to
    gather its pieces, of which a node that is no end of it keeps fewer than are needed."""

    async def story():
        async with (
            hub(tmp_path) as server,
            Valley(tmp_path / "a", [server.url], key=bytes(32), after_s=2) as a,
            House(tmp_path / "aa") as inner_a,
            Valley(tmp_path / "b", [server.url], key=bytes(32)) as b,
            House(tmp_path / "bb") as inner_b,
        ):
            join(a, inner_a)
            join(b, inner_b)
            ana, bo = await two_phones(inner_a, inner_b)
            await post_and_read(ana, bo, os.urandom(5000).hex())

    play(story)


def test_two_gateways_of_one_mesh_push_the_same(tmp_path, monkeypatch):
    sent = []
    publish = backhaul_hub.Hub.publish

    async def counted(self, things):
        results = await publish(self, things)
        sent.extend(zip([subject for subject, *_ in things], results, strict=True))
        return results

    monkeypatch.setattr(backhaul_hub.Hub, "publish", counted)

    async def story():
        async with (
            hub(tmp_path) as server,
            Valley(tmp_path / "a", [server.url]) as a,
            Valley(tmp_path / "b", [server.url]) as b,
        ):
            await a.connected()
            await b.connected()
            parcels = [some_parcel() for _ in range(50)]
            for valley in (a, b):
                hand_in(valley, *parcels)  # both know them before they hear of each other's

            def pushed():
                owed = "SELECT count(*) FROM backhaul_item WHERE owes = ''"
                return all(v.desk.db.execute(owed).fetchone()[0] == 50 for v in (a, b))

            await until(pushed, WAIT_S, "both to have pushed")
            assert len(await at_hub(server, a)) == 50
            stored = [number for _, number in sent if number]
            assert len(stored) == len(set(stored)) == 50
            assert {number for _, number in sent} <= {*stored, backhaul_hub.THERE}

    play(story)


def test_nothing_goes_round(tmp_path, monkeypatch):
    """What came from the hub does not go there again, nor into the mesh twice."""
    sent = []
    publish = backhaul_hub.Hub.publish

    async def counted(self, things):
        sent.extend(subject for subject, *_ in things)
        return await publish(self, things)

    monkeypatch.setattr(backhaul_hub.Hub, "publish", counted)

    async def story():
        async with (
            hub(tmp_path) as server,
            Valley(tmp_path / "a", [server.url]) as a,
            Valley(tmp_path / "b", [server.url]) as b,
        ):
            await a.connected()
            await b.connected()
            first, second = some_parcel(), some_parcel()
            hand_in(a, first)
            await until(lambda: has(b, first), WAIT_S, "it to cross")
            hand_in(b, second)
            await until(lambda: has(a, second), WAIT_S, "the other to cross")
            # b has looked at all that its node holds since the first came
            await until(lambda: b.backhaul.choice._done >= shorts(b, first, second), WAIT_S, "")
            await until(lambda: a.backhaul.choice._done >= shorts(a, first, second), WAIT_S, "")
            assert len(sent) == len(set(sent)) == 2
            for valley in (a, b):
                assert valley.gateway.node.index.count_held() == 2
                assert len(valley.backhaul.box.crossing) == 2

    play(story)


def test_what_one_pushed_is_not_read_back(tmp_path, monkeypatch):
    read = backhaul_hub.Hub.read
    found_in_all = []

    async def noted(self, subject, after, most):
        found, more = await read(self, subject, after, most)
        found_in_all.extend(found)
        return found, more

    monkeypatch.setattr(backhaul_hub.Hub, "read", noted)

    async def story():
        async with hub(tmp_path) as server, Valley(tmp_path / "a", [server.url]) as a:
            await a.connected()
            hand_in(a, *(some_parcel() for _ in range(200)))
            everything = a.backhaul.key.filters(set())[2]
            await until(lambda: a.backhaul.box.place(everything) == 200, WAIT_S, "its own number")
            assert found_in_all == []

    play(story)


def test_mail_for_a_phone_here_that_does_not_come_crosses_too(tmp_path):
    """Its person may have gone where only the hub leads."""

    async def story():
        async with hub(tmp_path) as server, Valley(tmp_path / "a", [server.url]) as a:
            await a.connected()
            ana, cleo = await two_phones(a)
            local = ana.seal(cleo.card, "next door")
            await ana.post(local)
            held = a.office.outbox._held
            held.update(dict.fromkeys(held, 0.0))  # a minute goes by
            node = a.gateway.node
            await until(lambda: node.index.count_held() == 1, WAIT_S, "it to be in the mesh")

            async def one():
                return len(await at_hub(server, a)) == 1

            await until(one, WAIT_S, "it to cross")

    play(story)


def shorts(valley, *immutables):
    return {valley.gateway.node.shelf.short_of(immutable) for immutable in immutables}


def test_only_what_is_wanted_crosses(tmp_path):
    async def story():
        async with (
            hub(tmp_path) as server,
            Valley(tmp_path / "a", [server.url], after_s=LATER) as a,
            Valley(tmp_path / "b", [server.url], after_s=LATER) as b,
            Valley(tmp_path / "c", [server.url], after_s=LATER) as c,
        ):
            for valley in (a, b, c):
                await valley.connected()
            ana, bo = await two_phones(a, b)
            local, far = Phone("Cleo", a.client), Phone("nobody")
            befriend(ana, local)
            await local.register()
            node = b.gateway.node.node_id
            way = node[-parcel.ROUTE_LEN :] + to_bytes(b.config.cell)
            await ana.post(ana.seal(local.card, "next door"))
            await ana.post(ana.seal(far.card, "to somebody who may yet come"))
            await ana.post(ana.seal(bo.card, "to Bo's gateway", way=way))
            record = announce.parcel_of(bytes(40), os.urandom(16))
            a.gateway.put_out(record, 0)
            await ana.post(ana.seal(far.card, "help", SOS))
            await until(bo.letters, WAIT_S, "what was addressed to Bo's gateway")
            assert await bo.read() == ["to Bo's gateway"]
            sos = f"helio.{a.backhaul.key.region}.{ALL}.s."
            for valley in (b, c):
                await until(lambda v=valley: has(v, record), WAIT_S, "the announcement")
                node_of = valley.gateway.node
                await until(lambda n=node_of: n.index.count_held() >= 2, WAIT_S, "the SOS")
            there = {s.split(".", 2)[2].rsplit(".", 2)[0] for s in await at_hub(server, a)}
            to_b = b.backhaul.key.address(int.from_bytes(node[-2:], "big"))
            assert there - {f"{to_b}.r", "all.r"} <= {"all.s", "all.m", f"{to_b}.m"}
            assert sum(s.startswith(sos) for s in await at_hub(server, a)) == 1
            rows = c.desk.db.execute("SELECT count(*), sum(address = 'all') FROM backhaul_item")
            assert tuple(rows.fetchone()) == (2, 2)  # of what was for b nothing went there
            waiting = a.desk.db.execute("SELECT count(*) FROM backhaul_item WHERE came = 0")
            assert waiting.fetchone()[0] in (2, 3)  # SOS, record, and Bo's as long as it lived

    play(story)


def test_weeks_offline_it_goes_on_where_it_was(tmp_path, monkeypatch):
    asked = []
    read = backhaul_hub.Hub.read

    async def noted(self, subject, after, most):
        found, more = await read(self, subject, after, most)
        asked.append((self._key, subject, after, len(found)))
        return found, more

    monkeypatch.setattr(backhaul_hub.Hub, "read", noted)

    async def story():
        async with hub(tmp_path) as server, Valley(tmp_path / "a", [server.url]) as a:
            before, after = [[some_parcel() for _ in range(100)] for _ in range(2)]
            async with Valley(tmp_path / "b", [server.url]) as b:
                hand_in(a, *before)
                await until(lambda: all(has(b, p) for p in before), WAIT_S, "the first hundred")
            hand_in(a, *after)

            async def there():
                return len(await at_hub(server, a)) == 200

            await until(there, WAIT_S, "the second hundred")
            asked.clear()
            async with Valley(tmp_path / "b", [server.url]) as b:
                await until(lambda: all(has(b, p) for p in after), WAIT_S, "what it missed")
                came = [n for key, _, _, n in asked if key is b.backhaul.key]
                assert sum(came) == 100

    play(story)


def test_a_hub_that_was_rebuilt_is_filled_again(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.backhaul_session.AGAIN_S", 0)

    async def story():
        async with hub(tmp_path) as server:
            async with (
                Valley(tmp_path / "a", [server.url]) as a,
                Valley(tmp_path / "b", [server.url]) as b,
            ):
                mine, theirs = some_parcel(), some_parcel()
                hand_in(a, mine)
                hand_in(b, theirs)
                await until(lambda: has(b, mine) and has(a, theirs), WAIT_S, "both to cross")
            server.stop()
            server.wipe()
            server.start()
            await server.up()
            # only one of the two is left: it brings back its own and the other's
            async with Valley(tmp_path / "a", [server.url]) as a:

                async def there():
                    return len(await at_hub(server, a)) == 2

                await a.connected()
                await until(there, WAIT_S, "the hub to have both again")
                async with Valley(tmp_path / "c", [server.url]) as c:
                    await until(lambda: has(c, mine) and has(c, theirs), WAIT_S, "both to cross")

    play(story)


def test_garbage_at_the_hub(tmp_path):
    async def story():
        async with hub(tmp_path) as server, Valley(tmp_path / "a", [server.url]) as a:
            await a.connected()
            nc = await as_operator([server.url])
            key = a.backhaul.key
            good = some_parcel()
            stolen = key.seal(key.subject(ALL, good), item_of(good))
            start = f"helio.{key.region}.{ALL}.m"
            for subject, data in (
                (f"{start}.{'0' * 16}.{'1' * 16}", b""),
                (f"{start}.{'0' * 16}.{'2' * 16}", os.urandom(300)),
                (f"{start}.{'0' * 16}.{'3' * 16}", stolen),
                (f"{start}.short", b"\1" + os.urandom(40)),
            ):
                assert b"seq" in (await nc.request(subject, data)).data
            await nc.publish(key.subject(ALL, good), stolen)
            await until(lambda: has(a, good), WAIT_S, "the good one")
            assert a.backhaul.box.damaged == 4
            await nc.close()

    play(story)


def item_of(immutable):
    from gateway.backhaul_item import Item

    return Item(1, 0, 7, immutable)


def test_sync_looks_at_once(tmp_path):
    """What a bell did not tell is read when somebody asks for it."""

    async def story():
        async with (
            hub(tmp_path) as server,
            Valley(tmp_path / "a", [server.url]) as a,
            Valley(tmp_path / "b", [server.url]) as b,
        ):
            await a.connected()
            await b.connected()
            sessions = [v.backhaul._session for v in (a, b)]
            assert all(isinstance(s, Session) for s in sessions)
            await until(lambda: len(sessions[1]._armed) == 4, WAIT_S, "all bells")
            sessions[1]._rings = lambda subject, number: None  # too late: they hang already
            from gateway.backhaul import WISH
            from gateway.database import set_meta

            one = some_parcel()
            hand_in(a, one)

            async def there():
                return len(await at_hub(server, a)) == 1

            await until(there, WAIT_S, "the hub to have it")
            set_meta(b.desk.db, WISH, b"now")
            await until(lambda: has(b, one), WAIT_S, "it to be read")

    play(story)
