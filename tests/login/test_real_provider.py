"""Logging in at a genuine OpenID provider (npm's oidc-provider), by the command line.

The certificate is checked in another data folder, which shares only the operator's public key, by
a process that may open no socket, when the provider is gone.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gateway import certificate, id_token, network, provider
from gateway import certificate_store as store
from gateway.desk import Desk
from gateway.login import Login
from gateway.loopback import browser_login
from tests.login.browser import visit
from tests.login.people import FACTS, certified

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
FILES = Path(__file__).parent / "provider"
BROWSER = Path(__file__).parent / "browser.py"
WAIT_S = 60
OFFLINE = """
import socket, sys
def no_network(*_, **__):
    raise SystemExit("somebody opened a socket")
socket.socket.__init__ = no_network
from gateway.cli import main
sys.exit(main())
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")
    folder = tmp_path_factory.mktemp("provider")
    for file in FILES.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Running:
    """A provider that runs, and its address."""

    def __init__(self, folder, **wishes):
        self.process = subprocess.Popen(
            ["node", "provider.js", json.dumps(wishes)],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.issuer = json.loads(self.process.stdout.readline())["issuer"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def command(*arguments):
    return [sys.executable, "-m", "gateway.cli", *map(str, arguments)]


def helio(*arguments):
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S, check=False
    )


def offline(*arguments):
    return subprocess.run(
        [sys.executable, "-c", OFFLINE, *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S, check=False,
    )  # fmt: skip


class Waiting:
    """`helio login` that shows a code and waits."""

    def __init__(self, folder, issuer):
        self.process = subprocess.Popen(
            command("login", issuer, "--device", "--json", "--data", folder),
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            # a shell's background job, which these tests may be, ignores Ctrl-C, and its heirs do
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        line = self.process.stderr.readline()
        assert "user_code" in line, line + self.process.stderr.read()
        self.code = json.loads(line)

    def end(self):
        """(exit code, JSON on standard output or of the error)"""
        out, err = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, json.loads(out or err.splitlines()[-1])


@pytest.fixture
def north(tmp_path):
    return certified(tmp_path / "north")


@pytest.fixture
def elsewhere(tmp_path):
    """Another gateway of the network: it knows the operator's public key, not the private one."""
    folder = tmp_path / "south"
    network.create(folder, network.NetworkFacts(**vars(FACTS) | {"seed": None}))
    return folder


def test_by_device_grant_and_checked_on_another_gateway_without_a_connection(
    installed, north, elsewhere
):
    with Running(installed) as real:
        login = Waiting(north, real.issuer)
        page = visit(login.code["verification_uri_complete"])
        assert "Sign-in Success" in page
        code, told = login.end()
    assert code == 0, told
    assert (told["username"], told["issuer"], told["gateway"]) == ("amina", real.issuer, "North")
    text = told["certificate"]

    done = offline("certificate", "check", text, "--json", "--data", elsewhere)
    assert done.returncode == 0, done.stderr + done.stdout
    checked = json.loads(done.stdout)
    assert checked["holds"]
    assert checked["username"] == "amina"
    with contextlib.closing(Desk(north)) as desk:
        card = desk.identity().card
        key = getattr(card, "account", card.ed25519)
    assert checked["account_key"] == key.hex()
    assert "amina" not in checked["subject"]
    public = FACTS.operator.hex()
    phone = offline("certificate", "check", text, "--operator", public, "--data", elsewhere / "x")
    assert phone.returncode == 0, phone.stderr
    assert "certified by gateway North" in phone.stdout
    assert offline("certificate", "show", "--data", north).stdout.startswith(text)

    # expired, altered, another network's: refused, each in one sentence
    raw = certificate.parse_badge(text)
    later = int(time.time()) + 91 * certificate.DAY_S
    with pytest.raises(store.UserError, match="expired on"):
        certificate.check_badge(raw, FACTS.operator, later)
    altered = certificate.badge_text(raw[:-70] + b"x" + raw[-69:])
    done = offline("certificate", "check", altered, "--data", elsewhere)
    assert (done.returncode, done.stdout.strip()) == (
        1, "does not hold: the certificate was altered: its signature does not hold",
    )  # fmt: skip
    done = offline("certificate", "check", text, "--operator", "ab" * 32)
    assert done.returncode == 1
    assert "another network" in done.stdout
    mistyped = offline("certificate", "check", text[:-9] + "AAAAAAAAA", "--data", elsewhere)
    assert mistyped.returncode == 2
    assert "mistyped" in mistyped.stderr


def test_by_the_browser_with_pkce(installed, north, elsewhere, monkeypatch):
    monkeypatch.setenv("BROWSER", f"{sys.executable} {BROWSER} %s --user bo")
    with Running(installed) as real:
        done = helio("login", real.issuer, "--browser", "--json", "--data", north)
        assert done.returncode == 0, done.stderr
        url = json.loads(done.stderr.splitlines()[0])["url"]
        assert "code_challenge_method=S256" in url
    told = json.loads(done.stdout)
    assert told["username"] == "bo"
    checked = offline("certificate", "check", told["certificate"], "--data", elsewhere)
    assert checked.returncode == 0, checked.stdout
    assert "bo at http" in checked.stdout


def test_the_browser_says_no(installed, north, monkeypatch):
    monkeypatch.setenv("BROWSER", f"{sys.executable} {BROWSER} %s --abort")
    with Running(installed) as real:
        done = helio("login", real.issuer, "--browser", "--data", north)
    assert done.returncode == 2
    assert "was refused at" in done.stderr.splitlines()[-1]


def test_an_id_token_with_our_nonce_is_checked_when_the_provider_is_gone(
    installed, north, monkeypatch
):
    """The token itself, as the code flow got it: with the keys that were kept, without asking."""
    tokens = []
    check = id_token.check
    monkeypatch.setattr(id_token, "check", lambda *a: tokens.append(a) or check(*a))

    async def run(issuer):
        async with provider.Line() as line:
            login = Login(
                line, await line.meet(issuer, north), provider.Client("heliograph"), north
            )
            return await browser_login(
                lambda redirect: login.start_browser(redirect, b"a" * 32),
                lambda url: threading.Thread(target=visit, args=(url,)).start(),
            )

    with Running(installed) as real:
        claims = asyncio.run(run(real.issuer))
    token, _, client_id, now_s, nonce, access = tokens[0]
    kept = provider.kept(north, real.issuer)
    assert check(token, kept, client_id, now_s, nonce, access).subject == claims.subject
    with pytest.raises(store.UserError, match="nonce differs"):
        check(token, kept, client_id, now_s, id_token.nonce(b"b" * 32, b"r" * 32), access)
    with pytest.raises(store.UserError, match="clock"):
        check(token, kept, client_id, now_s + 90 * 86_400, nonce, access)


def test_a_person_who_says_no(installed, north):
    with Running(installed) as real:
        login = Waiting(north, real.issuer)
        visit(login.code["verification_uri_complete"], abort=True)
        code, told = login.end()
    assert code == 2
    assert "was refused at" in told["error"]
    assert not (north / store.BADGE_FILE).exists()


def test_a_code_that_runs_out(installed, north):
    with Running(installed, code_s=3) as real:
        code, told = Waiting(north, real.issuer).end()
    assert code == 2
    assert "code ran out" in told["error"]


def test_a_provider_that_wants_it_slower(installed, north):
    with Running(installed, slow=1) as real:
        login = Waiting(north, real.issuer)
        assert json.loads(real.process.stdout.readline()) == {"slowed": True}
        slowed_s = time.monotonic()
        visit(login.code["verification_uri_complete"], user="cy")
        code, told = login.end()
    assert code == 0, told
    assert told["username"] == "cy"
    assert time.monotonic() - slowed_s > 9, "asked again after five seconds more"


def test_a_provider_that_dies_in_the_middle(installed, north):
    with Running(installed) as real:
        login = Waiting(north, real.issuer)
        real.process.kill()
        real.process.wait()
        began_s = time.monotonic()
        out, err = login.process.communicate(timeout=120)
    assert login.process.returncode == 2
    assert "fell silent" in json.loads(err)["error"]
    assert out == ""
    assert time.monotonic() - began_s < 100
    done = helio("login", real.issuer, "--data", north)
    assert done.returncode == 2
    assert "is there a connection" in done.stderr


def test_ctrl_c_ends_it_cleanly(installed, north):
    with Running(installed) as real:
        login = Waiting(north, real.issuer)
        login.process.send_signal(signal.SIGINT)
        out, err = login.process.communicate(timeout=WAIT_S)
    assert (login.process.returncode, out, err) == (130, "", "")
    assert os.listdir(north / provider.FOLDER)
