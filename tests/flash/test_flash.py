"""`helio flash` from end to end: the real esptool, mock boards, and MicroPython on what they hold.

Rows 1 and 3 of the plan: flashed, read back, mounted by two implementations of LittleFS, and one
of four boards that dies half-way.
"""

import gc
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.network import DONE, RETIRED, create, opened
from gateway.network_card import NetworkFacts, public_key
from gateway.new_node import partition
from shared_protocol.node_record import newest
from tests.flash.mock_boards import Cable, MockBoard
from tests.flash.standin_image import image_for
from tools.flash.board_file import find_board
from tools.flash.device import Device
from tools.flash.filesystem import read_filesystem
from tools.flash.partitions import read_table
from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import REPOSITORY, code_for, launcher_files

pytestmark = pytest.mark.system
Make = Callable[[str], MockBoard]
LOOK = """
import sys, vfs, os
sys.path.insert(0, %(nor)r)
from nor import Nor, Partition
chip = Nor(%(size)d, %(image)r)
part = Partition(chip, (1, 0x81, %(vfs)d, 0x7E000, "vfs", False))
vfs.mount(vfs.VfsLfs2(part, readsize=32, progsize=32, lookahead=32), "/board")
def walk(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + "/" + name
        if kind == 0x4000:
            walk(path)
        else:
            with open(path, "rb") as file:
                print(path[6:], len(file.read()))
walk("/board")
sys.path[:] = ["/board/a"]
from shared_protocol import gf30
print("gf30", gf30.__file__, gf30.quotient(1, 1))
try:
    import firmware.gf30
except ValueError as e:
    print("machine code:", e)
"""


@pytest.fixture
def make() -> Iterator[Make]:
    boards: list[MockBoard] = []

    def new(chip: str, number: int = 0) -> MockBoard:
        boards.append(MockBoard(chip, number))
        return boards[-1]

    yield new
    for board in boards:
        board.kill()


