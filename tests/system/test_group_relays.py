"""A group's messages and confirmations through virtual boards with the real firmware."""

import asyncio

import aiohttp
import pytest

from gateway.web.requests import unb64
from tests.gateway.group_letters import Epoch, group_id
from tests.gateway.phone import befriend
from tests.gateway.test_group_mail import SECRET, Member
from tools.field import Field, until

pytestmark = pytest.mark.system
WAIT_S = 60


def test_two_of_three_readers_are_behind_relays(tmp_path):
    field = Field(relays=3, loss=0.02, seed=11, keep=tmp_path)
    try:
        for gateway in (field.a, field.b):
            gateway.start()
        asyncio.run(talk(field))
        assert field.broken() == ""
    finally:
        field.close()


async def talk(field):
    async with aiohttp.ClientSession(field.a.url) as a, aiohttp.ClientSession(field.b.url) as b:
        ana, bo, cy, di = phones = [
            Member(name, at) for name, at in (("Ana", a), ("Bo", a), ("Cy", b), ("Di", b))
        ]
        befriend(*phones)
        gid = group_id(ana.card.ed25519, bytes(16))
        group = Epoch(gid, 1, SECRET, [phone.card.ed25519 for phone in phones])
        for phone in phones:
            phone.join(group)
            await phone.register()
        texts = ["at the well", "water " * 400]
        said = [await ana.say(text, phones[1:]) for text in texts]

        async def all_have_all():
            return all([len(await phone.letters()) == 2 for phone in (bo, cy, di)])

        await until(all_have_all, WAIT_S, "the letters")
        for phone in (bo, cy, di):
            assert sorted(await phone.read_group(phones)) == sorted(texts)

        async def confirmed():
            return all([await ana.who_has(locks) == ["Bo", "Cy", "Di"] for _, locks in said])

        await until(confirmed, WAIT_S, "all confirmations")
        for mid, _ in said:
            assert await ana.recall(mid) == 1

        async def let_go():
            mesh = await ana.done("GET", "/api/mesh")
            return mesh["posted_open"] == 0

        assert {unb64(s["mid"], "mid") for s in await ana.states()} >= {mid for mid, _ in said}
        await until(let_go, WAIT_S, "the gateway to let go")
