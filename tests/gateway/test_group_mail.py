"""A group's messages over real gateways: each member its own letter and confirmation."""

import asyncio

import pytest

from gateway.parcels import tag_key
from gateway.pieces import Shape
from gateway.web.requests import b64, unb64
from shared_protocol.receipt import message_id
from tests.gateway.group_letters import Epoch, ack_token, group_id, pair_secret
from tests.gateway.phone import Phone, befriend
from tests.gateway.test_phone_mail import WAIT_S, parcels, play
from tests.gateway.two_gateways import House, join, part
from tools.field import until

SECRET = bytes(range(16))


class Member(Phone):
    """A phone in a group, whose state it knows."""

    def join(self, group):
        self.group = group
        self.counter = 0
        self.recalls = {}  # mid -> token
        self.heard = []

    async def register(self, boxes=None):
        return await super().register(boxes or [self.card.mailbox_key, self.group.box])

    def pair(self, other):
        seed = self.identity.signing.private_bytes_raw()
        return pair_secret(seed, other.card.ed25519, self.group.gid)

    async def say(self, text, others):
        """Post to the group: (mid, {lock: reader})."""
        self.unix_s += 1
        token = message_id(bytes([self.counter]) + self.card.ed25519) + bytes(4)
        seed = self.identity.signing.private_bytes_raw()
        head, shape, bundle, hint = self.group.seal(
            seed, self.counter, text.encode(), token, self.unix_s
        )
        self.counter += 1
        mid = head[2:]
        locks = {message_id(ack_token(self.pair(other), mid)): other for other in others}
        message = {
            "mid": b64(mid), "b0": head[0], "b1": head[1], "hint": b64(hint),
            "bundle": b64(bundle), "watch": [b64(lock) for lock in locks], "way": "",
            "shape": None if shape is None else [shape.k, shape.n, shape.blocks],
            "tag_key": None if shape is None else b64(tag_key(self.group.box, mid)),
        }  # fmt: skip
        (told,) = await self.post(message)
        assert told["state"] == "queued"
        self.recalls[mid] = token
        return mid, locks

    async def read_group(self, authors):
        """Open all letters and confirm the new ones: their texts."""
        texts = []
        for letter in await self.letters():
            mid = unb64(letter["mid"], "mid")
            shape = None if letter["shape"] is None else Shape(*letter["shape"])
            head, bundle = unb64(letter["head"], "head"), unb64(letter["bundle"], "bundle")
            device, _, _, _, body = self.group.open(head, shape, bundle)
            texts.append(body.decode())
            author = next(one for one in authors if one.card.ed25519 == device)
            if mid not in self.heard:
                self.heard.append(mid)
                ack = {"mid": b64(mid), "token": b64(ack_token(self.pair(author), mid))}
                told = await self.done("POST", "/api/receipts", {"acks": [ack]})
                assert told["taken"] == 1
        return texts

    async def recall(self, mid):
        value = {"recalls": [b64(self.recalls[mid])]}
        return (await self.done("POST", "/api/receipts", value))["taken"]

    async def who_has(self, locks):
        """Those whose confirmation was told, each proven by its token."""
        found = []
        for state in await self.states():
            lock = unb64(state["mid"], "mid")
            if lock in locks:
                assert state["state"] == "delivered"
                assert message_id(unb64(state["token"], "token")) == lock
                found.append(locks[lock].card.name)
        return sorted(found)


async def members(*places):
    """Phones at these gateways, all of one group."""
    names = ("Ana", "Bo", "Cy", "Di")
    phones = [Member(name, house.client) for name, house in zip(names, places, strict=False)]
    befriend(*phones)
    gid = group_id(phones[0].card.ed25519, bytes(16))
    group = Epoch(gid, 1, SECRET, [phone.card.ed25519 for phone in phones])
    for phone in phones:
        phone.join(group)
        await phone.register()
    return phones


def letters_come(*phones):
    async def here():
        return all([await phone.letters() for phone in phones])

    return until(here, WAIT_S, "the letters")


