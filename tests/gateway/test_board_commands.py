"""`helio board` and `helio organiser`, by the command line."""

import csv
import io
import json

import pytest

from gateway import network
from gateway.board import Board
from gateway.cli import main
from gateway.database import writing
from gateway.desk import Desk
from gateway.network_card import NetworkFacts, public_key
from tests.gateway.notice_kit import notice

SEED = bytes(range(32))


@pytest.fixture
def ana(tmp_path):
    folder = tmp_path / "ana"
    desk = Desk(folder)
    desk.create_identity("Ana")
    network.create(folder, NetworkFacts("n", "EU", 6, bytes(32), 0, public_key(SEED), SEED))
    desk.close()
    return folder


@pytest.fixture
def helio(capsys):
    """Run a command in this process: (exit code, standard output, standard error)."""

    def run(*arguments, data):
        code = main([*arguments, "--data", str(data)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def told(helio):
    """What a command that works prints as JSON."""

    def run(*arguments, data):
        code, out, err = helio(*arguments, "--json", data=data)
        assert code == 0, err
        return json.loads(out)

    return run


def assert_mistake(done, *says):
    code, out, err = done
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1, err
    assert all(word in err for word in says), err


def test_a_call_for_help_is_asked_about_told_listed_and_taken_back(ana, tmp_path, helio, told):
    call = ("board", "sos", "two of us", "--need", "trapped", "--position", "46.9481,-7.4474",
            "--battery", "40")  # fmt: skip
    assert_mistake(helio(*call, data=ana), "--yes")
    assert told("board", "list", data=ana) == []
    said = told(*call, "--yes", data=ana)
    assert said["state"] == "queued"
    assert 0 < said["bytes_left"] < 115
    told("board", "say", "all", "well", data=ana)
    first, second = told("board", "list", data=ana)
    assert (first["kind"], first["need"], first["text"]) == ("sos", "trapped", "two of us")
    assert (first["place"], first["battery"], first["mine"]) == ([46.9481, -7.4474], 40, True)
    assert (second["kind"], second["text"]) == ("safe", "all well")
    assert second["said_s"] > first["said_s"], "two of one second have two times"
    assert "yours" in helio("board", "list", data=ana)[1]
    assert_mistake(helio("board", "cancel", data=ana), "2 notices")
    assert_mistake(helio("board", "cancel", "ffff", data=ana), "no notice of yours")
    told("board", "cancel", first["id"][:6], data=ana)
    after = told("board", "list", data=ana)
    assert [(one["kind"], one["state"]) for one in after] == [
        ("safe", "live"),
        ("sos", "cancelled"),
    ]
    assert "cancelled by its author" in helio("board", "list", data=ana)[1]
    told("board", "cancel", data=ana)
    assert_mistake(helio("board", "cancel", data=ana), "0 notices")


def test_the_list_is_searched_and_written_as_a_table(ana, tmp_path, helio, told):
    told("board", "looking", "=my sister", "Zoë", data=ana)
    told("board", "say", data=ana)
    assert len(told("board", "list", "--search", "zoë", "ana", data=ana)) == 1
    file = tmp_path / "board.csv"
    assert told("board", "list", "--csv", str(file), data=ana)["rows"] == 2
    text = file.read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["text"] for row in rows} == {"'=my sister Zoë", ""}
    assert {row["kind"] for row in rows} == {"looking", "safe"}
    printed = helio("board", "list", "--csv", "-", data=ana)
    assert printed[1].startswith('\ufeff"kind"')
    assert_mistake(helio("board", "list", "--csv", str(tmp_path), data=ana), "cannot be written")


def test_an_organiser_is_certified_offline_and_announces(ana, tmp_path, helio, told):
    hall = tmp_path / "hall"
    desk = Desk(hall)
    card = desk.create_identity("Town hall").card.text()
    desk.close()
    network.create(hall, NetworkFacts("n", "EU", 6, bytes(32), 0, public_key(SEED), None))
    announce = ("board", "announce", "water", "at", "8")
    assert_mistake(helio(*announce, data=hall), "organiser certify")
    text = told("organiser", "certify", card, data=ana)["certificate"]
    assert text.startswith("HELIOORG:")
    assert_mistake(helio("organiser", "certify", card, data=hall), "operator")
    assert_mistake(helio("organiser", "certify", card, "--days", "400", data=ana), "366")
    assert_mistake(helio("organiser", "publish", text[:-3], data=hall), "mistyped")
    assert told("organiser", "publish", text, data=hall)["organiser"] == "Town hall"
    told(*announce, data=hall)
    (row,) = told("board", "list", data=hall)
    assert (row["organiser"], row["text"]) == ("Town hall", "water at 8")
    assert helio("board", "list", data=hall)[1].startswith("ANNOUNCEMENT")


def test_a_certificate_of_another_network_is_not_published(ana, tmp_path, helio, told):
    other = tmp_path / "other"
    Desk(other).create_identity("Bo")
    card = Desk(ana).me()["card"]
    text = told("organiser", "certify", card, data=ana)["certificate"]
    assert_mistake(helio("organiser", "publish", text, data=other), "network join")
    network.create(other, NetworkFacts("o", "EU", 6, bytes(32), 0, public_key(bytes(32)), None))
    assert_mistake(
        helio("organiser", "publish", text, data=other), "not by this network's operator"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("board", "say", "--position", "here"), "no place"),
        (("board", "looking", " "), "empty"),
        (("board", "say", ".".join(map(str, range(150)))), "too long"),
        (("board", "say", "a\x1b[2J"), "control"),
        (("board", "sos", "--need", "water", "--battery", "101", "--yes"), "percent"),
    ],
)
def test_what_cannot_be_told_is_said_in_a_line(ana, helio, told, words, says):
    assert_mistake(helio(*words, data=ana), says)
    assert told("board", "list", data=ana) == []


def test_a_contact_is_shown_as_one_and_a_namesake_is_not(ana, tmp_path, helio, told):
    other = tmp_path / "bo"
    desk = Desk(other)
    card = desk.create_identity("Bo").card.text()
    told("board", "say", data=other)
    (parcel,) = desk.db.execute("SELECT immutable FROM notice").fetchone()
    desk.close()
    mine = Desk(ana)
    with writing(mine.db):
        for each in (bytes(parcel), notice("Bo")):
            Board(mine.db, lambda: None).take(each, 1, 0, 0, 1)
    mine.add_contact(card, "Bo from work")
    mine.close()
    contacts = [row["contact"] for row in told("board", "list", data=ana)]
    assert sorted(contacts) == ["", "Bo from work"]
    assert helio("board", "list", data=ana)[1].count("your contact Bo from work") == 1


def test_nobody_lives_here(tmp_path, helio, told):
    assert_mistake(helio("board", "say", data=tmp_path), "helio id --name")
    assert told("board", "list", data=tmp_path) == []
