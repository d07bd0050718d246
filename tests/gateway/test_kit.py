"""Kits behind a passphrase: what Python locks and what the page locks, the same bytes."""

import json
from pathlib import Path

import pytest

from gateway import checked_text, cli
from gateway.desk import Desk
from gateway.errors import UserError
from gateway.identity import Identity
from gateway.kit import SCHEME, kit_text, locked_kit, parse_kit

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "kit.json").read_text())
SLOW = "correct horse battery"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["title"])
def test_the_vectors(vector):
    me = parse_kit(vector["kit"])
    salt = bytes.fromhex(vector["salt"])
    assert locked_kit(me, vector["passphrase"], salt) == vector["locked"]
    assert kit_text(parse_kit(vector["locked"], lambda: vector["typed"])) == vector["kit"]


@pytest.fixture(scope="module")
def locked():
    return locked_kit(Identity.new("Ana"), SLOW)


@pytest.mark.parametrize("typed", ["", "correct horse batterx", SLOW.upper(), SLOW * 100])
def test_another_passphrase_opens_nothing(locked, typed):
    with pytest.raises(UserError, match="not the passphrase"):
        parse_kit(locked, lambda: typed)


def test_without_a_passphrase_it_says_that_it_is_locked(locked):
    with pytest.raises(UserError, match="locked"):
        parse_kit(locked)


def test_two_of_one_person_and_passphrase_differ():
    me = Identity.new("Ana")
    assert locked_kit(me, SLOW) != locked_kit(me, SLOW)


@pytest.mark.parametrize(("at", "value"), [(1, 18), (1, 255), (1, 0), (2, 0), (2, 17), (0, 3)])
def test_a_kit_that_would_take_all_memory_is_not_tried(locked, at, value):
    raw = bytearray(checked_text.decode(SCHEME, locked, "kit", 1))
    raw[at] = value
    with pytest.raises(UserError, match="newer"):
        parse_kit(checked_text.encode(SCHEME, bytes(raw)), lambda: SLOW)


def test_an_altered_one_is_refused(locked):
    raw = bytearray(checked_text.decode(SCHEME, locked, "kit", 1))
    for at in (2, 3, 18, 19, len(raw) - 1):
        other = bytearray(raw)
        other[at] ^= 1
        with pytest.raises(UserError):
            parse_kit(checked_text.encode(SCHEME, bytes(other)), lambda: SLOW)
    with pytest.raises(UserError):
        parse_kit(checked_text.encode(SCHEME, bytes(raw[:140])), lambda: SLOW)


def test_by_the_command_line(tmp_path, capsys):
    desk = Desk(tmp_path / "ana")
    desk.create_identity("Ana")
    phrase = tmp_path / "phrase"
    phrase.write_text(f"{SLOW}\n")
    ana = ["--json", "--data", str(tmp_path / "ana")]
    assert cli.main(["kit", "--passphrase", "--passphrase-file", str(phrase), *ana]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["locked"]
    new = ["--json", "--data", str(tmp_path / "new")]
    restore = ["id", "--restore", told["kit"]]
    assert cli.main([*restore, "--passphrase-file", str(phrase), *new]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == desk.identity().card.id
    phrase.write_text("something else")
    other = ["--json", "--data", str(tmp_path / "other")]
    assert cli.main([*restore, "--passphrase-file", str(phrase), *other]) == 2
    phrase.write_text("short")
    assert cli.main(["kit", "--passphrase-file", str(phrase), *ana]) == 2
    assert "10 characters" in json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    desk.close()
