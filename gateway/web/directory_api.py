"""The directory over HTTP: who was heard of, and being announced by this gateway.

Records go as they travel, in base64url, so that a phone need not believe the gateway: it checks
the signatures itself (SPEC.md 14).
"""

import base64
import binascii
import json
from typing import Any

from aiohttp import web

from gateway.announce import Announcer
from gateway.device_auth import device_id
from gateway.errors import UserError
from gateway.people import as_dict
from gateway.web.rates import RECORDS, Rates
from gateway.web.requests import Signed

PEOPLE_MAX = 100  # in one answer, last heard first
NAME_MAX_BYTES = 100  # of a question; names have 32
RECORDS_MAX = 16  # in one request: an account's, and those of its devices
_RECORD_MAX_BYTES = 250


def routes(announcer: Announcer, signed: Signed, rates: Rates) -> list[web.RouteDef]:
    """GET and POST /api/directory. signed: gives the device that signed a request and its body,
    or raises what refuses it."""

    async def find(request: web.Request) -> web.Response:
        await signed(request)
        name = request.query.get("name", "")
        if len(name.encode("utf-8", "replace")) > NAME_MAX_BYTES:
            raise UserError("the name is too long")
        directory = announcer.directory
        people = [
            as_dict(entry) | {"records": _texts(entry.payload, entry.rival, *entry.known)}
            for entry in directory.find(name, PEOPLE_MAX)
        ]
        return web.json_response({"people": people})

    async def announce(request: web.Request) -> web.Response:
        device, body = await signed(request)
        records = _records(body)
        phone = device_id(device.key)
        rates.spend(phone, RECORDS, len(records))
        announcer.post(records, phone)
        return web.json_response({"announced": len(records)}, status=201)

    return [
        web.get("/api/directory", find, allow_head=False),
        web.post("/api/directory", announce),
    ]


def _records(body: bytes) -> list[bytes]:
    """The records in a request's body. UserError if they are none."""
    try:
        asked: Any = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise UserError("the request is not valid JSON in UTF-8") from None
    texts = asked.get("records") if isinstance(asked, dict) else None
    if not isinstance(texts, list) or not 1 <= len(texts) <= RECORDS_MAX:
        raise UserError(f'the request needs "records", a list of 1 to {RECORDS_MAX}')
    return [_bytes(text) for text in texts]


def _texts(*records: bytes | None) -> list[str]:
    return [base64.urlsafe_b64encode(raw).decode().rstrip("=") for raw in records if raw]


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > 2 * _RECORD_MAX_BYTES or not text.isascii():
        raise UserError("a record is not base64url")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise UserError("a record is not base64url") from None
