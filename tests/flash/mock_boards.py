"""ESP32 boards that esptool believes in: esp32-mock-bootloader, and a cable that can be cut.

The mock keeps 4 MB of flash in memory, runs no code, and is not a NOR chip (writes overwrite).
"""

import contextlib
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

from serial.urlhandler import protocol_socket

from tools.flash.device import Device
from tools.virtual_board.board import die_with_parent

_STEP = 0x1000


class MockBoard:
    """One mock in a process of its own. port: what `helio flash --port` takes."""

    def __init__(self, chip: str, number: int = 0) -> None:
        program = Path(sys.executable).with_name("esp32-mock-bootloader")
        self._process = subprocess.Popen(
            [str(program), "run", "--chip", chip, "--port", str(number)],
            stdout=subprocess.PIPE, preexec_fn=die_with_parent, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        found = re.search(r":(\d+)$", self._process.stdout.readline().strip())
        assert found is not None
        self.number = int(found[1])
        self.port = f"socket://127.0.0.1:{self.number}"

    def read(self, start: int, end: int) -> bytes:
        """What is in its flash there, by the ROM's own command, 64 bytes at a time.

        esptool's loader would stream, and the mock gives up when an answer takes 50 ms. Long
        stretches of blank flash are not read: the chip's MD5 says that they are.
        """
        image = bytearray(b"\xff" * (end - start))
        with _fast_sockets(), Device(self.port) as device:
            for at in range(start & -_STEP, end, _STEP):
                first, last = max(at, start), min(at + _STEP, end)
                piece = device.read(first, min(last - first, 64))
                if piece.strip(b"\xff"):
                    image[first - start : last - start] = device.read(first, last - first)
            assert device.holds(start, bytes(image))
        return bytes(image)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Cable:
    """Between helio and a mock; after `life` bytes to the board it is cut and the board dies."""

    def __init__(self, board: MockBoard, life: int) -> None:
        self._board, self._life = board, life
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.number = self._listener.getsockname()[1]
        self.port = f"socket://127.0.0.1:{self.number}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._board.number))
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        while data := near.recv(4096):
            self._life -= len(data)
            if self._life < 0:
                break
            far.sendall(data)
        self._board.kill()
        for end in (near, far, self._listener):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@contextlib.contextmanager
def _fast_sockets():
    """pyserial says of a socket that at most one byte waits: esptool takes one after the other."""

    def waiting(self: protocol_socket.Serial) -> int:
        try:
            return len(self._socket.recv(65536, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return 0

    before = protocol_socket.Serial.inWaiting
    protocol_socket.Serial.inWaiting = waiting
    try:
        yield
    finally:
        protocol_socket.Serial.inWaiting = before
