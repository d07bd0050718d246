"""What goes wrong at a bench: one clear line each, exit code 2, and nothing half done."""

import gc
import json
import os
import pty
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import serial
from serial.tools import list_ports

from gateway.cli import main
from gateway.links.serial_port import PortError, open_port
from tests.flash.mock_boards import Cable, MockBoard
from tests.flash.standin_image import standin_bin
from tools.flash.board_file import find_board
from tools.flash.firmware_source import keep


@pytest.fixture
def mistake(capsys, tmp_path) -> Callable[..., str]:
    """Run `helio flash` with a MicroPython for the ESP32, which must fail; the line it says."""
    (tmp_path / "esp32.bin").write_bytes(standin_bin())

    def run(*arguments: str) -> str:
        given = [] if "--firmware" in arguments else ["--firmware", str(tmp_path / "esp32.bin")]
        command = ["flash", "--data", str(tmp_path / "data"), "--no-hello", *given, *arguments]
        assert main(command) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("helio: ")
        assert len(said.err.splitlines()) == 1
        return said.err.removeprefix("helio: ").rstrip("\n")

    return run


@pytest.fixture
def c3() -> Iterator[MockBoard]:
    board = MockBoard("esp32c3")
    yield board
    board.kill()


def test_another_chip_than_the_boards(mistake, c3):
    said = mistake("--port", c3.port, "--board", "esp32-devkitc")
    assert said == f"{c3.port}: it has an ESP32-C3, and esp32-devkitc an ESP32"


def test_an_image_for_another_chip_leaves_the_board_as_it_was(mistake, c3, tmp_path):
    said = mistake("--port", c3.port, "--board", "esp32c3-supermini")
    path = tmp_path / "esp32.bin"
    assert said == f"{path} is for ESP32, and esp32c3-supermini has an ESP32-C3"
    assert c3.read(0, 0x280000) == b"\xff" * 0x280000


def test_an_older_micropython(mistake, tmp_path):
    path = tmp_path / "old.bin"
    path.write_bytes(standin_bin(version="v1.22.2"))
    said = mistake("--port", "/dev/null", "--board", "esp32-devkitc", "--firmware", str(path))
    assert said == f"{path} is MicroPython v1.22.2: esp32-devkitc wants 1.23.0 or newer"


def test_a_flash_that_is_too_small(mistake, tmp_path):
    board = MockBoard("esp32c6")  # a mock has 4 MB, the DevKitC-1 8
    path = tmp_path / "c6.bin"
    path.write_bytes(standin_bin("esp32c6"))
    try:
        given = ["--port", board.port, "--firmware", str(path)]
        said = mistake(*given, "--board", "esp32c6-devkitc")
        assert said == f"{board.port}: it has 4 MB of flash, and esp32c6-devkitc wants 8"
        assert mistake(*given) == (
            f"{board.port}: no board we know has an ESP32-C6 with 4 MB of flash:"
            " say --board FILE.toml"
        )
    finally:
        board.kill()


def test_a_chip_that_is_on_several_boards(mistake):
    board = MockBoard("esp32")
    try:
        assert mistake("--port", board.port) == (
            f"{board.port}: an ESP32 is on several boards: say --board, one of esp32-devkitc,"
            " esp32-wrover, lilygo-t-beam, lilygo-t-beam-v07, m5stack-atom-lite"
        )
    finally:
        board.kill()


# pyserial does not close a socket whose other end is gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_board_that_goes_away_in_the_middle(mistake, tmp_path):
    cable = Cable(MockBoard("esp32"), life=60_000)
    said = mistake("--port", cable.port, "--board", "esp32-devkitc")
    assert said == f"{cable.port}: it went away while it was written to: run the same again"
    gc.collect()


def test_nobody_on_the_port(mistake):
    said = mistake("--port", "socket://127.0.0.1:9", "--board", "esp32-devkitc")
    assert said == (
        "socket://127.0.0.1:9: no ESP32 answers there: hold BOOT, press RESET, and try again"
    )


def test_a_port_that_is_not_there(mistake):
    said = mistake("--port", "/dev/ttyNOT", "--board", "esp32-devkitc")
    assert said == "there is no port /dev/ttyNOT: is the relay plugged in?"


