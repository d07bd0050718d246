"""The board over HTTP and over the mesh: two gateways, phones at both."""

import asyncio
import os
import time

import pytest

from gateway import certificate, network, notices
from gateway.board_keeper import leaves_at_once
from gateway.database import writing
from gateway.network_card import NetworkFacts
from gateway.notices import ANNOUNCEMENT, SAFE, SOS, Notice, read, sign
from gateway.web.board_api import BoardApi
from gateway.web.rates import CALLS, NOTICES
from gateway.web.requests import b64, unb64
from gateway.web.server import PHONES
from shared_protocol import receipt
from tests.gateway.notice_kit import call, notice, token_of
from tests.gateway.people_kit import public, signing_key
from tests.gateway.two_gateways import House, join, part, two_phones

WAIT_S = 20
OPERATOR = signing_key("operator")


class Hall(House):
    """A gateway with a board, as `helio gateway run` has it."""

    def routes_for(self, app):
        gateway = self.gateway
        signed = app[PHONES].signed
        return BoardApi(self.office, gateway.board, self.desk, gateway.clock_s, signed).routes()


def know_operator(folder):
    folder.mkdir()
    facts = NetworkFacts("n", "EU", 6, bytes(32), 0, public(OPERATOR), None)
    network.create(folder, facts)


def told_by(phone, label="1", type_=SAFE, **more):
    """(parcel, token) of a notice of this phone."""
    token = token_of(f"{phone.card.name} {label}")
    said = Notice(type_, more.pop("unix_s", int(time.time())), phone.card.ed25519,
                  phone.card.name, **more)  # fmt: skip
    return sign(phone.identity.signing, said, token), token


async def post(phone, *parcels):
    return await phone.ask("POST", "/api/notices", {"notices": [b64(p) for p in parcels]})


async def board(phone, after=0, query=""):
    return await phone.done("GET", f"/api/board?after={after}{query}")


async def until(phone, holds, query=""):
    """The board, as soon as it is so."""
    for _ in range(WAIT_S * 20):
        told = await board(phone, query=query)
        if holds(told["notices"]):
            return told["notices"]
        await asyncio.sleep(0.05)
    raise AssertionError(told)


async def come(holds):
    """As soon as it is so."""
    for _ in range(WAIT_S * 50):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")


def scene(tmp_path, story, number=2):
    async def run():
        async with Hall(tmp_path / "a") as a:
            if number == 1:
                return await story(a, *await two_phones(a))
            async with Hall(tmp_path / "b") as b:
                join(a, b)
                await story(a, b, *await two_phones(a, b))

    asyncio.run(run())


def test_a_call_for_help_shows_at_the_other_gateway_and_its_end_too(tmp_path):
    async def story(a, b, ana, bo):
        immutable, token = told_by(ana, type_=SOS, need=3, text="in the cellar", battery=7,
                                   place=(46_948_123, 7_447_400))  # fmt: skip
        assert await post(ana, immutable) == (201, {"states": ["live"]})
        (row,) = await until(bo, lambda rows: rows)
        said = read(unb64(row["parcel"], "parcel"))
        assert (said.text, said.need, said.place, said.battery) == (
            "in the cellar", 3, (46_948_123, 7_447_400), 7
        )  # fmt: skip
        assert said.device == ana.card.ed25519
        assert (row["state"], row["way"], row["relays"]) == ("live", 0, 0)
        assert row["age_s"] < WAIT_S
        await until(ana, lambda rows: rows[0]["way"] == 2)  # a neighbour has it
        before = (await board(bo))["seq"]
        value = {"tokens": [b64(token)]}
        assert await ana.done("POST", "/api/notices/cancel", value) == {"cancelled": 1}
        (row,) = await until(bo, lambda rows: rows[0]["state"] == "cancelled")
        assert receipt.message_id(unb64(row["token"], "token")) == unb64(row["mid"], "mid")
        assert "parcel" not in row, "its words are gone"
        (changed,) = (await board(bo, before))["notices"]
        assert changed["state"] == "cancelled"
        for house in (a, b):
            node = house.gateway.node
            assert [row for row in node.index.rows() if node.index.held(row)] == []
            assert node.shelf.tombstone(immutable[2:14]) >= 0
        assert await ana.done("POST", "/api/notices/cancel", value) == {"cancelled": 0}
        # who puts it out again finds it cancelled
        assert await post(ana, immutable) == (201, {"states": ["cancelled"]})

    scene(tmp_path, story)


