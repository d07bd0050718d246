"""Boards that were flashed, in a line on the air, and an operator: for the tests of updates."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import update
from gateway.crypto import ecb
from gateway.links.serial_port import SerialPort
from gateway.new_node import draw
from shared_protocol.frame import FrameCipher
from tools.field import RANGE_M, SPACING_M
from tools.virtual_board.board import VirtualBoard, die_with_parent
from tools.virtual_board.rom import code_for, launcher_files

# With 160 KB the update waits for room that does not come: its code takes 12 KB beside mail, and
# the names in it make MicroPython's table of names grow by 3.5 KB. An ESP32 needs half of either.
HEAP_KB = 168
MACHINE_CODE = "x64"


class Line:
    """Relays r1, r2, .. each of which hears its two neighbours."""

    def __init__(self, folder: Path, count: int, loss: float, seed: int) -> None:
        self.key = os.urandom(32)
        self.operator = Ed25519PrivateKey.generate()
        self._air = subprocess.Popen(
            [sys.executable, "-m", "tools.virtual_board.air", "--port", "0", "--seed", str(seed),
             "--loss", str(loss), "--range-m", str(RANGE_M)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            preexec_fn=die_with_parent,
        )  # fmt: skip
        assert self._air.stdout is not None
        port = json.loads(self._air.stdout.readline())["port"]
        slot = {f"/a/{path}": data for path, data in code_for(MACHINE_CODE).items()}
        start = {f"/{path}": data for path, data in launcher_files().items()}
        self.boards = []
        self.restarts = 0
        for i in range(count):
            mac = bytes([0x24, 0x0A, 0xC4, 0, 0, i + 1])
            board = VirtualBoard(f"r{i + 1}", mac, folder, port, i * SPACING_M, 0, heap_kb=HEAP_KB)
            board.write_files(start | slot | {"/slot": b"a"})
            public = self.operator.public_key().public_bytes_raw()
            board.provision(draw(board.name, self.key, public, 1))
            board.start()
            self.boards.append(board)

    def update(
        self, sequence: int, archive: bytes, operator: Ed25519PrivateKey | None = None
    ) -> tuple[bytes, list[bytes]]:
        """(statement, pages) of an update for all."""
        cipher = FrameCipher(self.key, 0, ecb)
        return update.sign(operator or self.operator, cipher, sequence, archive, b"\0\3\0")

    def keep_alive(self) -> None:
        """Start those again that reset themselves."""
        for board in self.boards:
            if board.poll_reset():
                board.restart()
                self.restarts += 1

    async def ask(self, number: int, what: str) -> dict[str, Any]:
        """A console request to relay r<number>, its answer."""
        port = SerialPort(self.boards[number - 1].port_path, lambda address, frame: None)
        try:
            answer: dict[str, Any] = json.loads(await port.ask(b'{"ask": "%s"}' % what.encode()))
            return answer
        finally:
            port.close()

    async def hand_over(self, number: int, text: bytes, pages: list[bytes]) -> None:
        port = SerialPort(self.boards[number - 1].port_path, lambda address, frame: None)
        try:
            await update.hand_over(port, text, pages, lambda done, of: None)
        finally:
            port.close()

    async def watch(self, until: Any, timeout_s: float) -> bool:
        """Keep the boards going until a condition holds; did it?"""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while loop.time() < end:
            self.keep_alive()
            if await until():
                return True
            await asyncio.sleep(0.1)
        return False

    def close(self) -> None:
        for board in self.boards:
            board.close()
        self._air.terminate()
        self._air.wait(20)
        for pipe in (self._air.stdin, self._air.stdout):
            if pipe is not None:
                pipe.close()
