"""What every request passes through, and the page's files: over real sockets."""

import asyncio
import re
from collections import Counter

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.desk import Desk
from gateway.post_office import PostOffice
from gateway.web import requests, static_files
from gateway.web.server import make_app


def about():
    return {"id": "02aa", "name": "g", "way": b"\1\2\3"}


def with_web(tmp_path, story):
    """Run story(client) against a server over an empty post office."""

    async def run():
        desk = Desk(tmp_path)
        office = PostOffice(desk.db, desk.path)
        async with TestClient(TestServer(make_app(office, about, dict))) as client:
            await asyncio.wait_for(story(client), 10)
        desk.close()

    asyncio.run(run())


async def refused(answer, status):
    """The sentence of a refusal with this status."""
    assert answer.status == status
    body = await answer.json()
    assert set(body) <= {"error", "code"}
    assert body["error"].endswith(".")
    return body["error"]


def test_the_page_and_all_its_files_carry_the_policy(tmp_path):
    names = [p.relative_to(static_files.STATIC).as_posix() for p in static_files.STATIC.rglob("*")]

    async def story(client):
        for path in ("/", *(f"/static/{name}" for name in names if "." in name)):
            answer = await client.get(path)
            assert answer.status == 200, path
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            again = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status == 304

    assert "index.html" in names
    with_web(tmp_path, story)


def test_only_what_was_there_at_the_start_is_served_and_hashed_names_for_good(tmp_path):
    folder = tmp_path / "static"
    (folder / "lang").mkdir(parents=True)
    for name in ("index.html", "page.js", "page-0123abcd.js", "chunk-ABCD2345.js", "lang/ar.json"):
        (folder / name).write_text("x")
    (folder / ".hidden").write_text("secret")
    (tmp_path / "outside").write_text("secret")

    async def story():
        app = web.Application(middlewares=[requests.errors])
        app[requests.REFUSED] = Counter()
        app.add_routes(static_files.routes(folder))
        (folder / "later.js").write_text("x")
        async with TestClient(TestServer(app)) as client:
            for name, lasts in (
                ("page.js", "no-cache"), ("page-0123abcd.js", "immutable"),
                ("chunk-ABCD2345.js", "immutable"), ("lang/ar.json", "no-cache"),
            ):  # fmt: skip
                answer = await client.get(f"/static/{name}")
                assert answer.status == 200, name
                assert lasts in answer.headers["Cache-Control"]
            for name in ("later.js", ".hidden", "lang", "../outside", "%2e%2e/outside", "a/b"):
                await refused(await client.get(f"/static/{name}"), 404)

    asyncio.run(story())


def test_the_first_load_travels_packed_and_is_small(tmp_path):
    async def story(client):
        total = 0
        for path in ("/", "/static/app.js", "/static/style.css"):
            plain = await client.get(path, headers={"Accept-Encoding": "identity"})
            packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
            assert "Content-Encoding" not in plain.headers
            assert packed.headers["Content-Encoding"] == "gzip"
            assert await packed.read() == await plain.read()  # the client unpacks
            assert packed.headers["Vary"] == "Accept-Encoding"
            total += int(packed.headers["Content-Length"])
        assert total < 60_000

    with_web(tmp_path, story)


def test_what_is_shipped_names_no_host():
    for path in static_files.STATIC.iterdir():
        if path.suffix in (".js", ".css", ".html"):
            hosts = set(re.findall(r"https?://[\w.]+", path.read_text(encoding="utf-8")))
            assert hosts <= {"http://www.w3.org"}, path  # names of formats, never asked


def test_the_page_has_no_inline_script_or_style():
    page = (static_files.STATIC / "index.html").read_text(encoding="utf-8")
    for forbidden in ("<style", " style=", " onclick=", "http://", "https://"):
        assert forbidden not in page.replace("http://www.w3.org/2000/svg", "")


def test_anybody_may_ask_who_the_gateway_is(tmp_path):
    async def story(client):
        answer = await client.get("/api/gateway")
        body = await answer.json()
        assert (body["name"], body["way"]) == ("g", "AQID")
        assert len(body["run"]) == 16
        assert answer.headers["Cache-Control"] == "no-store"

    with_web(tmp_path, story)


def test_a_foreign_name_is_not_answered(tmp_path):
    async def story(client):
        for host, status in (
            ("evil.example", 403), ("evil.example:80", 403), ("", 403), ("127.0.0.1.evil", 403),
            ("192.168.4.1", 200), ("192.168.4.1:8080", 200), ("[::1]:8080", 200), ("[::1]", 200),
            ("LocalHost:1", 200),
        ):  # fmt: skip
            answer = await client.get("/api/gateway", headers={"Host": host})
            assert answer.status == status, host

    with_web(tmp_path, story)


def test_names_from_the_configuration():
    names = frozenset({"mesh.home.arpa"})
    assert requests.known_host("Mesh.Home.Arpa:80", names)
    assert not requests.known_host("home.arpa", names)


def test_other_sites_cannot_write(tmp_path):
    async def story(client):
        for method, path in (("POST", "/api/post"), ("PUT", "/api/device")):
            for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
                headers = {"Content-Type": kind}
                await refused(await client.request(method, path, data="{}", headers=headers), 403)
            for origin in ("http://evil.example", "file://", f"http://{client.host}:1", ""):
                headers = {"Content-Type": "application/json", "Origin": origin}
                await refused(await client.request(method, path, data="{}", headers=headers), 403)
            own = f"http://{client.host}:{client.port}"
            headers = {"Content-Type": "application/json; charset=utf-8", "Origin": own}
            answer = await client.request(method, path, data="{}", headers=headers)
            assert answer.status == 401
            assert "Access-Control-Allow-Origin" not in answer.headers

    with_web(tmp_path, story)


def test_a_page_in_a_file_may_use_the_api_and_nothing_else(tmp_path):
    async def story(client):
        file = {"Origin": "null"}
        asks = file | {"Access-Control-Request-Method": "PUT"}
        answer = await client.options("/api/device", headers=asks)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "null"
        assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, X-Helio"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        answer = await client.get("/api/gateway", headers=file)
        assert (answer.status, answer.headers["Vary"]) == (200, "Origin")
        headers = file | {"Content-Type": "application/json"}
        answer = await client.post("/api/post", data="{}", headers=headers)
        assert answer.status == 401, "asked as from anybody: who does not sign is refused"
        assert answer.headers["Access-Control-Allow-Origin"] == "null", "and can read why"
        await refused(await client.post("/static/app.js", data="{}", headers=headers), 403)
        for path, origin in (
            ("/", "null"), ("/static/app.js", "null"), ("/api/gateway", "http://evil.example"),
        ):  # fmt: skip
            answer = await client.get(path, headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in answer.headers, path
        await refused(await client.options("/api/device", headers={"Origin": "http://a.b"}), 405)
        await refused(await client.options("/", headers=asks), 405)
        rebound = asks | {"Host": "evil.example"}
        await refused(await client.options("/api/device", headers=rebound), 403)

    with_web(tmp_path, story)


def test_wrong_addresses_and_methods(tmp_path):
    async def story(client):
        for path in ("/nothing", "/static/nothing.js", "/static/../server.py", "/api/", "/api/me"):
            answer = await client.get(path)
            await refused(answer, 404)
            assert "Content-Security-Policy" in answer.headers
        answer = await client.delete("/api/post")
        await refused(answer, 405)
        assert answer.headers["Allow"] == "POST"

    with_web(tmp_path, story)
