"""`helio bench gateway`: a gateway process with a hundred phones, beside an LXMF propagation node.

The gateway is `helio gateway run` on one core, without a relay; the phones are this process, each
with a stream of events, every request signed. A message's time runs from before its POST until the
other phone has its event; that phone then acknowledges it, and the sender is told. What is sealed
was sealed before, and is compared, not opened: phones do that, not the gateway.

The peer stores messages of the same size in its own process on the same core: what a propagation
node does with one that has come, without link, proof or acknowledgement. So does a post office of
ours, with a commit to the disk (fsync) for each, or for sixteen, as a crowd gives it.
"""

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from gateway.database import open_database
from gateway.device_auth import HEADER, sign
from gateway.identity import Identity
from gateway.post_office import PostOffice
from gateway.posting import Posting
from gateway.sealing import FRAME_PAYLOAD, Sealed, hint_for, seal
from gateway.web.requests import b64
from shared_protocol.lifetime import NORMAL
from shared_protocol.parcel_fields import decode
from tools.bench import BenchFailed, row
from tools.field import FieldGateway, NotReached, until

Row = dict[str, Any]

PHONES = 100
PER_S = 20
STEADY_S = 60
FULL_S = 10  # how long as much as possible is sent
BUSY = 64  # messages under way at once then
BODY_BYTES = 80  # one frame
STORED = 400  # messages that are only stored, ours and the peer's; a letter box holds 500
_CODE = 10  # a week
_SETTLE_S = 10
_TIMEOUT_S = 120
_P99_MS, _RSS_MB = 250, 150


class BenchPhone:
    """One phone: keys, a stream, and the times at which its letters came."""

    def __init__(self, name: str, bench: "Bench") -> None:
        self.identity = Identity.new(name)
        self._bench = bench

    def _sign(self, method: str, path: str, body: bytes = b"") -> str:
        now_ms = time.time_ns() // 1_000_000
        return sign(self.identity.signing, self._bench.gateway, method, path, now_ms, body)

    async def ask(self, method: str, path: str, value: object = None) -> Any:
        """One signed request; BenchFailed if it is refused."""
        body = b"" if value is None else json.dumps(value).encode()
        signed = self._sign(method, path, body)
        headers = {HEADER: signed, "Content-Type": "application/json"}
        session = self._bench.session
        async with session.request(method, path, data=body or None, headers=headers) as answer:
            said = await answer.json()
            if answer.status >= 400:
                raise BenchFailed(f"{method} {path}: {said['error']}")
            return said

    async def register(self) -> None:
        """As a page does it when it is opened."""
        card = self.identity.card
        boxes = [b64(card.mailbox_key)]
        await self.ask("PUT", "/api/device", {"device": b64(card.ed25519), "boxes": boxes})

    async def listen(self) -> None:
        """The stream: note each letter, and acknowledge it."""
        path = "/api/events?after=0"
        signed = self._sign("GET", path)
        async with self._bench.session.get(f"{path}&key={signed}", timeout=None) as stream:
            self._bench.listening += 1
            kind = b""
            async for line in stream.content:
                if line.startswith(b"event: "):
                    kind = line[7:-1]
                elif line.startswith(b"data: "):
                    at_s = time.perf_counter()
                    told = json.loads(line[6:])
                    if kind == b"letter":
                        token = self._bench.arrived(told, at_s)
                        self._bench.later(self.ask("POST", "/api/receipts", {"tokens": [token]}))
                    elif told["state"] == "delivered":
                        self._bench.delivered.add(told["mid"])


