"""The window through which phones join, and what is shown. The network itself: tests/machine."""

import asyncio
import re
from types import SimpleNamespace

import pytest

from gateway import cli, pairing, pairing_socket
from gateway.config import Config, load_config
from gateway.database import open_database
from gateway.errors import UserError
from gateway.links.addresses import Addresses
from gateway.links.wifi_direct import Group

CONFIG = Config("Tal", bytes(32), wifi_interface="wlan0", wifi_country="DE")
TIMEOUT_S = 10


async def no_door(host, port):
    raise OSError("nobody opens doors here")


@pytest.fixture
def database(tmp_path):
    db = open_database(tmp_path / "heliograph.db")
    yield db
    db.close()


class Scene:
    """A pairing whose Wi-Fi only notes whom it should let in."""

    def __init__(self, db, folder, monkeypatch):
        self.clock_s = 1000.0
        monkeypatch.setattr(pairing, "time", SimpleNamespace(monotonic=lambda: self.clock_s))
        self.pairing = pairing.Pairing(CONFIG, db, Addresses(folder), no_door)
        self.let_in = []
        self.pairing.wifi.group = Group("p2p-wlan0-0", "/group", True)

        async def let_in(pin=""):
            self.let_in.append(pin)

        self.pairing.wifi.let_in = let_in

    async def asks(self, name, by_pin=False):
        self.pairing.wifi.events.asked(name, by_pin)
        await asyncio.sleep(0)  # what it started runs now

    async def answers(self, accepted):
        self.pairing.answer(accepted)
        await asyncio.sleep(0)


@pytest.fixture
def scene(database, tmp_path, monkeypatch):
    return Scene(database, tmp_path, monkeypatch)


def test_name_and_passphrase_are_drawn_once_and_stay(database):
    ssid, passphrase = pairing.credentials(database, "Tal")
    assert ssid == "DIRECT-hg-Tal"
    assert re.fullmatch("[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}", passphrase)
    assert pairing.credentials(database, "renamed") == (ssid, passphrase)


def test_a_long_name_fits(database):
    ssid, _ = pairing.credentials(database, "Гірська школа біля річки")
    assert len(ssid.encode()) <= 32
    assert ssid.startswith("DIRECT-hg-Гірська")


def test_a_pin_has_its_checksum():
    for _ in range(1000):
        pin = pairing.new_pin()
        assert re.fullmatch("[0-9]{8}", pin)
        weighed = [int(digit) * (3, 1)[i % 2] for i, digit in enumerate(pin)]
        assert sum(weighed) % 10 == 0


def test_a_button_waits_for_the_operator(scene):
    async def story():
        scene.pairing.open(60, by_itself=False)
        await scene.asks("Pixel")
        await scene.asks("Pixel")
        await scene.asks("Nokia")
        assert scene.let_in == []
        assert scene.pairing.status()["asking"] == ["Pixel", "Nokia"]
        await scene.answers(False)
        assert scene.let_in == []
        await scene.answers(True)
        assert scene.let_in == [""]
        assert scene.pairing.status()["asking"] == []
        await scene.answers(True)
        assert scene.let_in == [""]

    asyncio.run(story())


def test_who_reads_the_pin_may_type_it(scene):
    async def story():
        scene.pairing.open(60, by_itself=False)
        pin = scene.pairing.status()["pin"]
        await scene.asks("Pixel", by_pin=True)
        assert scene.let_in == [pin]
        scene.pairing.open(60, by_itself=True)
        await scene.asks("Nokia")
        assert scene.let_in == [pin, ""]

    asyncio.run(story())


def test_nobody_joins_without_a_window(scene):
    async def story():
        await scene.asks("Pixel")
        await scene.asks("Pixel", by_pin=True)
        scene.pairing.open(60, by_itself=True)
        scene.clock_s += 61
        await scene.asks("Pixel")
        assert scene.let_in == []
        assert scene.pairing.status()["pin"] == ""
        assert scene.pairing.status()["window_s"] == 0

    asyncio.run(story())


@pytest.mark.parametrize("seconds", [0, -1, 3601])
def test_a_window_has_a_length(scene, seconds):
    with pytest.raises(UserError, match="1 to 3600"):
        scene.pairing.open(seconds, by_itself=False)


def test_the_qr_code_says_what_a_phone_reads(scene):
    status = scene.pairing.status()
    assert status["qr"] == f"WIFI:T:WPA;S:DIRECT-hg-Tal;P:{status['passphrase']};;"
    assert status["wifi"] == "direct"


def test_over_the_socket(scene, tmp_path):
    async def story():
        serving = asyncio.create_task(pairing_socket.serve(tmp_path, scene.pairing))
        async with asyncio.timeout(TIMEOUT_S):
            while not (tmp_path / pairing_socket.FILE).exists():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            asker = await pairing_socket.ask(tmp_path)
            news = asker.news()
            assert (await anext(news))["window_s"] == 0
            asker.say({"open": 60})
            assert (await anext(news))["pin"]
            scene.pairing.wifi.events.asked("Pixel", False)
            while not (await anext(news))["asking"]:
                pass
            asker.say({"first": True})
            while (await anext(news))["asking"]:
                pass
            assert scene.let_in == [""]
            asker.say({"open": 10_000})
            with pytest.raises(UserError, match="1 to 3600"):
                async for _ in news:
                    pass
            for rubbish in (b"\n", b"[]\n", b"\xff\n", b'{"open": {}}\n'):
                other = await pairing_socket.ask(tmp_path)
                other._writer.write(rubbish)
                async for _ in other.news():
                    pass  # it hangs up
                other.close()
            again = await pairing_socket.ask(tmp_path)
            assert (await anext(again.news()))["ssid"] == "DIRECT-hg-Tal"
            again.close()
            asker.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert not (tmp_path / pairing_socket.FILE).exists()

    asyncio.run(story())


def test_without_a_gateway(tmp_path, capsys):
    assert cli.main(["pair", "--data", str(tmp_path)]) == 2
    assert "no gateway with a [wifi] section runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('interface = "wlan0"', 'line 4: interface needs country = "DE"'),
        ('interface = "wlan0"\ncountry = "Germany"', "line 5: country needs"),
        ('interface = "wlan0"\ncountry = "DE"\nchannel = 14', "from 1 to 13"),
        ("interface = 7", "must be text"),
    ],
)
def test_mistakes_in_gateway_toml(tmp_path, written, said):
    path = tmp_path / "gateway.toml"
    path.write_text(f'name = "Tal"\nnetwork_key = "{"00" * 32}"\n[wifi]\n{written}\n')
    with pytest.raises(UserError, match=said):
        load_config(path)


@pytest.mark.parametrize("name", ["poster.svg", "poster.pdf"])
def test_a_poster_has_what_one_joins_with(tmp_path, capsys, name):
    data = str(tmp_path / "data")
    assert cli.main(["gateway", "init", "--data", data, "--name", "Tal", "--port", ""]) == 0
    poster = tmp_path / name
    assert cli.main(["pair", "--print", str(poster), "--data", data]) == 0
    assert "whoever reads it can join" in capsys.readouterr().out
    if name.endswith("svg"):
        text = poster.read_text()
        assert ">DIRECT-hg-Tal</text>" in text
        assert re.search(">[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}</text>", text)
        assert ">http://192.168.49.1/</text>" in text
    else:
        assert poster.read_bytes().startswith(b"%PDF")
    assert cli.main(["pair", "--print", str(tmp_path / "p.gif"), "--data", data]) == 2
    assert "an .svg or a .pdf" in capsys.readouterr().err
