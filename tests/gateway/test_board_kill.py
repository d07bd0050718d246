"""kill -9 of a real gateway process while phones tell things to everybody and take them back: what
was acknowledged is on the board after the next start, once, and what was taken back is not."""

import asyncio
import os
import random
import signal
import sqlite3

import aiohttp
import pytest

from gateway.notices import SOS
from gateway.web.requests import b64, unb64
from tests.gateway.phone import Phone
from tests.gateway.test_board_api import told_by
from tools.field import FieldGateway

pytestmark = pytest.mark.system
PHONES = 5
LOAD_S = (0.02, 0.3)


def test_power_cuts_lose_nothing_that_was_told_or_taken_back(tmp_path):
    kills = int(os.environ.get("HELIO_KILLS", "8"))
    house = FieldGateway("A", "Ana", tmp_path, bytes(32), "")
    house.desk.close()  # ours would keep SQLite from recovering after a kill
    dice, told, cancelled, unsure = random.Random(kills), {}, set(), set()
    try:
        for round_ in range(kills):
            house.start()
            phones = [Phone(f"phone {round_} {n}") for n in range(PHONES)]
            asyncio.run(_use(house, phones, dice, told, cancelled, unsure))
        house.start()
        rows = asyncio.run(_board(house))
    finally:
        house.stop(signal.SIGKILL)
    states = {unb64(row["mid"], "mid"): row["state"] for row in rows}
    assert len(states) == len(rows)
    assert len(told) > 3 * kills
    assert len(cancelled) > kills
    for mid, parcel in told.items():
        if mid not in unsure:
            assert states[mid] == ("cancelled" if mid in cancelled else "live")
        if states[mid] == "live":
            assert any(row.get("parcel") == b64(parcel) for row in rows)
    db = sqlite3.connect(house.folder / "heliograph.db")
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    db.close()


async def _use(house, phones, dice, told, cancelled, unsure):
    async with aiohttp.ClientSession(house.url) as session:
        for phone in phones:
            phone.client = session
            await phone.register()
        work = [asyncio.create_task(_tell(phone, told, cancelled, unsure)) for phone in phones]
        await asyncio.sleep(dice.uniform(*LOAD_S))  # the moment of the power cut
        house.stop(signal.SIGKILL)
        await asyncio.gather(*work)


async def _tell(phone, told, cancelled, unsure):
    """Two calls for help and six check-ins, every third taken back again."""
    try:
        for n in range(8):
            more = {"type_": SOS, "need": 1} if n < 2 else {}
            parcel, token = told_by(phone, f"{n}", unix_s=1000 + n, **more)
            mid = parcel[2:14]
            status, _ = await phone.ask("POST", "/api/notices", {"notices": [b64(parcel)]})
            assert status == 201
            told[mid] = parcel
            if n % 3 == 0:
                unsure.add(mid)  # until the answer is there it may be either
                await phone.done("POST", "/api/notices/cancel", {"tokens": [b64(token)]})
                cancelled.add(mid)
                unsure.discard(mid)
    except (aiohttp.ClientError, ConnectionError):
        pass


async def _board(house):
    async with aiohttp.ClientSession(house.url) as session:
        phone = Phone("looks", session)
        await phone.register()
        rows, after = [], 0
        while page := (await phone.done("GET", f"/api/board?after={after}"))["notices"]:
            rows += page
            after = page[-1]["seq"]
        return rows
