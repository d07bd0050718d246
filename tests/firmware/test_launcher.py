"""Which slot a board starts: virtual boards with the genuine launcher as /main.py."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.virtual_board.board import RESET_CAUSES, VirtualBoard
from tools.virtual_board.rom import launcher_files

MAC = b"\x02\x00\x00\x00\x00\x0b"
ENDS = 3  # exit code of a firmware that runs, and ends
GOOD = f"import sys\ndef run():\n    sys.exit({ENDS})\n"
BROKEN = "1 / 0\n"
DIES = "def run():\n    raise MemoryError\n"


class Slots:
    """A board without a radio whose slots hold the firmware that a test names."""

    def __init__(self, folder: Path, slot: str, **firmware: str) -> None:
        self.board = VirtualBoard("slots", MAC, folder, None, 0, 0)
        files = {f"/{path}": data for path, data in launcher_files().items()}
        for name, text in firmware.items():
            files[f"/{name}/firmware/__init__.py"] = b""
            said = f"with open('/ran', 'a') as f:\n    f.write('{name}')\n"
            files[f"/{name}/firmware/main.py"] = (said + text).encode()
        if slot:
            files["/slot"] = slot.encode()
        self.board.write_files(files)

    def starts(self) -> int:
        """Start the board, again after each reset of its own: the exit code at last."""
        self.board.start()
        while True:
            assert self.board._process is not None
            code = self.board._process.wait(10)
            if code not in RESET_CAUSES:
                self.board.kill()
                return code
            self.board.restart()

    def ran(self) -> str:
        """Which slots have been started, in their order."""
        return self.board.read_file("/ran").decode()

    def slot(self) -> str:
        return self.board.read_file("/slot").decode()


@pytest.fixture
def slots(tmp_path: Path) -> Iterator[Callable[..., Slots]]:
    made: list[Slots] = []

    def make(slot: str, **firmware: str) -> Slots:
        made.append(Slots(tmp_path, slot, **firmware))
        return made[-1]

    yield make
    for each in made:
        each.board.close()


@pytest.mark.parametrize(
    ("slot", "ran"), [("a", "a"), ("b", "b"), ("b!n", "b"), ("", "a"), ("\0\xff", "a")]
)
def test_it_starts_the_slot_that_is_named(slots, slot, ran):
    board = slots(slot, a=GOOD, b=GOOD)
    assert board.starts() == ENDS
    assert board.ran() == ran


def test_without_a_word_it_starts_what_is_there(slots):
    board = slots("", b=GOOD)
    assert board.starts() == ENDS
    assert board.ran() == "b"


def test_starts_on_trial_are_counted_and_then_it_is_the_old_ones_turn(slots):
    board = slots("b2n", a=GOOD, b=GOOD)
    for left in ("b1n", "b0n", "a!n", "a!n"):
        assert board.starts() == ENDS
        assert board.slot() == left
    assert board.ran() == "bbaa"


@pytest.mark.parametrize("firmware", [BROKEN, DIES])
def test_what_cannot_start_gives_way_to_the_old_one(slots, firmware):
    board = slots("b3", a=GOOD, b=firmware)
    assert board.starts() == ENDS
    assert board.ran() == "bbba"
    assert board.slot() == "a!"


def test_a_slot_that_went_bad_gives_way_to_the_other_one(slots):
    board = slots("a", a=BROKEN, b=GOOD)
    assert board.starts() == ENDS
    assert board.ran() == "ab"
    assert board.slot() == "b0"


def test_with_one_slot_alone_the_error_is_for_whoever_has_the_wire(slots):
    board = slots("a", a=BROKEN)
    assert board.starts() == 1
    assert board.ran() == "a"
    assert board.slot() == "a"
