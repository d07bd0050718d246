"""`helio provision` on a board's wire: new, known, somebody else's, copied, cut half-way."""

import argparse
import asyncio
import json
import threading

import pytest

from gateway import provisioning
from gateway.errors import UserError
from gateway.network import DONE, PLANNED, RETIRED, create, opened
from gateway.network_card import NetworkFacts, card_text, parse_card, public_key
from gateway.new_node import draw
from gateway.provisioning import give, who
from tools.flash.board_file import find_board
from tools.flash.provision import main
from tools.virtual_board.board import VirtualBoard, create_flash

SEED = bytes(range(32))


@pytest.fixture
def home(tmp_path):
    create(tmp_path, NetworkFacts("Tal", "EU", 6, b"k" * 32, 0, public_key(SEED), SEED))
    return tmp_path


def new_board(folder, number=1):
    mac = bytes([0x24, 0x0A, 0xC4, 0, 0, number])
    board = VirtualBoard(f"b{number}", mac, folder, None, 0, 0)
    create_flash(board.flash_path)
    return board


def run(on, home, meanwhile=lambda: None, **options):
    """The command in a thread of its own, while the board is switched on again whenever it resets
    itself, `meanwhile` before that. What the command printed is left to capsys; what it raised is
    raised here."""
    given = {"port": on.port_path, "data": str(home), "json": True, "name": None,
             "position": None, "power": "always", "board": None, "yes": False}  # fmt: skip
    raised = []

    def command():
        try:
            assert main(argparse.Namespace(**(given | options))) == 0
        except BaseException as e:
            raised.append(e)

    thread = threading.Thread(target=command)
    thread.start()
    while thread.is_alive():
        if on.poll_reset():
            meanwhile()
            on.restart()
        thread.join(0.05)
    if raised:
        raise raised[0]


def states(home):
    with opened(home) as network:
        return {node["id"]: node["state"] for node in network.nodes()}


def on_board(board):
    return asyncio.run(who(board.port_path))["node"]


def test_a_new_board_becomes_a_node_and_another_one_only_if_that_is_wanted(home, capsys):
    with new_board(home) as board:
        (board.outside / "uart34").write_bytes(b"")  # a GPS that says nothing
        board.heap_kb = 4096  # it has PSRAM
        board.start()
        run(board, home, name="north", position="46.95,7.45", power="long", board="lilygo-t-beam")
        first = json.loads(capsys.readouterr().out)
        assert (first["name"], first["state"], first["mac"]) == ("north", DONE, board.mac.hex())
        assert (first["power"], first["board"]) == ("long", "lilygo-t-beam")
        assert first["cell"] is not None
        assert on_board(board) == first["id"]
        with opened(home) as network:
            assert network.record(first["id"])["gps"] == find_board("lilygo-t-beam").gps

        with pytest.raises(UserError, match=r"is north \(\w+\) of this network: --yes"):
            run(board, home)
        assert on_board(board) == first["id"]

        run(board, home, yes=True)
        second = json.loads(capsys.readouterr().out)
        assert states(home) == {first["id"]: RETIRED, second["id"]: DONE}
        assert on_board(board) == second["id"] != first["id"]
        assert second["board"] == "lilygo-t-beam", "the board said so"


def test_a_board_of_another_network_or_another_laptop_is_known_for_it(home):
    with new_board(home) as board:
        board.provision(draw("theirs", b"x" * 32, bytes(32), 1))
        board.start()
        with pytest.raises(UserError, match=r"theirs \(\w+\) of another network, \w{8}: --yes"):
            run(board, home)
        board.kill()
        board.provision(draw("ours", b"k" * 32, public_key(SEED), 6))
        board.start()
        with pytest.raises(UserError, match="of this network, provisioned elsewhere"):
            run(board, home)
    assert states(home) == {}


def test_a_copied_flash_is_called_what_it_is(home, capsys):
    with new_board(home) as board, new_board(home, 2) as copy, opened(home) as network:
        record = network.plan(mac=board.mac.hex())
        copy.provision(record)
        copy.start()
        for _ in (PLANNED, DONE):
            with pytest.raises(UserError, match="TWO BOARDS WITH ONE KEY"):
                run(copy, home)
            network.confirm(record["node"])
        run(copy, home, yes=True)
        own = json.loads(capsys.readouterr().out)
        assert own["id"] != record["node"]
        assert states(home) == {record["node"]: DONE, own["id"]: DONE}


def test_a_board_that_loses_its_record_is_no_node(home, capsys, monkeypatch):
    monkeypatch.setattr(provisioning, "_RESTART_S", 2)
    with new_board(home) as board:
        board.start()
        with pytest.raises(UserError, match="has not come back: run the same command again"):
            run(board, home, meanwhile=lambda: create_flash(board.flash_path), name="north")
        assert list(states(home).values()) == [PLANNED]
        run(board, home, name="north")
        assert states(home) == {json.loads(capsys.readouterr().out)["id"]: DONE}


def test_a_cut_at_any_step_is_mended_by_the_same_command(home, capsys):
    with new_board(home) as board, opened(home) as network:
        board.start()
        # planned, and nothing reached the board
        network.plan(name="north", mac=board.mac.hex())
        run(board, home, name="north")
        node = json.loads(capsys.readouterr().out)
        assert states(home) == {node["id"]: DONE}

        # the board has it, and nobody heard so
        record = network.plan(name="south", mac=board.mac.hex(), replaces=node["id"])
        board.kill()
        board.provision(record)
        board.start()
        assert states(home) == {node["id"]: DONE, record["node"]: PLANNED}
        run(board, home, name="south")
        assert json.loads(capsys.readouterr().out)["id"] == record["node"]
        assert states(home) == {node["id"]: RETIRED, record["node"]: DONE}


def test_an_unknown_board_is_a_mistake_before_anything_is_asked(home, tmp_path):
    with new_board(home) as board, pytest.raises(UserError, match="there is no board devkit"):
        run(board, home, board="devkit")
    assert states(home) == {}


def test_who_may_not_provision_changes_nothing(home, tmp_path):
    guest = tmp_path / "guest"
    with opened(home) as network:
        create(guest, parse_card(card_text(network.facts, False)))
    with new_board(home) as board:
        board.start()
        with pytest.raises(UserError, match="only an operator provisions"):
            run(board, guest)
        for position in ("here", "46.95", "91,0", "1,2,3"):
            with pytest.raises(UserError, match="degrees north and east"):
                run(board, home, position=position)
        with pytest.raises(UserError, match="does not take the record: name must be"):
            asyncio.run(give(board.port_path, draw("", bytes(32), bytes(32), 1)))
    assert states(home) == {}
