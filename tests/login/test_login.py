"""Logging in, against a provider that does as it is told: what it says wrong is refused in words.

The genuine provider is in test_real_provider.py.
"""

import asyncio
import hmac
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from gateway import id_token, provider
from gateway.errors import UserError
from gateway.login import Login
from gateway.provider import Away, Client, Line, Provider
from tests.login.people import KEY, ToldProvider, unpadded, unsigned

ACCOUNT = b"a" * 32


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now_s = 0.0
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_s += seconds


def device_login(folder, told, secret=""):
    """Claims of a login by device grant, and the clock that it took."""
    clock = Clock()

    async def run():
        async with told, Line() as line:
            login = Login(line, await line.meet(told.issuer, folder), Client("us", secret), folder)
            code = await login.start_device()
            return await login.wait_device(code, sleep=clock.sleep, clock=lambda: clock.now_s)

    return asyncio.run(run()), clock


def refused(folder, told):
    with pytest.raises(UserError) as why:
        device_login(folder, told)
    assert "\n" not in str(why.value)
    return str(why.value)


def test_somebody_logs_in(tmp_path):
    told = ToldProvider()
    told.polls = ["authorization_pending", "authorization_pending"]
    claims, clock = device_login(tmp_path, told)
    assert claims == id_token.Claims(told.issuer, "sub-1", "amina")  # without the mail domain
    assert clock.slept == [5, 5, 5]
    assert told.asked[0] == {"scope": "openid profile", "client_id": "us"}
    assert told.asked[1]["device_code"] == "secret"


def test_a_secret_goes_along_if_there_is_one(tmp_path):
    told = ToldProvider()
    told.says["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    device_login(tmp_path, told, "hush")
    assert [asked["client_secret"] for asked in told.asked] == ["hush", "hush"]


def test_a_provider_that_wants_it_slower_is_asked_slower(tmp_path):
    told = ToldProvider()
    told.polls = ["slow_down", "authorization_pending", "slow_down"]
    _, clock = device_login(tmp_path, told)
    assert clock.slept == [5, 10, 10, 15]


def test_a_connection_that_comes_and_goes_is_waited_for(tmp_path):
    told = ToldProvider()
    told.polls = ["hang up", "authorization_pending", "hang up", "hang up"]
    claims, clock = device_login(tmp_path, told)
    assert claims.subject == "sub-1"
    assert clock.slept == [5, 10, 10, 20, 40]


def test_a_provider_that_falls_silent(tmp_path):
    told = ToldProvider()
    told.polls = ["hang up"] * 9
    assert "fell silent" in refused(tmp_path, told)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("access_denied", "was refused at"),
        ("expired_token", "code ran out"),
        ("invalid_client", "--client-id"),
        ("some\x1b[31mthing", "answers some [31mthing"),
    ],
)
def test_what_the_provider_refuses(tmp_path, error, says):
    told = ToldProvider()
    told.polls = ["authorization_pending", error]
    assert says in refused(tmp_path, told)


def test_nobody_approves(tmp_path):
    told = ToldProvider()
    told.polls = ["authorization_pending"] * 99
    told.device = {"expires_in": 20}
    assert "code ran out" in refused(tmp_path, told)
    assert len(told.polls) == 99 - 4


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ({"error": "unauthorized_client"}, "does not let this client"),
        ({"user_code": 5}, "gives no code"),
        ({"verification_uri": "javascript:alert(1)"}, "no page"),
    ],
)
def test_no_code(tmp_path, device, says):
    told = ToldProvider()
    told.device = device
    assert says in refused(tmp_path, told)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ({"issuer": "https://other.example"}, "calls itself https://other.example"),
        ({"token_endpoint": "http://10.0.0.1/token"}, "not https"),
        ({"jwks_uri": "file:///etc/passwd"}, "no address"),
        ({"token_endpoint": None}, "offers no token"),
        ({"device_authorization_endpoint": None}, "offers no device authorization"),
    ],
)
def test_a_discovery_document_that_does_not_do(tmp_path, says, why):
    told = ToldProvider()
    told.says = says
    assert why in refused(tmp_path, told)


@pytest.mark.parametrize(
    "issuer", ["http://example.org", "https://", "https://[", "ftp://a.org", "", "https://u@a.org"]
)
def test_an_address_that_is_no_providers(tmp_path, issuer):
    async def run():
        async with Line() as line:
            await line.meet(issuer, tmp_path)

    with pytest.raises(UserError) as why:
        asyncio.run(run())
    assert not isinstance(why.value, Away), "nothing is asked there"


