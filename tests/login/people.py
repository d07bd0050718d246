"""For the tests of logging in: a network, its gateways, and a provider that does as it is told."""

import base64
import contextlib
import json
import time

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from gateway import certificate_store, network
from gateway.desk import Desk
from gateway.network_card import NetworkFacts, public_key

SEED = b"o" * 32
FACTS = NetworkFacts("Tal", "EU", 6, b"n" * 32, 0, public_key(SEED), SEED)
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


def certified(folder, name="North"):
    """A gateway's data folder with a person, certified by the operator of FACTS."""
    from gateway import certificate

    folder.mkdir(exist_ok=True)
    network.create(folder, FACTS)
    with contextlib.closing(Desk(folder)) as desk:
        desk.create_identity("Amina")
    with network.opened(folder) as registry:
        key = certificate_store.gateway_key(folder)
        raw = certificate.sign_gateway(
            registry.operator_key(),
            certificate_store.public_half(key),
            name,
            int(time.time()),
            365,
        )
    certificate_store.keep_gateway(folder, certificate.gateway_text(raw))
    return folder


def unpadded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class ToldProvider:
    """An OpenID provider in this process. polls: what the token endpoint answers next, each an
    OAuth error, "hang up", or a dict; when it is empty, tokens."""

    def __init__(self):
        self.polls = []
        self.asked = []
        self.claims = {}
        self.header = {}
        self.says = {}
        self.keys = [KEY]
        self.device = {}
        self.userinfo = {"sub": "sub-1", "preferred_username": "amina@example.org"}
        self.issuer = ""
        self.token = None

    async def __aenter__(self):
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_get("/me", self._me)
        app.router.add_post("/device", self._device)
        app.router.add_post("/token", self._token)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.issuer = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _discovery(self, _):
        own = self.issuer
        says = {
            "issuer": own, "token_endpoint": f"{own}/token", "jwks_uri": f"{own}/jwks",
            "authorization_endpoint": f"{own}/auth", "userinfo_endpoint": f"{own}/me",
            "device_authorization_endpoint": f"{own}/device",
        }  # fmt: skip
        says = {key: value for key, value in (says | self.says).items() if value is not None}
        return web.json_response(says)

    async def _jwks(self, _):
        return web.json_response(KeySet(self.keys).as_dict(private=False))

    async def _me(self, request):
        assert request.headers["Authorization"] == "Bearer access"
        return web.json_response(self.userinfo)

    async def _device(self, request):
        self.asked.append(dict(await request.post()))
        answer = {
            "device_code": "secret", "user_code": "ABCD-EFGH", "expires_in": 600, "interval": 5,
            "verification_uri": f"{self.issuer}/d", "verification_uri_complete": "",
        }  # fmt: skip
        return web.json_response(
            answer | self.device, status=400 if "error" in self.device else 200
        )

    async def _token(self, request):
        self.asked.append(dict(await request.post()))
        said = self.polls.pop(0) if self.polls else None
        if said == "hang up":
            request.transport.abort()
            return web.Response()
        if said is not None:
            return web.json_response({"error": said}, status=400)
        return web.json_response({"access_token": "access", "id_token": self.id_token()})

    def id_token(self):
        if self.token is not None:
            return self.token
        now_s = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "sub-1",
            "aud": "us",
            "iat": now_s,
            "exp": now_s + 600,
        }
        header = {"alg": "RS256", "kid": "one"} | self.header
        return jwt.encode(header, claims | self.claims, self.keys[-1], algorithms=[header["alg"]])


def unsigned(claims):
    """An ID token with the algorithm none."""
    parts = [{"alg": "none"}, claims]
    return ".".join(unpadded(json.dumps(part).encode()) for part in parts) + "."
