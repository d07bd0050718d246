"""The code flow with PKCE: what comes back must be the answer to what was asked."""

import asyncio
import base64
import hashlib
import urllib.parse

import aiohttp
import pytest

from gateway.errors import UserError
from gateway.login import Login
from gateway.loopback import browser_login
from gateway.provider import Client, Line
from tests.login.people import ToldProvider

ACCOUNT = b"a" * 32
REDIRECT = "http://127.0.0.1:1/login"


def with_login(folder, told, body):
    """What body(login) gives, while the provider runs."""

    async def run():
        async with told, Line() as line:
            met = await line.meet(told.issuer, folder)
            return await body(Login(line, met, Client("us"), folder))

    return asyncio.run(run())


def asked_of(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def answered(told, **changes):
    """A login whose redirect brings the right answer, but for the changes."""

    async def body(login):
        begun = login.start_browser(REDIRECT, ACCOUNT)
        asked = asked_of(begun.url)
        told.claims = {"nonce": asked["nonce"]} | told.claims
        answer = {"state": asked["state"], "code": "code-1"} | changes
        query = {key: value for key, value in answer.items() if value is not None}
        return asked, await begun.finish(urllib.parse.urlencode(query))

    return body


def test_the_code_is_redeemed_with_what_only_we_know(tmp_path):
    told = ToldProvider()
    asked, claims = with_login(tmp_path, told, answered(told))
    assert claims.username == "amina"
    form = told.asked[0]
    assert (form["code"], form["redirect_uri"]) == ("code-1", REDIRECT)
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (challenge, "S256")
    assert len(asked["nonce"]) == 43


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "other"}, "of another login"),
        ({"state": None}, "of another login"),
        ({"code": None}, "no code"),
        ({"code": None, "error": "access_denied"}, "was refused at"),
        ({"iss": "https://other.example"}, "another provider's answer"),
    ],
)
def test_an_answer_that_is_not_ours_is_not_redeemed(tmp_path, changes, says):
    told = ToldProvider()
    with pytest.raises(UserError, match=says):
        with_login(tmp_path, told, answered(told, **changes))
    assert told.asked == []


def test_a_provider_that_always_says_who_it_is_must(tmp_path):
    told = ToldProvider()
    told.says["authorization_response_iss_parameter_supported"] = True
    with pytest.raises(UserError, match="another provider's answer"):
        with_login(tmp_path, told, answered(told))


def test_a_token_of_another_login(tmp_path):
    told = ToldProvider()
    told.claims = {"nonce": "A" * 43}
    with pytest.raises(UserError, match="nonce differs"):
        with_login(tmp_path, told, answered(told))


def test_a_provider_without_pkce(tmp_path):
    told = ToldProvider()
    told.says["code_challenge_methods_supported"] = ["plain"]
    with pytest.raises(UserError, match="no PKCE"):
        with_login(tmp_path, told, answered(told))


def test_the_page_on_loopback_takes_our_answer_alone(tmp_path):
    told = ToldProvider()

    async def browse(url, statuses):
        asked = asked_of(url)
        told.claims = {"nonce": asked["nonce"]}
        async with aiohttp.ClientSession() as session:
            for state in ("guessed", asked["state"]):
                query = {"state": state, "code": "code-1"}
                async with session.get(asked["redirect_uri"], params=query) as answer:
                    statuses.append(answer.status)

    async def body(login):
        statuses, tasks = [], []
        claims = await browser_login(
            lambda redirect: login.start_browser(redirect, ACCOUNT),
            lambda url: tasks.append(asyncio.create_task(browse(url, statuses))),
        )
        await asyncio.gather(*tasks)
        return claims, statuses

    claims, statuses = with_login(tmp_path, told, body)
    assert claims.username == "amina"
    assert statuses == [400, 200]


def test_nobody_comes_back(tmp_path):
    async def body(login):
        def begin(redirect):
            return login.start_browser(redirect, ACCOUNT)

        await browser_login(begin, lambda _: None, wait_s=0.01)

    with pytest.raises(UserError, match="nobody logged in by the browser"):
        with_login(tmp_path, ToldProvider(), body)
