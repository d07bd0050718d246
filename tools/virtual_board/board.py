"""A virtual board: a MicroPython process with a flash image, a radio and a serial port.

The serial port is a pseudo-terminal whose path stays the same however often the board is killed
and started: a gateway opens it like /dev/ttyUSB0. As on a UART, output nobody reads is lost once
the terminal's buffer is full, and input sent while the board is down is lost too. Unlike on a
UART, a read from stdin never blocks the board: it gives None when nothing has come (so wait in
poll()).
"""

import contextlib
import ctypes
import os
import pty
import signal
import struct
import subprocess
import sys
import tty
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from gateway.new_node import partition
from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import build_rom

_BOOT = Path(__file__).resolve().with_name("boot.py")

CHIP_BYTES = 4 * 1024 * 1024  # the usual WROOM-32 module
NODE_AT = 0x27E000  # the node partition, as in standins/esp32.py
MAC_BYTES = 6
DEFAULT_HEAP_KB = 160
_TOOL_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 3.0

# Exit codes of standins/machine.py, and what reset_cause() says after them.
RESET_CAUSES = {71: 2, 72: 3}
_POWER_ON_RESET = 1

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec is no place to search for a library.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class BoardError(Exception):
    """The board could not do what was asked; the message holds its own last words."""


def die_with_parent() -> None:
    """For preexec_fn: the kernel kills the child when the thread that started it ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def create_flash(path: Path) -> None:
    """Make the file of a blank flash chip: every bit 1."""
    path.write_bytes(b"\xff" * CHIP_BYTES)


class VirtualBoard:
    """One board. Positions in metres; air_port None leaves its radio silent. mac: the chip's.

    `rom` is the directory that holds the packages firmware, shared_protocol and tools; without it
    the repository's own are compiled, see rom.py (RomError if that fails).
    Linux ends the board together with the *thread* that started it: start boards from a thread
    that lives as long as they should.
    """

    def __init__(
        self,
        name: str,
        mac: bytes,
        dir: Path,
        air_port: int | None,
        x_m: int,
        y_m: int,
        heap_kb: int = DEFAULT_HEAP_KB,
        *,
        rom: Path | None = None,
    ) -> None:
        if len(mac) != MAC_BYTES:
            raise ValueError("a mac is 6 bytes")
        self.name = name
        self.mac = mac
        self.flash_path = dir / f"{name}.flash"
        self.stderr_path = dir / f"{name}.stderr.log"
        self.heap_kb = heap_kb
        self._micropython = find_micropython()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HELIO_")},
            "HELIO_FLASH": str(self.flash_path.resolve()),
            "HELIO_MAC": mac.hex(),
            "HELIO_X_M": str(x_m),
            "HELIO_Y_M": str(y_m),
            "HELIO_ROM": str((rom or build_rom()).resolve()),
        }
        if air_port is not None:
            self._environment["HELIO_AIR"] = f"127.0.0.1:{air_port}"
        # Both ends stay open here: the path outlives the process, and the board's end never
        # sees a hang-up when the gateway closes its own.
        self._board_end, self._gateway_end = pty.openpty()
        tty.setraw(self._gateway_end)
        # The board would stop for ever in a print() that nobody reads.
        os.set_blocking(self._board_end, False)
        self.port_path = os.ttyname(self._gateway_end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def provision(self, record: dict[str, Any]) -> None:
        """Write the node record; a missing flash image is made, an existing one kept."""
        self._check_off()
        if not self.flash_path.exists():
            create_flash(self.flash_path)
        with self.flash_path.open("r+b") as flash:
            flash.seek(NODE_AT)
            flash.write(partition(record))

    def write_files(self, files: Mapping[str, bytes]) -> None:
        """Put files, by their paths, into the board's LittleFS; only while it is not running.

        A missing flash image is made. With a /main.py the board then boots as one that was
        flashed: it runs the code in its own file system (boot.py).
        """
        if not self.flash_path.exists():
            create_flash(self.flash_path)
        stream = b"".join(
            struct.pack(">HI", len(path.encode()), len(data)) + path.encode() + data
            for path, data in files.items()
        )
        self._run_tool(["--write"], stream)

    def read_file(self, path: str) -> bytes:
        """Return a file of the board's LittleFS; only while the board is not running."""
        return self._run_tool(["--read", path])

    def start(self) -> None:
        """Switch the board on; BoardError if it runs already or was never given a flash."""
        self._start(_POWER_ON_RESET)

    def kill(self) -> None:
        """Cut the power: SIGKILL, and wait until it is gone. Flash keeps what was written."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Ask the board to end (SIGTERM), and cut the power if it does not."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)
        self.kill()

    def restart(self) -> None:
        """Start again, after cutting the power if it still runs.

        The board's reset_cause() says which it was: a reset of its own, the watchdog, or power.
        """
        cause = RESET_CAUSES.get(self.exit_code or 0, _POWER_ON_RESET)
        self.kill()
        self._start(cause)

    def poll_reset(self) -> bool:
        """Tell whether the board ended by machine.reset() or its watchdog, and wants restart()."""
        return self.exit_code in RESET_CAUSES

    def close(self) -> None:
        """Cut the power and take the serial port away."""
        self.kill()
        if self._board_end >= 0:
            os.close(self._board_end)
            os.close(self._gateway_end)
            self._board_end = -1

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the board ended by itself; None while it runs and after kill()."""
        return None if self._process is None else self._process.poll()

    def _command(self) -> list[str]:
        return [self._micropython, "-X", f"heapsize={self.heap_kb}k", str(_BOOT)]

    def _start(self, reset_cause: int) -> None:
        if self.is_running:
            raise BoardError(f"{self.name} is running")
        if not self.flash_path.exists():
            raise BoardError(f"{self.name} has no flash image: provision it first")
        self._discard_input()
        with self.stderr_path.open("ab") as stderr:
            self._process = subprocess.Popen(
                self._command(),
                stdin=self._board_end,
                stdout=self._board_end,
                stderr=stderr,
                env={**self._environment, "HELIO_RESET_CAUSE": str(reset_cause)},
                start_new_session=True,  # Ctrl-C in the demo's terminal is for the demo
                preexec_fn=die_with_parent,  # one system call, no allocation
            )

    def _discard_input(self) -> None:
        try:
            while os.read(self._board_end, 4096):
                pass
        except BlockingIOError:
            pass

    def _check_off(self) -> None:
        if self.is_running:
            raise BoardError(f"{self.name} is running: its flash is in use")

    def _run_tool(self, arguments: list[str], stdin: bytes = b"") -> bytes:
        self._check_off()
        done = subprocess.run(
            self._command() + arguments,
            input=stdin,
            capture_output=True,
            env=self._environment,
            timeout=_TOOL_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            words = (done.stderr + done.stdout).decode(errors="replace").strip()
            raise BoardError(f"{self.name} {arguments[0]}: exit {done.returncode}: {words}")
        return done.stdout
