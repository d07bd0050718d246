"""helio doctor: says what is wrong in one line each, and saves what can be read."""

import contextlib
import json
import os
import random
import shutil
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config import template
from gateway.desk import Desk
from gateway.identity import Identity
from gateway.salvage import integrity

TEXTS = [f"{number}: {'water ' * 20}" for number in range(300)]


@pytest.fixture
def home(tmp_path):
    with contextlib.closing(Desk(tmp_path)) as desk:
        desk.create_identity("Ana")
        desk.add_contact(Identity.new("Bo").card.text(), None)
        for text in TEXTS:
            desk.send("Bo", text)
    tmp_path.chmod(0o700)
    return tmp_path


def doctor(capsys, folder, *words):
    code = main(["doctor", "--json", "--data", str(folder), *words])
    found = json.loads(capsys.readouterr().out)
    return code, {f["what"]: f for f in found}


def test_all_is_well(capsys, home):
    (home / "gateway.toml").write_text(template("hut", "00" * 32, "", "127.0.0.1:8080"))
    code, found = doctor(capsys, home)
    assert code == 0
    assert {f["state"] for f in found.values()} <= {"ok", "warning"}
    assert found["heliograph.db"]["state"] == "ok"
    assert found["person"]["says"].startswith("Ana, ")
    assert found["gateway.toml"]["says"].startswith("gateway hut")


def test_a_folder_that_others_can_read_is_bad_and_mended(capsys, home):
    home.chmod(0o755)
    code, found = doctor(capsys, home)
    assert (code, found["data folder"]["state"]) == (1, "bad")
    code, found = doctor(capsys, home, "--repair")
    assert (code, found["data folder"]["state"]) == (0, "mended")
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_typo_and_a_missing_port_are_named(capsys, home):
    (home / "gateway.toml").write_text("nom = 1\n")
    code, found = doctor(capsys, home)
    assert (code, found["gateway.toml"]["state"]) == (1, "bad")
    assert "line 1" in found["gateway.toml"]["says"]
    (home / "gateway.toml").write_text(template("hut", "00" * 32, "/dev/nothing", "0.0.0.0:80"))
    code, found = doctor(capsys, home)
    assert (code, "no port /dev/nothing" in found["relay"]["says"]) == (1, True)


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_database_is_found_and_most_of_it_saved(capsys, home, seed):
    """Two pages in its midst are gone: all messages but those on them come back."""
    path = home / "heliograph.db"
    content = bytearray(path.read_bytes())
    dice = random.Random(seed)
    for _ in range(2):
        page = dice.randrange(20, len(content) // 4096)
        content[page * 4096 : page * 4096 + 4096] = dice.randbytes(4096)
    path.write_bytes(content)
    said = integrity(path)
    assert said != "ok"
    code, found = doctor(capsys, home)
    assert (code, found[path.name]["state"]) == (1, "bad")
    code, found = doctor(capsys, home, "--repair")
    assert (code, found[path.name]["state"]) == (0, "mended"), found[path.name]["says"]
    assert integrity(path) == "ok"
    (kept,) = home.glob("heliograph.db.damaged-*[0-9]")
    assert kept.read_bytes() == content
    with contextlib.closing(Desk(home)) as desk:
        assert desk.me()["name"] == "Ana"
        back = {row["text"] for row in desk.listing("out")}
    assert back <= set(TEXTS)
    assert len(back) > 200


class PowerCut(BaseException):
    """The process is gone; what it had done stays."""


def test_the_power_goes_at_any_moment_of_the_mending(capsys, tmp_path, monkeypatch):
    """Before each change of the folder in turn. Then it is mended once more: nothing that could be
    read is lost, and what was finished is not thrown away."""
    first = tmp_path / "first"
    with contextlib.closing(Desk(first)) as desk:
        desk.create_identity("Ana")
        desk.add_contact(Identity.new("Bo").card.text(), None)
        for text in TEXTS[:60]:
            desk.send("Bo", text)
    content = bytearray((first / "heliograph.db").read_bytes())
    damaged = len(content) // 8192 * 4096
    content[damaged : damaged + 4096] = b"\xff" * 4096
    (first / "heliograph.db").write_bytes(content)
    for at in range(40):
        home = tmp_path / str(at)
        shutil.copytree(first, home)
        ended = _mended_but_for_a_power_cut(home, at, monkeypatch)
        capsys.readouterr()
        _, found = doctor(capsys, home, "--repair")
        assert found["heliograph.db"]["state"] in (("ok",) if ended else ("ok", "mended"))
        with contextlib.closing(Desk(home)) as desk:
            assert len(desk.listing("out")) > 40, at
        assert any(p.read_bytes() == content for p in home.glob("*.damaged-*[0-9]")), at
        assert not list(home.glob("*.mended"))
        if ended:
            break
    assert at > 8, "there are fewer steps than it has"


def _mended_but_for_a_power_cut(home, at, monkeypatch):
    """Let the power go before step `at`. True if it was done before that."""
    steps = 0

    def step(real):
        def done(*args, **more):
            nonlocal steps
            steps += 1
            if steps > at:
                raise PowerCut
            return real(*args, **more)

        return done

    with monkeypatch.context() as cuts:
        for owner, name in ((Path, "unlink"), (Path, "rename"), (shutil, "copy2"), (os, "fsync")):
            cuts.setattr(owner, name, step(getattr(owner, name)))
        try:
            main(["doctor", "--json", "--data", str(home), "--repair"])
        except PowerCut:
            return False
    return True


def test_a_finished_database_is_taken_before_anybody_opens_the_old_one(tmp_path):
    path = tmp_path / "heliograph.db"
    for folder, name in ((tmp_path, "Ana"), (tmp_path / "new", "Bo")):
        with contextlib.closing(Desk(folder)) as desk:
            desk.create_identity(name)
    (tmp_path / "new" / "heliograph.db").rename(tmp_path / "heliograph.db.mended")
    path.with_name("heliograph.db-wal").write_bytes(b"the log of the old one")
    with contextlib.closing(Desk(tmp_path)) as desk:
        assert desk.me()["name"] == "Bo"
    assert integrity(path) == "ok"


def test_no_copy_of_an_earlier_damage_is_written_over(capsys, home, monkeypatch):
    monkeypatch.setattr("gateway.salvage.time.time", lambda: 1000.0)
    path = home / "heliograph.db"
    for _ in range(2):
        content = bytearray(path.read_bytes())
        content[30 * 4096 : 31 * 4096] = b"\xff" * 4096
        path.write_bytes(content)
        assert doctor(capsys, home, "--repair")[1][path.name]["state"] == "mended"
    assert {p.name for p in home.glob("*.damaged-*[0-9]")} == {
        "heliograph.db.damaged-1000", "heliograph.db.damaged-1001",
    }  # fmt: skip


def test_nothing_is_mended_while_a_gateway_runs(capsys, home):
    import fcntl

    path = home / "heliograph.db"
    content = bytearray(path.read_bytes())
    content[30 * 4096 : 31 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with (home / "gateway.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, found = doctor(capsys, home, "--repair")
    assert (code, found[path.name]["state"]) == (1, "bad")
    assert "another gateway runs" in found[path.name]["says"]
    assert path.read_bytes() == content