def test_a_gateway_that_was_away_hears_it_and_its_end_afterwards(tmp_path):
    async def story(a, b, ana, bo):
        part(a, b)
        mine, token = told_by(ana, type_=SOS, need=1)
        other, _ = told_by(ana, "2", text="all well here")
        assert (await post(ana, mine, other))[0] == 201
        await ana.done("POST", "/api/notices/cancel", {"tokens": [b64(token)]})
        assert (await board(bo))["notices"] == []
        join(a, b)
        (row,) = await until(bo, lambda rows: rows)
        assert read(unb64(row["parcel"], "parcel")).text == "all well here"
        assert b.gateway.board.board.row(mine[2:14]) is None

    scene(tmp_path, story)


def test_all_is_still_there_after_a_restart(tmp_path):
    async def story():
        async with Hall(tmp_path / "a") as a:
            ana, _ = await two_phones(a)
            mine, _ = told_by(ana, type_=SOS, need=1)
            gone, gone_token = told_by(ana, "2")
            assert (await post(ana, mine, gone))[0] == 201
            value = {"tokens": [b64(gone_token)]}
            await ana.done("POST", "/api/notices/cancel", value)
        async with Hall(tmp_path / "a") as a, Hall(tmp_path / "b") as b:
            _, bo = await two_phones(a, b)
            join(a, b)
            rows = await until(bo, lambda rows: rows)
            assert [unb64(row["parcel"], "p") for row in rows] == [mine]

    asyncio.run(story())


def test_what_came_just_before_the_power_went_is_on_the_board_afterwards(tmp_path):
    """The node had it on the disk already, the board had not."""

    async def story():
        ended, fresh = call("Ana"), call("Bo")
        async with Hall(tmp_path / "a") as a:
            keeper = a.gateway.board
            with writing(a.desk.db):
                keeper.board.post(ended, a.gateway.clock_s())
            await come(lambda: a.gateway.node.shelf.rows_of(ended[2:14]))
            a.gateway.mailroom.on_notice = lambda immutable: None
            a.gateway.mailroom.on_receipt = keeper.look = lambda *told: None
            node = a.gateway.node
            now_ms = time.monotonic_ns() // 1_000_000
            node.submit(fresh, 0, 0, now_ms)
            node.submit_receipt(receipt.encode(token_of("Ana 1"), 1, 8), 0, now_ms)
            node.shelf.sync()
            assert keeper.board.row(fresh[2:14]) is None
        async with Hall(tmp_path / "a") as a:
            row = a.gateway.board.board.row
            await come(lambda: row(fresh[2:14]) is not None)
            await come(lambda: row(ended[2:14])["state"] == "cancelled")
            assert row(fresh[2:14])["state"] == "live"

    asyncio.run(story())


def test_a_cancelled_notice_that_somebody_puts_out_again_is_cancelled_again(tmp_path):
    async def story(a, b, ana, bo):
        mine, token = told_by(ana, type_=SOS, need=1)
        await post(ana, mine)
        await until(bo, lambda rows: rows)
        await ana.done("POST", "/api/notices/cancel", {"tokens": [b64(token)]})
        await until(bo, lambda rows: rows[0]["state"] == "cancelled")
        node = b.gateway.node
        part(a, b)
        node.shelf.remove(
            node.shelf.tombstone(mine[2:14])
        )  # as it is when the tombstone's time is over
        for row in node.index.rows():
            if not node.index.held(row):
                node.shelf.remove(row)
        b.gateway.mailroom.handle(("arrived", mine, 1))
        assert (await board(bo))["notices"][0]["state"] == "cancelled"
        await come(lambda: node.shelf.tombstone(mine[2:14]) >= 0)  # the token is told again

    scene(tmp_path, story)


