"""Phones write to each other over real gateways: nothing lost, nothing twice, whoever is away."""

import asyncio
import itertools
import random
from types import SimpleNamespace

import pytest

from gateway import sorting
from gateway.gateway import _now_ms
from gateway.parcels import parcels_of
from gateway.sealing import hint_for, seal
from gateway.web.requests import b64, unb64
from shared_protocol.lifetime import NORMAL, SOS
from shared_protocol.parcel_index import WINDOW
from shared_protocol.receipt import message_id
from tests.gateway.phone import Phone, befriend, message_of, next_event
from tests.gateway.two_gateways import House, join, part, two_phones
from tools.field import until

WAIT_S = 15


def play(story, tmp_path, *names, **options):
    """Run story(*houses)."""

    async def scene():
        async with asyncio.timeout(60):
            if len(names) == 1:
                async with House(tmp_path / names[0], **options) as a:
                    await story(a)
                return
            async with (
                House(tmp_path / "a", **options) as a,
                House(tmp_path / "b", **options) as b,
            ):
                join(a, b)
                await story(a, b)

    asyncio.run(scene())


def parcels(house):
    rows = house.desk.db.execute("SELECT bytes FROM record")
    return sum(bytes(row[0])[:1] == b"P" for row in rows)


def a_minute_passes(house):
    """For what is held for somebody who is here."""
    held = house.office.outbox._held
    held.update(dict.fromkeys(held, 0.0))


def hand_in(house, immutable):
    """A parcel comes from the mesh."""
    house.gateway.node.submit(immutable, 3, 0, _now_ms())
    house.gateway.mailroom.handle(("arrived", immutable, 3))


