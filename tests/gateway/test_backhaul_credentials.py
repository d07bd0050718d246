"""A hub that knows its gateways by NATS JWTs: operator, account and user, made here."""

import base64
import hashlib
import json
import os
import time

import pytest

from tests.gateway.hub_scene import WAIT_S, Valley
from tests.gateway.test_backhaul import hand_in, has, hub, play, some_parcel
from tools.field import until

nkeys = pytest.importorskip("nkeys", reason="pip install 'heliograph[backhaul]'")
pytestmark = pytest.mark.system
NO_LIMITS = dict.fromkeys(
    ["subs", "conn", "leaf", "imports", "exports", "data", "payload", "mem_storage",
     "disk_storage", "streams", "consumer"], -1,
) | {"wildcards": True}  # fmt: skip


def key_pair(prefix):
    return nkeys.from_seed(nkeys.encode_seed(os.urandom(32), prefix))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(issuer, subject, name, claims):
    """A JWT as NATS has them."""
    body = {
        "iat": int(time.time()), "iss": issuer.public_key.decode(), "name": name,
        "sub": subject.public_key.decode(), "nats": claims | {"version": 2},
    }  # fmt: skip
    digest = hashlib.new("sha512_256", json.dumps(body).encode()).digest()
    body["jti"] = base64.b32encode(digest).rstrip(b"=").decode()
    head = base64url(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode())
    signed = f"{head}.{base64url(json.dumps(body).encode())}"
    return f"{signed}.{base64url(issuer.sign(signed.encode()))}"


def credentials(path, account, name):
    """A user's .creds file."""
    user = key_pair(nkeys.PREFIX_BYTE_USER)
    claims = {"type": "user", "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}
    path.write_text(
        f"-----BEGIN NATS USER JWT-----\n{token(account, user, name, claims)}\n"
        "------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
    )
    return path.name


def test_credentials(tmp_path):
    operator = key_pair(nkeys.PREFIX_BYTE_OPERATOR)
    account, system, stranger = (key_pair(nkeys.PREFIX_BYTE_ACCOUNT) for _ in range(3))
    of_operator = token(operator, operator, "hub", {"type": "operator"})
    of_account = token(operator, account, "mesh", {"type": "account", "limits": NO_LIMITS})
    of_system = token(operator, system, "system", {"type": "account"})
    extra = (
        f"operator: {of_operator}\nresolver: MEMORY\n"
        f"system_account: {system.public_key.decode()}\n"
        f"resolver_preload {{ {account.public_key.decode()}: {of_account}\n"
        f"{system.public_key.decode()}: {of_system} }}"
    )

    async def story():
        async with hub(tmp_path, extra=extra) as server:
            options = {"user": "", "password": ""}
            valleys = []
            for name, by in (("a", account), ("b", account), ("c", stranger)):
                (tmp_path / name).mkdir()
                file = credentials(tmp_path / name / "hub.creds", by, name)
                valleys.append(Valley(tmp_path / name, [server.url], credentials=file, **options))
            async with valleys[0] as a, valleys[1] as b, valleys[2] as c:
                one = some_parcel()
                hand_in(a, one)
                await until(lambda: has(b, one), WAIT_S, "it to cross")
                await until(lambda: "refuses our login" in str(c.told), WAIT_S, "a refusal")

    play(story)