def test_what_is_no_notice_of_this_phone_is_refused_with_a_sentence(tmp_path):
    async def story(a, ana, bo):
        mine, _ = told_by(ana)
        forged = mine[:-1] + bytes([mine[-1] ^ 1])
        cases = {
            mine[:20]: "lengths",
            forged: "signature",
            b"\x00" + mine[1:]: "none of a notice",
            told_by(bo)[0]: "another device",
            b"": "one frame",
            mine + bytes(250): "one frame",
            notices.certificate_parcel(b"x" * 120, bytes(16)): "operator",
        }
        for bad, says in cases.items():
            status, answer = await post(ana, bad)
            assert status == 400, bad
            assert says in answer["error"]
        assert (await post(ana, mine, forged))[0] == 400
        assert (await board(ana))["notices"] == [], "all of them or none"
        for tokens in (["x"], [b64(bytes(15))], [], [5], "x"):
            status, _ = await ana.ask("POST", "/api/notices/cancel", {"tokens": tokens})
            assert status == 400
        for query in ("?after=-1", "?after=x", "?sos=2"):
            assert (await ana.ask("GET", "/api/board" + query))[0] == 400
        answer = await ana.client.get("/api/board")
        assert answer.status == 401

    scene(tmp_path, story, 1)


def test_calls_for_help_pass_when_a_phone_has_said_enough(tmp_path):
    async def story(a, ana, bo):
        for n in range(int(NOTICES.burst)):
            assert (await post(ana, told_by(ana, f"{n}", unix_s=1000 + n)[0]))[0] == 201
        status, answer = await post(ana, told_by(ana, "more")[0])
        assert status == 429
        assert "notices" in answer["error"]
        assert (await post(ana, told_by(ana, "0", unix_s=1000)[0]))[0] == 201, "known: no news"
        # a token of a notice that is here is always welcome, one for nothing is not
        token = token_of(f"Ana {int(NOTICES.burst) - 1}")
        said = await ana.done("POST", "/api/notices/cancel", {"tokens": [b64(token)]})
        assert said == {"cancelled": 1}
        value = {"tokens": [b64(os.urandom(16))]}
        assert (await ana.ask("POST", "/api/notices/cancel", value))[0] == 429
        for n in range(int(CALLS.burst)):
            mine, _ = told_by(ana, f"s{n}", type_=SOS, need=1, unix_s=2000 + n)
            assert (await post(ana, mine))[0] == 201
        assert (await post(ana, told_by(ana, "s", type_=SOS, need=1)[0]))[0] == 429
        calls = (await board(ana, query="&sos=1"))["notices"]
        assert {row["type"] for row in calls} == {SOS}
        assert [row["state"] for row in calls] == ["live"] * 2, "its author's newest"

    scene(tmp_path, story, 1)


def test_a_full_disk_takes_calls_for_help_alone(tmp_path, monkeypatch):
    async def story(a, ana, bo):
        full = type("Usage", (), {"free": 1000})
        monkeypatch.setattr("gateway.web.board_api.shutil.disk_usage", lambda path: full)
        status, answer = await post(ana, told_by(ana)[0])
        assert (status, answer["code"]) == (507, "no-room")
        assert (await post(ana, told_by(ana, "s", type_=SOS, need=1)[0]))[0] == 201

    scene(tmp_path, story, 1)