def long_text(size):
    return random.Random(size).randbytes(size // 2).hex()


@pytest.mark.parametrize("size", [3, 3000, 20_000])
def test_a_message_crosses_the_mesh_and_its_receipt_comes_back(tmp_path, size):
    async def story(a, b):
        ana, bo = await two_phones(a, b)
        text = long_text(size)
        (posted,) = await ana.post(ana.seal(bo.card, text))
        assert posted["state"] == "queued"
        letters = await until(bo.letters, WAIT_S, "the letter")
        assert len(letters) == 1
        assert letters[0]["mid"] == posted["mid"]
        assert await bo.read() == [text]

        async def delivered():
            return await ana.state_of(posted["mid"]) == "delivered"

        await until(delivered, WAIT_S, "the receipt")
        assert parcels(a) == parcels(b) == 0, "the receipt has purged them"
        assert [letter["mid"] for letter in await bo.letters()] == [posted["mid"]], "a week longer"

    play(story, tmp_path, "a", "b")


def test_an_answer_goes_to_the_gateway_that_was_named(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a, b)
        way = unb64((await (await b.client.get("/api/gateway")).json())["way"], "way")
        assert len(way) == 3
        (posted,) = await ana.post(ana.seal(bo.card, "hello", way=way))
        await until(bo.letters, WAIT_S, "the letter")
        assert a.gateway.node.stats["unicasts_sent"] > 0
        assert await bo.read() == ["hello"]

        async def delivered():
            return await ana.state_of(posted["mid"]) == "delivered"

        await until(delivered, WAIT_S, "the receipt")

    play(story, tmp_path, "a", "b")


def test_every_state_is_told_in_its_order(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a, b)
        async with ana.events() as stream:
            (posted,) = await ana.post(ana.seal(bo.card, "hello"))
            assert (await next_event(stream))[2]["state"] == "queued"
            assert (await next_event(stream))[2]["state"] == "on_mesh"
            await until(bo.letters, WAIT_S, "the letter")
            await bo.read()
            seq, kind, told = await next_event(stream)
        assert (kind, told["state"], told["mid"]) == ("state", "delivered", posted["mid"])
        assert unb64(told["token"], "token") == ana.tokens[unb64(told["mid"], "mid")]
        assert await ana.states(after=seq) == []

    play(story, tmp_path, "a", "b")


def test_two_phones_of_one_gateway_need_no_relay_and_spare_the_mesh(tmp_path):
    async def story(a):
        ana, bo = await two_phones(a)
        async with ana.events() as hers, bo.events() as his:
            (posted,) = await ana.post(ana.seal(bo.card, long_text(900)))
            assert (await next_event(hers))[2]["state"] == "queued"
            _, kind, letter = await next_event(his)
            assert (kind, letter["relays"]) == ("letter", 0)
            assert await bo.read() == [long_text(900)]
            assert (await next_event(hers))[2]["state"] == "delivered"
        assert await ana.state_of(posted["mid"]) == "delivered"
        a.gateway._look_once()
        assert parcels(a) == 0
        assert a.gateway.node.index.size == 0, "the mesh has heard nothing of it"
        assert len(await bo.letters()) == 1

    play(story, tmp_path, "a")


def test_who_is_here_and_takes_nothing_is_looked_for_on_the_mesh(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a)
        (posted,) = await ana.post(ana.seal(bo.card, "hello"))
        a.gateway._look_once()
        assert parcels(a) == 0
        bo.client = b.client  # he has walked on, and nobody told this gateway
        await bo.register()
        a_minute_passes(a)
        letters = await until(bo.letters, WAIT_S, "the letter")
        assert await bo.read() == ["hello"]
        assert [one["mid"] for one in letters] == [posted["mid"]]

        async def delivered():
            return await ana.state_of(posted["mid"]) == "delivered"

        await until(delivered, WAIT_S, "the receipt")
        bo.client = a.client
        assert len(await bo.letters()) == 1, "his old gateway has it too, under the same id"

    play(story, tmp_path, "a", "b")


def test_an_emergency_call_does_not_wait_for_who_is_here(tmp_path):
    async def story(a):
        ana, bo = await two_phones(a)
        await ana.post(ana.seal(bo.card, "help", SOS))
        assert len(await bo.letters()) == 1
        assert parcels(a) == 1

    play(story, tmp_path, "a")


def test_who_is_away_finds_the_message_on_the_mesh_and_here(tmp_path):
    async def story(a):
        ana, bo = await two_phones(a)
        a.office.devices._asked.clear()  # nobody was here for five minutes
        await ana.post(ana.seal(bo.card, "hello"))
        assert parcels(a) == 1
        assert await bo.read() == ["hello"]
        await until(lambda: parcels(a) == 0, WAIT_S, "the receipt to purge it")

    play(story, tmp_path, "a")


def test_who_registers_later_finds_the_mail_that_came_before(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a)
        carl = Phone("Carl", b.client)
        befriend(ana, bo, carl)
        texts = ["short", long_text(4000)]
        await ana.post(*(ana.seal(carl.card, text) for text in texts))
        # a gateway holds pieces of a stranger's message only in part: the rest comes with the key
        node = b.gateway.node
        await until(lambda: WINDOW in node.index.state, WAIT_S, "the parcels")
        for row in [row for row in node.index.rows() if node.index.state[row] == WINDOW]:
            node.shelf.drop(row)  # passed on: others have that
        await carl.register()

        async def all_here():
            return len(await carl.letters()) == 2

        await until(all_here, WAIT_S, "both letters")
        assert sorted(await carl.read()) == sorted(texts)

    play(story, tmp_path, "a", "b")


def test_newcomers_do_not_start_the_search_for_mail_anew(tmp_path, monkeypatch):
    clock = itertools.count(0.0, 0.6 * sorting.SEARCH_S)  # a turn of the search looks at one row
    monkeypatch.setattr(sorting, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    async def story(a):
        search, a.gateway.mailroom.look = a.gateway.mailroom.look, lambda: None
        ana = Phone("Ana")
        strangers = [Phone(str(n), a.client) for n in range(4)]
        for n in range(12):
            sealed = seal(ana.identity, strangers[n % 4].card, str(n).encode(), 5, NORMAL, 8)
            hand_in(a, sealed.parcels[0])
        for stranger in strangers:
            await stranger.register()
            for _ in range(4):
                search()
        assert len(await strangers[0].letters()) == 3
        for _ in range(12):
            search()
        assert [len(await stranger.letters()) for stranger in strangers] == [3] * 4

    play(story, tmp_path, "a")


def test_the_gateways_own_person_and_a_phone_write_to_each_other(tmp_path):
    async def story(a):
        a.desk.create_identity("Desk")
        a.gateway.mailroom.reload()
        ana = Phone("Ana", a.client)
        ana.contacts = [a.desk.identity().card]
        await ana.register()
        a.desk.add_contact(ana.card.text(), None)
        a.desk.send("Ana", "from the desk")
        await until(ana.letters, WAIT_S, "the letter")
        assert await ana.read() == ["from the desk"]
        await until(
            lambda: a.desk.listing("out")[0]["state"] == "delivered", WAIT_S, "the desk's receipt"
        )
        (posted,) = await ana.post(ana.seal(a.desk.identity().card, "from the phone"))
        await until(lambda: a.desk.listing("in"), WAIT_S, "the message")

        async def delivered():
            return await ana.state_of(posted["mid"]) == "delivered"

        await until(delivered, WAIT_S, "the phone's receipt")
        assert [m["text"] for m in a.desk.listing("in")] == ["from the phone"]
        assert len(await ana.letters()) == 1

    play(story, tmp_path, "a")


def test_a_message_posted_again_at_the_next_gateway_arrives_once(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a, b)
        message = ana.seal(bo.card, "hello")
        await ana.post(message)
        assert (await ana.post(message)) == [{"mid": message["mid"], "state": "queued"}]
        await until(bo.letters, WAIT_S, "the letter")
        ana.client = b.client  # she walked over, and does not know how far it came
        await ana.register()
        await ana.post(message)
        assert len(await bo.letters()) == 1
        assert await bo.read() == ["hello"]

        async def delivered():
            return await ana.state_of(message["mid"]) == "delivered"

        await until(delivered, WAIT_S, "the receipt here")
        ana.client = a.client
        await until(delivered, WAIT_S, "the receipt there")
        assert (await ana.post(message)) == [{"mid": message["mid"], "state": "delivered"}]

    play(story, tmp_path, "a", "b")


def test_a_message_that_has_arrived_is_told_so_where_it_is_posted_for_the_first_time(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a, b)
        message = ana.seal(bo.card, "hello")
        await ana.post(message)
        await until(bo.letters, WAIT_S, "the letter")
        await bo.read()
        await until(lambda: b.gateway.node.index.known == 1, WAIT_S, "the receipt")
        ana.client = b.client
        await ana.register()
        assert (await ana.post(message)) == [{"mid": message["mid"], "state": "delivered"}]
        assert await ana.state_of(message["mid"]) == "delivered"

    play(story, tmp_path, "a", "b")


def test_everything_outlasts_a_restart(tmp_path):
    async def first():
        async with House(tmp_path / "a") as a:
            ana, bo = await two_phones(a)
            carl = Phone("Carl", a.client)
            befriend(ana, bo, carl)
            await ana.post(ana.seal(bo.card, "to somebody here"))
            await ana.post(ana.seal(carl.card, "to somebody far away"))
            assert parcels(a) == 1
            return ana, bo, carl

    async def second(ana, bo, carl):
        async with House(tmp_path / "a") as a, House(tmp_path / "b") as b:
            ana.client = bo.client = a.client
            carl.client = b.client
            await carl.register()
            join(a, b)
            assert [s["state"] for s in await ana.states()] == ["queued", "queued"]
            assert await bo.read() == ["to somebody here"]
            await until(carl.letters, WAIT_S, "the other")
            assert await carl.read() == ["to somebody far away"]

            async def delivered():
                return {s["state"] for s in await ana.states()} == {"delivered"}

            await until(delivered, WAIT_S, "both receipts")

    async def scene():
        async with asyncio.timeout(60):
            await second(*await first())

    asyncio.run(scene())


def test_a_receipt_owed_when_the_power_went_leaves_afterwards(tmp_path):
    async def scene():
        async with asyncio.timeout(60):
            async with House(tmp_path / "a", 600) as a:
                a.gateway._delayed = lambda mean_s, action: None  # the delay outlasts the power
                ana, bo = await two_phones(a)
                a.office.devices._asked.clear()
                await ana.post(ana.seal(bo.card, "hello"))
                assert await bo.read() == ["hello"]
                assert len(a.office.letters.owed()) == 1
                # the node here has let go of the parcels, others have not
                a.desk.db.execute("DELETE FROM record WHERE substr(bytes, 1, 1) = x'50'")
            async with House(tmp_path / "a") as a:
                await until(lambda: not a.office.letters.owed(), WAIT_S, "the receipt to leave")
                assert a.gateway.node.index.known == 1

    asyncio.run(scene())


def test_a_stranger_with_my_mailbox_key_gets_ciphertext_and_keeps_nothing_from_me(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a, b)
        mallory = Phone("Mallory", a.client)
        await mallory.register(boxes=[bo.card.mailbox_key])
        message = ana.seal(bo.card, "hello")
        await ana.post(message)
        (copy,) = await mallory.letters()
        assert copy["mid"] == message["mid"]
        assert await mallory.receipts(bytes(16)) == 0
        a_minute_passes(a)
        await until(bo.letters, WAIT_S, "the letter")
        assert await bo.read() == ["hello"]

    play(story, tmp_path, "a", "b")


def test_what_only_claims_to_be_a_message_does_not_keep_the_true_one_away(tmp_path):
    async def story(a):
        ana, bo = await two_phones(a)
        sealed = seal(ana.identity, bo.card, b"true", 5, NORMAL, 8)
        message = message_of(sealed, bo.card)
        true = unb64(message["bundle"], "bundle")
        for junk in (bytes(218), true[::-1]):
            head = sealed.parcels[0][:14]
            (forged,) = parcels_of(head, sealed.parcels[0][14:18], junk, None, b"", b"")
            hand_in(a, forged)
        hand_in(a, sealed.parcels[0])
        letters = await bo.letters()
        assert {letter["mid"] for letter in letters} == {b64(sealed.mid)}
        assert b64(true) in [letter["bundle"] for letter in letters]
        assert await bo.receipts(sealed.token) == 1
        assert a.office.status()["letters_waiting"] == 0

    play(story, tmp_path, "a")


def test_pieces_under_odd_shapes_do_no_harm(tmp_path):
    async def story(a):
        ana, bo = await two_phones(a)
        mid = bytes(range(12))
        hint = hint_for(bo.card.mailbox_key, mid)
        head = bytes([0b00000011, 8 << 4 | 2]) + mid
        for shape, payload in ((bytes([2, 2, 0]), 210), (bytes([2, 255, 15]), 3)):
            for index in range(2):
                part = head + bytes([index]) + shape + bytes(4) + hint + bytes(payload)
                hand_in(a, part)
        assert await bo.letters() == []
        await ana.post(ana.seal(bo.card, "still here"))
        assert await bo.read() == ["still here"]

    play(story, tmp_path, "a")


def test_a_broken_link_delays_and_loses_nothing(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a, b)
        part(a, b)
        texts = [f"message {i}" for i in range(12)]
        for text in texts:
            await ana.post(ana.seal(bo.card, text))
        assert await bo.letters() == []
        join(a, b)

        async def all_here():
            return len(await bo.letters()) == len(texts)

        await until(all_here, WAIT_S, "all of them")
        assert sorted(await bo.read()) == sorted(texts)

        async def delivered():
            return {s["state"] for s in await ana.states()} == {"delivered"}

        await until(delivered, WAIT_S, "all receipts")

    play(story, tmp_path, "a", "b")


def test_a_receipt_that_the_phone_hands_in_elsewhere_ends_the_message(tmp_path):
    async def story(a, b):
        ana, bo = await two_phones(a)
        message = ana.seal(bo.card, "hello")
        await ana.post(message)
        (letter,) = await bo.letters()
        _, token = bo.open(letter)
        a.desk.db.execute("DELETE FROM letter")  # he leaves before he could say that he has it
        a_minute_passes(a)
        bo.client = b.client
        await bo.register()
        part(a, b)
        said = await bo.done("POST", "/api/receipts", {"tokens": [b64(token)]})
        assert said == {"taken": 0, "unknown": []}
        join(a, b)

        async def delivered():
            return await ana.state_of(message["mid"]) == "delivered"

        await until(delivered, WAIT_S, "the receipt")
        assert await bo.receipts(token) == 0, "again: harmless"
        kept = b.desk.db.execute("SELECT count(*) FROM record WHERE substr(bytes, 1, 1) = x'52'")
        assert kept.fetchone()[0] == 1

    play(story, tmp_path, "a", "b")


def test_a_receipt_that_was_taken_for_another_gateway_survives_a_restart(tmp_path):
    token = bytes(range(16))

    async def scene():
        async with asyncio.timeout(60):
            async with House(tmp_path / "a", delay_max_s=60) as a:
                bo = Phone("Bo", a.client)
                await bo.register()
                said = await bo.done("POST", "/api/receipts", {"tokens": [b64(token)]})
                assert said == {"taken": 0, "unknown": []}
                assert a.gateway.node.shelf.tombstone(message_id(token)) < 0, "it waits"
            async with House(tmp_path / "a") as a:
                assert a.gateway.node.shelf.tombstone(message_id(token)) >= 0

    asyncio.run(scene())
