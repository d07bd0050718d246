"""The directory over HTTP: signed records out, signed records in, and nothing else."""

import asyncio
import base64
from collections import Counter
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.announce import Announcer
from gateway.desk import Desk
from gateway.device_auth import NotSigned
from gateway.directory import NEW_NAMES_OF_PHONE
from gateway.directory_records import read
from gateway.web import directory_api
from gateway.web.rates import Rates
from gateway.web.requests import REFUSED, errors
from tests.gateway.people_kit import Somebody

ANA = Somebody("Ana")


def text(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw(told):
    return base64.urlsafe_b64decode(told + "==")


async def signed(request):
    if not request.headers.get("X-Helio"):
        raise NotSigned("unsigned", "Sign it.")
    return SimpleNamespace(key=request.headers["X-Helio"].encode() * 32), await request.read()


def with_web(tmp_path, story):
    """Run story(client, parcels that were put out) against a server."""

    async def scene():
        desk = Desk(tmp_path)
        desk.create_identity("Bo")
        out = []
        mesh = SimpleNamespace(
            clock_s=lambda: 1000,
            put_out=lambda immutable, age: out.append(immutable[14:]),
            release=lambda token, code, done: done(),
        )
        app = web.Application(middlewares=[errors])
        app[REFUSED] = Counter()
        app.add_routes(directory_api.routes(Announcer(desk, mesh), signed, Rates()))
        async with TestClient(TestServer(app), headers={"X-Helio": "1"}) as client:
            await story(client, out)
        desk.close()

    asyncio.run(scene())


def test_what_is_posted_is_put_out_and_found_again_with_its_signatures(tmp_path):
    async def story(client, out):
        mine = [ANA.says(1), ANA.device_says(1)]
        answer = await client.post("/api/directory", json={"records": [text(r) for r in mine]})
        assert (answer.status, await answer.json()) == (201, {"announced": 2})
        assert out == mine
        for asked in ("Ana", "an", ANA.id, ""):
            found = await (await client.get("/api/directory", params={"name": asked})).json()
            (person,) = found["people"]
            assert (person["name"], person["id"], person["marks"]) == ("Ana", ANA.id, [])
            assert [raw(r) for r in person["records"]] == mine
            assert [read(raw(r)).account for r in person["records"]] == [ANA.account] * 2
        none = await (await client.get("/api/directory", params={"name": "Bo"})).json()
        assert none == {"people": []}

    with_web(tmp_path, story)


def test_both_of_a_conflict_and_both_of_a_name_are_told(tmp_path):
    async def story(client, out):
        other = Somebody("Ana", key=5)
        both = [ANA.says(3, (1,)), ANA.says(3, (2,))]
        for each in (*both, other.says(1)):
            await client.post("/api/directory", json={"records": [text(each)]})
        found = await (await client.get("/api/directory", params={"name": "ana"})).json()
        told = {p["id"]: p for p in found["people"]}
        assert [raw(r) for r in told[ANA.id]["records"]] == both
        assert told[ANA.id]["marks"] == ["name_shared", "conflict"]
        assert told[other.id]["marks"] == ["name_taken"]
        assert told[other.id]["others"] == [ANA.id]

    with_web(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\xff", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "1 to 16"),
        (b'{"records": []}', "1 to 16"),
        (b'{"records": "x"}', "1 to 16"),
        (b'{"records": [1]}', "not base64url"),
        (b'{"records": ["!!!!"]}', "not base64url"),
        (b'{"records": ["a"]}', "not base64url"),
        (b'{"records": [""]}', "damaged"),
        (b'{"records": ["' + b"A" * 300 + b'"]}', "damaged"),
        (b'{"records": ["' + text(ANA.says(1)[:-1]).encode() + b'"]}', "damaged"),
    ],
)
def test_what_is_no_record_is_refused_with_a_sentence(tmp_path, body, says):
    async def story(client, out):
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/api/directory", data=body, headers=headers)
        assert answer.status == 400
        assert says in (await answer.json())["error"]
        assert out == []

    with_web(tmp_path, story)


def test_who_signs_nothing_is_told_nothing(tmp_path):
    async def story(client, out):
        for ask in (client.get, client.post):
            answer = await ask("/api/directory", headers={"X-Helio": ""})
            assert answer.status == 401
        assert out == []

    with_web(tmp_path, story)


def test_one_phone_does_not_flood_the_mesh_with_records(tmp_path):
    async def story(client, out):
        mine = [text(ANA.says(1)), *[text(ANA.device_says(1))] * 15]
        statuses = [
            (await client.post("/api/directory", json={"records": mine})).status for _ in range(4)
        ]
        assert statuses == [201, 201, 429, 429]

    with_web(tmp_path, story)


def test_no_phone_takes_the_new_names_of_another(tmp_path):
    async def story(client, out):
        async def post(phone, *records):
            value = {"records": [text(record) for record in records]}
            answer = await client.post("/api/directory", json=value, headers={"X-Helio": phone})
            return answer.status, (await answer.json()).get("error", "")

        for n in range(NEW_NAMES_OF_PHONE):
            assert (await post("1", Somebody(f"n{n}").says()))[0] == 201
        status, error = await post("1", Somebody("one more").says())
        assert (status, "Too many new names" in error) == (400, True)
        assert (await post("1", Somebody("n0").says(2)))[0] == 201, "what is known may change"
        assert (await post("2", ANA.says(1), ANA.device_says(1)))[0] == 201

    with_web(tmp_path, story)


def test_a_device_that_no_account_lists_is_not_announced(tmp_path):
    async def story(client, out):
        async def post(*records):
            value = {"records": [text(record) for record in records]}
            answer = await client.post("/api/directory", json=value)
            return answer.status, (await answer.json()).get("error", "")

        status, error = await post(ANA.device_says(1))
        assert (status, error) == (400, "No record of this account lists that device.")
        status, error = await post(ANA.device_says(2), ANA.says(1, (1,)))
        assert status == 400
        assert out == [ANA.says(1, (1,))]
        assert (await post(ANA.device_says(2), ANA.says(2, (1, 2))))[0] == 201, "in any order"
        assert out[1:] == [ANA.says(2, (1, 2)), ANA.device_says(2)]

    with_web(tmp_path, story)


def test_a_question_that_is_too_long_is_refused(tmp_path):
    async def story(client, out):
        answer = await client.get("/api/directory", params={"name": "x" * 101})
        assert answer.status == 400

    with_web(tmp_path, story)