def test_the_board_comes_in_pages_and_says_what_its_number_is(tmp_path):
    async def story(a, ana, bo):
        with writing(a.desk.db):
            for n in range(130):
                a.gateway.board.board.take(notice(f"{n}"), 1, 0, 0, 1)
        first = await board(ana)
        assert (len(first["notices"]), first["more"], first["seq"]) == (100, True, 130)
        last = await board(ana, first["notices"][-1]["seq"])
        assert (len(last["notices"]), last["more"]) == (30, False)
        assert (await board(ana, 130))["notices"] == []
        assert len((await board(ana, 131))["notices"]) == 100, (
            "of another life: from the beginning"
        )
        told = await (await ana.client.get("/api/gateway")).json()
        assert told["board"] == 130

    scene(tmp_path, story, 1)


def test_an_announcement_comes_with_what_proves_it(tmp_path):
    know_operator(tmp_path / "a")
    know_operator(tmp_path / "b")

    async def story(a, b, ana, bo):
        now_s = int(time.time())
        raw = certificate.sign_organiser(OPERATOR, ana.card.ed25519, "Hall", now_s, 30)
        published = notices.certificate_parcel(raw, os.urandom(16))
        mine, _ = told_by(ana, type_=ANNOUNCEMENT, text="water at 8")
        assert (await post(ana, published, mine))[0] == 201
        await until(bo, lambda rows: rows)
        await come(lambda: b.gateway.board.board.organisers.of(ana.card.ed25519) is not None)
        told = await board(bo)
        operator = unb64(told["operator"], "operator")
        assert operator == public(OPERATOR)
        (proof,) = told["organisers"]
        said = certificate.check_organiser(unb64(proof, "c"), operator, now_s)
        assert (said.key, said.name) == (ana.card.ed25519, "Hall")

    scene(tmp_path, story)


def test_a_forged_one_is_let_go_by_the_gateway_that_sees_it(tmp_path):
    async def story(a, b, ana, bo):
        mine, _ = told_by(ana, type_=SOS, need=1)
        forged = mine[:-1] + bytes([mine[-1] ^ 1])
        a.gateway.node.submit(forged, 0, 0, 10**9)
        await come(lambda: b.gateway.board.board.counts["refused"])
        assert (await board(bo))["notices"] == []
        node = b.gateway.node
        assert [row for row in node.index.rows() if node.index.held(row)] == []
        status = await bo.done("GET", "/api/mesh")
        assert status["board"] == {"refused": 1}

    scene(tmp_path, story)


def test_who_listens_is_told_that_the_board_has_changed(tmp_path):
    async def story(a, b, ana, bo):
        path = "/api/events?after=0"
        async with bo.client.get(f"{path}&key={bo.sign('GET', path)}") as stream:
            assert (await stream.content.readline()).startswith(b"retry")
            await post(ana, told_by(ana, type_=SOS, need=1)[0])
            told = b""
            while b"\n\n" not in told.lstrip():
                told += await asyncio.wait_for(stream.content.readline(), WAIT_S)
            assert told.strip().split(b"\n") == [b"event: notice", b'data: {"seq":1}']

    scene(tmp_path, story)


def test_only_calls_to_everybody_leave_without_delay():
    assert leaves_at_once(call("Ana"))
    assert not leaves_at_once(notice("Ana"))
    assert not leaves_at_once(bytes([call("Ana")[0] & 0x07]) + call("Ana")[1:])


@pytest.mark.parametrize("limit", [2])
def test_what_was_too_much_in_this_hour_comes_in_the_next(tmp_path, monkeypatch, limit):
    monkeypatch.setattr("gateway.board.QUOTA", limit)

    async def story(a, b, ana, bo):
        with writing(a.desk.db):
            for n in range(limit + 2):
                a.gateway.board.board.post(notice(f"{n}"), 1000)
        await until(bo, lambda rows: len(rows) == limit)
        keeper, clock_s = b.gateway.board, b.gateway.clock_s
        await come(lambda: keeper.board.counts["flood"] >= 2)
        monkeypatch.setattr(b.gateway, "clock_s", lambda: clock_s() + 3601)
        await until(bo, lambda rows: len(rows) == limit + 2)

    scene(tmp_path, story)