class Bench:
    """The phones, and what became of their messages."""

    def __init__(self, seed: int, gateway: str) -> None:
        """gateway: its id."""
        self.gateway = gateway
        self.dice = random.Random(seed)
        self.session: aiohttp.ClientSession
        self.phones = [BenchPhone(f"phone {n}", self) for n in range(PHONES)]
        self.listening = 0
        self.sent: dict[str, tuple[float, str, str]] = {}  # mid -> when, bundle, token
        self.came: dict[str, list[float]] = {}
        self.altered = 0
        self.delivered: set[str] = set()
        self.news = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def later(self, what: Any) -> None:
        """Do it beside everything else; settle() says if it failed."""
        self._tasks.add(asyncio.create_task(what))

    def sealed(self) -> tuple[BenchPhone, dict[str, Any], str]:
        """Somebody's message to somebody, ready to be posted, and its token."""
        sender, to = self.dice.sample(self.phones, 2)
        body = self.dice.randbytes(BODY_BYTES)
        done = seal(sender.identity, to.identity.card, body, 1_800_000_000, NORMAL, _CODE)
        return sender, _as_json(done), b64(done.token)

    async def post(self, sender: BenchPhone, message: dict[str, Any], token: str) -> None:
        """Post one."""
        self.sent[message["mid"]] = (time.perf_counter(), message["bundle"], token)
        await sender.ask("POST", "/api/post", {"messages": [message]})

    def arrived(self, letter: dict[str, Any], at_s: float) -> str:
        """A letter has come: its token."""
        started_s, bundle, token = self.sent[letter["mid"]]
        self.came.setdefault(letter["mid"], []).append(at_s - started_s)
        self.altered += letter["bundle"] != bundle
        self.news.set()
        return token

    async def until(self, condition: Any) -> None:
        """Wait for it, for some seconds at most; what is missing then is counted."""
        with contextlib.suppress(NotReached):
            await until(condition, _SETTLE_S, "the phones")

    async def settle(self) -> None:
        """Wait until every sender is told, and every request is answered; BenchFailed if one was
        refused."""
        await asyncio.gather(*self._tasks)  # the posts
        await self.until(lambda: len(self.delivered) == len(self.sent))
        await asyncio.gather(*self._tasks)  # the receipts


def measure(seed: int, seconds: int) -> list[Row]:
    """All rows. seconds: of the steady load."""
    with tempfile.TemporaryDirectory(prefix="heliograph-") as folder:
        house = FieldGateway("A", "Ana", Path(folder), bytes(32), "")
        house.desk.close()
        house.start()
        try:
            assert house._process is not None
            _pin(house._process.pid, 0)
            rows = asyncio.run(_load(house, seed, seconds))
        finally:
            house.stop()
    size = BODY_BYTES
    ours = f"{size} bytes, only stored, on one core"
    for at_once in (1, 16):
        found = _alone("tools.bench_gateway", "stored", str(at_once))
        rows.append(row(f"{ours}: heliograph, {at_once} in a commit", found["per_s"], "1/s"))
    rows.append(_peer(ours))
    return rows


