"""helio page: the same bytes from the program and from its gateway, which load nothing more."""

import asyncio
import base64
import hashlib
import json
import re

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.cli import main
from gateway.page_command import saved_page
from gateway.web import static_files


def test_the_program_and_its_gateway_give_the_same_bytes(tmp_path, capsys):
    file = tmp_path / "heliograph.html"
    assert main(["page", "--json", "--save", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert told["bytes"] == file.stat().st_size

    async def served():
        app = web.Application()
        app.add_routes(static_files.routes())
        async with TestClient(TestServer(app)) as client:
            return await (await client.get("/static/saved.html")).read()

    assert asyncio.run(served()) == file.read_bytes() == saved_page()
    tmp_path.chmod(0o700)
    main(["doctor", "--json", "--data", str(tmp_path)])
    found = {f["what"]: f["says"] for f in json.loads(capsys.readouterr().out)}
    assert found["page in one file"] == f"SHA-256 {told['sha256']}"


def test_a_file_that_cannot_be_written_is_said(tmp_path, capsys):
    assert main(["page", "--save", str(tmp_path / "no" / "page.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_it_loads_nothing_and_runs_nothing_else():
    page = saved_page().decode()
    markup = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.findall(r"\b(?:src|href|action)=(?!\"data:)", markup)
    assert not re.findall(r"@import|url\((?!data:)|\bimport\(|importScripts|/static/", page)
    assert set(re.findall(r"https?://[\w.]+", page)) == {"http://www.w3.org"}  # names of formats
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert re.search(r"script-src ([^;]+);", policy)[1] == f"'sha256-{digest}'"
