"""The web server over real sockets: every route, every refusal, and streams that lose nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from gateway.desk import Desk
from gateway.web import server

ANSWER_TIMEOUT_S = 5.0


def make_desk(tmp_path: Path) -> tuple[Desk, str]:
    """Amina's desk, and the card of somebody else whom she can add."""
    desk, other = Desk(tmp_path / "amina"), Desk(tmp_path / "noor")
    desk.create_identity("Amina")
    return desk, other.create_identity("Noor").card.text()


# The harness.

Client: TypeAlias = "TestClient[web.Request, web.Application]"  # older aiohttp: not generic


def with_web(tmp_path: Path, body: Callable[[Client, str], Awaitable[None]]) -> None:
    """Run body(client, contact id) against a server with one contact."""

    async def run() -> None:
        desk, card = make_desk(tmp_path)
        contact = desk.add_contact(card, "Noor")["id"]
        async with TestClient(TestServer(server.make_app(desk))) as client:
            await asyncio.wait_for(body(client, contact), ANSWER_TIMEOUT_S * 2)

    asyncio.run(run())


async def send(client: Client, contact: str, text: str) -> dict[str, Any]:
    answer = await client.post("/api/messages", json={"contact": contact, "text": text})
    assert answer.status == 201
    row: dict[str, Any] = await answer.json()
    return row


async def refused(answer: ClientResponse, status: int) -> str:
    """The sentence of a refusal with this status."""
    assert answer.status == status
    body = await answer.json()
    assert list(body) == ["error"]
    sentence: str = body["error"]
    assert sentence.endswith(".")
    return sentence


async def next_event(stream: ClientResponse) -> dict[str, str]:
    """The next event's fields; comments, retry: and blank lines are passed over."""
    fields: dict[str, str] = {}
    while True:
        line = await asyncio.wait_for(stream.content.readline(), ANSWER_TIMEOUT_S)
        assert line, "the stream ended"
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if not line.strip() and "data" in fields:
            return fields
        if name in ("id", "event", "data"):
            fields[name] = value


async def texts(stream: ClientResponse, count: int) -> list[str]:
    return [json.loads((await next_event(stream))["data"])["text"] for _ in range(count)]


# The page.


def test_the_page_and_its_files_carry_the_policy(tmp_path: Path) -> None:
    async def body(client: Client, _: str) -> None:
        for path, kind in (
            ("/", "text/html"),
            ("/static/words.js", "javascript"),
            ("/static/talk.js", "javascript"),
            ("/static/page.js", "javascript"),
            ("/static/style.css", "text/css"),
        ):
            answer = await client.get(path)
            assert answer.status == 200
            assert kind in answer.headers["Content-Type"]
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-cache"
            again = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status == 304

    with_web(tmp_path, body)


def test_the_page_has_no_inline_script_or_style() -> None:
    page = (server.STATIC / "index.html").read_text(encoding="utf-8")
    assert page.count("<script") == page.count('<script src="/static/')
    for forbidden in ("<style", " style=", " onclick=", "http://", "https://"):
        assert forbidden not in page.replace("http://www.w3.org/2000/svg", "")


def test_every_word_on_the_page_is_in_the_table() -> None:
    page = (server.STATIC / "index.html").read_text(encoding="utf-8")
    script = (server.STATIC / "words.js").read_text(encoding="utf-8")
    table = script[script.index("const WORDS = {") : script.index("\n};")]
    named = [
        part.split('"')[0]
        for key in ("t", "t-label", "t-hint")
        for part in page.split(f'data-{key}="')[1:]
    ]
    assert len(named) > 20
    assert [name for name in named if f"\n  {name}: " not in table] == []


# What can be read.


