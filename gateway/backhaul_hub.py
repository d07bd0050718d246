"""The hub: a NATS JetStream stream that keeps each subject once, and how one talks with it.

Nothing is left at the server: news is a bell (headers that the stream repeats on another subject)
that rings once and is hung up again, and what there is is then read by number: in batches by
direct get where the server has that (2.11), else through a consumer that is made for one reading.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.backhaul_box import Found
from gateway.backhaul_item import HubKey
from gateway.backhaul_streams import here_config, stream_config

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

WAIT_S = 10  # for an answer; a satellite needs two, a cluster that elects a leader some
PUBLISH_MOST = 512  # under way at once
WIRE_MOST = 1_000  # bytes of one thing that is read, with all that NATS puts around it
_NS = 1_000_000_000
_BATCH_FROM = (2, 11)
_OLDEST = (2, 9)  # direct get, and discard by subject
THERE = 0  # in place of a number: the hub had it before
_NOT_FOUND, _ALONE, _DUPLICATE = 10059, 10074, "maximum messages per subject exceeded"
_FULL = ("maximum bytes exceeded", "maximum messages exceeded", "insufficient")


class HubError(Exception):
    """The hub does not do what it should: one line for people."""


class HubFull(HubError):
    """It takes nothing more."""


@dataclass(frozen=True)
class Life:
    """What the stream says of itself. name: differs if it was made anew. top: its last number."""

    name: str
    top: int


class Hub:
    """A connection to a hub. spent(size): is told of all bytes that went or came."""

    def __init__(self, nc: "Client", key: HubKey, spent: Callable[[int], None]) -> None:
        self._nc, self._key, self._spent = nc, key, spent
        self._inbox = ""
        self._asked = 0
        self._answers: dict[str, Callable[[Msg], None]] = {}
        self._ttl = False
        self._ahead_s = 0.0  # the hub's clock less ours
        self.version = (0, 0)

    async def prepare(self) -> Life:
        """See that the streams are there and as they have to be. HubError."""
        server = self._nc.connected_server_version
        self.version = (server.major, server.minor)
        if self.version < _OLDEST:
            told = f"{server.major}.{server.minor}.{server.patch}"
            raise HubError(f"the hub is nats-server {told}: 2.9.10 or newer is needed")
        self._inbox = self._nc.new_inbox()
        await self._nc.subscribe(f"{self._inbox}.*", cb=self._answered)
        info = await self._stream(lambda replicas: stream_config(self._key, replicas))
        await self._stream(lambda replicas: here_config(self._key, replicas))
        config = info["config"]
        wrong = (
            not config.get("allow_direct")
            or config.get("max_msgs_per_subject") != 1
            or not config.get("discard_new_per_subject")
            or "republish" not in config
        )
        if wrong:
            raise HubError(
                f"the hub's stream {self._key.stream} is not as gateways need it: "
                "see docs/BACKHAUL.md, Streams"
            )
        self._ttl = bool(config.get("allow_msg_ttl"))
        if "ts" in info:  # 2.10; before, both clocks have to be right
            self._ahead_s = _unix_s(info["ts"]) - time.time()
        return Life(info["created"], info["state"]["last_seq"])

    async def _stream(self, config: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
        name = config(3)["name"]
        info = await self._api(f"STREAM.INFO.{name}", None)
        if info.get("error", {}).get("err_code") == _NOT_FOUND:
            info = await self._api(f"STREAM.CREATE.{name}", config(3))
            if info.get("error", {}).get("err_code") == _ALONE:
                info = await self._api(f"STREAM.CREATE.{name}", config(1))
            if "error" in info:  # another gateway may be making it just now
                again = await self._api(f"STREAM.INFO.{name}", None)
                info = info if "error" in again else again
        if "error" in info:
            said = info["error"].get("description", "no reason")
            raise HubError(f"the hub refuses its stream {name}: {said}")
        return info

    async def _api(self, what: str, value: dict[str, Any] | None) -> dict[str, Any]:
        data = b"" if value is None else json.dumps(value).encode()
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        name = await self._ask(f"$JS.API.{what}", data, lambda m: _settle(answer, m))
        try:
            m = await self._within(answer, "does not answer")
        finally:
            self._answers.pop(name, None)
        try:
            told = json.loads(m.data)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise HubError("the hub has no JetStream: see docs/BACKHAUL.md, A hub")
        return told

    async def _within(self, waits: "asyncio.Future[Any]", what: str) -> Any:
        try:
            return await asyncio.wait_for(waits, WAIT_S)
        except TimeoutError:
            raise HubError(f"the hub {what}") from None

    async def _ask(self, subject: str, data: bytes, answer: "Callable[[Msg], None]") -> str:
        """Send something whose answers go to answer(), until forget() is told."""
        self._asked += 1
        name = str(self._asked)
        self._answers[name] = answer
        reply = f"{self._inbox}.{name}"
        self._spent(len(subject) + len(reply) + len(data) + 16)
        await self._nc.publish(subject, data, reply=reply)
        return name

    async def _answered(self, m: "Msg") -> None:
        self._spent(_size(m))
        answer = self._answers.get(m.subject.rpartition(".")[2])
        if answer is not None:
            answer(m)

    # --- to the hub

    async def publish(self, things: list[tuple[str, bytes, int]]) -> list[int | None]:
        """Store (subject, data, seconds to live) each: the number that it got, THERE, or None if
        that is not known, in their order. HubFull, HubError if that is so for all."""
        results: list[int | None] = [None] * len(things)
        problems: list[HubError] = []
        done = asyncio.Event()
        left = len(things)

        def note(at: int, m: "Msg") -> None:
            nonlocal left
            left -= 1
            try:
                results[at] = _verdict(m)
            except HubError as e:
                problems.append(e)
            if not left:
                done.set()

        names = []
        for at, (subject, data, left_s) in enumerate(things):
            self._asked += 1
            name = str(self._asked)
            names.append(name)
            self._answers[name] = lambda m, at=at: note(at, m)  # type: ignore[misc]
            headers = {"Nats-TTL": f"{max(1, left_s)}s"} if self._ttl else None
            reply = f"{self._inbox}.{name}"
            self._spent(len(subject) + len(reply) + len(data) + (64 if headers else 20))
            await self._nc.publish(subject, data, reply=reply, headers=headers)
        try:
            await asyncio.wait_for(done.wait(), WAIT_S)
        except TimeoutError:
            problems.append(HubError("the hub does not acknowledge what it gets"))
        finally:
            for name in names:
                self._answers.pop(name, None)
        if problems and all(result is None for result in results):
            raise problems[0]
        return results

    async def purge(self, subject: str) -> None:
        """End what lies under these subjects."""
        answer = await self._api(f"STREAM.PURGE.{self._key.stream}", {"filter": subject})
        if not answer.get("success"):
            said = answer.get("error", {}).get("description", "no reason")
            raise HubError(f"the hub does not end what was delivered: {said}")

    # --- from the hub

    async def bell(self, subject: str, ring: Callable[[str, int], None]) -> None:
        """Be told once of the next thing under a subject: ring(subject, its number)."""

        async def heard(m: "Msg") -> None:
            self._spent(_size(m))
            ring(subject, int((m.headers or {}).get("Nats-Sequence", 0)))

        self._spent(2 * len(subject) + 40)
        subscription = await self._nc.subscribe(f"bell.{subject}", cb=heard)
        await subscription.unsubscribe(limit=1)

    async def read(self, subject: str, after: int, most: int) -> tuple[list[Found], bool]:
        """What lies under a subject behind number `after`, at most so many, in the order of their
        numbers; and whether there is more."""
        if self.version >= _BATCH_FROM:
            return await self._read_batch(subject, after, most)
        return await self._read_by_consumer(subject, after, most)

    async def _read_batch(self, subject: str, after: int, most: int) -> tuple[list[Found], bool]:
        request = {"seq": after + 1, "batch": most, "next_by_subj": subject}
        found: list[Found] = []
        end = await self._collect(
            f"$JS.API.DIRECT.GET.{self._key.stream}", request, most + 1, found, self._direct
        )
        status = (end.headers or {}).get("Status", "") if end is not None else ""
        if status not in ("204", "404"):
            raise HubError(f"the hub cannot be read now ({status or 'no answer'})")
        return found, int((end.headers or {}).get("Nats-Num-Pending", 0)) > 0  # type: ignore[union-attr]

    def _direct(self, m: "Msg") -> Found:
        headers = m.headers or {}
        late_s = time.time() + self._ahead_s - _unix_s(headers["Nats-Time-Stamp"])
        number, subject = int(headers["Nats-Sequence"]), headers["Nats-Subject"]
        return Found(number, subject, m.data, max(0, int(late_s)))

    async def _read_by_consumer(
        self, subject: str, after: int, most: int
    ) -> tuple[list[Found], bool]:
        stream = self._key.stream
        config = {
            "deliver_policy": "by_start_sequence", "opt_start_seq": after + 1,
            "ack_policy": "none", "filter_subject": subject, "mem_storage": True,
            "num_replicas": 1, "inactive_threshold": 60 * _NS,
        }  # fmt: skip
        made = await self._api(
            f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config}
        )
        if "error" in made:
            raise HubError(f"the hub cannot be read now: {made['error'].get('description')}")
        name, pending = made["name"], made["num_pending"]
        found: list[Found] = []
        try:
            if pending:
                pull = {"batch": min(most, pending), "expires": int(WAIT_S / 2 * _NS)}
                next_ = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
                await self._collect(next_, pull, min(most, pending), found, self._pulled)
        finally:
            await self._api(f"CONSUMER.DELETE.{stream}.{name}", None)
        return found, pending > len(found)

    def _pulled(self, m: "Msg") -> Found:
        fields = m.reply.split(".")  # $JS.ACK.stream.consumer.times.number.count.time.pending
        late_s = time.time() - int(fields[-2]) / _NS
        return Found(int(fields[-4]), m.subject, m.data, max(0, int(late_s)))

    async def _collect(
        self,
        subject: str,
        request: dict[str, Any],
        most: int,
        found: list[Found],
        read: "Callable[[Msg], Found]",
    ) -> "Msg | None":
        """Ask, and gather the answers up to the one that has a status (it is returned), or to so
        many. HubError if they stop. They have an inbox of their own: what a consumer gives comes
        under the subject where it lay."""
        done: asyncio.Future[Msg | None] = asyncio.get_running_loop().create_future()

        async def heard(m: "Msg") -> None:
            self._spent(_size(m))
            if (m.headers or {}).get("Status"):
                _settle(done, m)
            else:
                found.append(read(m))
                if len(found) == most:
                    _settle(done, None)

        data, inbox = json.dumps(request).encode(), self._nc.new_inbox()
        self._spent(len(subject) + len(data) + 3 * len(inbox) + 60)
        subscription = await self._nc.subscribe(inbox, cb=heard)
        try:
            await self._nc.publish(subject, data, reply=inbox)
            while not done.done():
                before = len(found)
                await asyncio.wait([done], timeout=WAIT_S)
                if not done.done() and len(found) == before:
                    raise HubError("the hub stopped answering")
            return done.result()
        finally:
            await subscription.unsubscribe()

    # --- who can be reached

    async def tell_here(self, gateways: set[int]) -> None:
        """These gateways are in this gateway's mesh."""
        for gateway in gateways:
            await self._nc.publish(self._key.here(gateway), b"")
            self._spent(40)

    async def is_here(self, gateway: int) -> bool:
        """Has some mesh at the hub this gateway?"""
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        subject = f"$JS.API.DIRECT.GET.{self._key.here_stream}.{self._key.here(gateway)}"
        name = await self._ask(subject, b"", lambda m: _settle(answer, m))
        try:
            m = await self._within(answer, "does not answer")
        finally:
            self._answers.pop(name, None)
        return not (m.headers or {}).get("Status")


def _settle(future: "asyncio.Future[Any]", m: "Msg | None") -> None:
    if not future.done():
        future.set_result(m)


def _verdict(m: "Msg") -> int:
    """What the hub says to something that it shall keep. HubFull, HubError."""
    try:
        told = json.loads(m.data)
    except ValueError:
        raise HubError("the hub's stream has no leader now") from None
    error = told.get("error")
    if error is None:
        return int(told["seq"])
    said = str(error.get("description", "no reason"))
    if said == _DUPLICATE:
        return THERE
    if any(word in said for word in _FULL):
        raise HubFull(f"the hub is full ({said}): its operator must make room")
    raise HubError(f"the hub refuses: {said}")


def _unix_s(text: str) -> float:
    """An RFC 3339 time, of up to nanoseconds, to seconds since 1970."""
    date, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(f"{date}+00:00").timestamp()
    return seconds + float(f"0.{fraction}" if fraction else 0)


def _size(m: "Msg") -> int:
    """About what a message took on the wire."""
    headers = sum(len(k) + len(v) + 4 for k, v in (m.headers or {}).items())
    return len(m.subject) + len(m.reply) + headers + len(m.data) + 30
