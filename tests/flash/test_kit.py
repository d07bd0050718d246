"""A kit for the field: what it holds is enough, and aioble comes from an index."""

import contextlib
import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.errors import UserError
from tests.flash.standin_image import standin_bin
from tools.flash.board_file import find_board
from tools.flash.filesystem import read_filesystem
from tools.flash.firmware_source import Source
from tools.flash.kit import fill
from tools.flash.library import fetch, library


def test_a_kit_makes_the_same_image_without_the_compiler(capsys, tmp_path, monkeypatch):
    given, kit = tmp_path / "bins", tmp_path / "kit"
    given.mkdir()
    (given / "ESP32_GENERIC_C3-20250911-v1.26.1.bin").write_bytes(standin_bin("esp32c3"))
    boards = [find_board("esp32c3-supermini")]
    fill(kit, boards, Source(tmp_path, given))
    with zipfile.ZipFile(kit / "heliograph.zip") as program:
        names = set(program.namelist())
    assert {"boards/esp32-devkitc.toml", "gateway/cli.py", "pyproject.toml"} <= names
    assert "tools/virtual_board/standins/esp32.py" in names
    images = []
    for source in (["--firmware", str(given)], ["--kit", str(kit)]):
        path = tmp_path / "image.bin"
        command = ["flash", "--data", str(tmp_path), "--board", boards[0].id, *source]
        assert main([*command, "--output", str(path)]) == 0
        images.append(path.read_bytes())
        monkeypatch.setenv("HELIO_MPY_CROSS", "/bin/false")
    assert images[0] == images[1]
    capsys.readouterr()
    monkeypatch.setenv("HELIO_KIT", str(kit))
    command = ["flash", "--data", str(tmp_path), "--board", "esp32-devkitc"]
    assert main([*command, "--output", str(tmp_path / "x.bin")]) == 2
    said = capsys.readouterr().err
    assert said == (
        f"helio: {kit / 'firmware'} holds no ESP32_GENERIC-….bin: this kit was not made for"
        " esp32-devkitc\n"
    )


FILES = {"aioble/__init__.mpy": b"M\x06one", "aioble/core.mpy": b"M\x06two"}


@contextlib.contextmanager
def index(files: dict[str, bytes], digests: dict[str, str]) -> Iterator[str]:
    """micropython.org's index, on this computer."""
    pages = {
        "/package/6/aioble/latest.json": json.dumps({"hashes": list(digests.items())}).encode()
    }
    for path, digest in digests.items():
        pages[f"/file/{digest[:2]}/{digest}"] = files[path]

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in pages else 404)
            self.end_headers()
            self.wfile.write(pages.get(self.path, b""))

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def short(files: dict[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(content).hexdigest()[:8] for path, content in files.items()}


def test_aioble_is_fetched_once_and_lies_in_lib(capsys, tmp_path):
    with index(FILES, short(FILES)) as url:
        fetch(tmp_path, url)
    assert library(None, tmp_path) == FILES
    (tmp_path / "mp.bin").write_bytes(standin_bin())
    out = tmp_path / "image.bin"
    command = ["flash", "--data", str(tmp_path), "--board", "esp32-devkitc"]
    assert main([*command, "--firmware", str(tmp_path / "mp.bin"), "--output", str(out)]) == 0
    capsys.readouterr()
    lib = read_filesystem(out.read_bytes()[0x200000 - 0x1000 :])
    assert {f"lib/{path}" for path in FILES} <= set(lib)


@pytest.mark.parametrize(
    ("digests", "said"),
    [
        ({"aioble/core.mpy": "00000000"}, "did not arrive as it was sent"),
        ({"../core.mpy": short({"": b"M\x06two"})[""]}, "is no path for a file of it"),
    ],
)
def test_an_index_that_lies(tmp_path, digests, said):
    files = {path: b"M\x06two" for path in digests}
    with index(files, digests) as url, pytest.raises(UserError, match=said):
        fetch(tmp_path, url)
    assert list(tmp_path.iterdir()) == []


def test_no_index_is_one_line(tmp_path: Path):
    with pytest.raises(UserError, match=r"^aioble cannot be fetched: .*refused"):
        fetch(tmp_path, "http://127.0.0.1:9")
