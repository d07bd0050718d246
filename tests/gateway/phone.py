"""A phone in Python: has keys, seals and opens, and speaks the gateway's API as a page does.

Thin on purpose: what is sealed and how is gateway.sealing's business.
"""

import asyncio
import io
import json
import time

from gateway.device_auth import HEADER, device_id, sign
from gateway.identity import Identity
from gateway.parcels import tag_key
from gateway.pieces import Shape
from gateway.sealing import hint_for, open_bundle, seal
from gateway.web.requests import b64, unb64
from shared_protocol.lifetime import NORMAL
from shared_protocol.parcel import HEAD_LEN
from shared_protocol.parcel_fields import decode
from shared_protocol.parcel_fields import piece as piece_fields

ANSWER_TIMEOUT_S = 10
_WEEK = 10  # lifetime code


class Phone:
    """client: an aiohttp TestClient of a gateway; hand it another one and the phone has moved."""

    def __init__(self, name, client=None):
        self.identity = Identity.new(name)
        self.card = self.identity.card
        self.client = client
        self.contacts = []
        self.unix_s = 1_800_000_000
        self.taken = set()  # tokens of what it has read
        self.gateways = {}  # client -> the id that its gateway told
        self.tokens = {}  # mid -> token of what it sent: only this proves a delivery

    @property
    def id(self):
        return device_id(self.card.ed25519)

    # --- the API

    async def ask(self, method, path, value=None, now_ms=None, data=None, **headers):
        """A signed request: (status, JSON)."""
        await self.meet()
        body = data if data is not None else b"" if value is None else json.dumps(value).encode()
        headers = {HEADER: self.sign(method, path, body, now_ms), **headers}
        if method != "GET":
            headers.setdefault("Content-Type", "application/json")
        sent = io.BytesIO(body) if body else None  # aiohttp warns of large plain bytes
        answer = await self.client.request(method, path, data=sent, headers=headers)
        return answer.status, await answer.json()

    def sign(self, method, path, body=b"", now_ms=None):
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        gateway = self.gateways[self.client]
        return sign(self.identity.signing, gateway, method, path, now_ms, body)

    async def meet(self):
        """Learn the gateway's id, which every signature names."""
        if self.client not in self.gateways:
            answer = await self.client.request("GET", "/api/gateway")
            self.gateways[self.client] = (await answer.json())["id"]

    async def done(self, method, path, value=None):
        """What ask() gives, if it was done."""
        status, body = await self.ask(method, path, value)
        assert status in (200, 201), body
        return body

    async def register(self, boxes=None):
        boxes = [self.card.mailbox_key] if boxes is None else boxes
        value = {"device": b64(self.card.ed25519), "boxes": [b64(box) for box in boxes]}
        return await self.done("PUT", "/api/device", value)

    async def post(self, *messages):
        return (await self.done("POST", "/api/post", {"messages": list(messages)}))["messages"]

    async def letters(self, after=0):
        return await self.done("GET", f"/api/letters?after={after}")

    async def states(self, after=0):
        return await self.done("GET", f"/api/states?after={after}")

    async def receipts(self, *tokens):
        value = {"tokens": [b64(token) for token in tokens]}
        return (await self.done("POST", "/api/receipts", value))["taken"]

    def events(self, after=0):
        """The stream, for `async with`."""
        path = f"/api/events?after={after}"
        return self.client.get(f"{path}&key={self.sign('GET', path)}")

    # --- sealing and opening

    def seal(self, to, text, priority=NORMAL, way=b"", lifetime=_WEEK):
        """A message for a card, as /api/post wants it."""
        self.unix_s += 1
        sealed = seal(self.identity, to, text.encode(), self.unix_s, priority, lifetime, way=way)
        self.tokens[sealed.mid] = sealed.token
        return message_of(sealed, to)

    def open(self, letter):
        """(text, token) of a letter from a contact. Raises SealError."""
        head, bundle = unb64(letter["head"], "head"), unb64(letter["bundle"], "bundle")
        shape = None if letter["shape"] is None else Shape(*letter["shape"])
        opened = open_bundle(self.identity, head, bundle, shape, self.contacts)
        return opened.body.decode(), opened.token

    async def read(self, after=0):
        """Open all letters and say so: the texts."""
        opened = [self.open(letter) for letter in await self.letters(after)]
        tokens = {token for _, token in opened} - self.taken
        if tokens:
            assert await self.receipts(*tokens) == len(tokens)
        self.taken |= tokens
        return [text for text, _ in opened]

    async def state_of(self, mid):
        """The last state told of a message; delivered only with the token that proves it."""
        told = [s for s in await self.states() if s["mid"] == mid]
        for one in told:
            if one["state"] == "delivered":
                assert unb64(one["token"], "token") == self.tokens[unb64(mid, "mid")]
        return told[-1]["state"] if told else None


def message_of(sealed, to):
    """What seal() gives, as JSON; the bundle is put together from its data pieces."""
    parts = [decode(bytes(3) + immutable) for immutable in sealed.parcels]
    _, _, b0, b1, mid, hint = parts[0].head
    shape = sealed.shape
    way = b""
    if shape is None:
        bundle = parts[0].payload
        if parts[0].extras is not None:
            way = (parts[0].extras.route or b"") + (parts[0].extras.cell or b"")
    else:
        pieces = {(piece_fields(p).block, piece_fields(p).index): p.payload for p in parts}
        order = [(block, i) for block in range(shape.blocks) for i in range(shape.k)]
        bundle = b"".join(pieces[at] for at in order)
    assert len(bytes([b0, b1]) + mid) == HEAD_LEN
    assert hint == hint_for(to.mailbox_key, mid)
    return {
        "mid": b64(mid), "b0": b0, "b1": b1, "hint": b64(hint), "bundle": b64(bundle),
        "shape": None if shape is None else [shape.k, shape.n, shape.blocks],
        "tag_key": None if shape is None else b64(tag_key(to.mailbox_key, mid)), "way": b64(way),
    }  # fmt: skip


def befriend(*phones):
    """Everybody has everybody's card."""
    for phone in phones:
        phone.contacts = [other.card for other in phones if other is not phone]


async def next_event(stream):
    """(id, kind, data) of the next event; comments and blank lines are passed over."""
    fields = {}
    while True:
        line = await asyncio.wait_for(stream.content.readline(), ANSWER_TIMEOUT_S)
        assert line, "the stream ended"
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if not line.strip() and "data" in fields:
            return int(fields["id"]), fields["event"], json.loads(fields["data"])
        if name in ("id", "event", "data"):
            fields[name] = value
