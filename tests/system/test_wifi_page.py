"""At a gateway's own Wi-Fi, in a real browser: the landing page, and people who are near."""

import json
import subprocess
from pathlib import Path

import pytest

from gateway.config import FILE
from tests.system.test_page import chromium
from tools.field import FieldGateway

TIMEOUT_S = 120


@pytest.mark.system
def test_a_phone_lands_stays_and_is_seen_if_it_wishes(tmp_path: Path) -> None:
    browser = chromium()
    house = FieldGateway("A", "Ana", tmp_path, bytes(32), "")
    house.desk.close()
    config = house.folder / FILE
    config.write_text(config.read_text().replace("names = []", 'names = ["gw.mesh"]'))
    house.start()
    try:
        about = {"url": house.url.replace("127.0.0.1", "gw.mesh"), "chromiumPath": browser}
        done = subprocess.run(
            ["node", str(Path(__file__).with_name("wifi.mjs")), json.dumps(about)],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    finally:
        house.stop()
    assert done.returncode == 0, done.stderr[-4000:]
