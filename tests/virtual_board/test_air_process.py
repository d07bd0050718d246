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


def test_draws_are_spread_evenly_and_no_two_links_are_alike():
    links = [air_model.salt(7, src, dst) for src in (1, 2**40) for dst in (2, 3, 2**40 + 1)]
    links += [air_model.salt(seed, 1, 2) for seed in (-7, -1, 0, 8, 2**40)]
    assert len(set(links)) == 11
    for link in links:
        draws = [air_model.draw(link, number) for number in range(5000)]
        assert max(draws) < 1 << 32
        for part in (0.1, 0.3, 0.5):
            assert abs(sum(number < part * 2**32 for number in draws) / 5000 - part) < 0.03


def test_levels_fall_with_distance_down_to_the_floor():
    levels_dbm = [air_model.rssi_dbm(metres) for metres in (0, 1, 10, 50, 1000)]
    assert levels_dbm == [-40, -40, -70, -91, -95]
