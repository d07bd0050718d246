"""The command line: every mistake is one line on stderr and exit code 2; help is quick, true."""

import json
import os
import pty
import re
import subprocess
import sys
import tty
from pathlib import Path

import pytest

from gateway import relay_commands
from gateway.cli import COMMANDS, parser
from gateway.desk import Desk

ROOT = Path(__file__).resolve().parents[2]


def helio(*arguments, data=None, text=None):
    command = [sys.executable, "-m", "gateway.cli", *arguments]
    if data is not None:
        command += ["--data", str(data)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, input=text, timeout=60, check=False
    )


def assert_mistake(done, *says):
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in says:
        assert word in done.stderr


@pytest.fixture
def homes(tmp_path):
    for who, other in (("ana", "bo"), ("bo", "ana")):
        Desk(tmp_path / who).create_identity(who.title())
        Desk(tmp_path / other).create_identity(other.title())
    card = Desk(tmp_path / "bo").me()["card"]
    Desk(tmp_path / "ana").add_contact(card, None)
    return tmp_path


def test_two_people_meet_and_write_by_the_command_line(tmp_path):
    ana, bo = tmp_path / "ana", tmp_path / "bo"
    card = json.loads(helio("id", "--name", "Bo", "--json", data=bo).stdout)["card"]
    assert helio("id", "--name", "Ana", data=ana).returncode == 0
    added = json.loads(helio("contact", "add", card, "--json", data=ana).stdout)
    assert added["name"] == "Bo"
    sent = json.loads(helio("send", "Bo", "-", "--json", data=ana, text="from a pipe").stdout)
    assert sent["state"] == "queued"
    assert json.loads(helio("outbox", "--json", data=ana).stdout)[0]["text"] == "from a pipe"
    assert json.loads(helio("inbox", "--json", data=bo).stdout) == []
    assert json.loads(helio("contact", "list", "--json", data=ana).stdout)[0]["name"] == "Bo"


def test_mistakes_in_sending(homes):
    assert_mistake(helio("send", "Nobody", "hi", data=homes / "ana"), "no contact", "Nobody")
    assert_mistake(
        helio("send", "Bo", "-", data=homes / "ana", text="x" * 65537), "65537", "65536"
    )
    assert_mistake(helio("send", "Bo", "hi", data=homes / "new"), "helio id --name")
    assert Desk(homes / "ana").listing("out") == []


def test_with_json_the_error_is_json_too(homes):
    done = helio("send", "Nobody", "hi", "--json", data=homes / "ana")
    assert done.returncode == 2
    assert "no contact" in json.loads(done.stderr)["error"]


def config(homes, text):
    (homes / "ana" / "gateway.toml").write_text(text)
    return homes / "ana"


KEY = 'network_key = "' + "ab" * 32 + '"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "A"\n' + KEY + "[relay]\nprot = 1\n", "line 4: prot is unknown"),
        ('name = "A"\n' + KEY + "colour = 3\n", "line 3: colour is unknown"),
        ('name = "A\n', "line 1"),
        ('name = "A"\nnetwork_key = "ab"\n', "line 2: network_key"),
        (KEY + '[web]\nlisten = "8080"\n', "line 3: listen"),
        (KEY + "[privacy]\ndelay_max_s = 9999\n", "line 3: delay_max_s"),
        (KEY + "relay = 3\n", "line 2: relay is a section"),
        ("epoch = true\n" + KEY, "line 1: epoch"),
    ],
)
def test_a_mistake_in_the_configuration_is_named_with_its_line(homes, text, says):
    assert_mistake(helio("gateway", "run", data=config(homes, text)), "gateway.toml", says)


def test_no_configuration(homes):
    assert_mistake(helio("gateway", "run", data=homes / "ana"), "helio gateway init")


def test_a_port_that_is_not_there(homes):
    folder = config(homes, KEY + '[relay]\nport = "/dev/ttyHELIO9"\n')
    assert_mistake(helio("gateway", "run", data=folder), "/dev/ttyHELIO9", "plugged in")
    assert_mistake(helio("relay", "status", "--port", "/dev/ttyHELIO9"), "plugged in")


def test_a_port_that_is_busy(homes):
    import serial

    _, slave = pty.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    folder = config(homes, KEY + f'[relay]\nport = "{path}"\n')
    with serial.Serial(path, exclusive=True):
        assert_mistake(helio("gateway", "run", data=folder), path, "busy")


def test_an_address_that_is_taken(homes):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        folder = config(homes, KEY + f'[web]\nlisten = "{listen}"\n')
        assert_mistake(helio("gateway", "run", data=folder), "chat page", "in use")


def test_a_newer_database(homes):
    desk = Desk(homes / "ana")
    desk.db.execute("PRAGMA user_version = 99")
    desk.close()
    assert_mistake(helio("inbox", data=homes / "ana"), "newer Heliograph", "nothing was changed")


def test_init_writes_a_configuration_that_is_accepted_and_never_overwrites(tmp_path):
    assert helio("gateway", "init", "--name", "North", data=tmp_path).returncode == 0
    path = tmp_path / "gateway.toml"
    assert path.stat().st_mode & 0o077 == 0, "the network key is for its owner only"
    before = path.read_text()
    assert_mistake(helio("gateway", "init", data=tmp_path), "exists already")
    assert path.read_text() == before


