"""The page in one file, from disk, in a real browser: it speaks to the gateway that is typed."""

import json
import subprocess
from pathlib import Path

import pytest

from gateway.config import FILE
from gateway.page_command import saved_page
from tests.system.test_page import chromium
from tools.field import FieldGateway

TIMEOUT_S = 120


@pytest.mark.system
def test_the_saved_page_chats_with_one_at_the_gateway(tmp_path: Path) -> None:
    browser = chromium()
    file = tmp_path / "heliograph.html"
    file.write_bytes(saved_page())
    gateway = FieldGateway("A", "Operator", tmp_path, bytes(32), "")
    config = gateway.folder / FILE
    config.write_text(config.read_text().replace("names = []", 'names = ["gw-a.mesh"]'))
    gateway.start()
    try:
        url = gateway.url.replace("127.0.0.1", "gw-a.mesh")
        about = {"url": url, "file": str(file), "chromiumPath": browser}
        script = Path(__file__).with_name("saved_page.mjs")
        done = subprocess.run(
            ["node", str(script), json.dumps(about)],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
    finally:
        gateway.stop()
