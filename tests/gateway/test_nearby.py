"""Who is near: only who wished it, only here, and no longer than it is true."""

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import UserError
from gateway.identity import NO_BOX_ROOT, Identity
from gateway.web import nearby_api
from gateway.web.nearby_api import card_of
from gateway.web.requests import b64
from tests.gateway.phone import Phone
from tests.gateway.two_gateways import House, two_phones


def public(card):
    return replace(card, box_root=NO_BOX_ROOT).text()


async def register(phone, **more):
    boxes = [b64(phone.card.mailbox_key)]
    value = {"device": b64(phone.card.ed25519), "boxes": boxes, **more}
    return await phone.ask("PUT", "/api/device", value)


async def seen_by(phone):
    return [person["card"] for person in (await phone.done("GET", "/api/nearby"))["here"]]


def play(tmp_path, story):
    async def scene():
        async with asyncio.timeout(30), House(tmp_path) as house:
            await story(house, *await two_phones(house))

    asyncio.run(scene())


def test_nobody_is_seen_who_did_not_wish_it_or_wishes_it_no_more(tmp_path):
    async def story(house, ana, bo):
        assert await seen_by(bo) == []
        assert (await register(ana, seen_as=public(ana.card)))[0] == 200
        assert await seen_by(bo) == await seen_by(ana) == [public(ana.card)]
        assert (await register(bo, seen_as=public(bo.card)))[0] == 200
        assert await seen_by(bo) == [public(bo.card), public(ana.card)], "last heard first"
        await register(ana, seen_as="")
        assert await seen_by(bo) == [public(bo.card)]
        await register(bo)
        assert await seen_by(bo) == []

    play(tmp_path, story)


def test_who_is_silent_for_an_hour_is_forgotten(tmp_path, monkeypatch):
    async def story(house, ana, bo):
        await register(ana, seen_as=public(ana.card))
        asked = house.office.devices._asked
        asked[ana.id] -= nearby_api.SILENT_S - 60
        (told,) = (await bo.done("GET", "/api/nearby"))["here"]
        assert 3500 < told["ago_s"] < 3600
        asked[ana.id] -= 120
        assert await seen_by(bo) == []
        await ana.done("GET", "/api/mesh")
        assert await seen_by(bo) == [], "it has to say so again"

    play(tmp_path, story)


def test_a_stranger_is_told_nothing_and_who_gave_way_is_not_shown(tmp_path):
    async def story(house, ana, bo):
        await register(ana, seen_as=public(ana.card))
        assert (await Phone("Eve", house.client).ask("GET", "/api/nearby"))[0] == 401
        house.office.write_now(
            lambda: house.desk.db.execute("DELETE FROM device WHERE id = ?", (ana.id,))
        )
        house.office.devices.reload()
        assert await seen_by(bo) == []

    play(tmp_path, story)


def test_a_wrong_card_registers_nobody(tmp_path):
    async def story(house, ana, bo):
        eve = Phone("Eve", house.client)
        for wrong in (public(ana.card), eve.card.text(), "HELIO:AAAA", "x" * 500, 7, ["x"]):
            status, said = await register(eve, seen_as=wrong)
            assert (status, said["error"][-1]) == (400, ".")
        assert house.office.devices.get(eve.id) is None

    play(tmp_path, story)


def test_the_card_that_all_see_gives_away_no_mail():
    me = Identity.new("Ana").card
    with pytest.raises(UserError, match="box root"):
        card_of(me.ed25519, me.text())
    assert card_of(me.ed25519, public(me)) == public(me)
    assert card_of(me.ed25519, None) == ""