def test_a_busy_port(mistake):
    ours, theirs = pty.openpty()
    path = os.ttyname(theirs)
    with serial.Serial(path, exclusive=True):
        said = mistake("--port", path, "--board", "esp32-devkitc")
    assert said == f"{path} is busy: another program has the relay open"
    os.close(ours)
    os.close(theirs)


def test_no_permission_names_the_group(tmp_path):
    path = tmp_path / "ttyUSB0"
    path.touch(mode=0)
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.owner() == "root" and folder.stat().st_mode & 0o011 != 0o011:
            folder.chmod(folder.stat().st_mode | 0o011)
    group = path.group()
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)  # root may open anything
    try:
        with pytest.raises(PortError) as refused:
            open_port(str(path))
    finally:
        os.seteuid(before)
    assert str(refused.value) == (
        f"no permission for {path}: join the group {group} (sudo usermod -aG {group} $USER) and"
        " log in again, or run sudo helio install"
    )


def usb(*ports: tuple[str, int]) -> Callable[[], list[SimpleNamespace]]:
    """What the kernel says is plugged in."""
    return lambda: [SimpleNamespace(device=name, vid=vendor) for name, vendor in ports]


def test_which_of_several_ports(mistake, monkeypatch):
    monkeypatch.setattr(list_ports, "comports", usb(("/dev/ttyS0", 0x8086)))
    assert mistake() == "no board found: plug one in with a data cable, or name its --port"
    two = usb(("/dev/ttyUSB1", 0x1A86), ("/dev/ttyUSB0", 0x10C4), ("/dev/ttyACM0", 0x0483))
    monkeypatch.setattr(list_ports, "comports", two)
    assert mistake() == "several boards: say --all, or one --port of /dev/ttyUSB0, /dev/ttyUSB1"
    monkeypatch.setattr(list_ports, "comports", usb(("/dev/ttyNOT", 0x303A)))
    assert mistake() == "there is no port /dev/ttyNOT: is the relay plugged in?"


def test_a_full_disk(mistake, tmp_path):
    out = tmp_path / "image.bin"
    (tmp_path / "image.bin.part").symlink_to("/dev/full")
    said = mistake("--output", str(out), "--board", "esp32-devkitc")
    assert said == f"{out} cannot be written: No space left on device"
    assert not out.exists()


def test_a_full_disk_for_a_kit(capsys, tmp_path):
    cached, kit = tmp_path / "firmware", tmp_path / "kit"
    for folder in (cached, kit / "firmware"):
        folder.mkdir(parents=True)
    path = cached / "ESP32_GENERIC-v1.28.0.bin"
    path.write_bytes(standin_bin(version="v1.28.0"))
    keep(path, find_board("esp32-devkitc"))
    (kit / "firmware" / f"{path.name}.part").symlink_to("/dev/full")
    command = ["kit", "make", str(kit), "--board", "esp32-devkitc", "--data", str(tmp_path)]
    assert main(command) == 2
    where = kit / "firmware" / path.name
    said = f"helio: {where} cannot be written: No space left on device\n"
    assert capsys.readouterr().err == said
    assert not where.exists()


def test_hello_comes_over_a_serial_port_only(capsys, tmp_path):
    command = ["flash", "--data", str(tmp_path), "--port", "socket://127.0.0.1:9", "--json"]
    assert main(command) == 2
    said = json.loads(capsys.readouterr().err)["error"]
    assert said == (
        "socket://127.0.0.1:9: a relay says hello on a serial port only: say --no-hello"
    )


def test_a_kit_that_is_not_there_or_lacks_the_board(mistake, tmp_path):
    given = ["--board", "esp32-devkitc", "--port", "/dev/null"]
    said = mistake("--kit", str(tmp_path / "no"), *given)
    assert said.startswith(f"there is no kit {tmp_path / 'no'}: `helio kit make")
    (tmp_path / "kit").mkdir()
    empty = ["flash", "--data", str(tmp_path), "--kit", str(tmp_path / "kit"), *given]
    assert main(empty) == 2


def test_install_says_what_it_would_do_and_wants_root(capsys, monkeypatch):
    assert main(["install", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert 'ATTRS{idVendor}=="303a", ATTRS{idProduct}=="1001"' in said
    assert 'TAG+="uaccess"' in said
    assert "udevadm control --reload" in said
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        assert main(["install"]) == 2
    finally:
        os.seteuid(before)
    assert capsys.readouterr().err.startswith("helio: this wants root: sudo ")
