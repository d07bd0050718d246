"""A hub that refuses, is full, too old, or costs too much: one line, tries with pauses, and the
people of the mesh do not notice."""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import logging
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway import backhaul
from gateway.backhaul import WISH
from gateway.backhaul_streams import stream_config
from gateway.database import set_meta
from shared_protocol.lifetime import SOS
from tests.gateway.hub_scene import WAIT_S, Valley
from tests.gateway.phone import Phone, befriend
from tests.gateway.test_backhaul import hand_in, has, hub, play, some_parcel
from tools.field import until
from tools.hub import PASSWORD, USER, Server, as_operator

pytestmark = pytest.mark.system
BUDGET = 100_000
_TRIES = 6


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(backhaul, "RETRY_S", (0.05, 0.2))
    monkeypatch.setattr("gateway.backhaul_session._FULL_S", (0.05, 0.2))


def count_visits(monkeypatch):
    """How often a connection was begun."""
    tries = []
    visit = backhaul.Backhaul._visit

    async def counted(self, server):
        tries.append(time.monotonic())
        return await visit(self, server)

    monkeypatch.setattr(backhaul.Backhaul, "_visit", counted)
    return tries


async def neighbours_write(valley):
    """Two people of this gateway do not notice."""
    ana, cleo = Phone("Ana", valley.client), Phone("Cleo", valley.client)
    befriend(ana, cleo)
    await ana.register()
    await cleo.register()
    await ana.post(ana.seal(cleo.card, "next door"))
    await until(cleo.letters, WAIT_S, "the letter")
    assert await cleo.read() == ["next door"]


async def it_refuses(valley, tries, caplog, words):
    """One line, however often it is tried."""
    await until(lambda: len(tries) >= _TRIES, WAIT_S, "some tries")
    await neighbours_write(valley)
    said = [r.message for r in caplog.records if r.name == "gateway.backhaul"]
    assert len(said) == 1, said
    assert words in said[0]
    assert "\n" not in said[0]
    assert valley.told["state"] == "waiting"
    assert valley.told["problem"] == said[0].removeprefix("backhaul: ")


def test_wrong_password(tmp_path, monkeypatch, caplog):
    tries = count_visits(monkeypatch)

    async def story():
        async with (
            hub(tmp_path) as server,
            Valley(tmp_path / "a", [server.url], password="forgotten") as a,
        ):
            await it_refuses(a, tries, caplog, "refuses our login")

    play(story)


def test_nobody_there(tmp_path, monkeypatch, caplog):
    tries = count_visits(monkeypatch)

    async def story():
        server = Server(tmp_path / "hub")
        async with Valley(tmp_path / "a", [server.url]) as a:
            try:
                await it_refuses(a, tries, caplog, "cannot be reached: Connect")
                server.start()  # and then it comes
                await a.connected()
            finally:
                server.stop()

    play(story)


def test_a_hub_without_jetstream(tmp_path, monkeypatch, caplog):
    tries = count_visits(monkeypatch)

    async def story():
        server = Server(tmp_path / "hub")
        lines = server.conf.read_text().splitlines()
        server.conf.write_text("\n".join(x for x in lines if not x.startswith("jetstream")))
        server.start()
        try:
            await server.up()
            async with Valley(tmp_path / "a", [server.url]) as a:
                await it_refuses(a, tries, caplog, "no JetStream")
        finally:
            server.stop()

    play(story)


def test_a_stream_made_otherwise(tmp_path, monkeypatch, caplog):
    tries = count_visits(monkeypatch)

    async def story():
        async with hub(tmp_path) as server:
            valley = Valley(tmp_path / "a", [server.url])
            key = backhaul.HubKey(valley.config.network_key, "")
            nc = await as_operator([server.url])
            config = stream_config(key, 1) | {"discard_new_per_subject": False}
            await nc.request(f"$JS.API.STREAM.CREATE.{key.stream}", json.dumps(config).encode())
            await nc.close()
            async with valley:
                await it_refuses(valley, tries, caplog, "is not as gateways need it")

    play(story)


