"""How far long messages are, as listening phones are told: true, bounded, and never in the way."""

import asyncio
import json
import random

from gateway import underway
from gateway.sealing import seal
from gateway.underway import IN, NOTES_MAX, OUT, Underway
from shared_protocol.lifetime import NORMAL
from tests.gateway.phone import Phone, befriend, next_event
from tests.gateway.test_phone_mail import WAIT_S, hand_in, play
from tools.field import until

TEXT = random.Random(5).randbytes(1500).hex()


def test_notes_are_told_once_and_bounded():
    notes = Underway()
    notes.note("ana", IN, b"m", 1, 10)
    notes.note("bo", OUT, b"m", 5, 10)
    told, at = notes.after("ana", 0)
    assert told == [(IN, b"m", 1, 10)]
    notes.note("ana", IN, b"m", 1, 10)
    assert notes.after("ana", at)[0] == []
    notes.note("ana", IN, b"m", 2, 10)
    assert notes.after("ana", at)[0] == [(IN, b"m", 2, 10)]
    for i in range(2 * NOTES_MAX):
        notes.note("eve", IN, i.to_bytes(12, "big"), 1, 2)
    assert len(notes.after("eve", 0)[0]) == NOTES_MAX
    notes.ended((2 * NOTES_MAX - 1).to_bytes(12, "big"))
    assert len(notes.after("eve", 0)[0]) == NOTES_MAX - 1


def test_nobody_is_woken_for_each_piece(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(underway.time, "monotonic", lambda: now[0])
    notes = Underway()
    notes.note("ana", IN, b"m", 1, 10)
    assert notes.changed() == {"ana"}
    notes.note("ana", IN, b"m", 2, 10)
    assert notes.changed() == set()
    now[0] += underway.TELL_EVERY_S
    assert notes.changed() == {"ana"}
    assert notes.changed() == set()


def test_who_receives_sees_the_pieces_come_and_then_the_letter(tmp_path):
    async def story(a):
        bo, ana = Phone("Bo", a.client), Phone("Ana")
        befriend(ana, bo)
        await bo.register()
        sealed = seal(ana.identity, bo.card, TEXT.encode(), 1, NORMAL, 10)
        k = sealed.shape.k
        async with bo.events() as stream:
            hand_in(a, sealed.parcels[0])
            assert await pieces_told(stream) == {"way": "in", "pieces": [1, k]}
            for piece in sealed.parcels[1:3]:
                hand_in(a, piece)
            assert await pieces_told(stream) == {"way": "in", "pieces": [3, k]}
            for piece in sealed.parcels[3:]:
                hand_in(a, piece)
            seq, kind, letter = await next_event(stream)
            assert (seq, kind) == (1, "letter")
        assert a.office.underway.after(bo.id, 0)[0] == []
        assert bo.open(letter)[0] == TEXT

    play(story, tmp_path, "a")


def test_who_sends_sees_how_many_pieces_neighbours_have(tmp_path, monkeypatch):
    async def story(a):
        ana, bo = Phone("Ana", a.client), Phone("Bo")
        befriend(ana, bo)
        await ana.register()
        await ana.post(ana.seal(bo.card, TEXT))
        index = a.gateway.node.index
        parcels = a.desk.db.execute("SELECT parcels FROM posted").fetchone()[0]
        await until(lambda: index.count_held() == parcels, WAIT_S, "its parcels")
        monkeypatch.setattr(index, "compared", lambda row: True)
        async with ana.events(after=1) as stream:
            for count in (2, 3):
                for row in list(index.rows())[:count]:
                    index.cover[row] = 1
                assert await pieces_told(stream) == {"way": "out", "pieces": [count, parcels]}
            for row in index.rows():
                index.cover[row] = 1
            _, kind, state = await next_event(stream)
            assert (kind, state["state"]) == ("state", "on_mesh")
        assert a.office.underway.after(ana.id, 0)[0] == []

    play(story, tmp_path, "a")


async def pieces_told(stream):
    """What the next event says, which must be one of these."""
    async with asyncio.timeout(WAIT_S):
        line = b""
        while not line.startswith(b"event: "):
            line = await stream.content.readline()
        assert line == b"event: pieces\n"
        told = json.loads((await stream.content.readline()).removeprefix(b"data: "))
    del told["mid"]
    return told
