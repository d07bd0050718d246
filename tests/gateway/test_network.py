"""The operator's registry: nothing in it twice, nothing in it lost, and what a card gives away."""

import os
import sqlite3
import stat
import threading

import pytest

from firmware.config import Config
from gateway import network as module
from gateway.errors import UserError
from gateway.network import DONE, FILE, PLANNED, RETIRED, confirm, create, new_record, opened
from gateway.network_card import NetworkFacts, card_text, parse_card, public_key
from gateway.node_names import WORDS
from gateway.regions import REGIONS, channel_in
from shared_protocol.node_record import unpack

SEED = bytes(range(32))


def facts(**changes):
    given = {
        "name": "Tal", "region": "EU", "channel": 6, "key": b"k" * 32, "epoch": 0,
        "operator": public_key(SEED), "seed": SEED,
    }  # fmt: skip
    return NetworkFacts(**(given | changes))


@pytest.fixture
def folder(tmp_path):
    create(tmp_path, facts())
    return tmp_path


def test_two_provisionings_of_a_thousand_nodes_each_have_no_id_or_key_in_common(tmp_path):
    records = []
    for where, seed in (("a", b"a" * 32), ("b", b"b" * 32)):
        create(tmp_path / where, facts(seed=seed, operator=public_key(seed)))
        with opened(tmp_path / where) as network:
            network._db.execute("PRAGMA synchronous = OFF")  # the test need not survive a cut
            own = [network.plan() for _ in range(1000)]
            for record in own:
                network.confirm(record["node"])
            assert {node["state"] for node in network.nodes()} == {DONE}
        assert len({record["node"][8:] for record in own}) == 1000
        assert len({record["name"] for record in own}) == 1000
        records += own
    for field in ("node", "secret", "command_key"):
        assert len({record[field] for record in records}) == 2000, field
    for record in records:
        assert int(record["node"][:2], 16) & 3 == 2
        Config(record)


def test_a_record_is_what_the_board_gets(folder):
    record, flash = new_record(folder, name="Tal-Hütte 3", cell=7, power="long", board="devkit",
                               hardware={"battery": {"adc": 35}})  # fmt: skip
    assert len(flash) == 8192
    found = unpack(flash)
    assert found is not None
    with opened(folder) as network:
        assert network.record(record["node"]) == record
    told = Config(module.json.loads(found[1]))
    assert (told.name, told.cell, told.power, told.board) == ("Tal-Hütte 3", 7, "long", "devkit")
    assert (told.channel, told.network_key) == (6, b"k" * 32)
    assert told.operator == public_key(SEED)
    assert record["battery"] == {"adc": 35}


def test_the_way_of_a_node(folder):
    mac = "240ac4000001"
    first, _ = new_record(folder, mac=mac)
    with opened(folder) as network:
        assert network.node(first["node"])["state"] == PLANNED
    confirm(folder, first["node"])
    confirm(folder, first["node"])
    second, _ = new_record(folder, mac=mac, replaces=first["node"])
    with opened(folder) as network:
        assert network.node(first["node"])["state"] == DONE
    confirm(folder, second["node"])
    with opened(folder) as network:
        assert network.node(first["node"])["state"] == RETIRED
        assert network.node(second["node"])["state"] == DONE
        assert network.node("26ffffffffff") is None
    again, _ = new_record(folder, name=first["name"])
    assert again["name"] == first["name"], "the name of a retired node is free"


def test_a_board_that_was_not_known_is_known_when_it_is_confirmed(folder):
    record, _ = new_record(folder)
    for mac in (None, "240ac4000001", "240ac4000002"):
        confirm(folder, record["node"], mac)
    with opened(folder) as network:
        assert network.node(record["node"])["mac"] == "240ac4000001"


def test_a_name_is_taken_once(folder):
    new_record(folder, name="north", mac="240ac4000001")
    with pytest.raises(UserError, match="north is taken"):
        new_record(folder, name="north", mac="240ac4000002")
    again, _ = new_record(folder, name="north", mac="240ac4000001")
    with opened(folder) as network:
        assert [node["id"] for node in network.nodes()] == [again["node"]]
    confirm(folder, again["node"])
    for mac in ("240ac4000001", None):
        with pytest.raises(UserError, match="north is taken"):
            new_record(folder, name=" north ", mac=mac)
    with pytest.raises(UserError, match="24 bytes"):
        new_record(folder, name="ü" * 13)