def test_no_connection(tmp_path):
    async def run():
        async with Line() as line:
            await line.meet("http://127.0.0.1:9", tmp_path)

    with pytest.raises(Away, match="is there a connection"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "https://other.example"}, "not from"),
        ({"aud": "another"}, "another program"),
        ({"aud": ["us", "another"], "azp": "us"}, "somebody else too"),
        ({"azp": "another"}, "another program"),
        ({"exp": 1000}, "clock"),
        ({"iat": int(time.time()) + 9999}, "clock"),
        ({"exp": "soon"}, "clock"),
        ({"sub": ""}, "names nobody"),
        ({"sub": 5}, "names nobody"),
        ({"sub": "sub-2"}, "somebody else than it let in"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "another login"),
    ],
)
def test_an_id_token_that_does_not_do(tmp_path, claims, says):
    told = ToldProvider()
    told.claims = claims
    assert says in refused(tmp_path, told)


def test_an_audience_in_a_list_does(tmp_path):
    told = ToldProvider()
    told.claims = {"aud": ["us"]}
    assert device_login(tmp_path, told)[0].subject == "sub-1"


def test_no_username(tmp_path):
    told = ToldProvider()
    told.userinfo = {"sub": "sub-1", "preferred_username": "@example.org"}
    assert "no username" in refused(tmp_path, told)


def test_a_provider_that_changed_its_keys_meanwhile_is_met_again(tmp_path):
    told = ToldProvider()

    async def run():
        async with told, Line() as line:
            login = Login(line, await line.meet(told.issuer, tmp_path), Client("us"), tmp_path)
            code = await login.start_device()
            told.keys = [KEY, RSAKey.generate_key(2048, {"kid": "two"})]
            told.header = {"kid": "two"}
            clock = Clock()
            return await login.wait_device(code, sleep=clock.sleep, clock=lambda: clock.now_s)

    assert asyncio.run(run()).subject == "sub-1"
    assert len(provider.kept(tmp_path, told.issuer).keys["keys"]) == 2


# The ID token alone, offline.

NOW_S = 1_795_000_000
ISSUER = "https://login.example.org"
SAYS = {key: f"{ISSUER}/{key}" for key in ("token_endpoint", "jwks_uri")} | {"issuer": ISSUER}
KEPT = Provider(ISSUER, SAYS, {"keys": [KEY.as_dict(private=False)]})
CLAIMS = {"iss": ISSUER, "sub": "sub-1", "aud": "us", "iat": NOW_S, "exp": NOW_S + 600}


def token(key=KEY, alg="RS256", **claims):
    header = {"alg": alg} | ({"kid": key.kid} if key.kid else {})
    return jwt.encode(header, CLAIMS | claims, key, algorithms=[alg])


def checked(text, **more):
    return id_token.check(text, KEPT, "us", NOW_S, **more)


def test_an_id_token_is_checked_with_what_was_kept(tmp_path):
    provider.keep(tmp_path, KEPT)
    again = provider.kept(tmp_path, ISSUER)
    assert id_token.check(token(), again, "us", NOW_S).subject == "sub-1"
    with pytest.raises(UserError, match="never reached"):
        provider.kept(tmp_path, "https://other.example.org")


def test_a_token_that_nobody_signed():
    with pytest.raises(UserError, match="not safe"):
        checked(unsigned(CLAIMS))


def test_a_token_signed_with_the_public_key_as_a_secret():
    head = unsigned(CLAIMS).split(".")[1]
    head = unpadded(b'{"alg":"HS256","kid":"one"}') + "." + head
    digest = hmac.new(KEY.as_pem(private=False), head.encode(), "sha256").digest()
    forged = f"{head}.{unpadded(digest)}"
    with pytest.raises(UserError, match="not safe"):
        checked(forged)


def test_a_token_of_another_key():
    other = RSAKey.generate_key(2048, {"kid": "one"})
    with pytest.raises(UserError, match="altered"):
        checked(token(other))
    with pytest.raises(id_token.UnknownKey):
        checked(token(ECKey.generate_key("P-256", {"kid": "x"}), "ES256"))


def test_every_character_of_a_token_counts():
    whole = token()
    for at in range(0, len(whole) - 1, 7):  # but for the last, which has spare bits
        other = "A" if whole[at] != "A" else "B"
        with pytest.raises(UserError):
            checked(whole[:at] + other + whole[at + 1 :])


@pytest.mark.parametrize("text", ["", "a", "a.b.c", ".", "é.é.é", "W10.W10.", "x" * 70_000])
def test_garbage_is_no_token(text):
    with pytest.raises(UserError):
        checked(text)


def test_the_nonce_binds_the_login_to_the_account():
    random = b"r" * 32
    mine = id_token.nonce(ACCOUNT, random)
    assert checked(token(nonce=mine), expected_nonce=mine).subject == "sub-1"
    other = id_token.nonce(b"b" * 32, random)
    for wrong in ({"nonce": other}, {}, {"nonce": 5}, {"nonce": None}):
        with pytest.raises(UserError, match="nonce differs"):
            checked(token(**wrong), expected_nonce=mine)