def test_me_contacts_and_status(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        me = await (await client.get("/api/me")).json()
        assert {"name", "id", "card", "gateway", "message_max", "run"} <= set(me)
        assert me["message_max"] == 65536
        answer = await client.get("/api/contacts")
        assert answer.headers["Cache-Control"] == "no-store"
        assert [row["id"] for row in await answer.json()] == [contact]
        status = await (await client.get("/api/status")).json()
        assert {"relay", "neighbours"} <= set(status)

    with_web(tmp_path, body)


def test_messages_after_and_limit(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        first, second = await send(client, contact, "one"), await send(client, contact, "ثان")
        rows = await (await client.get("/api/messages")).json()
        assert [row["text"] for row in rows] == ["one", "ثان"]
        rows = await (await client.get("/api/messages?limit=1")).json()
        assert [row["id"] for row in rows] == [first["id"]]
        rows = await (await client.get(f"/api/messages?after={first['seq']}")).json()
        assert [row["id"] for row in rows] == [second["id"]]

    with_web(tmp_path, body)


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=-1", "after=9" + "9" * 30, "after=٣", "limit=501", "wait=61", "wait="],
)
def test_odd_numbers_are_refused(tmp_path: Path, query: str) -> None:
    async def body(client: Client, _: str) -> None:
        await refused(await client.get(f"/api/messages?{query}"), 400)

    with_web(tmp_path, body)


def test_long_poll_waits_for_news(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        poll = asyncio.ensure_future(client.get("/api/messages?wait=25"))
        await asyncio.sleep(0.05)
        assert not poll.done()
        await send(client, contact, "hello")
        rows = await (await asyncio.wait_for(poll, ANSWER_TIMEOUT_S)).json()
        assert [row["text"] for row in rows] == ["hello"]
        answer = await client.get(f"/api/messages?after={rows[0]['seq']}&wait=1")
        assert await answer.json() == []

    with_web(tmp_path, body)


# What can be written, and what is refused.


def test_add_contact(tmp_path: Path) -> None:
    async def run() -> None:
        desk, card = make_desk(tmp_path)
        async with TestClient(TestServer(server.make_app(desk))) as client:
            answer = await client.post("/api/contacts", json={"card": f" {card}\n", "name": "نور"})
            assert answer.status == 201
            assert (await answer.json())["name"] == "نور"
            answer = await client.post("/api/contacts", json={"card": "hello"})
            await refused(answer, 400)
            assert len(desk.contacts()) == 1

    asyncio.run(run())


def test_send_answers_with_the_message(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        row = await send(client, contact, "Bring water 💧")
        assert row["text"] == "Bring water 💧"
        assert row["state"] == "queued"
        assert row["bytes"] == 16
        assert (row["contact"], row["direction"]) == (contact, "out")

    with_web(tmp_path, body)


BAD_BODIES = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b"[]",
    b"null",
    b"{}",
    b'{"contact": "CONTACT"}',
    b'{"text": "hello"}',
    b'{"contact": "CONTACT", "text": 5}',
    b'{"contact": "CONTACT", "text": null}',
    b'{"contact": ["CONTACT"], "text": "hello"}',
    b'{"contact": "CONTACT", "text": "half \\ud83d"}',
    b'{"contact": "\\udc00", "text": "hello"}',
    b'{"contact": "ffffffffffffffff", "text": "hello"}',
    b'{"contact": "not hex at all", "text": "hello"}',
    b'{"contact": "CONTACT", "text": ""}',
    b'{"contact": "CONTACT", "text": "' + b"x" * 65537 + b'"}',
]


@pytest.mark.parametrize("content", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_bad_message_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    async def body(client: Client, contact: str) -> None:
        answer = await client.post(
            "/api/messages",
            data=content.replace(b"CONTACT", contact.encode()),
            headers={"Content-Type": "application/json"},
        )
        await refused(answer, 400)
        assert await (await client.get("/api/messages")).json() == []

    with_web(tmp_path, body)


def test_the_longest_message_fits_whatever_its_escapes(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        assert (await send(client, contact, "\n" * 65535 + "x"))["bytes"] == 65536

    with_web(tmp_path, body)


def test_too_large_a_body(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        answer = await client.post(
            "/api/messages", json={"contact": contact, "text": "x" * 300_000}
        )
        await refused(answer, 413)

    with_web(tmp_path, body)


def test_other_sites_cannot_post(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        content = json.dumps({"contact": contact, "text": "hello"})

        async def post(**headers: str) -> ClientResponse:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.post("/api/messages", data=content, headers=names)

        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            await refused(await post(Content_Type=kind), 403)
        for origin in ("http://evil.example", "null", f"http://{client.host}:1", ""):
            await refused(await post(Content_Type="application/json", Origin=origin), 403)
        own = f"http://{client.host}:{client.port}"
        answer = await post(Content_Type="application/json; charset=utf-8", Origin=own)
        assert answer.status == 201
        assert "Access-Control-Allow-Origin" not in answer.headers

    with_web(tmp_path, body)


def test_wrong_addresses_and_methods(tmp_path: Path) -> None:
    async def body(client: Client, _: str) -> None:
        for path in ("/nothing", "/static/nothing.js", "/static/../server.py", "/api/"):
            answer = await client.get(path)
            await refused(answer, 404)
            assert "Content-Security-Policy" in answer.headers
        answer = await client.delete("/api/messages")
        await refused(answer, 405)
        assert answer.headers["Allow"] == "GET,POST"
        await refused(await client.put("/api/me", json={}), 405)

    with_web(tmp_path, body)


# The stream.


def test_the_stream_tells_a_posted_message(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        async with client.get("/api/events") as stream:
            assert stream.headers["Content-Type"] == "text/event-stream"
            assert await stream.content.readline() == b"retry: 2000\n"
            row = await send(client, contact, "two\nlines")
            event = await next_event(stream)
            assert event["event"] == "message"
            assert event["id"] == str(row["seq"])
            assert json.loads(event["data"]) == row

    with_web(tmp_path, body)


def test_the_stream_resumes_without_loss_or_repetition(tmp_path: Path) -> None:
    async def body(client: Client, contact: str) -> None:
        for text in ("a", "b"):
            await send(client, contact, text)
        async with client.get("/api/events") as stream:
            assert await texts(stream, 1) == ["a"]
            last = (await next_event(stream))["id"]
        for text in ("c", "d"):
            await send(client, contact, text)
        resume = {"Last-Event-ID": last}  # a browser repeats the old ?after= beside it
        async with client.get("/api/events?after=0", headers=resume) as stream:
            assert await texts(stream, 2) == ["c", "d"]
            await send(client, contact, "e")
            assert await texts(stream, 1) == ["e"]
        async with client.get(f"/api/events?after={last}") as stream:
            assert await texts(stream, 3) == ["c", "d", "e"]
        await refused(await client.get("/api/events", headers={"Last-Event-ID": "x"}), 400)

    with_web(tmp_path, body)


def test_a_long_history_comes_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ROWS_MAX", 3)

    async def body(client: Client, contact: str) -> None:
        wanted = [str(i) for i in range(10)]
        for text in wanted:
            await send(client, contact, text)
        async with client.get("/api/events") as stream:
            assert await texts(stream, 10) == wanted

    with_web(tmp_path, body)


def test_heartbeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_S", 0.02)

    async def body(client: Client, _: str) -> None:
        async with client.get("/api/events") as stream:
            lines = [await stream.content.readline() for _ in range(6)]
        assert lines[2:] == [b": still here\n", b"\n"] * 2

    with_web(tmp_path, body)


def test_listeners_are_counted_and_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LISTENERS_MAX", 2)
    monkeypatch.setattr(server, "HEARTBEAT_S", 0.02)

    async def body(client: Client, contact: str) -> None:
        async with client.get("/api/events"), client.get("/api/events") as stream:
            await refused(await client.get("/api/events"), 503)
            await refused(await client.get("/api/messages?wait=5"), 503)
            assert (await client.get("/api/messages")).status == 200
            stream.close()
            await asyncio.sleep(0.2)
            async with client.get("/api/events") as third:
                await send(client, contact, "room again")
                assert await texts(third, 1) == ["room again"]

    with_web(tmp_path, body)


def test_shutdown_ends_streams_and_long_polls(tmp_path: Path) -> None:
    async def run() -> None:
        desk, _ = make_desk(tmp_path)
        web_server = TestServer(server.make_app(desk))
        async with TestClient(web_server) as client:
            stream = await client.get("/api/events")
            poll = asyncio.ensure_future(client.get("/api/messages?wait=60"))
            await asyncio.sleep(0.05)
            await asyncio.wait_for(web_server.close(), ANSWER_TIMEOUT_S)
            assert (await stream.content.read()).startswith(b"retry: ")  # whole, in good order
            assert await (await poll).json() == []

    asyncio.run(run())


def test_shutdown_cuts_a_phone_that_reads_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        desk, card = make_desk(tmp_path)
        contact = desk.add_contact(card, None)["id"]
        for number in range(400):  # 24 MB, more than the sockets' buffers hold
            desk.send(contact, f"{number:05}" * 12_000)
        web_server = TestServer(server.make_app(desk))
        await web_server.start_server()
        _, writer = await asyncio.open_connection(web_server.host, web_server.port, limit=1024)
        writer.write(b"GET /api/events HTTP/1.1\r\nHost: gateway\r\n\r\n")
        await asyncio.sleep(0.3)
        await asyncio.wait_for(web_server.close(), ANSWER_TIMEOUT_S)
        writer.close()

    asyncio.run(run())


def test_a_foreign_name_is_not_answered(tmp_path: Path) -> None:
    async def body(client: Client, _: str) -> None:
        for host, status in (
            ("evil.example", 403), ("evil.example:80", 403), ("", 403), ("127.0.0.1.evil", 403),
            ("192.168.4.1", 200), ("192.168.4.1:8080", 200), ("[::1]:8080", 200), ("[::1]", 200),
            ("LocalHost:1", 200),
        ):  # fmt: skip
            answer = await client.get("/api/me", headers={"Host": host})
            assert answer.status == status, host

    with_web(tmp_path, body)


def test_names_from_the_configuration() -> None:
    names = frozenset({"mesh.home.arpa"})
    assert server.known_host("Mesh.Home.Arpa:80", names)
    assert not server.known_host("home.arpa", names)
