"""What joins a virtual board to the host: its serial port, and a pipe to what else is hardware.

The serial port is a pseudo-terminal; its board end is read here and handed to the board's stdin,
because Ctrl-C is no byte for an ESP32 while a program runs: the UART's interrupt takes it out of
the stream and raises KeyboardInterrupt. Here SIGINT does so. A process that has no handler for it
is at the REPL's prompt, or has called micropython.kbd_intr(-1): then Ctrl-C is a byte like any
other. Which of the two only Linux tells; elsewhere it always is a byte.

On the pipe (file descriptor HELIO_HOST of the board) the stand-in for `machine` says, in lines,
    W <ms>    the watchdog was fed, and bites so many ms from now
    S <ms>    deep sleep: the process ends, and is to be started again after so many ms
"""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

_CTRL_A, _CTRL_B, _CTRL_C = b"\x01", b"\x02", b"\x03"
# The unix port raises KeyboardInterrupt in the signal handler itself, be it in the middle of a
# garbage collection; an ESP32 waits for the next instruction. So it comes when the process waits
# for something, or when it has not done so for long: then it is a loop in Python.
_INTERRUPT_WITHIN_S, _LOOK_EVERY_S = 2.0, 0.002
_READ_MAX = 4096
_NEVER_S = 3600.0


class Wires:
    """One board's. A thread of its own serves them until close()."""

    def __init__(self) -> None:
        # Both ends stay open here: the path outlives the process, and the board's end never
        # sees a hang-up when the gateway closes its own.
        self.board_end, self._gateway_end = pty.openpty()
        tty.setraw(self._gateway_end)
        # The board would stop for ever in a print() that nobody reads.
        os.set_blocking(self.board_end, False)
        self.port_path = os.ttyname(self._gateway_end)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._host_end = -1
        self._said = b""
        self._bites_s: float | None = None
        self._interrupt_by_s: float | None = None
        self.wakes_s = 0.0  # when deep sleep ends, by time.monotonic()
        self.was_bitten = False
        self.raw_repl = False
        self._poke_out, self._poke_in = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="wires", daemon=True)
        self._thread.start()

    def attach(
        self, process: subprocess.Popen[bytes], host_end: int, raw_repl: bool = False
    ) -> None:
        """A board was started: its stdin is a pipe, `host_end` the end of the other to read.

        raw_repl: it goes straight to the REPL, which was left in raw mode.
        """
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(host_end, False)
        with self._lock:
            self._process, self._host_end = process, host_end
            self._said, self._interrupt_by_s = b"", None
            self.was_bitten, self.raw_repl = False, raw_repl
            if raw_repl:
                process.stdin.write(_CTRL_A)
        os.write(self._poke_in, b".")  # the thread has one end more to look at

    def detach(self) -> None:
        """The board has ended, or is about to: what comes now is lost."""
        with self._lock:
            if self._process is not None:
                self._listen()  # its last words
                assert self._process.stdin is not None
                self._process.stdin.close()
                os.close(self._host_end)
            self._process, self._host_end, self._interrupt_by_s = None, -1, None

    def forget_watchdog(self) -> None:
        """Any reset but a soft one stops the watchdog."""
        self._bites_s = None

    def discard_input(self) -> None:
        """Lose what was sent while the board was down."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.board_end, _READ_MAX):
                pass

    def close(self) -> None:
        """End the thread and take the serial port away."""
        self.detach()
        if self._thread.is_alive():
            os.close(self._poke_in)  # the thread sees its end
            self._thread.join()
            for end in (self._poke_out, self.board_end, self._gateway_end):
                os.close(end)

    def _serve(self) -> None:
        while True:
            ends = [self._poke_out, self.board_end]
            if self._host_end >= 0:
                ends.append(self._host_end)
            try:
                ready, _, _ = select.select(ends, [], [], self._left_s())
            except (OSError, ValueError):
                continue  # detach() has closed one of them
            if self._poke_out in ready and not os.read(self._poke_out, _READ_MAX):
                return
            with self._lock:
                if self.board_end in ready:
                    self._hand_over()
                self._listen()
                self._interrupt()
                self._bite()

    def _hand_over(self) -> None:
        """What the gateway sent, to the board."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self.board_end, _READ_MAX)
            for part in re.split(b"([\x01-\x03])", data):
                self._hand(part)

    def _hand(self, part: bytes) -> None:
        process = self._process
        if process is None or process.poll() is not None or not part:
            return
        runs = _handles_interrupt(process.pid)
        if part == _CTRL_C and runs:
            if self._interrupt_by_s is None:
                self._interrupt_by_s = time.monotonic() + _INTERRUPT_WITHIN_S
            return
        if part in (_CTRL_A, _CTRL_B) and not runs:
            self.raw_repl = part == _CTRL_A  # a soft reset keeps this, as pyexec.c does
        assert process.stdin is not None
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            process.stdin.write(part)

    def _listen(self) -> None:
        """What the stand-ins said on the pipe."""
        if self._host_end < 0:
            return
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._host_end, _READ_MAX):
                *lines, self._said = (self._said + data).split(b"\n")
                for line in lines:
                    kind, ms = line.split()
                    at_s = time.monotonic() + int(ms) / 1000
                    if kind == b"W":
                        self._bites_s = at_s
                    else:
                        self.wakes_s = at_s

    def _left_s(self) -> float:
        """How long the thread may wait."""
        if self._interrupt_by_s is not None:
            return _LOOK_EVERY_S
        return _NEVER_S if self._bites_s is None else max(0.0, self._bites_s - time.monotonic())

    def _interrupt(self) -> None:
        """KeyboardInterrupt, if Ctrl-C has come and this is a moment for it."""
        process, by_s = self._process, self._interrupt_by_s
        if process is None or by_s is None:
            return
        if time.monotonic() >= by_s or _proc(process.pid, "State") == "S":
            self._interrupt_by_s = None
            if _handles_interrupt(process.pid):  # still
                process.send_signal(signal.SIGINT)

    def _bite(self) -> None:
        """Reset the board, if its watchdog's time is over."""
        if self._bites_s is None or time.monotonic() < self._bites_s:
            return
        self._bites_s = None
        if self._process is not None and self._process.poll() is None:
            self.was_bitten = True
            self._process.kill()


def _handles_interrupt(pid: int) -> bool:
    """Does a process have a handler for SIGINT?"""
    return bool(int(_proc(pid, "SigCgt") or "0", 16) >> signal.SIGINT - 1 & 1)


def _proc(pid: int, field: str) -> str:
    """The first word of a field of /proc/PID/status; "" if there is none."""
    if sys.platform != "linux":
        return ""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return ""
    found = re.search(rf"^{field}:\s*(\w+)", status, re.M)
    return found[1] if found else ""
