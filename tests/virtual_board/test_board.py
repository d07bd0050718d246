"""Whole boards: boot, serial port, power cuts, resets."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.new_node import draw
from tools.virtual_board.board import BoardError, VirtualBoard
from tools.virtual_board.interpreter import NoInterpreter, find_micropython
from tools.virtual_board.rom import REPOSITORY

TIMEOUT_S = 5.0
MAC = b"\x02\x00\x00\x00\x00\x0a"

FIRMWARE = """
import os, select, sys, time
import machine
from firmware import config

def run():
    try:
        with open("/boots") as file:
            boots = int(file.read()) + 1
    except OSError:
        boots = 1
    with open("/boots", "w") as file:
        file.write(str(boots))
    name = config.load().name
    print(name, "boot", boots, "cause", machine.reset_cause(), os.getcwd(), sorted(os.listdir()))
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    while True:
        poll.poll(-1)
        word = sys.stdin.readline().strip()
        if word == "reset":
            machine.reset()
        elif word == "hang":
            dog = machine.WDT(timeout=50)
            for _ in range(20):
                time.sleep_ms(10)
                dog.feed()
            print("hanging")
            while True:
                pass
        elif word == "sleep":
            machine.deepsleep(500)
        elif word == "flood":
            for _ in range(1000):
                print("x" * 99)
            sys.stderr.write("flooded")
            machine.reset()
        elif word == "vandal":
            try:
                open("/rom/vandal", "w")
            except OSError as error:
                print("errno", error.errno)
        else:
            print("you said", word)
"""


def record(name: str) -> dict[str, Any]:
    return draw(name, bytes(32), bytes(32), 1)


class Gateway:
    """The other end of the serial port."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self._pending = b""

    def line(self) -> str:
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self.fd], [], [], TIMEOUT_S)
            assert ready, f"the board is silent after {self._pending!r}"
            self._pending += os.read(self.fd, 4096)
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode().rstrip("\r")

    def say(self, word: str) -> None:
        os.write(self.fd, word.encode() + b"\n")


@pytest.fixture
def board(tmp_path: Path) -> Iterator[VirtualBoard]:
    rom = tmp_path / "rom"
    (rom / "firmware").mkdir(parents=True)
    (rom / "firmware" / "main.py").write_text(FIRMWARE)
    for name in ("tools", "shared_protocol", "firmware/config.py"):
        (rom / name).symlink_to(REPOSITORY / name)
    with VirtualBoard("relay", MAC, tmp_path, None, 0, 0, rom=rom) as board:
        board.provision(record("north"))
        yield board


@pytest.fixture
def gateway(board: VirtualBoard) -> Iterator[Gateway]:
    gateway = Gateway(board.port_path)
    yield gateway
    os.close(gateway.fd)


def wait_for_end(board: VirtualBoard) -> None:
    assert board._process is not None
    board._process.wait(TIMEOUT_S)


def test_files_survive_a_power_cut_and_the_port_stays(board: VirtualBoard, gateway: Gateway):
    board.start()
    assert gateway.line() == "north boot 1 cause 1 / ['boots', 'rom']"
    assert board.is_running
    path = board.port_path
    board.kill()
    assert not board.is_running
    assert not board.poll_reset()
    gateway.say("lost: nobody is there")
    board.restart()
    assert board.port_path == path
    assert gateway.line().startswith("north boot 2 cause 1")
    gateway.say("hello")
    assert gateway.line() == "you said hello"


def test_an_image_is_kept_when_provisioned_again(board: VirtualBoard, gateway: Gateway):
    board.start()
    gateway.line()
    with pytest.raises(BoardError, match="running"):
        board.provision(record("south"))
    board.stop()
    board.provision(record("south"))
    assert board.read_file("/boots") == b"1"
    board.start()
    assert gateway.line().startswith("south boot 2")


@pytest.mark.parametrize(("word", "cause"), [("reset", 2), ("hang", 3), ("sleep", 4)])
def test_a_reset_of_its_own_is_told_apart_from_power(
    board: VirtualBoard, gateway: Gateway, word: str, cause: int
):
    board.start()
    gateway.line()
    gateway.say(word)
    if word == "hang":
        assert gateway.line() == "hanging"
    wait_for_end(board)
    assert board.is_asleep == (word == "sleep")
    end_s = time.monotonic() + TIMEOUT_S
    while not board.poll_reset():
        assert time.monotonic() < end_s
        time.sleep(0.01)
    board.restart()
    assert gateway.line().startswith(f"north boot 2 cause {cause}")
    assert not board.poll_reset()


def test_output_nobody_reads_does_not_stop_the_board(board: VirtualBoard, gateway: Gateway):
    board.start()
    gateway.line()
    gateway.say("flood")
    wait_for_end(board)
    assert board.stderr_path.read_text() == "flooded"


def test_the_source_is_read_only_to_the_board(board: VirtualBoard, gateway: Gateway):
    board.start()
    gateway.line()
    gateway.say("vandal")
    assert gateway.line() == "errno 30"


def test_a_corrupt_file_system_is_not_formatted(board: VirtualBoard):
    with board.flash_path.open("r+b") as image:
        image.seek(0x200000)
        image.write(bytes(8192))
    with pytest.raises(BoardError, match="corrupt"):
        board.read_file("/boots")
    with board.flash_path.open("rb") as image:
        image.seek(0x200000)
        assert image.read(8192) == bytes(8192)


def test_a_board_without_flash_does_not_start(tmp_path: Path):
    with (
        VirtualBoard("new", MAC, tmp_path, None, 0, 0) as board,
        pytest.raises(BoardError, match="provision"),
    ):
        board.start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
def test_a_board_dies_with_its_parent(board: VirtualBoard):
    rom = board.flash_path.parent / "rom"
    script = f"""
import pathlib
from tools.virtual_board.board import VirtualBoard
place = pathlib.Path({str(board.flash_path.parent)!r})
board = VirtualBoard("relay", {MAC!r}, place, None, 0, 0, rom=pathlib.Path({str(rom)!r}))
board.start()
print(board._process.pid, flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        pid = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        ended, _, _ = select.select([pid], [], [], TIMEOUT_S)
        os.close(pid)
    assert ended


def test_the_interpreter_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    found = find_micropython()
    monkeypatch.setenv("HELIO_MICROPYTHON", found)
    assert find_micropython() == found
    monkeypatch.setenv("HELIO_MICROPYTHON", "/nowhere/micropython")
    with pytest.raises(NoInterpreter, match="HELIO_MICROPYTHON"):
        find_micropython()
    monkeypatch.delenv("HELIO_MICROPYTHON")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(NoInterpreter, match="pip install"):
        find_micropython()
