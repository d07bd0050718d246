"""`helio sim run`, from the command line to its exit code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.scenes import line
from tools.sim.command import Progress
from tools.sim.scenario import load

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "scenario", "seed", "nodes", "gateways", "event_hash", "virtual_s", "wall_s", "events",
    "metrics", "messages",
}  # fmt: skip


def helio(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", "sim", "run", *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(line(count=4, loss=0.1, size=600, duration=60))
    return path


def test_json_is_one_object_and_the_same_in_every_process(scenario):
    done = [helio(scenario, "--json", PYTHONHASHSEED=seed) for seed in ("1", "2")]
    reports = [json.loads(d.stdout) for d in done]
    assert [d.returncode for d in done] == [0, 0]
    assert [d.stderr for d in done] == ["", ""], "no progress where there is no terminal"
    assert set(reports[0]) == KEYS
    for report in reports:
        assert report.pop("wall_s") > 0
    assert reports[0] == reports[1]
    assert re.fullmatch("[0-9a-f]{64}", reports[0]["event_hash"])
    assert reports[0]["metrics"]["delivered"] == 1
    assert reports[0]["messages"][0]["latency_s"] > 0
    other = json.loads(helio(scenario, "--json", "--seed", "7").stdout)
    assert other["seed"] == 7
    assert other["event_hash"] != reports[0]["event_hash"]


def test_a_table_for_people(scenario):
    done = helio(scenario)
    assert done.returncode == 0
    assert "1 of 1 messages; 1 receipts back" in done.stdout
    assert max(len(row) for row in done.stdout.splitlines()) < 120


def test_mistakes_are_one_line_and_exit_code_2(scenario, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(scenario.read_text().replace('"line"', '"lime"'))
    for done, says in (
        (helio(bad), 'bad.toml: nodes.layout: unknown value "lime"'),
        (helio(tmp_path / "none.toml"), "none.toml is not there"),
        (helio(scenario, "--seed", "-1"), "--seed must be"),
    ):
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert says in done.stderr


def test_without_matplotlib_there_is_one_line_that_says_what_to_install(scenario, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError")
    done = helio(scenario, "--plot", tmp_path / "a.png", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "helio: --plot needs matplotlib: pip install -e '.[sim]'\n"


def test_the_picture(scenario, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "run.png"
    assert helio(scenario, "--plot", picture).returncode == 0
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(picture.read_bytes()) > 20_000
    for wrong, says in ((tmp_path / "a.pdf", ".png"), (tmp_path / "no" / "a.png", "no folder")):
        done = helio(scenario, "--plot", wrong)
        assert done.returncode == 2
        assert says in done.stderr


def test_a_terminal_sees_how_far_it_is_after_a_second(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress(60_000_000)
    now[0] += 0.9
    progress.look(10_000_000)
    assert capsys.readouterr().err == ""
    now[0] += 0.2
    progress.look(30_000_000)
    assert "#" * 15 + "." * 15 in capsys.readouterr().err
    progress.clear()
    assert capsys.readouterr().err == "\r\x1b[K"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    progress = Progress(60_000_000)
    now[0] += 2
    progress.look(30_000_000)
    progress.clear()
    assert capsys.readouterr().err == ""


def test_the_documentation_names_every_key(tmp_path):
    text = (ROOT / "docs" / "SIMULATOR.md").read_text()
    read = (ROOT / "tools" / "sim" / "scenario.py").read_text()
    keys = set(
        re.findall(r'(?:number|whole|flag|choice|text|node|nodes|points)\(\s*"(\w+)"', read)
    )
    assert len(keys) > 25
    assert [key for key in sorted(keys | {"from", "to"}) if f"`{key}`" not in text] == []
    example = re.search(r"```toml\n(.*?)```", text, flags=re.S)
    assert example is not None
    path = tmp_path / "example.toml"
    path.write_text(example[1])
    assert load(path).messages