async def old_hub(reader, writer):
    """As much of nats-server 2.8 as a client sees before it is disappointed."""
    info = {"server_id": "x", "version": "2.8.4", "max_payload": 1 << 20, "headers": True}
    writer.write(b"INFO " + json.dumps(info | {"proto": 1}).encode() + b"\r\n")
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
    writer.close()


def test_a_hub_that_is_too_old(tmp_path, monkeypatch, caplog):
    tries = count_visits(monkeypatch)

    async def story():
        listening = await asyncio.start_server(old_hub, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        async with listening, Valley(tmp_path / "a", [f"nats://127.0.0.1:{port}"]) as a:
            await it_refuses(a, tries, caplog, "nats-server 2.8.4: 2.9.10 or newer is needed")

    play(story)


async def odd_hub(reader, writer):
    """Says it is a new server, and answers every question with something else."""
    info = {"server_id": "x", "version": "2.15.1", "max_payload": 1 << 20, "headers": True}
    writer.write(b"INFO " + json.dumps(info | {"proto": 1}).encode() + b"\r\n")
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while line := await reader.readline():
            words = line.split()
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
            elif line.startswith(b"PUB"):
                writer.write(b'MSG %s 1 17\r\n{"config": "red"}\r\n' % words[2])
    writer.close()


async def no_hub(reader, writer):
    """Another service."""
    writer.write(b"INFO and good morning\r\n")
    await reader.read(1)
    writer.close()


@pytest.mark.parametrize(
    ("server", "words"),
    [(odd_hub, "answers what no NATS server would"), (no_hub, "does not speak NATS")],
)
def test_something_else_answers(tmp_path, monkeypatch, caplog, server, words):
    tries = count_visits(monkeypatch)

    async def story():
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        async with listening, Valley(tmp_path / "a", [f"nats://127.0.0.1:{port}"]) as a:
            await it_refuses(a, tries, caplog, words)

    play(story)


def test_what_a_gateway_may_not_do(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("gateway.backhaul_hub.WAIT_S", 0.3)

    async def story():
        user = (
            f'{{ user: {USER}, password: "{PASSWORD}", permissions: {{ publish: "$JS.API.>" }} }}'
        )
        async with (
            hub(tmp_path, extra=f"authorization {{ users: [ {user} ] }}") as server,
            Valley(tmp_path / "a", [server.url]) as a,
        ):
            monkeypatch.setattr("gateway.backhaul_session._TRIES", 1)
            hand_in(a, some_parcel())
            await until(lambda: "ermissions" in str(a.told), WAIT_S, "the reason")
            await neighbours_write(a)
            said = [r.message for r in caplog.records if r.name == "gateway.backhaul"]
            assert len({x for x in said if "ermissions" in x}) >= 1

    play(story)


def certificate(folder, days):
    """A certificate for 127.0.0.1 by an authority of its own, valid until in so many days."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in ("ca", "hub")]
    made = []
    for at in range(2):
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[at])
            .issuer_name(names[0])
            .public_key(keys[at].public_key())
            .serial_number(at + 1)
            .not_valid_before(now - datetime.timedelta(days=9))
            .not_valid_after(now + datetime.timedelta(days=days if at else 9))
            .add_extension(x509.BasicConstraints(at == 0, None), critical=True)
        )
        if at:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), False)
        made.append(builder.sign(keys[0], hashes.SHA256()))
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_bytes(made[0].public_bytes(serialization.Encoding.PEM))
    (folder / "hub.pem").write_bytes(made[1].public_bytes(serialization.Encoding.PEM))
    (folder / "hub.key").write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return (
        f'authorization {{ user: {USER}, password: "{PASSWORD}" }}\n'
        f'tls {{ cert_file: "{folder / "hub.pem"}", key_file: "{folder / "hub.key"}" }}'
    )


@pytest.mark.parametrize(
    ("days", "ca", "words"),
    [(-1, True, "certificate has expired"), (9, False, "certificate of tls://127.0.0.1")],
)
def test_certificates(tmp_path, monkeypatch, caplog, days, ca, words):
    tries = count_visits(monkeypatch)

    async def story():
        extra = certificate(tmp_path / "tls", days)
        async with hub(tmp_path, extra=extra) as server:
            url = server.url.replace("nats:", "tls:")
            path = str(tmp_path / "tls" / "ca.pem") if ca else ""
            async with Valley(tmp_path / "a", [url], ca=path) as a:
                await it_refuses(a, tries, caplog, words)

    play(story)


def test_tls(tmp_path):
    async def story():
        extra = certificate(tmp_path / "tls", 9)
        async with hub(tmp_path, extra=extra) as server:
            url = server.url.replace("nats:", "tls:")
            async with Valley(tmp_path / "a", [url], ca=str(tmp_path / "tls" / "ca.pem")) as a:
                await a.connected()

    play(story)


def test_a_full_hub(tmp_path, caplog):
    """What does not fit waits, and what lies there is read, until its operator makes room."""

    async def story():
        async with hub(tmp_path) as server:
            a, b = (Valley(tmp_path / name, [server.url]) for name in "ab")
            key = backhaul.HubKey(a.config.network_key, "")
            nc = await as_operator([server.url])
            small = stream_config(key, 1, bytes_max=20_000)
            await nc.request(f"$JS.API.STREAM.CREATE.{key.stream}", json.dumps(small).encode())
            async with a, b:
                await a.connected()
                await b.connected()
                caplog.set_level(logging.WARNING)
                parcels = [some_parcel() for _ in range(200)]
                hand_in(a, *parcels)
                await until(lambda: "hub is full" in a.told["problem"], WAIT_S, "the hub full")
                await until(lambda: any(has(b, p) for p in parcels), WAIT_S, "what fitted")
                await neighbours_write(a)
                said = [r.message for r in caplog.records if r.name == "gateway.backhaul"]
                assert len(said) == 1, said
                large = stream_config(key, 1)
                name = f"$JS.API.STREAM.UPDATE.{key.stream}"
                await nc.request(name, json.dumps(large).encode())
                await until(lambda: all(has(b, p) for p in parcels), WAIT_S, "the rest")
                await until(lambda: a.told["problem"] == "", WAIT_S, "the problem to end")
            await nc.close()

    play(story)


class Meter:
    """Between a gateway and the hub: counts every byte, both ways."""

    def __init__(self, port):
        self._port = port
        self.bytes = 0

    async def __aenter__(self):
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"nats://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *why):
        self._listening.close()

    async def _accept(self, reader, writer):
        there = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))

    async def _pump(self, reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                self.bytes += len(data)
                writer.write(data)
        writer.close()


@pytest.mark.parametrize("direction", ["to the hub", "from the hub"])
def test_a_budget_is_never_exceeded(tmp_path, direction):
    """SOS passes, the rest goes on in the next hour. Hours are of the gateway's own clock, which
    is put forward here; what was spent is what a meter on the line counts."""

    async def story():
        async with (
            hub(tmp_path) as server,
            Meter(server.port) as meter,
            Valley(tmp_path / "far", [server.url]) as far,
        ):
            near = Valley(tmp_path / "near", [meter.url], bytes_per_hour=BUDGET)
            sender, receiver = (near, far) if direction == "to the hub" else (far, near)
            parcels = [some_parcel(size=200) for _ in range(400)]

            def arrived():
                return all(has(receiver, p) for p in parcels)

            async with near:
                await near.connected()
                real, hours = near.gateway.clock_s, 0
                near.gateway.clock_s = lambda: real() + 3600 * hours
                meter.bytes = 0
                hand_in(sender, *parcels)
                calls = []
                while not arrived():
                    await until(lambda: spent(near) or arrived(), WAIT_S, "the hour's end")
                    calls.append(some_parcel(SOS))
                    hand_in(sender, calls[-1])
                    await until(lambda: has(receiver, calls[-1]), WAIT_S, "the SOS")
                    assert meter.bytes <= BUDGET, f"hour {hours}"
                    if hours == 0:
                        assert not arrived()
                        assert meter.bytes > BUDGET // 2  # and it is made use of
                    hours, meter.bytes = hours + 1, 0
                    assert hours < 12
                    set_meta(near.desk.db, WISH, str(hours).encode())  # an hour later

        assert hours >= 2

    def spent(valley):
        return valley.backhaul.budget.left(False) < 2000

    play(story, 120)
