"""helio backhaul status, sync, hub; and the configurations that we hand out, as they are."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from gateway.cli import main
from gateway.config import FILE
from tests.gateway.hub_scene import KEY, WAIT_S, Valley
from tests.gateway.test_backhaul import hand_in, has, play, some_parcel
from tests.gateway.test_backhaul_cluster import join_hub
from tests.gateway.test_backhaul_hub_trouble import certificate
from tools.field import FieldGateway, until
from tools.hub import Server, as_operator, free_ports
from tools.virtual_board.board import die_with_parent

pytestmark = pytest.mark.system
DEPLOY = "gateway/deploy"


def helio(capsys, *words):
    code = main([*words, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out or err)


def test_status_and_sync(tmp_path, capsys):
    house = FieldGateway("a", "Ana", tmp_path, KEY, "")
    folder = str(house.folder)
    assert helio(capsys, "backhaul", "status", "--data", folder)[1]["state"] == "off"
    server = Server(tmp_path / "hub")
    join_hub(house, type("Hub", (), {"urls": (server.url,)}))
    code, told = helio(capsys, "backhaul", "status", "--data", folder)
    assert (code, told["state"]) == (1, "not running")
    code, told = helio(capsys, "backhaul", "sync", "--data", folder)
    assert code == 2
    assert "no gateway runs" in told["error"]
    try:
        house.start()
        code, told = helio(capsys, "backhaul", "sync", "--wait", "1", "--data", folder)
        assert (code, told["done"]) == (1, False)
        server.start()
        code, told = helio(capsys, "backhaul", "sync", "--data", folder)
        assert (code, told["done"], told["to_push"]) == (0, True, 0)
        code, told = helio(capsys, "backhaul", "status", "--data", folder)
        assert (code, told["state"], told["server"]) == (0, "connected", server.url)
        house.stop()
    finally:
        house.stop(signal.SIGKILL)
        server.stop()
        house.desk.close()


def test_hub_command(tmp_path, capsys):
    """Two gateways meet at what `helio backhaul hub` starts, with what it says."""
    (port,) = free_ports(1)
    folder = tmp_path / "data"
    words = ["backhaul", "hub", "--listen", f"127.0.0.1:{port}", "--data", str(folder), "--json"]
    assert main([*words, "--write-only"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main(words) == 2  # --listen, and there is one already
    capsys.readouterr()
    text = (folder / "hub" / "hub.conf").read_text()
    assert os.stat(told["config"]).st_mode & 0o077 == 0
    password = re.search(r'password: "([^"]+)"', text)[1]
    command = [sys.executable, "-m", "gateway.cli", *words[:2], *words[4:]]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
    )
    try:
        options = {"user": "gateway", "password": password}
        play(lambda: two_valleys(tmp_path, [f"nats://127.0.0.1:{port}"], options))
    finally:
        process.terminate()
        process.communicate(timeout=10)


async def two_valleys(tmp_path, urls, options):
    async with (
        Valley(tmp_path / "a", urls, **options) as a,
        Valley(tmp_path / "b", urls, **options) as b,
    ):
        await a.connected()
        await b.connected()
        one = some_parcel()
        hand_in(a, one)
        await until(lambda: has(b, one), WAIT_S, "it to cross")


class Deployed(Server):
    """A server with the very file that gateway/deploy has for three."""

    def __init__(self, folder, number, ports, password):
        super().__init__(folder, f"hub-{number + 1}", ports[number])
        with open(f"{DEPLOY}/hub-cluster.conf") as file:
            self.conf.write_text(file.read())
        tls = folder / "tls"
        self.environment = {
            "HUB_NAME": self.name,
            "HUB_LISTEN": f'"127.0.0.1:{ports[number]}"',
            "HUB_CERTIFICATE": f'"{tls / "hub.pem"}"',
            "HUB_KEY": f'"{tls / "hub.key"}"',
            "HUB_CA": f'"{tls / "ca.pem"}"',
            "HUB_STORE": f'"{folder / self.name}"',
            "HUB_CLUSTER_LISTEN": f'"127.0.0.1:{ports[3 + number]}"',
            "HUB_GATEWAY_PASSWORD": password,
        } | {f"HUB_ROUTE_{i + 1}": f'"tls://127.0.0.1:{ports[3 + i]}"' for i in range(3)}


def test_three_servers_as_deployed(tmp_path, monkeypatch):
    folder, ports = tmp_path / "hub", free_ports(6)
    certificate(folder / "tls", 9)
    servers = [Deployed(folder, n, ports, "secret") for n in range(3)]
    urls = [server.url.replace("nats:", "tls:") for server in servers]
    options = {"user": "gateway", "password": "secret", "ca": str(folder / "tls" / "ca.pem")}

    async def replicas():
        nc = await as_operator(urls, **options)
        info = json.loads((await nc.request("$JS.API.STREAM.INFO.HELIO_" + region(), b"")).data)
        await nc.close()
        assert info["config"]["num_replicas"] == 3
        assert len(info["cluster"]["replicas"]) == 2

    def region():
        from gateway.backhaul_item import HubKey

        return HubKey(KEY, "").region

    try:
        for server in servers:
            with monkeypatch.context() as patch:
                for name, value in server.environment.items():
                    patch.setenv(name, value)
                server.start()
        play(lambda: two_valleys(tmp_path, urls, options))
        asyncio.run(replicas())
    finally:
        for server in servers:
            server.stop()


def test_no_hub_in_the_file(tmp_path, capsys):
    house = FieldGateway("a", "Ana", tmp_path, KEY, "")
    house.desk.close()
    code, told = helio(capsys, "backhaul", "sync", "--data", str(house.folder))
    assert code == 2
    assert FILE in told["error"]
