"""The chat page in a real browser, over relays: two phones on two gateways, and a third person."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.config import FILE
from tools.field import Field

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / "gateway" / "web" / "node_modules"
SHOTS = ROOT / "docs" / "screenshots"
NAMES = ("gw-a.mesh", "gw-b.mesh")
TIMEOUT_S = 600
SECRETS = ("Kestrel Ford", "with Petra", "without a gateway")


def chromium() -> str:
    """The browser's path; the test is skipped where something it needs is missing."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None or shutil.which("node") is None:
        pytest.skip("needs chromium and node")
    if not (NODE_MODULES / "playwright-core").exists():
        pytest.skip("needs `npm ci` in gateway/web")
    return path


@pytest.mark.system
def test_two_phones_chat_across_relays_and_a_third_reads_nothing(tmp_path: Path) -> None:
    browser = chromium()
    shots = tmp_path / "screenshots"
    shots.mkdir()
    field = Field(relays=4, loss=0.02, seed=6, keep=tmp_path / "field")
    try:
        for gateway in (field.a, field.b):
            config = gateway.folder / FILE
            config.write_text(
                config.read_text().replace("names = []", f"names = {json.dumps(NAMES)}")
            )
            gateway.start()
        # not 127.0.0.1, which browsers take for a secure origin
        a, b = (
            gateway.url.replace("127.0.0.1", name)
            for gateway, name in zip((field.a, field.b), NAMES, strict=True)
        )
        about = {"a": a, "b": b, "shots": str(shots), "chromiumPath": browser}
        done = subprocess.run(
            ["node", str(Path(__file__).with_name("page.mjs")), json.dumps(about)],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        seen = json.loads(done.stdout.splitlines()[-1])
        assert 10_000 < seen["picture"] <= 48 * 1024
        assert field.broken() == ""
    finally:
        field.close()
    for folder in ("gateway-A", "gateway-B"):  # what a gateway keeps, it cannot read
        for path in (tmp_path / "field" / folder).rglob("*"):
            if path.is_file():
                raw = path.read_bytes()
                assert not any(secret.encode() in raw for secret in SECRETS), path
    for shot in shots.iterdir():
        if shot.name != "code.png":
            shutil.copy(shot, SHOTS / shot.name)
