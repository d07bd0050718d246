"""`helio network`: made once, shown, joined by the next laptop."""

import argparse
import json

import pytest

from gateway import network_commands
from gateway.commands import gateway_init
from gateway.config import load_config
from gateway.errors import UserError
from gateway.network import confirm, new_record, opened
from gateway.network_commands import join, list_nodes, new, show_network


@pytest.fixture
def run(tmp_path, capsys):
    def call(command, home="first", **options):
        json_too = options.pop("json", True)
        given = {"data": str(tmp_path / home), "json": json_too, "qr": False, "operator": False}
        assert command(argparse.Namespace(**(given | options))) == 0
        said = capsys.readouterr().out
        return json.loads(said) if json_too else said

    return call


def made(run, **options):
    return run(new, **({"name": "Tal", "region": "EU", "channel": 6} | options))


def test_the_next_operator_has_the_same_network_and_a_gateway_gets_its_key(run, tmp_path):
    first = made(run)
    assert first["operator"] is True
    card = run(show_network, operator=True)["card"]
    second = run(join, "second", card=card)
    assert second == first
    third = run(join, "third", card=run(show_network, qr=True)["card"])
    assert third == first | {"operator": False}
    with pytest.raises(UserError, match="no operator's"):
        run(show_network, "third", operator=True)
    keys = set()
    for home in ("first", "second", "third"):
        run(gateway_init, home, name="g", port="", listen="127.0.0.1:0", network_key=None)
        keys.add(load_config(tmp_path / home / "gateway.toml").network_key)
    with opened(tmp_path / "first") as network:
        assert keys == {network.facts.key}


def test_what_is_shown_without_asking_for_a_card_is_no_secret(run, tmp_path):
    made(run)
    record = new_record(tmp_path / "first", name="north")[0]
    assert "planned, not confirmed" in run(list_nodes, json=False)
    confirm(tmp_path / "first", record["node"])
    with opened(tmp_path / "first") as network:
        secrets = [network.facts.key.hex(), network.facts.seed.hex(), record["command_key"]]
    for command in (show_network, list_nodes):
        for as_json in (True, False):
            said = str(run(command, json=as_json))
            assert not any(secret in said for secret in secrets)
            assert "HELIONET" not in said
    assert run(show_network)["nodes"] == 1
    assert run(list_nodes)[0]["name"] == "north"


def test_a_card_on_the_terminal_is_light_on_dark_and_says_that_it_is_secret(run, monkeypatch):
    made(run)
    monkeypatch.setattr(network_commands.sys.stdout, "isatty", lambda: True)
    said = run(show_network, operator=True, json=False)
    rows = [line for line in said.splitlines() if "█" in line]
    assert len(rows) > 20
    assert all(row.startswith("\x1b[97;40m") and row.endswith("\x1b[0m") for row in rows)
    assert len({len(row) for row in rows}) == 1
    assert "next operator alone" in said
    assert run(show_network, qr=True, json=False).endswith("runs a gateway.\n")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"region": "US", "channel": 12}, "US has the channels 1 to 11, not 12"),
        ({"region": "eu"}, "the region eu is not known: EU"),
        ({"name": ""}, "a name is needed"),
        ({"name": "N" * 25}, "longer than 24 bytes"),
    ],
)
def test_mistakes_make_no_network(run, tmp_path, options, says):
    with pytest.raises(UserError, match=says):
        made(run, **options)
    assert not (tmp_path / "first").exists()


def test_a_folder_has_one_network_and_may_not_be_anywhere(run):
    made(run)
    with pytest.raises(UserError, match="has a network already"):
        made(run, name="Berg")
    with pytest.raises(UserError, match="cannot be used now"):
        made(run, home="/proc/nowhere")
    with pytest.raises(UserError, match="not a network card"):
        run(join, "second", card="HELIO:ABC")
