"""The phones' routes (docs/PHONES.md): JSON over a `PostOffice`, each request signed by a device.

This file checks shapes and rates, and turns answers into HTTP; what a letter is, the office knows.
"""

import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.device_auth import (
    HEADER,
    WINDOW_MS,
    NotSigned,
    claim_of,
    device_id,
    device_uuid,
    verify,
)
from gateway.devices import BOXES_MAX, DEVICES_MAX, Device
from gateway.errors import UserError
from gateway.pieces import Shape
from gateway.post_office import PostOffice
from gateway.posting import Posting
from gateway.watches import LOCK_LEN, WATCH_MAX
from gateway.web.live import ROWS_MAX, Lines, as_json, long_poll, stream
from gateway.web.nearby_api import Nearby, card_of
from gateway.web.rates import (
    ALL_CARRIED,
    CARRIED,
    MESSAGES,
    NEWCOMERS,
    REGISTRATIONS,
    REQUESTS,
    SOS,
    Rates,
)
from gateway.web.requests import (
    NUMBER_MAX,
    REFUSED,
    answer,
    b64,
    from_file,
    items,
    json_object,
    number,
    unb64,
)
from gateway.web.sources import source
from shared_protocol.receipt import message_id

POST_MAX = 16  # messages in one request
TOKENS_MAX = 64
TOKEN_LEN = 16
WAIT_MAX_S = 60  # a long poll; proxies and phones give up soon after