@pytest.mark.parametrize("size", [40, 3000])
def test_each_of_several_readers_gets_it_and_confirms_it(tmp_path, size):
    async def story(a, b):
        ana, bo, cy, di = phones = await members(a, a, b, b)
        text = "well " * (size // 5)
        mid, locks = await ana.say(text, phones[1:])
        await letters_come(bo, cy, di)
        assert await ana.letters() == [], "it is no letter to herself"
        assert await cy.read_group(phones) == [text]
        assert await bo.read_group(phones) == [text]

        async def two():
            return await ana.who_has(locks) == ["Bo", "Cy"]

        await until(two, WAIT_S, "two confirmations")

        async def on_mesh():
            return await ana.state_of(b64(mid)) == "on_mesh"

        await until(on_mesh, WAIT_S, "the mesh to have it, no more than that")
        assert parcels(a) > 0
        assert parcels(b) > 0, "it is still there for whoever comes"
        assert await di.read_group(phones) == [text], "two confirmations took nothing from Di"

        async def three():
            return await ana.who_has(locks) == ["Bo", "Cy", "Di"]

        await until(three, WAIT_S, "all confirmations")
        guess = {"recalls": [b64(bytes(16))]}
        assert (await bo.done("POST", "/api/receipts", guess))["taken"] == 0
        assert parcels(b) > 0, "only its author, who has the token, lets go"
        assert await ana.recall(mid) == 1
        await until(lambda: parcels(a) == parcels(b) == 0, WAIT_S, "the mesh to let go of it")
        assert (await ana.states())[-1]["mid"] == b64(mid)

    play(story, tmp_path, "a", "b")


def test_who_joins_later_finds_what_is_still_on_the_mesh(tmp_path):
    async def story(a, b):
        ana, bo, cy = phones = await members(a, b, b)
        await cy.register([cy.card.mailbox_key])  # has not got the group's key yet
        _, locks = await ana.say("well " * 300, phones[1:])
        await letters_come(bo)
        await bo.read_group(phones)
        assert await cy.letters() == []
        await cy.register()
        await letters_come(cy)
        await cy.read_group(phones)

        async def both():
            return await ana.who_has(locks) == ["Bo", "Cy"]

        await until(both, WAIT_S, "both confirmations")

    play(story, tmp_path, "a", "b")


def test_the_author_walks_on_and_hears_there_who_has_it(tmp_path):
    async def story(a, b):
        ana, bo, cy = phones = await members(a, a, b)
        mid, locks = await ana.say("hello", phones[1:])
        await letters_come(bo, cy)
        await bo.read_group(phones)
        ana.client = b.client
        await ana.register()
        ana.counter = 0
        ana.unix_s -= 1
        again, _ = await ana.say("hello", phones[1:])
        assert again == mid
        await cy.read_group(phones)

        async def both():
            return await ana.who_has(locks) == ["Bo", "Cy"]

        await until(both, WAIT_S, "both confirmations, one of them from before")
        assert await ana.recall(mid) == 1
        await until(lambda: parcels(a) == parcels(b) == 0, WAIT_S, "both to let go of it")

    play(story, tmp_path, "a", "b")


def test_confirmations_and_the_recall_outlast_the_power(tmp_path):
    async def first():
        async with House(tmp_path / "a", 600) as a:
            a.gateway._delayed = lambda mean_s, action: None  # the delay outlasts the power
            ana, bo, cy = phones = await members(a, a, a)
            mid, locks = await ana.say("hello", [bo, cy])
            for phone in (bo, cy):
                assert await phone.read_group(phones) == ["hello"]
            assert await ana.who_has(locks) == ["Bo", "Cy"], "told at once, in one house"
            assert await ana.recall(mid) == 1
            assert parcels(a) == 1
            assert len(a.office.owed()) == 3
            return locks, mid

    async def second(locks, mid):
        async with House(tmp_path / "a") as a, House(tmp_path / "b") as b:
            await until(lambda: not a.office.owed(), WAIT_S, "all three to leave")
            assert parcels(a) == 0
            join(a, b)
            node = b.gateway.node
            known = [mid, *locks]
            await until(
                lambda: all(node.shelf.tombstone(one) >= 0 for one in known), WAIT_S, "them there"
            )
            part(a, b)

    async def scene():
        async with asyncio.timeout(60):
            await second(*await first())

    asyncio.run(scene())


@pytest.mark.parametrize(
    "value",
    [
        {}, {"acks": []}, {"acks": [5]}, {"acks": [{"mid": "AAAA", "token": b64(bytes(16))}]},
        {"acks": [{"mid": b64(bytes(12)), "token": b64(bytes(15))}]}, {"recalls": ["x"]},
        {"recalls": [b64(bytes(15))]}, {"recalls": "x"},
        {"tokens": [], "recalls": [b64(bytes(16))]},
    ],
)  # fmt: skip
def test_what_is_no_confirmation_is_refused(tmp_path, value):
    async def story(a):
        (ana,) = await members(a)
        status, told = await ana.ask("POST", "/api/receipts", value)
        assert status == 400, told
        nothing = {"acks": [{"mid": b64(bytes(12)), "token": b64(bytes(16))}]}
        assert await ana.done("POST", "/api/receipts", nothing) == {"taken": 0, "unknown": []}

    play(story, tmp_path, "a")