async def _load(house: FieldGateway, seed: int, seconds: int) -> list[Row]:
    assert house._process is not None
    bench = Bench(seed, house.id)
    async with aiohttp.ClientSession(
        house.url, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        bench.session = session
        for phone in bench.phones:
            await phone.register()
        streams = [asyncio.create_task(phone.listen()) for phone in bench.phones]
        await bench.until(lambda: bench.listening == PHONES)
        await _steady(bench, seconds)
        times = sorted(1000 * t for all_times in bench.came.values() for t in all_times)
        lost, twice = len(bench.sent) - len(bench.came), len(times) - len(bench.came)
        told = len(bench.delivered)
        steady = len(bench.sent)
        most = await _most(bench)
        rss_mb = _rss_mb(house._process.pid)
        await bench.settle()
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    what = f"POST to event, {PHONES} phones, {PER_S}/s for {seconds} s"
    return [
        row(f"{what}: p50", round(_at(times, 0.5), 1), "ms"),
        row(f"{what}: p99", round(_at(times, 0.99), 1), "ms", most=_P99_MS),
        row(f"{what}: slowest", round(times[-1], 1), "ms"),
        row(f"{what}: messages", steady, "messages"),
        row(f"{what}: lost or altered", lost + bench.altered, "messages", most=0),
        row(f"{what}: told twice", twice, "messages", most=0),
        row(f"{what}: senders told", told, "messages", least=steady),
        row("the gateway's memory, at most", rss_mb, "MB", most=_RSS_MB),
        row(f"end to end, acknowledged, on one core, {BUSY} under way", most, "1/s"),
    ]


async def _steady(bench: Bench, seconds: int) -> None:
    """So many a second, whatever the gateway does meanwhile."""
    ready = [bench.sealed() for _ in range(PER_S * seconds)]
    started_s = time.monotonic()
    for number, one in enumerate(ready):
        await asyncio.sleep(max(0.0, started_s + number / PER_S - time.monotonic()))
        bench.later(bench.post(*one))
    await bench.settle()


async def _most(bench: Bench) -> int:
    """Messages a second, as many as it takes."""
    ready = [bench.sealed() for _ in range(300 * FULL_S)]
    before = len(bench.delivered)
    started_s = time.monotonic()

    async def worker() -> None:
        while ready and time.monotonic() - started_s < FULL_S:
            one = ready.pop()
            await bench.post(*one)
            while one[1]["mid"] not in bench.came:
                bench.news.clear()
                await bench.news.wait()

    await asyncio.gather(*(worker() for _ in range(BUSY)))
    return round((len(bench.delivered) - before) / (time.monotonic() - started_s))


def _peer(ours: str) -> Row:
    """The same by an LXMF propagation node."""
    try:
        found = _alone("tools.bench_lxmf", str(BODY_BYTES), str(STORED))
    except BenchFailed as e:
        if "No module named" not in str(e):
            raise
        return row(f"{ours}: LXMF is not installed (pip install lxmf)", None, "1/s", "LXMF")
    name = f"LXMF {found['version']}"
    return row(f"{ours}: {name} propagation node, no fsync", found["per_s"], "1/s", name)


def _alone(module: str, *arguments: str) -> dict[str, Any]:
    """What a process of its own prints, on one core."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False,
        timeout=_TIMEOUT_S, preexec_fn=lambda: _pin(0, 0),  # one system call
    )  # fmt: skip
    if done.returncode:
        raise BenchFailed(f"{module}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def stored(at_once: int) -> dict[str, Any]:
    """Messages a second that a post office takes for a device of its own: durable, each in a
    letter box, no HTTP and no signature."""
    bench = Bench(1, "")
    ana, bo = bench.phones[0].identity.card, bench.phones[1].identity.card
    with tempfile.TemporaryDirectory(prefix="heliograph-") as folder:
        path = Path(folder) / "heliograph.db"
        office = PostOffice(open_database(path), path)
        heads = (bytes([2, _CODE << 4 | 2]) + os.urandom(12) for _ in range(STORED))
        postings = [
            Posting(h, hint_for(bo.mailbox_key, h[2:]), os.urandom(FRAME_PAYLOAD), None, b"", b"")
            for h in heads
        ]

        async def run() -> float:
            sender = await office.register(ana.ed25519, [ana.mailbox_key])
            await office.register(bo.ed25519, [bo.mailbox_key])
            started_s = time.monotonic()
            for start in range(0, STORED, at_once):
                await office.post(sender, postings[start : start + at_once])
            return time.monotonic() - started_s

        return {"per_s": round(STORED / asyncio.run(run()))}


def _as_json(sealed: Sealed) -> dict[str, Any]:
    """A message of one frame for /api/post."""
    p = decode(bytes(3) + sealed.parcels[0])
    _, _, b0, b1, mid, hint = p.head
    return {
        "mid": b64(mid), "b0": b0, "b1": b1, "hint": b64(hint), "bundle": b64(p.payload),
        "shape": None, "tag_key": None, "way": "",
    }  # fmt: skip


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _pin(pid: int, core: int) -> None:
    """One core for it, if this machine can say so and has two."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})


def _rss_mb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return round(int(line.split()[1]) / 1024)
    raise BenchFailed("this system does not say how much memory a process has")


if __name__ == "__main__":
    print(json.dumps(stored(int(sys.argv[2]))))