def helio_flash(capsys, tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of one `helio flash`."""
    code = main(["flash", "--data", str(tmp_path / "data"), "--no-hello", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize(
    ("chip", "board_id"),
    [("esp32", "esp32-devkitc"), ("esp32s3", "esp32s3-devkitc"), ("esp32c3", "esp32c3-supermini")],
)
def test_a_board_is_flashed_and_holds_what_micropython_can_mount(
    capsys, tmp_path, make, chip, board_id
):
    mock, image = make(chip), image_for(chip, tmp_path, capsys)
    named = ["--board", board_id] if chip == "esp32" else []  # the others are on one board only
    code, out, err = helio_flash(
        capsys, tmp_path, "--port", mock.port, "--firmware", str(image), *named, "--json"
    )
    assert (code, err) == (0, "")
    done = json.loads(out)
    assert done["board"] == board_id
    assert done["written"]
    assert done["hello"] is None
    board = find_board(board_id)
    start, vfs = board.chip.bootloader_at, board.partition("vfs")
    held = mock.read(start, 0x280000)
    assert tuple(read_table(held[0x8000 - start :])) == board.partitions
    files = read_filesystem(held[vfs.start - start : vfs.end - start])
    code_of_a = {path[2:]: content for path, content in files.items() if path.startswith("a/")}
    assert code_of_a == code_for(board.chip.machine_code)
    assert launcher_files().items() <= files.items()
    assert files["slot"] == b"a"
    said = look_with_micropython(tmp_path, bytes(start) + held, vfs.start)
    assert {line for line in said if line.startswith("/")} == {
        f"/{path} {len(content)}" for path, content in files.items()
    }
    assert "gf30 /board/a/shared_protocol/gf30.mpy 1" in said
    assert "machine code: incompatible .mpy arch" in said
    spoiled = bytearray(held)
    spoiled[vfs.start - start + 5000] ^= 1
    with Device(mock.port) as device:
        assert device.holds(start, held)
        assert not device.holds(start, bytes(spoiled))


def look_with_micropython(tmp_path: Path, image: bytes, vfs: int) -> list[str]:
    """What MicroPython's own LittleFS finds in a flash image, and whether our code imports."""
    path = tmp_path / "held.flash"
    path.write_bytes(image)
    nor = str(REPOSITORY / "tools" / "virtual_board")
    script = LOOK % {"nor": nor, "size": len(image), "image": str(path), "vfs": vfs}
    done = subprocess.run(
        [find_micropython(), "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# pyserial does not close a socket whose other end is gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_four_at_once_and_one_dies_half_way(capsys, tmp_path, make):
    network(tmp_path)
    image = image_for("esp32", tmp_path, capsys)
    boards = [make("esp32") for _ in range(3)]
    dying = Cable(MockBoard("esp32"), life=60_000)
    ports = [board.port for board in (*boards, dying)]
    command = ["--all", "--board", "esp32-devkitc", "--firmware", str(image), "--json"]
    command += [word for port in ports for word in ("--port", port)]
    code, out, err = helio_flash(capsys, tmp_path, *command)
    assert code == 2
    why = f"{dying.port}: it went away while it was written to: run the same again"
    assert json.loads(err) == {"error": f"1 of 4 not flashed, run the same again: {why}"}
    rows = json.loads(out)
    assert [row.get("written") for row in rows] == [True, True, True, None]
    assert rows[3] == {"port": dying.port, "error": why}
    again = make("esp32", dying.number)
    code, out, err = helio_flash(capsys, tmp_path, *command)
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert [row["written"] for row in rows] == [False, False, False, True]
    assert [row["identity"]["state"] for row in rows] == ["kept"] * 3 + ["new"]
    # Four identities, although mocks of one chip have the same MAC.
    records = [record_in(board) for board in (*boards, again)]
    assert [record["node"] for record in records] == [row["identity"]["node"] for row in rows]
    for field in ("node", "name", "secret", "command_key"):
        assert len({record[field] for record in records}) == 4
    gc.collect()


def test_an_image_in_a_file_is_what_a_board_gets(capsys, tmp_path, make):
    mock, image = make("esp32c3"), image_for("esp32c3", tmp_path, capsys)
    given = ["--firmware", str(image), "--board", "esp32c3-supermini"]
    path = tmp_path / "image.bin"
    code, out, err = helio_flash(capsys, tmp_path, "--output", str(path), *given)
    assert (code, err) == (0, "")
    assert out == f"{path}: {0x27E000} bytes for esp32c3-supermini, at 0x0\n"
    assert helio_flash(capsys, tmp_path, "--port", mock.port, *given)[0] == 0
    assert mock.read(0, 0x27E000) == path.read_bytes()


def network(tmp_path: Path) -> Path:
    """A data folder with a network in it."""
    folder = tmp_path / "data"
    folder.mkdir(parents=True, exist_ok=True)
    seed = os.urandom(32)
    create(folder, NetworkFacts("Test", "EU", 6, os.urandom(32), 0, public_key(seed), seed))
    return folder


def record_in(mock: MockBoard) -> dict[str, object] | None:
    """The node record in a board's flash."""
    held = mock.read(0x27E000, 0x280000)
    found = newest([held[:4096], held[4096:]])
    return json.loads(found[2]) if found else None


def test_identity_and_mail_survive_and_no_file_has_a_key(capsys, tmp_path, make):
    mock, image, folder = (
        make("esp32c3"),
        image_for("esp32c3", tmp_path, capsys),
        network(tmp_path),
    )
    given = ["--port", mock.port, "--firmware", str(image), "--json"]
    first = json.loads(helio_flash(capsys, tmp_path, *given)[1])
    record = record_in(mock)
    assert record is not None
    who = {"node": record["node"], "name": record["name"]}
    assert first["identity"] == {"state": "new", **who, "doubt": ""}
    assert record["board"] == "esp32c3-supermini"
    with opened(folder) as registry:
        assert registry.node(record["node"])["state"] == DONE
        assert registry.record(record["node"]) == record
    with Device(mock.port) as device:
        device.write(0x280000, b"mail" * 1024, lambda done, total: None)
    again = json.loads(helio_flash(capsys, tmp_path, *given)[1])
    assert again["identity"]["state"] == "kept"
    assert not again["written"]  # the chip's MD5 says that there is nothing to do
    with Device(mock.port) as device:
        device.write(0x200000, b"a file was changed".ljust(4096), lambda done, total: None)
    third = json.loads(helio_flash(capsys, tmp_path, *given)[1])
    assert third["written"]
    assert third["identity"] == again["identity"]
    assert record_in(mock) == record
    assert mock.read(0x280000, 0x281000) == b"mail" * 1024
    code, _, err = helio_flash(capsys, tmp_path, *given, "--erase")
    assert code == 2
    assert "loses who the relay on" in err
    erased = json.loads(helio_flash(capsys, tmp_path, *given, "--erase", "--yes")[1])
    assert erased["identity"]["state"] == "new"
    assert record_in(mock)["node"] == erased["identity"]["node"] != record["node"]
    assert mock.read(0x280000, 0x281000) == b"\xff" * 4096
    with opened(folder) as registry:
        assert {node["state"] for node in registry.nodes()} == {DONE, RETIRED}
    out = tmp_path / "image.bin"
    board = ["--board", "esp32c3-supermini"]
    helio_flash(capsys, tmp_path, "--output", str(out), "--firmware", str(image), *board)
    for key in (record["network_key"], record["secret"], record["command_key"]):
        assert str(key).encode() not in out.read_bytes()
        assert bytes.fromhex(str(key)) not in out.read_bytes()


def test_a_copied_flash_and_a_stranger_are_told(capsys, tmp_path, make):
    image, folder = image_for("esp32c3", tmp_path, capsys), network(tmp_path)
    given = ["--firmware", str(image), "--board", "esp32c3-supermini"]
    mock = make("esp32c3")
    for mac, said in (
        ("aabbccddeeff", "which is the chip aabbccddeeff: TWO BOARDS"),
        ("", "which is not in your network: `helio provision`"),
    ):
        with opened(folder if mac else network(tmp_path / "other")) as registry:
            record = registry.plan(mac=mac or None)
        with Device(mock.port) as device:
            device.write(0x27E000, partition(record), lambda done, total: None)
        code, out, err = helio_flash(capsys, tmp_path, "--port", mock.port, *given)
        assert (code, err) == (0, "")
        assert f"it stays {record['name']}, {record['node']}, {said}" in out
