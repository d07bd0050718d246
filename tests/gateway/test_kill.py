"""kill -9 of a real gateway process on real SQLite, at random moments, while phones write, read
and acknowledge: nothing that was acknowledged is lost or there twice.

HELIO_KILLS says how often, instead of 20.
"""

import asyncio
import os
import random
import signal
import sqlite3
import statistics
import time
from collections import defaultdict
from pathlib import Path

import aiohttp
import pytest

from gateway.web.requests import unb64
from shared_protocol import records
from shared_protocol.errors import DecodeError
from tests.gateway.phone import Phone, befriend
from tools.field import FieldGateway

pytestmark = pytest.mark.system
PHONES = 6
RESTART_S = 2
LOAD_S = (0.02, 0.5)  # the power goes some time after the load began


class Ledger:
    """What the gateway has acknowledged, and what the phones have seen."""

    def __init__(self):
        self.posted = {}  # mid -> (who posted it, for whom)
        self.taken = set()  # mids that their phone has acknowledged, and was told so
        self.seqs = defaultdict(set)  # (phone, mid) -> numbers under which it was told
        self.delivered = set()
        self.after = defaultdict(int)  # up to which number each phone has read


def test_power_cuts(tmp_path):
    walls = _play(tmp_path, int(os.environ.get("HELIO_KILLS", "20")))
    assert statistics.median(walls) <= RESTART_S, walls


def _play(tmp_path, kills):
    """The seconds that each start took."""
    house = FieldGateway("A", "Ana", tmp_path, bytes(32), "")
    house.desk.close()  # ours would keep SQLite from recovering after a kill
    dice = random.Random(kills)
    phones = [Phone(f"phone {n}") for n in range(PHONES)]
    befriend(*phones)
    ledger, walls = Ledger(), []
    try:
        for round_ in range(kills + 1):
            last = round_ == kills
            walls.append(_start(house))
            asyncio.run(_use(house, phones, ledger, dice, last))
    finally:
        house.stop(signal.SIGKILL)
    _check_database(house.folder / "heliograph.db", ledger, phones)
    assert len(ledger.posted) > 10 * kills
    assert len(ledger.taken) > 3 * kills
    return walls


def _start(house):
    """How long it took until it serves. Its CPU time is bounded on a busy machine too."""
    started = time.monotonic()
    house.start()
    wall_s = time.monotonic() - started
    stat = Path(f"/proc/{house._process.pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    assert cpu_s <= RESTART_S, f"a start took {cpu_s} s of CPU time"
    return wall_s


async def _use(house, phones, ledger, dice, last):
    """Load, and a kill in the middle of it; the last time everything is looked at instead."""
    async with aiohttp.ClientSession(house.url) as session:
        for phone in phones:
            phone.client = session
            status, body = await phone.ask("GET", "/api/states?limit=0")
            if status == 401 and body["code"] == "unknown-device":
                assert not ledger.posted, "registered devices are remembered"
                await phone.register()
        if last:
            for phone in phones:
                await _look(phone, ledger)
            return
        work = [asyncio.create_task(_write(phone, phones, ledger, dice)) for phone in phones]
        work += [asyncio.create_task(_read(phone, ledger)) for phone in phones]
        await asyncio.sleep(dice.uniform(*LOAD_S))  # the moment of the power cut
        house.stop(signal.SIGKILL)
        await asyncio.gather(*work)


async def _write(phone, phones, ledger, dice):
    """Post until the gateway is gone: to those here, and to somebody on the mesh."""
    far_away = Phone("far away").card
    try:
        while True:
            to = dice.choice([*(p.card for p in phones if p is not phone), far_away])
            size = dice.choice((20, 20, 20, 1500))
            messages = [phone.seal(to, dice.randbytes(size // 2).hex()) for _ in range(2)]
            status, _ = await phone.ask("POST", "/api/post", {"messages": messages})
            if status == 201:
                for message in messages:
                    ledger.posted[unb64(message["mid"], "mid")] = (phone.id, to.id)
            else:
                assert status in (429, 507)
                await asyncio.sleep(0.05)
    except (aiohttp.ClientError, ConnectionError):
        pass


async def _read(phone, ledger):
    """Follow the events, open letters, acknowledge most of them."""
    try:
        while True:
            after = ledger.after[phone.id]
            events = await phone.done("GET", f"/api/events?wait=5&after={after}")
            tokens = {}
            for event in events:
                ledger.after[phone.id] = event["data"]["seq"]
                mid = _note(phone, event["event"], event["data"], ledger)
                if event["event"] == "letter" and mid[0] % 8 and mid not in ledger.taken:
                    _, tokens[mid] = phone.open(event["data"])
            for start in range(0, len(tokens), 64):
                some = dict(list(tokens.items())[start : start + 64])
                # fewer, if some were taken before a kill, and have given way since
                if await phone.receipts(*some.values()) == len(some):
                    ledger.taken |= some.keys()
    except (aiohttp.ClientError, ConnectionError):
        pass


def _note(phone, kind, told, ledger):
    mid = unb64(told["mid"], "mid")
    if kind == "letter":
        ledger.seqs[phone.id, mid].add(told["seq"])
    elif told["state"] == "delivered":
        assert unb64(told["token"], "token") == phone.tokens[mid]
        ledger.delivered.add(mid)
    return mid


async def _look(phone, ledger):
    """Everything that the gateway has for a phone, from the beginning."""
    for kind in ("letters", "states"):
        after = 0
        while rows := await phone.done("GET", f"/api/{kind}?after={after}"):
            for row in rows:
                _note(phone, kind[:-1], row, ledger)
            after = rows[-1]["seq"]


def _check_database(path, ledger, phones):
    here = {phone.id for phone in phones}
    for mid, (_, to) in ledger.posted.items():
        if to in here:
            assert len(ledger.seqs[to, mid]) == 1, "an acknowledged message is lost, or twice"
    assert all(len(seqs) == 1 for seqs in ledger.seqs.values())
    assert ledger.taken <= ledger.delivered, "an acknowledged receipt is lost"
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        posted = [bytes(row[0]) for row in db.execute("SELECT mid FROM posted")]
        kept = defaultdict(list)
        for (raw,) in db.execute("SELECT bytes FROM record"):
            try:
                record = records.decode(bytes(raw))
            except DecodeError:
                raise AssertionError("a record is damaged") from None
            if isinstance(record, records.Kept) and not record.is_receipt:
                kept[record.immutable[2:14]].append(record.immutable)
    finally:
        db.close()
    assert len(posted) == len(set(posted))
    assert set(ledger.posted) <= set(posted), "an acknowledged message is lost"
    for mid, (_, to) in ledger.posted.items():
        if to not in here:
            assert kept[mid], "the parcels of an acknowledged message are lost"
    for parcels in kept.values():
        assert len(parcels) == len(set(parcels)), "a parcel is there twice"
