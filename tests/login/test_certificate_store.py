"""A gateway's key and certificate, and a person's badge, in a data folder and by the commands."""

import json
import stat
import time
from dataclasses import replace

import pytest

from gateway import about, certificate, network
from gateway import certificate_store as store
from gateway.certificate_commands import accept, certify, check, key, show_badge
from gateway.cli import main, parser
from gateway.config import Config
from gateway.errors import UserError
from gateway.network_card import public_key
from tests.login.people import FACTS, certified

ISSUER = "https://login.example.org"
ACCOUNT = b"a" * 32


@pytest.fixture
def run(capsys):
    def called(function, folder, *words):
        args = parser().parse_args([*words, "--data", str(folder), "--json"])
        code = function(args)
        return code, json.loads(capsys.readouterr().out)

    return called


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    folder = tmp_path / "new"
    first = store.gateway_key(folder).private_bytes_raw()
    assert store.gateway_key(folder).private_bytes_raw() == first
    assert stat.S_IMODE((folder / store.KEY_FILE).stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == [store.KEY_FILE]


def test_a_damaged_key_is_said_and_left_alone(tmp_path):
    (tmp_path / store.KEY_FILE).write_bytes(b"half")
    with pytest.raises(UserError, match="damaged"):
        store.gateway_key(tmp_path)
    assert (tmp_path / store.KEY_FILE).read_bytes() == b"half"


def test_the_operator_certifies_a_gateway_far_away(run, tmp_path):
    laptop, gateway = tmp_path / "laptop", tmp_path / "gateway"
    network.create(laptop, FACTS)
    network.create(gateway, network.NetworkFacts(**vars(FACTS) | {"seed": None}))
    _, asked = run(key, gateway, "gateway", "key", "--name", "North school")
    with pytest.raises(UserError, match="only an operator certifies"):
        run(certify, gateway, "gateway", "certify", asked["request"])
    words = ("gateway", "certify", asked["request"], "--days", "30")
    _, given = run(certify, laptop, *words)
    _, kept = run(accept, gateway, "gateway", "accept", given["certificate"])
    assert kept["gateway"] == "North school"
    assert kept["until_s"] - kept["since_s"] == 30 * certificate.DAY_S
    badge = store.Certifier(gateway).badge(ACCOUNT, ISSUER, "sub-1", "amina")
    until_s = certificate.check_badge(badge, FACTS.operator, int(time.time())).account.until_s
    assert until_s == kept["until_s"], "no longer than the gateway's own"
    with pytest.raises(UserError, match="for another gateway, North school"):
        run(accept, laptop, "gateway", "accept", given["certificate"])


def test_an_operator_who_runs_the_gateway_needs_one_command(run, tmp_path):
    network.create(tmp_path, FACTS)
    with pytest.raises(UserError, match="not certified"):
        store.Certifier(tmp_path)
    _, told = run(certify, tmp_path, "gateway", "certify", "--name", "Tal")
    assert told["gateway"] == "Tal"
    assert store.Certifier(tmp_path).checked(int(time.time())).name == "Tal"


def test_a_gateways_certificate_of_another_network_is_not_kept(run, tmp_path):
    gateway = certified(tmp_path / "north")
    before = (gateway / store.GATEWAY_FILE).read_text()
    other = tmp_path / "other"
    seed = b"x" * 32
    facts = vars(FACTS) | {"seed": seed, "operator": public_key(seed)}
    network.create(other, network.NetworkFacts(**facts))
    request = certificate.request_text(store.gateway_key(gateway), "North")
    _, given = run(certify, other, "gateway", "certify", request)
    with pytest.raises(UserError, match="another network"):
        run(accept, gateway, "gateway", "accept", given["certificate"])
    assert (gateway / store.GATEWAY_FILE).read_text() == before


def test_a_new_key_wants_a_new_certificate(tmp_path):
    north = certified(tmp_path)
    (north / store.KEY_FILE).unlink()
    with pytest.raises(UserError, match="another gateway's"):
        store.Certifier(north)


def test_a_badge_is_shown_and_checked(run, tmp_path):
    north = certified(tmp_path)
    with pytest.raises(UserError, match="nobody has logged in"):
        store.kept_badge(north)
    text = store.keep_badge(north, store.Certifier(north).badge(ACCOUNT, ISSUER, "s", "amina"))
    code, told = run(show_badge, north, "certificate", "show")
    assert (code, told["holds"], told["username"]) == (0, True, "amina")
    assert told["certificate"] == text
    code, told = run(check, tmp_path / "x", "certificate", "check", text, "--operator", "ab" * 32)
    assert (code, told["holds"]) == (1, False)
    assert "another network" in told["why"]
    assert stat.S_IMODE((north / store.BADGE_FILE).stat().st_mode) == 0o600


def test_the_subject_stays_the_same_at_a_gateway_and_differs_at_the_next(tmp_path):
    def subject(folder, sub):
        raw = store.Certifier(folder).badge(ACCOUNT, ISSUER, sub, "amina")
        return certificate.check_badge(raw, FACTS.operator, int(time.time())).account.subject

    north, south = certified(tmp_path / "north"), certified(tmp_path / "south", "South")
    assert subject(north, "s") == subject(north, "s")
    assert len({subject(north, "s"), subject(north, "t"), subject(south, "s")}) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["certificate", "check", "hello"], "that is not a certificate"),
        (["certificate", "check", "HELIOBADGE:AAAA"], "incomplete or mistyped"),
        (["gateway", "accept", "HELIOBADGE:AAAA"], "not a gateway's certificate"),
        (["gateway", "certify", "HELIOASK:AAAA"], "incomplete or mistyped"),
        (["gateway", "certify", "--days", "0"], "1 to 366 days"),
        (["login", ISSUER, "--device", "--browser"], "not both"),
        (["login"], "at which provider"),
        (["login", "http://login.example.org"], "not https"),
    ],
)
def test_mistakes_are_one_line(words, says, tmp_path, capsys):
    assert main([*words, "--data", str(certified(tmp_path))]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1


def test_without_a_network_the_operator_must_be_named(tmp_path, capsys):
    north = certified(tmp_path / "north")
    badge = store.Certifier(north).badge(ACCOUNT, ISSUER, "s", "amina")
    text = certificate.badge_text(badge)
    assert main(["certificate", "check", text, "--data", str(tmp_path / "x")]) == 2
    assert main(["certificate", "check", text, "--operator", "abc"]) == 2
    assert main(["certificate", "check", text, "--operator", FACTS.operator.hex()]) == 0
    assert "amina at https://login.example.org" in capsys.readouterr().out


def test_a_gateway_tells_phones_whose_word_certificates_go_by(tmp_path):
    config = Config("g", bytes(32))
    assert about.login(config, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
    folder = certified(tmp_path / "north")
    told = about.login(replace(config, login_issuer=ISSUER), folder)
    assert told == {"login": ISSUER, "operator": store.operator_of(folder).hex()}