class PhoneApi:
    """about(), mesh(): what the gateway says of itself to everybody, and to its phones."""

    def __init__(
        self,
        office: PostOffice,
        about: Callable[[], dict[str, Any]],
        mesh: Callable[[], dict[str, Any]],
    ) -> None:
        self._office = office
        self._about = about
        self._mesh = mesh
        self._rates = Rates()
        self._id = str(about()["id"])  # which requests must name; it lasts as long as the disk
        self._run = secrets.token_hex(8)  # a page that sees it change asks for all anew
        self._registered_ms: dict[str, int] = {}
        self.lines = Lines(office)
        self.nearby = Nearby(office)

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/api/gateway", self.gateway, allow_head=False),
            web.put("/api/device", self.register),
            web.post("/api/post", self.post),
            web.get("/api/letters", self.letters, allow_head=False),
            web.get("/api/states", self.states, allow_head=False),
            web.post("/api/receipts", self.receipts),
            web.get("/api/events", self.events, allow_head=False),
            web.get("/api/mesh", self.mesh, allow_head=False),
            *self.nearby.routes(self.signed),
        ]

    async def signed(self, request: web.Request) -> tuple[Device, bytes]:
        """The registered device that signed a request, and its body. NotSigned; or
        HTTPTooManyRequests if it asks too often."""
        claim = claim_of(request.raw_path, request.headers.get(HEADER))
        device = self._office.devices.get(claim.device)
        if device is None:
            raise NotSigned("unknown-device", "This gateway does not know the device yet.")
        body = await request.read()
        verify(claim, device.key, self._id, request.method, body, _now_ms())
        self._rates.spend(device.id, REQUESTS)
        await self._office.here(device)
        return device, body

    # --- who is who

    async def gateway(self, request: web.Request) -> web.Response:
        """For everybody: what a phone must know before it can sign."""
        about = self._about()
        return answer(about | {"way": b64(about["way"]), "run": self._run})

    async def register(self, request: web.Request) -> web.Response:
        """{"device", "boxes", "unix_ms"?, "seen_as"?}: signed by the very key that it names."""
        claim = claim_of(request.raw_path, request.headers.get(HEADER))
        body = await request.read()
        said = json_object(body)
        key = unb64(said.get("device"), "device")
        boxes = [unb64(box, "boxes") for box in items(said, "boxes", BOXES_MAX)]
        seen_as = card_of(key, said.get("seen_as"))
        if device_id(key) != claim.device:
            raise NotSigned("false-signature", "The request is signed by another device.")
        verify(claim, key, self._id, request.method, body, _now_ms())
        self._rates.spend(claim.device, REQUESTS)
        if from_file(request) and self._office.devices.get(claim.device) is None:
            self._rates.spend("", NEWCOMERS)
        last_ms = self._registered_ms.get(claim.device, 0)
        if claim.unix_ms < last_ms <= _now_ms() + WINDOW_MS:
            raise NotSigned("clock", "An older registration than the last one.")  # replayed
        if len(self._registered_ms) > 2 * DEVICES_MAX:
            self._registered_ms.clear()
        self._registered_ms[claim.device] = claim.unix_ms
        where = source(request.remote)
        if where is not None and self._office.devices.get(claim.device) is None:
            self._rates.spend(where, REGISTRATIONS)
        if "unix_ms" in said:
            self._office.on_clock(where or claim.device, _number(said, "unix_ms"))
        await self._office.register(key, boxes)
        self.nearby.show(claim.device, seen_as)
        since = self._office.devices.since(claim.device)
        return answer({"id": claim.device, "uuid": device_uuid(key), "since": since})

    # --- mail

    async def post(self, request: web.Request) -> web.Response:
        """{"messages": […]}: on the disk when this is answered, all of them or none."""
        device, body = await self.signed(request)
        postings = [_posting(m) for m in items(json_object(body), "messages", POST_MAX)]
        for posting in postings:
            posting.check()
        self._rates.spend(device.id, MESSAGES, len(postings))
        calls = sum(posting.is_sos for posting in postings)
        if calls:
            self._rates.spend(device.id, SOS, calls)
        states = await self._office.post(device, postings)
        rows = [
            {"mid": b64(posting.mid), "state": state}
            for posting, state in zip(postings, states, strict=True)
        ]
        return answer({"messages": rows}, status=201)

    async def receipts(self, request: web.Request) -> web.Response:
        """{"tokens"}: this phone has opened and kept these messages; {"acks"}: and these, which
        others read too; {"recalls"}: the mesh may let go of these that it posted."""
        device, body = await self.signed(request)
        said = json_object(body)
        acks = [_ack(one) for one in items(said, "acks", TOKENS_MAX)] if "acks" in said else []
        recalls = _tokens(said, "recalls") if "recalls" in said else []
        tokens = _tokens(said, "tokens") if "tokens" in said or not acks + recalls else []
        taken = await self._office.take(device, tokens) if tokens else 0
        taken += await self._office.ack(device, acks) if acks else 0
        taken += await self._office.recall(device, recalls) if recalls else 0
        left = self._office.open_elsewhere(device, tokens, acks, recalls)
        # A receipt of a letter that somebody else has here is theirs to hand in.
        theirs = {t for t in tokens if self._office.letters.known(message_id(t))}
        going = await self._carry(device, [token for token in left if token not in theirs])
        unknown = [message_id(token) for token in left if token not in going]
        return answer({"taken": taken, "unknown": [b64(lock) for lock in unknown]})

    async def _carry(self, device: Device, tokens: list[bytes]) -> set[bytes]:
        """Let the mesh have receipts of what nobody here knows: those that the device's budget
        lets go."""
        going: list[bytes] = []
        with contextlib.suppress(web.HTTPTooManyRequests):  # the phone keeps them for later
            for token in tokens:
                self._rates.spend(device.id, CARRIED)
                self._rates.spend("", ALL_CARRIED)
                going.append(token)
        if going:
            await self._office.carry(going)
        return set(going)

    async def letters(self, request: web.Request) -> web.Response:
        """?after=, ?limit=: letters alone."""
        return await self._rows(request, "letter")

    async def states(self, request: web.Request) -> web.Response:
        """?after=, ?limit=: states alone."""
        return await self._rows(request, "state")

    async def _rows(self, request: web.Request, kind: str) -> web.Response:
        device, _ = await self.signed(request)
        after = await self._after(request, device)
        limit = number(request.query.get("limit", str(ROWS_MAX)), "limit", ROWS_MAX)
        news = self._office.news(device, after, limit, kind)
        return answer([as_json(*one) for one in news])

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events after Last-Event-ID (or ?after=); with ?wait= seconds a long poll."""
        device, _ = await self.signed(request)
        after = await self._after(request, device)
        wait = request.query.get("wait")
        if wait is None:
            with self.lines.open(request, device) as line:
                return await stream(request, line, self._office, device, after)
        wait_s = number(wait, "wait", WAIT_MAX_S)
        with self.lines.open(request, device) as line:
            news = await long_poll(line, self._office, device, after, wait_s)
        return answer([{"event": kind, "data": as_json(kind, row)} for kind, row in news])

    async def _after(self, request: web.Request, device: Device) -> int:
        signed = number(request.query.get("after", "0"), "after")
        await self._office.had(device, self._office.place(device, signed))
        resume_at = request.headers.get("Last-Event-ID")  # not signed: nothing is deleted for it
        return self._office.place(device, number(resume_at, "after") if resume_at else signed)

    async def mesh(self, request: web.Request) -> web.Response:
        """What the gateway sees of the mesh."""
        await self.signed(request)
        refused: Counter[str] = request.app[REFUSED]
        return answer(self._mesh() | {"refused": dict(refused)})


def _posting(said: Any) -> Posting:
    """A message as the API has it. UserError."""
    if not isinstance(said, dict):
        raise UserError("A message must be a JSON object.")
    head = bytes([_byte(said, "b0"), _byte(said, "b1")]) + unb64(said.get("mid"), "mid")
    shape = said.get("shape")
    if shape is not None:
        numbers = isinstance(shape, list) and len(shape) == 3 and all(map(_is_byte, shape))
        if not numbers:
            raise UserError('"shape" must be null, or [k, n, blocks].')
        shape = Shape(*shape)
    tag_key = said.get("tag_key")
    return Posting(
        head,
        unb64(said.get("hint"), "hint"),
        unb64(said.get("bundle"), "bundle"),
        shape,
        b"" if tag_key is None else unb64(tag_key, "tag_key"),
        unb64(said.get("way", ""), "way"),
        _locks(said) if "watch" in said else (),
    )


def _locks(said: dict[str, Any]) -> tuple[bytes, ...]:
    locks = tuple(unb64(lock, "watch") for lock in items(said, "watch", WATCH_MAX))
    if {len(lock) for lock in locks} != {LOCK_LEN}:
        raise UserError(f"What is watched has ids of {LOCK_LEN} bytes.")
    return locks


def _tokens(said: dict[str, Any], name: str) -> list[bytes]:
    tokens = [unb64(token, name) for token in items(said, name, TOKENS_MAX)]
    if {len(token) for token in tokens} != {TOKEN_LEN}:
        raise UserError(f"A token has {TOKEN_LEN} bytes.")
    return tokens


def _ack(said: Any) -> tuple[bytes, bytes]:
    """A message's id, and the token of the one reader."""
    if not isinstance(said, dict):
        raise UserError("An acknowledgement must be a JSON object.")
    mid, token = unb64(said.get("mid"), "mid"), unb64(said.get("token"), "token")
    if len(mid) != LOCK_LEN or len(token) != TOKEN_LEN:
        raise UserError("An acknowledgement has a mid of 12 bytes and a token of 16.")
    return mid, token


def _number(said: dict[str, Any], name: str) -> int:
    value = said[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= NUMBER_MAX:
        raise UserError(f'"{name}" must be a whole number.')
    return value


def _byte(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    if not _is_byte(value):
        raise UserError(f'"{name}" must be a whole number from 0 to 255.')
    return int(value)  # type: ignore[arg-type]  # _is_byte has seen it


def _is_byte(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
