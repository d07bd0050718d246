"""The phones' way to a certificate: over HTTP, for the device that asked and its account alone."""

import asyncio
import sys
import time
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import certificate
from gateway.errors import UserError
from gateway.provider import Client
from gateway.web import login_api
from shared_protocol.hashing import H
from tests.login.people import FACTS, ToldProvider, certified, unpadded

WAIT_S = 10


@dataclass(frozen=True)
class Device:
    key: bytes


async def signed(request):
    """In the place of the check of X-Helio, which is not what is tested here."""
    return Device(request.headers["X-Helio"].encode() * 32), await request.read()


@web.middleware
async def sentences(request, handler):
    """In the place of the server's own: a refusal is {"error": why}."""
    try:
        return await handler(request)
    except UserError as e:
        return web.json_response({"error": str(e)}, status=400)
    except web.HTTPError as e:
        return web.json_response({"error": e.text}, status=e.status)


def with_api(folder, body, issuer=None):
    """Run body(client, provider) against the routes; polls without delay."""

    async def run():
        async with ToldProvider() as told:
            told.device = {"interval": 1}
            api = login_api.LoginApi(
                folder, told.issuer if issuer is None else issuer, Client("us"), signed
            )
            app = web.Application(middlewares=[sentences])
            api.add_to(app)
            async with TestClient(TestServer(app)) as client:
                await asyncio.wait_for(body(client, told), WAIT_S)

    asyncio.run(run())


@pytest.fixture
def north(tmp_path):
    return certified(tmp_path / "north")


async def start(client, who="a", **said):
    answer = await client.post("/api/login/start", json=said, headers={"X-Helio": who})
    return answer.status, await answer.json()


async def state(client, login, who="a"):
    answer = await client.get(f"/api/login/{login}", headers={"X-Helio": who})
    return answer.status, await answer.json()


async def outcome(client, login):
    while True:
        _, told = await state(client, login)
        if told["state"] != "pending":
            return told
        await asyncio.sleep(0.05)


def badge_of(told):
    assert told["state"] == "certificate", told
    raw = certificate.parse_badge(told["certificate"])
    return certificate.check_badge(raw, FACTS.operator, int(time.time()))


def test_a_phone_gets_a_certificate_for_its_own_key(north):
    async def body(client, told):
        told.polls = ["authorization_pending"]
        status, began = await start(client)
        assert status == 201
        assert set(began) == {
            "login", "user_code", "verification_uri", "verification_uri_complete", "expires_s",
            "interval_s",
        }  # fmt: skip
        assert began["user_code"] == "ABCD-EFGH"
        assert await state(client, began["login"]) == (200, {"state": "pending"})
        badge = badge_of(await outcome(client, began["login"]))
        assert badge.account.key == b"a" * 32
        assert badge.account.username == "amina"

    with_api(north, body)


def test_a_certificate_for_an_account_wants_its_proof(north):
    account = Ed25519PrivateKey.generate()
    public = unpadded(account.public_key().public_bytes_raw())
    proof = unpadded(account.sign(H(b"login-account", b"a" * 32)))

    async def body(client, _):
        status, told = await start(client, "b", account=public, proof=proof)
        assert (status, told["error"]) == (400, "The proof is not signed by that account.")
        for wrong in ({"account": public}, {"account": "é", "proof": proof}, {"account": 5}):
            status, told = await start(client, **wrong)
            assert status == 400, told
            assert "base64url" in told["error"]
        _, began = await start(client, account=public, proof=proof)
        badge = badge_of(await outcome(client, began["login"]))
        assert badge.account.key == account.public_key().public_bytes_raw()

    with_api(north, body)


def test_a_login_is_of_the_device_that_began_it(north):
    async def body(client, told):
        told.polls = ["authorization_pending"] * 99
        _, began = await start(client)
        assert (await state(client, began["login"], "b"))[0] == 404
        assert (await state(client, "nothing"))[0] == 404
        assert (await state(client, began["login"]))[0] == 200
        _, again = await start(client)  # a new one ends the former
        assert (await state(client, began["login"]))[0] == 404
        assert (await state(client, again["login"]))[0] == 200

    with_api(north, body)


def test_two_logins_of_a_device_at_the_same_time_leave_one(north):
    async def body(client, told):
        told.polls = ["authorization_pending"] * 99
        both = await asyncio.gather(start(client), start(client))
        assert sorted(status for status, _ in both) == [201, 400]
        lost = next(told for status, told in both if status == 400)
        assert "cut off" in lost["error"]
        kept = next(told for status, told in both if status == 201)
        assert await state(client, kept["login"]) == (200, {"state": "pending"})

    with_api(north, body)


def test_a_refused_login_says_why(north):
    async def body(client, told):
        told.polls = ["access_denied"]
        _, began = await start(client)
        end = await outcome(client, began["login"])
        assert end["state"] == "refused"
        assert "was refused at" in end["why"]

    with_api(north, body)


def test_a_fault_ends_the_login_too(north, monkeypatch):
    async def body(client, told):
        _, began = await start(client)
        (north / "gateway.certificate").unlink()
        end = await outcome(client, began["login"])
        assert end["state"] == "refused"
        assert "not certified" in end["why"]

    with_api(north, body)


def test_the_gateway_asks_no_address_that_a_phone_names(north):
    async def body(client, told):
        status, said = await start(client, issuer="http://127.0.0.1:1")
        assert status == 400
        assert told.issuer in said["error"]
        status, _ = await start(client, issuer=told.issuer)
        assert status == 201

    with_api(north, body)


def test_a_gateway_without_provider_certificate_or_connection(north, tmp_path):
    async def nothing(client, _):
        assert (await start(client))[1]["error"] == "This gateway knows no provider to log in at."

    async def away(client, _):
        status, told = await start(client)
        assert status == 503
        assert "is there a connection" in told["error"]

    with_api(north, nothing, issuer="")
    with_api(north, away, issuer="http://127.0.0.1:9")
    (north / "gateway.certificate").unlink()

    async def uncertified(client, told):
        assert "not certified" in (await start(client))[1]["error"]
        assert told.asked == []

    with_api(north, uncertified)


@pytest.mark.parametrize("body", [b"[", b"[]", b"\xff", b"5", b"[" * 9999])
def test_garbage_is_refused(north, body):
    async def post(client, _):
        answer = await client.post("/api/login/start", data=body, headers={"X-Helio": "a"})
        assert answer.status == 400

    with_api(north, post)


def test_a_gateway_without_the_packages_says_so(north, monkeypatch):
    monkeypatch.setitem(sys.modules, "gateway.login", None)

    async def body(client, _):
        status, told = await start(client)
        assert status == 400
        assert "pip install" in told["error"]

    with_api(north, body)


def test_too_many_at_once(north, monkeypatch):
    monkeypatch.setattr(login_api, "LOGINS_MAX", 2)

    async def body(client, told):
        told.polls = ["authorization_pending"] * 99
        assert [(await start(client, who))[0] for who in "abc"] == [201, 201, 503]
        told.polls = []
        _, began = await start(client, "a")
        assert (await outcome(client, began["login"]))["state"] == "certificate"
        assert (await start(client, "c"))[0] == 201  # the one that is done gave way

    with_api(north, body)


def test_a_device_proves_nothing_by_another_kind_of_signature():
    account = Ed25519PrivateKey.generate()
    public = account.public_key().public_bytes_raw()
    said = {"account": unpadded(public), "proof": unpadded(account.sign(b"a" * 32))}
    with pytest.raises(UserError):
        login_api.proven_account(b"a" * 32, said)
