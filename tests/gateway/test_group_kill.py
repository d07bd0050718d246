"""kill -9 of a real gateway process while a group of phones writes, confirms and lets go."""

import asyncio
import random
import signal
import sqlite3

import aiohttp
import pytest

from gateway.web.requests import b64, unb64
from tests.gateway.group_letters import Epoch, ack_token, group_id
from tests.gateway.phone import befriend
from tests.gateway.test_group_mail import SECRET, Member
from tools.field import FieldGateway

pytestmark = pytest.mark.system
KILLS = 8
LOAD_S = (0.05, 0.4)  # the power goes some time after the load began


def test_power_cuts_lose_no_confirmation(tmp_path):
    house = FieldGateway("A", "Ana", tmp_path, bytes(32), "")
    house.desk.close()  # ours would keep SQLite from recovering after a kill
    dice = random.Random(7)
    phones = [Member(name) for name in ("Ana", "Bo", "Cy")]
    befriend(*phones)
    gid = group_id(phones[0].card.ed25519, bytes(16))
    group = Epoch(gid, 1, SECRET, [phone.card.ed25519 for phone in phones])
    for phone in phones:
        phone.join(group)
    said, confirmed = {}, set()
    try:
        for _ in range(KILLS):
            house.start()
            asyncio.run(use(house, phones, said, confirmed, dice))
        house.start()
        asyncio.run(look(house, phones, said, confirmed))
    finally:
        house.stop(signal.SIGKILL)
    assert len(said) > 2 * KILLS
    assert len(confirmed) > KILLS
    db = sqlite3.connect(house.folder / "heliograph.db")
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()


async def use(house, phones, said, confirmed, dice):
    """Load, and a kill in the middle of it."""
    async with aiohttp.ClientSession(house.url) as session:
        for phone in phones:
            phone.client = session
            await phone.register()
        work = [asyncio.create_task(write(phones, said))]
        work += [asyncio.create_task(read(phone, phones[0], confirmed)) for phone in phones[1:]]
        await asyncio.sleep(dice.uniform(*LOAD_S))  # the moment of the power cut
        house.stop(signal.SIGKILL)
        for done in await asyncio.gather(*work, return_exceptions=True):
            assert isinstance(done, (aiohttp.ClientError, ConnectionError)), done


async def write(phones, said):
    while True:
        ana = phones[0]
        mid, locks = await ana.say("well", phones[1:])
        said[mid] = locks


async def read(phone, author, confirmed):
    while True:
        for letter in await phone.letters():
            mid = unb64(letter["mid"], "mid")
            token = ack_token(phone.pair(author), mid)
            if (phone.id, mid) not in confirmed:
                ack = {"mid": b64(mid), "token": b64(token)}
                told = await phone.done("POST", "/api/receipts", {"acks": [ack]})
                assert told["taken"] == 1
                confirmed.add((phone.id, mid))


async def look(house, phones, said, confirmed):
    """What was acknowledged is there, once; the author hears of each confirmation, once."""
    async with aiohttp.ClientSession(house.url) as session:
        for phone in phones:
            phone.client = session
        for phone in phones[1:]:
            mids = [unb64(row["mid"], "mid") for row in await everything(phone, "letters")]
            assert len(mids) == len(set(mids))
            assert set(said) <= set(mids), "a message that was taken in is lost"
        ana = phones[0]
        told = [unb64(row["mid"], "mid") for row in await everything(ana, "states")]
        assert len(told) == len(set(told))
        for mid, locks in said.items():
            for lock, reader in locks.items():
                assert (lock in told) >= ((reader.id, mid) in confirmed), "a confirmation is lost"
        for mid in said:
            assert await ana.recall(mid) == 1


async def everything(phone, kind):
    rows = []
    while more := await phone.done("GET", f"/api/{kind}?after={rows[-1]['seq'] if rows else 0}"):
        rows += more
    return rows
