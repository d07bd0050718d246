"""A board's serial port as people use it: mpremote, Ctrl-C, the REPL, and a relay again."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.new_node import draw
from tools.virtual_board.board import VirtualBoard
from tools.virtual_board.rom import REPOSITORY

TIMEOUT_S = 20.0
MAC = b"\x24\x0a\xc4\x00\x00\x01"
RECORD = draw("north", bytes(32), bytes(32), 1)
PROMPT = b">>> "

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="whether Ctrl-C is a signal or a byte only Linux tells"
)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[VirtualBoard]:
    with VirtualBoard("north", MAC, tmp_path, None, 0, 0) as board:
        board.provision(RECORD)
        yield board


def run(board: VirtualBoard, *command: str) -> str:
    """What a program said; meanwhile the board starts again whenever it has reset itself."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as program:  # fmt: skip
        end_s = time.monotonic() + TIMEOUT_S
        try:
            while program.poll() is None:
                keep_going(board)
                assert time.monotonic() < end_s, "it does not end"
                time.sleep(0.01)
        finally:
            program.kill()
        assert program.stdout is not None
        said = program.stdout.read()
    assert program.returncode == 0, said
    return said


def keep_going(board: VirtualBoard) -> None:
    if not board.is_running:
        assert board.poll_reset(), board.stderr_path.read_text()
        board.restart()


def mpremote(board: VirtualBoard, *arguments: str) -> str:
    return run(board, "mpremote", "connect", board.port_path, *arguments)


def status(board: VirtualBoard) -> dict:
    said = run(board, "gateway.cli", "relay", "status", "--json", "--port", board.port_path)
    return json.loads(said)


def interrupt(board: VirtualBoard) -> None:
    """Ctrl-C until the prompt comes: what is sent before the interpreter runs is lost."""
    fd = os.open(board.port_path, os.O_RDWR | os.O_NOCTTY)
    end_s, said = time.monotonic() + TIMEOUT_S, b""
    while not said.endswith(PROMPT):
        assert time.monotonic() < end_s, said
        keep_going(board)
        os.write(fd, b"\x03")
        if select.select([fd], [], [], 0.05)[0]:
            said += os.read(fd, 4096)
    os.close(fd)


def type_in(board: VirtualBoard, keys: bytes) -> None:
    fd = os.open(board.port_path, os.O_RDWR | os.O_NOCTTY)
    os.write(fd, keys)
    os.close(fd)


def test_mpremote_works_in_the_boot_window_and_the_relay_comes_back(
    board: VirtualBoard, tmp_path: Path
):
    board.start()
    interrupt(board)
    assert mpremote(board, "exec", "print(6 * 7)") == "42\n"
    assert mpremote(board, "eval", "__import__('machine').reset_cause()") == "5\n"
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(5000))
    mpremote(board, "fs", "cp", str(there), ":/there", "+", "fs", "cp", ":/there", str(back))
    assert back.read_bytes() == there.read_bytes()
    assert mpremote(board, "fs", "ls", ":/").split()[-2:] == ["5000", "there"]
    mpremote(board, "soft-reset")
    assert mpremote(board, "resume", "exec", "print('firmware.main' in __import__('sys').modules)"
                    ) == "False\n"  # fmt: skip
    mpremote(board, "reset")
    assert status(board)["name"] == "north"


def test_a_relay_that_runs_takes_ctrl_c_for_noise_and_opens_the_repl_when_asked(
    board: VirtualBoard,
):
    board.start()
    up_s = 0
    while up_s < 3:  # the boot window is over
        up_s = status(board)["uptime_s"]
    type_in(board, b"\r\x03\x03\r\x01\x04")
    assert status(board)["uptime_s"] >= up_s
    said = run(board, "gateway.cli", "relay", "repl", "--json", "--port", board.port_path)
    assert json.loads(said)["command"] == ["mpremote", "connect", board.port_path, "repl"]
    assert mpremote(board, "resume", "exec", "print(6 * 7)") == "42\n"
    type_in(board, b"\x04")  # Ctrl-D at the prompt: a soft reset, and main.py runs
    again = status(board)
    assert again["boots"] == 2
    assert again["uptime_s"] < up_s


HANG = """
import machine, micropython
machine.WDT(timeout=6000)  # longer than anybody waits for an answer
micropython.kbd_intr(-1)
while True:
    pass
"""


def test_a_firmware_that_hangs_is_reset_and_its_boot_window_is_open(board: VirtualBoard):
    board.start()
    interrupt(board)
    mpremote(board, "resume", "exec", "--no-follow", HANG)
    said = run(board, "gateway.cli", "relay", "repl", "--port", board.port_path)
    assert "waiting for its watchdog" in said
    assert mpremote(board, "resume", "eval", "__import__('machine').reset_cause()") == "3\n"