def test_an_unknown_measurement_and_bad_demo_numbers():
    assert_mistake(helio("bench", "nothing"), "codec")
    assert_mistake(helio("demo", "--loss", "2"), "--loss")
    assert_mistake(helio("demo", "--size", "70000"), "--size")


def test_help_loads_nothing_heavy():
    code = "import sys, gateway.cli; gateway.cli.parser(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"aiohttp", "cryptography", "serial", "sqlite3", "asyncio", "zfec"}


def test_a_kit_brings_a_person_back_and_replaces_nobody(homes, tmp_path):
    kit = json.loads(helio("kit", "--qr", "--json", data=homes / "ana").stdout)["kit"]
    told = helio("kit", data=homes / "ana").stdout
    assert kit in told
    assert "reads and writes as you" in told
    here = json.loads(helio("id", "--json", data=homes / "ana").stdout)
    card = here["card"]
    back = helio("id", "--restore", "-", "--json", data=tmp_path / "new", text=kit)
    restored = json.loads(back.stdout)
    assert restored.pop("card") != here.pop("card"), "its prekey is new"
    assert restored == here
    assert_mistake(helio("id", "--restore", kit, data=homes / "bo"), "Bo lives here already")
    assert_mistake(helio("id", "--restore", card, data=tmp_path / "x"), "HELIOKIT:")
    assert_mistake(helio("id", "--restore", kit, "--name", "Eve", data=tmp_path / "x"), "first")
    assert_mistake(helio("kit", data=tmp_path / "x"), "helio id --name")


def test_the_documentation_names_every_command_and_no_other():
    text = (ROOT / "docs" / "CLI.md").read_text()
    documented = set(re.findall(r"^### `helio ([a-z ]+?)(?: [A-Z\[-].*)?`", text, flags=re.M))
    assert documented == {words for words, *_ in COMMANDS}
    for words, _, _, arguments in COMMANDS:
        section = re.split(f"### `helio {words}[ `]", text)[1].split("\n### ")[0]
        for flags, _ in arguments:
            assert flags[0] in section or flags[0].upper() in section, (words, flags)
    assert parser().prog == "helio"


def test_a_message_cannot_command_the_terminal(homes):
    desk = Desk(homes / "ana")
    desk.send("Bo", "hello \x1b[2J\x1b[31m\x07 there\nAna: a forged line")
    for command in ("outbox", "inbox"):
        done = helio(command, data=homes / "ana")
        assert done.returncode == 0
        assert "\x1b" not in done.stdout
        assert "\x07" not in done.stdout
        assert "\nAna:" not in done.stdout


def test_odd_names_make_a_configuration_all_the_same(tmp_path):
    name = 'Bo "the" gate \\ ü'
    assert helio("gateway", "init", "--name", name, data=tmp_path).returncode == 0
    from gateway.config import load_config

    assert load_config(tmp_path / "gateway.toml").name == name


def test_one_gateway_a_folder(homes):
    import fcntl

    folder = config(homes, KEY + '[web]\nlisten = "127.0.0.1:0"\n')
    with (folder / "gateway.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert_mistake(helio("gateway", "run", data=folder), "another gateway")


def test_what_a_relays_parcels_wait_for_in_words():
    status = {"parcels": 7, "lacked": 0, "everywhere": 0, "neighbours": [], "underway": []}
    assert relay_commands._waiting(status) == ["  7 waiting: nobody is near"]
    assert relay_commands._waiting(status | {"parcels": 0}) == []
    assert relay_commands._waiting(status | {"underway": [("3f2a", "ab02", 0)] * 7}) == []
    assert relay_commands._given("ab02", 0) == "being given to ..ab02"
    assert relay_commands._given("ab02", 3) == "being given to ..ab02, 3 times in vain"
    assert relay_commands._flooded(0) == []
    assert "2 found" in relay_commands._flooded(2)[0]
    # the neighbour that lacks five may be one of those that a status has no room to show
    assert relay_commands._waiting(status | {"lacked": 5, "everywhere": 2}) == [
        "  5 waiting: a neighbour lacks them",
        "  2 waiting: all neighbours have them",
    ]
    assert relay_commands._waiting(status | {"everywhere": 7}) == [
        "  7 waiting: all neighbours have them"
    ]


def test_a_relays_neighbours_in_words():
    n = {"node": "020000000001", "fresh": True, "rssi_dbm": -71, "link": 0}
    n |= {"heard_well": True, "hears_me": False, "equal": True, "lacks": 0}
    said = "020000000001  -71 dBm, heard well, does not hear it, knows the same"
    assert relay_commands._neighbour(n) == said
    assert relay_commands._neighbour(n | {"link": 1}) == "020000000001  tethered, knows the same"
    lacks = relay_commands._neighbour(n | {"link": 1, "lacks": 3})
    assert lacks == "020000000001  tethered, knows the same, lacks 3 of those held"
    assert relay_commands._neighbour(n | {"fresh": False}) == "020000000001  not proved yet"
