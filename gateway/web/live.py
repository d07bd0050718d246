"""Phones that wait for news: server-sent events, and long polls where a browser has no streams."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from gateway.devices import Device
from gateway.post_office import News, PostOffice
from gateway.web.requests import b64, dumps

LISTENERS_MAX = 200  # streams and long polls together: a full hall on one Pi Zero 2
STREAMS_MAX = 6  # of one device: browsers open no more to one host. The oldest is ended
ROWS_MAX = 100  # in one go
HEARTBEAT_S = 15.0
RETRY_MS = 2000
# A phone that walks away never says goodbye: its stream ends this long after an unread heartbeat.
GONE_AFTER_MS = 30_000


class Line:
    """One connection that waits for news, until `ended` is set."""

    def __init__(self, transport: asyncio.Transport | None) -> None:
        self.transport = transport
        self.ended = False

    def is_stuck(self) -> bool:
        """Is its phone not reading?"""
        return self.transport is not None and self.transport.get_write_buffer_size() > 0


class Lines:
    """All of them."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office
        self._of: dict[str, list[Line]] = {}
        self._closing = False

    def all(self) -> list[Line]:
        """Every connection that waits."""
        return [line for mine in self._of.values() for line in mine]

    @contextmanager
    def open(self, request: web.Request, device: Device) -> Iterator[Line]:
        """A place among the LISTENERS_MAX, held for as long as the request waits."""
        mine = self._of.get(device.id, [])
        if len(mine) < STREAMS_MAX and len(self.all()) >= LISTENERS_MAX:
            raise web.HTTPServiceUnavailable(
                text=f"This gateway already serves {LISTENERS_MAX} open pages; try again soon."
            )
        line = Line(request.transport)
        line.ended = self._closing
        if line.transport is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            connection = line.transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_AFTER_MS)
        mine = self._of.setdefault(device.id, mine)
        mine.append(line)
        for oldest in mine[:-STREAMS_MAX]:
            oldest.ended = True
            self._office.wake(device.id)
        self._office.devices.listens(device, 1)
        try:
            yield line
        finally:
            self._office.devices.listens(device, -1)
            mine.remove(line)
            if not mine:
                del self._of[device.id]

    async def end(self, app: web.Application) -> None:
        """The server ends: let everybody finish, and cut those whose phone does not read.

        Cleanup waits for handlers, and a handler waits for such a phone; it resumes where it was.
        """
        self._closing = True
        for line in self.all():
            line.ended = True
            if line.transport is not None and line.is_stuck():
                line.transport.abort()
        for device in list(self._of):
            self._office.wake(device)


def as_json(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """A letter or a state as the API tells it."""
    told = {"seq": row["seq"], "mid": b64(row["mid"])}
    if kind == "state":
        token = {} if row["token"] is None else {"token": b64(row["token"])}
        return told | {"state": row["state"]} | token
    return told | {
        "head": b64(row["head"]),
        "shape": None if row["shape"] is None else list(row["shape"]),
        "bundle": b64(row["bundle"]),
        "relays": row["relays"],
        "arrived_ms": row["arrived_ms"],
    }


async def long_poll(
    line: Line, office: PostOffice, device: Device, after: int, wait_s: float
) -> list[News]:
    """What there is, or comes within so many seconds."""
    news = office.news(device, after, ROWS_MAX)
    if not news and wait_s and not line.ended:
        await office.wait(device, wait_s)
        news = office.news(device, after, ROWS_MAX)
    return news


async def stream(
    request: web.Request, line: Line, office: PostOffice, device: Device, after: int
) -> web.StreamResponse:
    """Server-sent events: everything behind `after`, then live, until one side ends."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    try:
        await response.prepare(request)
        await response.write(f"retry: {RETRY_MS}\n\n".encode())
        noted = 0
        while not line.ended:
            news = office.news(device, after, ROWS_MAX)
            notes, noted = office.underway.after(device.id, noted)
            for kind, row in news:
                after = row["seq"]
                data = dumps(as_json(kind, row))
                await response.write(f"id: {after}\nevent: {kind}\ndata: {data}\n\n".encode())
            for way, mid, done, of in notes:  # no id: nobody resumes at one
                data = dumps({"mid": b64(mid), "way": way, "pieces": [done, of]})
                await response.write(f"event: pieces\ndata: {data}\n\n".encode())
            if not news and not notes and not await office.wait(device, HEARTBEAT_S):
                if office.devices.get(device.id) is None:
                    break  # it had to give way: its next request is told so
                await office.here(device)
                await response.write(b": still here\n\n")
    except ConnectionError:
        pass  # the phone left, which is how most streams end
    return response
