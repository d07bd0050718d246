"""The stand-ins, under the genuine MicroPython interpreter."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.virtual_board.board import create_flash
from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import REPOSITORY

TIMEOUT_S = 5.0
EXIT_AIR_LOST = 73
STANDINS = REPOSITORY / "tools/virtual_board/standins"
A, B = b"\x02\x00\x00\x00\x00\x0a", b"\x02\x00\x00\x00\x00\x0b"

# What a firmware does to get on the air.
RADIO = """
import sys, asyncio, network, espnow, aioespnow
network.WLAN(network.STA_IF).active(True)
network.WLAN(network.STA_IF).config(channel=6, pm=network.WLAN.PM_NONE)
e = aioespnow.AIOESPNow()
ALL = b"\\xff" * 6
def on(**settings):
    e.config(**settings)
    e.active(True)
    e.add_peer(ALL)
def errors(call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        return error.args[0]
"""


def environment(**helio: str) -> dict[str, str]:
    path = f"{STANDINS}:{STANDINS.parent}:{REPOSITORY}:.frozen"
    return {**os.environ, "MICROPYPATH": path, **helio}


def run(script: str, **helio: str) -> list[str]:
    """Run a script to its end; its output in lines."""
    done = subprocess.run(
        [find_micropython(), "-c", script],
        env=environment(**helio),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.splitlines()


class Script:
    """A script that runs beside the test; it is killed at the end of the `play` fixture."""

    def __init__(self, air: int, mac: bytes, source: str) -> None:
        self.process = subprocess.Popen(
            [find_micropython(), "-X", "heapsize=160k", "-c", RADIO + source],
            env=environment(HELIO_AIR=f"127.0.0.1:{air}", HELIO_MAC=mac.hex()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin = self.process.stdin
        self._stdout = self.process.stdout.fileno()
        self._pending = b""

    def line(self) -> str:
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._stdout], [], [], TIMEOUT_S)
            assert ready, f"nothing after {self._pending!r}"
            data = os.read(self._stdout, 4096)
            assert data, f"it ended after {self._pending!r}"
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode()

    def go(self) -> None:
        self._stdin.write(b"go\n")
        self._stdin.flush()

    def end(self) -> int:
        return self.process.wait(TIMEOUT_S)


@pytest.fixture
def air() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tools.virtual_board.air"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
    ) as process:
        yield process
        process.kill()


Play = Callable[[bytes, str], Script]


@pytest.fixture
def play(air: subprocess.Popen[bytes]) -> Iterator[Play]:
    """Starts scripts on one air."""
    assert air.stdout is not None
    port = json.loads(air.stdout.readline())["port"]
    scripts: list[Script] = []

    def start(mac: bytes, source: str) -> Script:
        scripts.append(Script(port, mac, source))
        return scripts[-1]

    yield start
    for script in scripts:
        with script.process as process:
            process.kill()


def test_two_boards_exchange_frames(play: Play):
    b = play(
        B,
        """
on(rxbuf=4096)
print("ready", network.WLAN(network.STA_IF).config("channel"))
async def main():
    async for mac, msg in e:
        print(mac.hex(), bytes(msg), e.peers_table[mac][0])
        if msg == b"bye":
            return
        e.add_peer(mac)
        print(e.send(mac, b"to you"))
asyncio.run(main())
""",
    )
    assert b.line() == "ready 6"
    a = play(
        A,
        """
on()
print(e.send(ALL, b"hello"))
print(e.recv(5000))
print(e.send(ALL, b"bye", False), e.stats()[0], e.stats()[3])
e.send(ALL, b"!")  # waits for both: a board that ends takes its unsent frames along
""",
    )
    assert a.line() == "True"
    assert b.line() == f"{A.hex()} b'hello' -40"
    assert b.line() == "True"
    assert a.line() == f"[{B!r}, b'to you']"
    assert a.line() == "True 2 1"
    assert [a.end(), b.line()] == [0, f"{A.hex()} b'bye' -40"]
    assert b.end() == 0


def test_frames_already_in_memory_are_not_overlooked_by_poll(play: Play):
    b = play(
        B,
        """
on(rxbuf=4096)
print("ready")
sys.stdin.readline()
print(e.any())
async def main():
    for _ in range(3):
        print(bytes((await asyncio.wait_for(e.airecv(), 3))[1]))
    print(e.irecv(0))
asyncio.run(main())
""",
    )
    assert b.line() == "ready"
    a = play(A, "on()\nfor m in (b'1', b'2', b'3'): e.send(ALL, m)\n")
    assert a.end() == 0
    b.go()
    lines = [b.line() for _ in range(5)]
    assert lines == ["True", "b'1'", "b'2'", "b'3'", "(None, None)"]


def test_a_small_receive_buffer_drops_and_counts(play: Play):
    b = play(
        B,
        """
on()
print("ready")
sys.stdin.readline()
print(len(e.recv(0)[1]), e.recv(0), e.stats()[3:])
""",
    )
    assert b.line() == "ready"
    a = play(A, "on()\nfor n in (1, 2): e.send(ALL, bytes(250))\n")
    assert a.end() == 0
    b.go()
    # As on the chip, the default of 526 bytes is one byte short of two full frames.
    assert b.line() == "250 (None, None) (1, 1)"


def test_a_full_transmit_queue_raises(play: Play):
    a = play(
        A,
        """
on()
sent = 0
try:
    while sent < 500:
        e.send(ALL, bytes(250), False)
        sent += 1
except OSError as error:
    print(sent >= 8, error.args[0])
print(e.send(ALL, b"room again"), e.stats()[0] == e.stats()[1])
""",
    )
    assert a.line() == "True -12391"
    assert a.line() == "True True"


def test_a_board_whose_air_is_gone_ends(air: subprocess.Popen[bytes], play: Play):
    b = play(B, "on()\nprint('ready')\ne.recv()\n")
    assert b.line() == "ready"
    air.terminate()
    assert b.end() == EXIT_AIR_LOST


def test_errors_are_the_chips_own_and_a_silent_radio_sends():
    lines = run(
        RADIO
        + """
print(errors(e.send, ALL, b"x"))
on()
print(errors(e.send, bytes(6), b"x"))
print(errors(e.add_peer, ALL))
for last in range(19):
    e.add_peer(b"\\x02\\x00\\x00\\x00\\x00" + bytes([last]))
print(errors(e.add_peer, bytes(6)), len(e.get_peers()))
try:
    e.send(ALL, bytes(251))
except ValueError as error:
    print(error)
print(e.send(ALL, bytes(250)), e.recv(1), e.stats())
network.WLAN(network.STA_IF).active(False)
print(errors(e.send, ALL, b"x"))
"""
    )
    assert lines == [
        "-12389",
        "-12393",
        "-12395",
        "-12392 19",
        "message over 250 bytes",
        "True (None, None) (1, 1, 0, 0, 0)",
        "-12396",
    ]


def test_a_partition_follows_the_extended_block_protocol(tmp_path: Path):
    path = tmp_path / "chip"
    create_flash(path)
    lines = run(
        """
from esp32 import Partition
print([p.info()[4] for p in Partition.find(Partition.TYPE_DATA)], Partition.find(0))
store = Partition.find(Partition.TYPE_DATA, label="store")[0]
print(store.info(), store.ioctl(4, 0), store.ioctl(5, 0))
store.writeblocks(1, bytes(4096))
store.writeblocks(1, b"\\xaa" * 4096)
store.writeblocks(2, b"\\x0f", 7)
try:
    store.writeblocks(1, b"\\xff", 0)
except OSError as error:
    print(error.errno)
two = bytearray(9)
store.readblocks(1, two, 4095)
print(two)
print(store.ioctl(6, 2))
store.readblocks(1, two, 4095)
print(two)
try:
    store.readblocks(383, bytearray(2), 4095)
except OSError as error:
    print(error.errno)
""",
        HELIO_FLASH=str(path),
    )
    assert lines == [
        "['nvs', 'vfs', 'node', 'store'] []",
        "(1, 64, 2621440, 1572864, 'store', False) 384 4096",
        "5",
        f"bytearray({bytes([0xAA] + 7 * [0xFF] + [0x0F])!r})",
        "0",
        f"bytearray({bytes([0xAA] + 8 * [0xFF])!r})",
        "22",
    ]
    assert path.read_bytes()[0x281000:0x281001] == b"\xaa"


def test_a_station_takes_an_address_and_the_chip_keeps_its_own():
    script = (
        RADIO
        + """
import machine
sta = network.WLAN(network.STA_IF)
print(sta.config("mac") == machine.unique_id())
sta.active(False)
def set(mac):
    return errors(lambda: sta.config(mac=mac))
print(set(b"\\x26AAAAA"))
sta.active(True)
print(set(b"\\x27AAAAA"), set(b"\\x26AAAAA"), sta.config("mac"), machine.unique_id())
on()
print(set(b"\\x26BBBBB"), sta.config("mac"))
"""
    )
    assert run(script, HELIO_MAC=A.hex()) == [
        "True",
        "-12293",
        f"-12297 None b'&AAAAA' {A!r}",
        "-12293 b'&AAAAA'",
    ]


MACHINE = """
import machine, network
print(machine.unique_id() == network.WLAN(0).config("mac"), machine.reset_cause())
"""


def test_the_machine_knows_itself():
    done = subprocess.run(
        [find_micropython(), "-c", MACHINE],
        env=environment(HELIO_MAC=A.hex()),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.stdout.splitlines() == ["True 1"]
