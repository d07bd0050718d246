"""The landing page: for who asks whether there is Internet, under any name; nothing else."""

import asyncio
import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.desk import Desk
from gateway.post_office import PostOffice
from gateway.web import landing
from gateway.web.landing import EXPECTED, page
from gateway.web.landing_words import WORDS, language
from gateway.web.server import make_app
from gateway.web.static_files import STATIC

FOREIGN = {"Host": "captive.apple.com"}


def with_web(tmp_path, story, names=("mesh.home.arpa",)):
    async def run():
        desk = Desk(tmp_path)
        office = PostOffice(desk.db, desk.path)
        app = make_app(office, lambda: {"id": "02aa", "way": b""}, dict, names)
        async with TestClient(TestServer(app)) as client:
            await asyncio.wait_for(story(client), 10)
        desk.close()

    asyncio.run(run())


def test_every_system_sees_the_page_first_and_what_it_expects_after_the_button(tmp_path):
    async def story(client):
        for path in EXPECTED:
            answer = await client.get(path, headers=FOREIGN)
            assert (answer.status, answer.content_type) == (200, "text/html"), path
            assert "http://mesh.home.arpa:" in await answer.text()
            assert (await client.head(path, headers=FOREIGN)).status == 200
        pressed = await client.get("/hotspot-detect.html?stay", headers=FOREIGN)
        assert WORDS["en"].stays in await pressed.text()
        for path, (status, kind, text) in EXPECTED.items():
            answer = await client.get(path, headers=FOREIGN)
            assert (answer.status, await answer.text()) == (status, text), path
            assert not kind or answer.content_type == kind
            assert answer.headers["Cache-Control"] == "no-store"
        answer = await client.get("/redirect", headers=FOREIGN)
        assert "http://mesh.home.arpa:" in await answer.text(), "a browser that was sent here"

    with_web(tmp_path, story)


def test_it_lasts_an_hour_and_for_one_address(tmp_path, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(landing, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(web.BaseRequest, "remote", property(lambda self: where))
    where = "10.0.0.7"

    async def story(client):
        async def status():
            return (await client.get("/generate_204", headers=FOREIGN)).status

        assert await status() == 200
        await client.get("/generate_204?stay", headers=FOREIGN)
        assert await status() == 204
        nonlocal where
        where = "10.0.0.8"
        assert await status() == 200
        where = "10.0.0.7"
        now_s[0] += landing.STAYS_S - 1
        assert await status() == 204
        now_s[0] += 2
        assert await status() == 200

    with_web(tmp_path, story)


def test_who_pressed_is_remembered_of_so_many(tmp_path, monkeypatch):
    monkeypatch.setattr(landing, "_STAYING_MAX", 0)

    async def story(client):
        await client.get("/generate_204?stay", headers=FOREIGN)
        assert (await client.get("/generate_204", headers=FOREIGN)).status == 200

    with_web(tmp_path, story)


def test_no_other_path_is_answered_under_a_foreign_name(tmp_path):
    async def story(client):
        for path in (
            "/", "/static/app.js", "/api/gateway", "/api/letters", "/generate_204/", "/nothing",
            "/static/../generate_204x", "/generate_204/../api/gateway",
        ):  # fmt: skip
            assert (await client.get(path, headers=FOREIGN)).status == 403, path
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert (await client.request(method, "/generate_204", headers=FOREIGN)).status == 403
        assert (await client.get("/api/gateway")).status == 200

    with_web(tmp_path, story)


def test_without_a_name_the_address_is_shown(tmp_path):
    async def story(client):
        answer = await client.get("/generate_204", headers=FOREIGN)
        assert f"http://{client.host}:{client.port}/" in await answer.text()

    with_web(tmp_path, story, ())


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in ("meta", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "path":
            assert self.open.pop() == tag


@pytest.mark.parametrize("code", WORDS)
def test_the_page_has_no_script_no_form_and_nothing_from_elsewhere(code):
    for link, pressed in ((True, False), (False, False), (False, True)):
        text = page("http://a&b.example/", code, link, pressed)
        tags = Tags(text)
        assert tags.open == []
        names = {tag for tag, _ in tags.seen}
        assert not names & {"script", "form", "input", "img", "link", "iframe"}
        assert not any(key.startswith("on") for _, more in tags.seen for key in more)
        links = [more["href"] for tag, more in tags.seen if tag == "a"]
        assert links == ["http://a&b.example/"] * link + ["?stay"] * (not pressed)
        (top,) = [more for tag, more in tags.seen if tag == "html"]
        assert top == {"lang": code, "dir": "rtl" if code == "ar" else "ltr"}
        assert len(text) < 12_000


def test_its_style_is_the_one_that_the_policy_allows(tmp_path):
    async def story(client):
        answer = await client.get("/ncsi.txt", headers=FOREIGN)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe" not in policy
        allowed = landing._POLICY.rpartition("'sha256-")[2][:-1]
        (style,) = re.findall("<style>(.*?)</style>", await answer.text())
        assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() == allowed
        other = await client.get("/", headers={"Host": "localhost"})
        assert "default-src 'self'" in other.headers["Content-Security-Policy"]

    with_web(tmp_path, story)


@pytest.mark.parametrize(
    ("accepts", "code"),
    [
        ("", "en"), ("de-CH,de;q=0.9,en;q=0.8", "de"), ("ja,ar;q=0.5", "ar"), ("xx", "en"),
        ("en;q=0.1, uk;q=0.7", "uk"), ("tr;q=x, hi;q=0.2", "hi"), (";;;,,q=", "en"),
        ("fr;q=0", "en"), ("ES", "es"), ("*", "en"), ("tr;q=nan", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_browser_s(accepts, code):
    assert language(accepts) == code


def test_it_speaks_the_languages_of_the_page():
    tables = {path.stem.rpartition("-")[2] for path in STATIC.glob("later-words-*.js")}
    assert set(WORDS) == tables | {"en"}
