"""The air as a process, and the parts of it that need no board."""

import json
import signal
import subprocess
import sys

import pytest

from tools.virtual_board import air_model
from tools.virtual_board.air import parse_mac
from tools.virtual_board.air_client import AirError, ask
from tools.virtual_board.rom import REPOSITORY

ANSWER_TIMEOUT_S = 5.0


@pytest.mark.parametrize("way", ["stdin", "SIGTERM"])
def test_the_process_announces_its_port_and_ends(way: str):
    command = [sys.executable, "-m", "tools.virtual_board.air", "--loss", "0.1", "--seed", "3"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        assert ask(port, "stats")["boards"] == []
        if way == "stdin":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM)
        assert process.wait(ANSWER_TIMEOUT_S) == 0
        with pytest.raises(AirError, match="no air"):
            ask(port, "stats")


def test_a_mac_is_six_bytes():
    assert parse_mac("02:00:00:00:00:0a") == bytes([2, 0, 0, 0, 0, 0xA])
    with pytest.raises(ValueError, match="6 bytes"):
        parse_mac("0200")


def test_loss_rate_is_what_was_asked_for():
    chance = air_model.Chance(7)
    lost = sum(chance.is_lost(bytes(6), b"\x01" * 6, 0.3) for _ in range(5000))
    assert 1400 <= lost <= 1600


def test_levels_fall_with_distance_down_to_the_floor():
    levels_dbm = [air_model.rssi_dbm(metres) for metres in (0, 1, 10, 50, 1000)]
    assert levels_dbm == [-40, -40, -70, -91, -95]
