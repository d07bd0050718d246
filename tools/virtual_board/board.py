"""A virtual board: a MicroPython process with a flash image, a radio and a serial port.

The serial port is a pseudo-terminal whose path stays the same however often the board is killed
and started: a gateway opens it like /dev/ttyUSB0. As on a UART, output nobody reads is lost once
the terminal's buffer is full, and input sent while the board is down is lost too.

Ctrl-C on it, or a program that returns, leads to the REPL, and Ctrl-D there to a soft reset
(wires.py). Only an exception that nobody catches ends the process where a board would show the
REPL: whoever runs boards wants to know.
"""

import contextlib
import ctypes
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from gateway.new_node import partition
from tools.virtual_board.interpreter import find_micropython
from tools.virtual_board.rom import build_rom
from tools.virtual_board.wires import Wires

_BOOT = Path(__file__).resolve().with_name("boot.py")

CHIP_BYTES = 4 * 1024 * 1024  # the usual WROOM-32 module
NODE_AT = 0x27E000  # the node partition, as in standins/esp32.py
MAC_BYTES = 6
DEFAULT_HEAP_KB = 160
_TOOL_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 3.0

# Exit codes of standins/machine.py and, 0, of the REPL left by Ctrl-D, and what reset_cause() says
# after them.
_EXIT_SOFT, _EXIT_WATCHDOG, _EXIT_SLEEP = 0, 72, 75
RESET_CAUSES = {_EXIT_SOFT: 5, 71: 2, _EXIT_WATCHDOG: 3, _EXIT_SLEEP: 4}
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


def _prepare() -> None:
    """For preexec_fn. The wheel's interpreter is started by CPython, whose handler for SIGINT
    would look like MicroPython's; it leaves a signal alone that is ignored."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
        # Files that stand for what is connected to pins: see standins/machine_more.py.
        self.outside = dir / f"{name}.outside"
        self.outside.mkdir(exist_ok=True)
        self.heap_kb = heap_kb
        self._micropython = find_micropython()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HELIO_")},
            "HELIO_FLASH": str(self.flash_path.resolve()),
            "HELIO_MAC": mac.hex(),
            "HELIO_X_M": str(x_m),
            "HELIO_Y_M": str(y_m),
            "HELIO_OUTSIDE": str(self.outside.resolve()),
            "HELIO_ROM": str((rom or build_rom()).resolve()),
        }
        if air_port is not None:
            self._environment["HELIO_AIR"] = f"127.0.0.1:{air_port}"
        self._wires = Wires()
        self.port_path = self._wires.port_path

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

    def set_adc(self, pin: int, microvolts: int) -> None:
        """Put a voltage on a pin; one that never had any floats."""
        new = self.outside / "new"
        new.write_text(str(microvolts))
        new.rename(self.outside / f"adc{pin}")  # the board may read at any moment

    def kill(self) -> None:
        """Cut the power: SIGKILL, and wait until it is gone. Flash keeps what was written."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._wires.detach()
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
        code = self.exit_code
        raw_repl = code == _EXIT_SOFT and self._wires.raw_repl
        self.kill()
        if code == _EXIT_SOFT:
            with contextlib.suppress(BlockingIOError):  # nobody reads
                os.write(self._wires.board_end, b"MPY: soft reboot\r\n")
        cause = _POWER_ON_RESET if code is None else RESET_CAUSES.get(code, _POWER_ON_RESET)
        self._start(cause, raw_repl)

    def poll_reset(self) -> bool:
        """Tell whether the board has reset itself, or sleeps no more, and wants restart()."""
        code = self.exit_code
        if code == _EXIT_SLEEP:
            return time.monotonic() >= self._wires.wakes_s
        return code in RESET_CAUSES

    @property
    def is_asleep(self) -> bool:
        """Is it in deep sleep? poll_reset() then says when it wakes up."""
        return self.exit_code == _EXIT_SLEEP and not self.poll_reset()

    def close(self) -> None:
        """Cut the power and take the serial port away."""
        self.kill()
        self._wires.close()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the board ended by itself; None while it runs and after kill()."""
        if self._process is None:
            return None
        code = self._process.poll()
        if code is not None:
            self._wires.detach()
        return _EXIT_WATCHDOG if self._wires.was_bitten else code

    def _command(self) -> list[str]:
        return [self._micropython, "-X", f"heapsize={self.heap_kb}k", str(_BOOT)]

    def _start(self, reset_cause: int, raw_repl: bool = False) -> None:
        if self.is_running:
            raise BoardError(f"{self.name} is running")
        if not self.flash_path.exists():
            raise BoardError(f"{self.name} has no flash image: provision it first")
        self._wires.discard_input()
        if reset_cause != RESET_CAUSES[_EXIT_SOFT]:
            self._wires.forget_watchdog()
        host_end, board_end = os.pipe()
        environment = {
            **self._environment,
            "HELIO_RESET_CAUSE": str(reset_cause),
            "HELIO_HOST": str(board_end),
        }
        if raw_repl:
            environment["HELIO_RAW_REPL"] = "1"
        with self.stderr_path.open("ab") as stderr:
            self._process = subprocess.Popen(
                self._command(),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=self._wires.board_end,
                stderr=stderr,
                env=environment,
                pass_fds=(board_end,),
                start_new_session=True,  # Ctrl-C in the demo's terminal is for the demo
                preexec_fn=_prepare,
            )
        os.close(board_end)
        self._wires.attach(self._process, host_end, raw_repl)

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