def test_four_boards_at_once(folder):
    """As `helio flash --all` does it."""
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(new_record(folder)[0])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({record["node"] for record in made}) == 8


def test_a_random_source_that_repeats_itself_is_found_out(folder, monkeypatch):
    monkeypatch.setattr("gateway.new_node.secrets.token_hex", lambda n: "ab" * n)
    new_record(folder)
    with pytest.raises(UserError, match="random source is broken"):
        new_record(folder)
    with opened(folder) as network:
        assert len(network.nodes()) == 1


def test_an_id_whose_tail_is_taken_is_drawn_again(folder, monkeypatch):
    drawn = iter([b"\x11\x22\x33\x44\x55\x66", b"\x77\x22\x33\x44\x55\x66", b"\x99" * 6])
    monkeypatch.setattr(
        "gateway.new_node.secrets.token_bytes",
        lambda n: next(drawn) if n == 6 else os.urandom(n),
    )
    assert new_record(folder)[0]["node"] == "122233445566"
    assert new_record(folder)[0]["node"] == "9a9999999999"


def test_the_file_is_for_its_owner_and_one_network(folder):
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    with pytest.raises(UserError, match="has a network already"):
        create(folder, facts())
    with pytest.raises(UserError, match="not in this registry"):
        confirm(folder, "260000000000")
    with pytest.raises(UserError, match=r"no network in .*helio network new"):
        new_record(folder / "elsewhere")
    assert not (folder / "elsewhere").exists()


def test_a_registry_that_is_not_ours_or_newer_or_broken(folder):
    with sqlite3.connect(folder / FILE) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(UserError, match="newer Heliograph"):
        new_record(folder)
    for left in folder.iterdir():
        left.unlink()
    (folder / FILE).write_bytes(b"nothing of ours" * 100)
    with pytest.raises(UserError, match="not a Heliograph database"):
        new_record(folder)


def test_a_card_gives_the_network_and_only_an_operators_card_the_command_of_it(folder, tmp_path):
    plain, operators = card_text(facts(), False), card_text(facts(), True)
    assert parse_card(operators.lower()) == facts()
    assert parse_card(f" {plain[:60]}\n{plain[60:]} ") == facts(seed=None)
    second = tmp_path / "second"
    create(second, parse_card(operators))
    node = new_record(second)[0]
    with opened(folder) as network:
        own = network.facts
    assert node["command_key"] == module.H(b"command", own.seed, bytes.fromhex(node["node"])).hex()
    third = tmp_path / "third"
    create(third, parse_card(plain))
    with pytest.raises(UserError, match="only an operator provisions"):
        new_record(third)
    with opened(third) as network, pytest.raises(UserError, match="no operator's"):
        card_text(network.facts, True)


@pytest.mark.parametrize("cut", [0, 9, 40, 100, 130])
def test_a_card_that_was_cut_or_mistyped(cut):
    text = card_text(facts(), True)
    bent = text[:cut] + ("B" if text[cut] == "A" else "A") + text[cut + 1 :]
    for wrong in (text[:cut], bent):
        with pytest.raises(UserError, match="card"):
            parse_card(wrong)


def test_regions_limit_the_channel():
    assert channel_in("EU", 13) == 13
    for region, channel in (("US", 12), ("EU", 14), ("WORLD", 0)):
        with pytest.raises(UserError, match=f"{region} has the channels 1 to"):
            channel_in(region, channel)
    with pytest.raises(UserError, match="XX is not known: EU"):
        channel_in("XX", 1)
    assert max(REGIONS.values()) == 13, "a relay takes 1 to 13"


def test_the_words_are_short_and_apart():
    assert len(set(WORDS)) == len(WORDS) > 100
    assert all(word.isascii() and word.isalpha() and len(word) <= 8 for word in WORDS)


def test_the_last_sign_of_life_of_a_node_is_kept(folder):
    record, _ = new_record(folder, board="devkit")
    with opened(folder) as network:
        assert network.last_life(record["node"]) == {"board": "devkit"}
        network.note_life(record["node"], {"firmware": "0.1"})
        network.note_life(record["node"], {"firmware": "0.2"})
        network.note_life("020000000001", {"firmware": "0.3"})  # another operator's
    with opened(folder) as network:
        told = network.last_life(record["node"])
        assert (told["status"], told["board"]) == ({"firmware": "0.2"}, "devkit")
        assert told["answered_s"] > 1_700_000_000
        assert network.last_life("020000000001")["status"] == {"firmware": "0.3"}
