"""boards/*.toml: those we ship, and what is said of a mistake in one."""

import json
import shutil
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.errors import UserError
from tools.flash.board import CHIPS
from tools.flash.board_file import find_board, load_board, load_boards

ROOT = Path(__file__).resolve().parents[2]
NAMED_IN_THE_PLAN = {
    "esp32-devkitc", "esp32-wrover", "esp32s3-devkitc", "esp32c3-supermini", "esp32c6-devkitc",
    "m5stack-atom-lite", "lilygo-t-beam", "heltec-wifi-kit-32",
}  # fmt: skip


def test_every_board_has_the_same_map():
    boards = load_boards()
    assert {board.id for board in boards} >= NAMED_IN_THE_PLAN
    assert {board.chip for board in boards} == set(CHIPS.values())
    expected = [
        ("nvs", 0x9000, 0x6000),
        ("phy_init", 0xF000, 0x1000),
        ("factory", 0x10000, 0x1F0000),
        ("vfs", 0x200000, 0x7E000),
        ("node", 0x27E000, 0x2000),
        ("store", 0x280000, 0x180000),
    ]
    for board in boards:
        assert [(p.label, p.start, p.size) for p in board.partitions] == expected, board.id


def test_helio_boards_lists_them_and_shows_one(capsys):
    assert main(["boards", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {board["id"] for board in listed} >= NAMED_IN_THE_PLAN
    assert main(["boards", "show", "lilygo-t-beam-v07"]) == 0
    shown = capsys.readouterr().out
    assert "  0x27e000 0x27ffff     8 KB  node       #\n" in shown
    assert "battery ADC GPIO35, GPS rx GPIO12 tx GPIO15" in shown
    assert main(["boards", "show", "heltec-wifi-kit-32", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pins"] == {"led": 35, "led_lit": 1, "button": 0}
    assert main(["boards", "show", "heltec-wifi-kit-32"]) == 0
    assert "4096 KB  (unused)   ####################\n" in capsys.readouterr().out


def test_a_board_that_is_not_there(capsys):
    assert main(["boards", "show", "esp32-devkit"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("helio: there is no board esp32-devkit: known are esp32-devkitc, ")
    assert len(said.splitlines()) == 1


MISTAKES = [
    # (what stands in esp32-devkitc.toml, what stands there instead, what is said after the path)
    ("flash_mb = 4", "flash_mb = four", ": Invalid value (at line 3, column 12)"),
    ("flash_mb = 4", 'flash_mb = "4"', ", line 3: flash_mb must be one of 2, 4, 8, 16, 32"),
    ("flash_mb = 4", "flash_mib = 4", ", line 3: flash_mib is unknown here; known: name, chip,"),
    ("flash_mb = 4\n", "", ": it lacks flash_mb"),
    ('chip = "esp32"', 'chip = "esp32s2"', ", line 2: chip must be one of esp32, esp32s3,"),
    ("button = 0", "knob = 0", ", line 25: knob is unknown here; known: led, led_lit,"),
    ("button = 0", "button = true", ", line 25: button must be the number of a GPIO, 0 to 48"),
    ("[pins]", "[battery]\nadc = 35\n[pins]", ", line 24: battery lacks divider"),
    ("start = 0x27E000", "start = 0x27D000", ", line 21: node begins at 0x27d000, inside vfs"),
    ("start = 0x27E000", "start = 0x27E001", ", line 21: node must begin and end at multiples"),
    ("size = 0x7E000", "size = 0x7D000", ", line 21: node must begin at 0x27d000, after vfs"),
    ("start = 0x10000,", "start = 0x11000,", ", line 19: factory is an app and must begin at"),
    ("size = 0x180000", "size = 0x181000", ", line 22: store ends at 0x401000, past the end of"),
    ("start = 0x9000", "start = 0x8000", ", line 17: nvs begins before 0x9000: there is the"),
    ('"node", start', '"fat", start', ", line 21: node must have type"),
    ('subtype = "store"', 'subtype = "nix"', ", line 22: store must have a subtype, one of"),
    ("store = {", "mail = {", ", line 16: partitions lacks store"),
    ("store = {", "a_name_too_long_ = {", ", line 22: a_name_too_long_ is too long a name"),
    ("size = 0x2000 }", "size = 0x2000, flags = 1 }", ", line 21: node has an unknown flags"),
]


@pytest.mark.parametrize(("there", "instead", "said"), MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path, capsys, there, instead, said):
    text = (ROOT / "boards" / "esp32-devkitc.toml").read_text()
    assert there in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(there, instead, 1))
    assert main(["boards", "show", str(path)]) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.startswith(f"helio: {path}{said}")
    assert len(answer.err.splitlines()) == 1


def test_a_file_of_ones_own(tmp_path):
    shutil.copy(ROOT / "boards" / "esp32-devkitc.toml", tmp_path / "mine.toml")
    assert find_board(str(tmp_path / "mine.toml")).id == "mine"
    with pytest.raises(UserError, match=r"no\.toml is not there"):
        load_board(tmp_path / "no.toml")
