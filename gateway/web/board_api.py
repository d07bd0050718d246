"""The board over HTTP: what is told to everybody, and telling it (docs/BOARD.md).

Notices go as they travel, in base64url, so that a phone need not believe the gateway: it checks
the signatures itself (SPEC.md 16), and the token of a notice that is said to be cancelled.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.board import Board
from gateway.board_keeper import BoardKeeper
from gateway.board_view import age_s, changed
from gateway.desk import Desk
from gateway.device_auth import device_id
from gateway.errors import NoRoom, UserError
from gateway.node_store import RESERVE_BYTES
from gateway.notices import CERTIFICATE, SOS, NoticeError, decode, read, type_of
from gateway.post_office import PostOffice
from gateway.web.rates import CALLS, NOTICES, Rates
from gateway.web.requests import (
    NUMBER_MAX,
    Signed,
    answer,
    b64,
    items,
    json_object,
    number,
    unb64,
)

ROWS_MAX = 100  # in one answer
POST_MAX = 8  # notices or tokens in one request
TOKEN_LEN = 16
PARCEL_MAX = 250


class BoardApi:
    """GET /api/board, POST /api/notices and /api/notices/cancel.

    signed: gives the device that signed a request and its body, or raises what refuses it.
    """

    def __init__(
        self,
        office: PostOffice,
        keeper: BoardKeeper,
        desk: Desk,
        clock_s: Callable[[], int],
        signed: Signed,
    ) -> None:
        self._office, self._keeper, self._board = office, keeper, keeper.board
        self._db, self._path, self._clock_s, self._signed = desk.db, desk.path, clock_s, signed
        self._rates = Rates()

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.get("/api/board", self.board, allow_head=False),
            web.post("/api/notices", self.post),
            web.post("/api/notices/cancel", self.cancel),
        ]

    async def board(self, request: web.Request) -> web.Response:
        """?after=, ?sos=1: what has changed after this number; with `sos` only calls for help."""
        await self._signed(request)
        after = number(request.query.get("after", "0"), "after", NUMBER_MAX)
        calls_only = number(request.query.get("sos", "0"), "sos", 1) == 1
        newest = self._board.seq()
        if after > newest:
            after = 0  # a number of another life of this board
        now_s, clock_s = int(time.time()), self._clock_s()
        rows = changed(self._db, after, ROWS_MAX, calls_only, now_s)
        organisers = [] if calls_only else self._board.organisers.after(after)
        operator = self._keeper.operator
        return answer({
            "seq": newest,
            "more": len(rows) == ROWS_MAX,
            "operator": b64(operator) if operator else "",
            "organisers": [b64(bytes(row["certificate"])) for row in organisers],
            "notices": [_told(row, clock_s, now_s) for row in rows],
        })  # fmt: skip

    async def post(self, request: web.Request) -> web.Response:
        """{"notices": [...]}: parcels of this very device's notices, on the disk when this is
        answered, all of them or none. The same again is harmless."""
        device, body = await self._signed(request)
        parcels = [unb64(p, "notices") for p in items(json_object(body), "notices", POST_MAX)]
        calls = [_is_call(immutable, device.key) for immutable in parcels]
        new = [
            is_call
            for immutable, is_call in zip(parcels, calls, strict=True)
            if self._board.row(immutable[2:14]) is None
        ]
        for rate, count in ((CALLS, sum(new)), (NOTICES, len(new) - sum(new))):
            if count:
                self._rates.spend(device_id(device.key), rate, count)
        disk_full = shutil.disk_usage(self._path.parent).free < RESERVE_BYTES
        if disk_full and not all(calls):  # calls for help may use what is kept free
            raise NoRoom("the gateway's disk is full: these notices were not taken")
        clock_s = self._clock_s()
        states = await self._office.write(lambda: _posted(self._board, parcels, clock_s))
        return answer({"states": states}, status=201)

    async def cancel(self, request: web.Request) -> web.Response:
        """{"tokens": [...]}: of the notices with these their author takes back."""
        device, body = await self._signed(request)
        tokens = [unb64(t, "tokens") for t in items(json_object(body), "tokens", POST_MAX)]
        if {len(token) for token in tokens} != {TOKEN_LEN}:
            raise UserError(f"A token has {TOKEN_LEN} bytes.")
        known = sum(self._board.has_live(token) for token in tokens)
        if known < len(tokens):  # a token for nothing costs all relays room
            self._rates.spend(device_id(device.key), NOTICES, len(tokens) - known)
        clock_s = self._clock_s()
        cancelled = await self._office.write(
            lambda: sum(self._board.cancel(token, clock_s, owed=True) for token in tokens)
        )
        return answer({"cancelled": cancelled})


def _posted(board: Board, parcels: list[bytes], clock_s: int) -> list[str]:
    return [board.post(immutable, clock_s) for immutable in parcels]


def _is_call(immutable: bytes, key: bytes) -> bool:
    """Is it a call for help? UserError unless it is a notice of the device with this key."""
    if not 14 < len(immutable) <= PARCEL_MAX:
        raise UserError("A notice is a parcel of one frame.")
    try:
        if type_of(immutable) == CERTIFICATE:
            return False
        notice = decode(immutable)
        if notice.device != key:
            raise UserError("The notice is of another device.")
        read(immutable)
    except NoticeError as e:
        raise UserError(str(e)) from None
    return notice.type == SOS


def _told(row: sqlite3.Row, clock_s: int, now_s: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "seq": row["seq"], "mid": b64(bytes(row["mid"])), "state": row["state"],
        "type": row["type"], "name": row["name"], "device": b64(bytes(row["device"])),
    }  # fmt: skip
    if row["token"] is not None:
        told["token"] = b64(bytes(row["token"]))
    if row["immutable"] is None:
        return told | {"ended_s": max(0, now_s - (row["ended_unix_s"] or now_s))}
    return told | {
        "parcel": b64(bytes(row["immutable"])), "age_s": age_s(row, clock_s),
        "relays": row["relays"], "way": row["way"],
    }  # fmt: skip
