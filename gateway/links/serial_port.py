"""The tether: the nearest relay on a serial port, in lock-step lines (SPEC.md 8)."""

import asyncio
import errno
import grp
import os
import time
from collections.abc import Callable

import serial

from gateway.errors import UserError
from shared_protocol.serial_line import CONSOLE, MESH, SerialLine

BAUD = 115_200
_READ_MAX = 4096
_COMMAND = 0  # the number of console messages that are COMMAND frames (SPEC.md 8)


class PortError(UserError):
    """The port is not there, busy or not ours to open."""


def open_port(path: str) -> serial.Serial:
    """Open a serial port for us alone. PortError says what to do."""
    try:
        return serial.Serial(path, BAUD, timeout=0, write_timeout=0, exclusive=True)
    except serial.SerialException as e:
        code = e.errno or getattr(e.__context__, "errno", None)
        if code == errno.ENOENT:
            raise PortError(f"there is no port {path}: is the relay plugged in?") from None
        if code == errno.EACCES:
            group = _group_of(path)
            raise PortError(
                f"no permission for {path}: join the group {group} (sudo usermod -aG {group}"
                f" $USER) and log in again, or run sudo helio install"
            ) from None
        if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
            raise PortError(f"{path} is busy: another program has the relay open") from None
        raise PortError(f"{path} cannot be opened: {e}") from None
    except (OSError, ValueError) as e:
        raise PortError(f"{path} cannot be opened: {e}") from None


def _group_of(path: str) -> str:
    """Who may use this port: dialout mostly, uucp on Arch."""
    try:
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"


class SerialPort:
    """An open tether. heard(address, frame) is called for each mesh frame from the relay."""

    def __init__(self, path: str, heard: Callable[[bytes, bytes], None]) -> None:
        self._serial = open_port(path)
        self._heard = heard
        self._line = SerialLine(True, os.urandom(1)[0])
        self._asked = 0  # number of the last request, 1 to 255
        self._answers: dict[int, asyncio.Future[bytes]] = {}  # by number
        self.on_command: Callable[[bytes], None] = lambda body: None  # COMMAND frames' bodies
        self._out = b""
        self._timer: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()
        self.answered = False
        asyncio.get_running_loop().add_reader(self._serial.fileno(), self._readable)
        self.pump()

    def room(self) -> int:
        """How many more frames can be queued now."""
        return self._line.room()

    @property
    def bad_lines(self) -> int:
        """Lines that came damaged since the port was opened."""
        return self._line.bad_lines

    def send(self, address: bytes, frame: bytes) -> None:
        """Queue a mesh frame; call pump() when all are queued."""
        self._line.send(MESH, address + frame)

    async def ask(self, request: bytes, timeout_s: float = 5) -> bytes:
        """One console request, its answer. TimeoutError if the relay is silent."""
        self._asked = self._asked % 255 + 1
        number = self._asked
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            self._line.send(CONSOLE, bytes((number,)) + request)
            self.pump()
            return await asyncio.wait_for(answer, timeout_s)
        finally:
            self._answers.pop(number, None)

    def command(self, body: bytes) -> None:
        """Have the relay send a COMMAND frame; what comes back goes to on_command."""
        self._line.send(CONSOLE, bytes((_COMMAND,)) + body)
        self.pump()

    def pump(self) -> None:
        """Write what is due, and come back when more is."""
        if self.closed.is_set():
            return
        wait_ms = 5
        if not self._out:  # a board that does not read gets nothing more to read
            self._out, wait_ms = self._line.poll(_now_ms())
        if self._out:
            try:
                written = os.write(self._serial.fileno(), self._out)
                self._out = self._out[written:]
            except BlockingIOError:
                wait_ms = 5
            except OSError:
                self.close()
                return
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(1, wait_ms) / 1000, self.pump)

    def _readable(self) -> None:
        try:
            data = os.read(self._serial.fileno(), _READ_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()  # unplugged
            return
        for channel, message in self._line.receive(data, _now_ms()):
            self.answered = True
            if channel == MESH and len(message) > 6:
                self._heard(message[:6], message[6:])
            elif channel == CONSOLE:
                self._on_console(message[0], message[1:])
        self.pump()

    def _on_console(self, number: int, message: bytes) -> None:
        answer = self._answers.get(number)
        if number == _COMMAND:
            self.on_command(message)
        elif answer is not None and not answer.done():
            answer.set_result(message)

    def close(self) -> None:
        """Let go of the port."""
        if not self.closed.is_set():
            self.closed.set()
            asyncio.get_running_loop().remove_reader(self._serial.fileno())
            if self._timer is not None:
                self._timer.cancel()
            self._serial.close()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
