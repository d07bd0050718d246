"""The page's own tests, in Node; and what is committed is what its sources give."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "gateway" / "web"

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        shutil.which("node") is None or not (WEB / "node_modules" / "esbuild").exists(),
        reason="needs node, and `npm ci` in gateway/web",
    ),
]


def node(*arguments: str) -> str:
    done = subprocess.run(
        ["node", *arguments], capture_output=True, text=True, cwd=WEB, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_the_page_behind_its_looks() -> None:
    tests = sorted((ROOT / "tests" / "browser").glob("*.test.mjs"))
    assert len(tests) >= 8
    how = ("--test", "--test-timeout=60000", "--test-reporter=tap")
    assert "# fail 0" in node(*how, *map(str, tests))


def test_what_is_committed_is_built_from_the_sources() -> None:
    assert "first load" in node("build.mjs", "--check")
