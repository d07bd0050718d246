"""An ESP32 in its bootloader, by esptool's Python API."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from serial import SerialException

from gateway.errors import UserError
from gateway.links.serial_port import open_port
from tools.flash.board import CHIPS, Chip

try:
    from esptool import cmds
    from esptool.logger import TemplateLogger, log
    from esptool.util import FatalError
except ImportError:
    raise UserError("flashing wants esptool: pip install -e '.[flash]'") from None

_BAUD = 460_800  # esptool's own default: not every bridge can do more
_CONNECT_ATTEMPTS = 3

Progress = Callable[[int, int], None]  # (bytes done, of how many)


class _Quiet(TemplateLogger):
    """What esptool would print goes nowhere but its progress, to the thread that asked."""

    def __init__(self) -> None:
        self.listener = threading.local()

    def progress_bar(
        self,
        cur_iter: int,
        total_iters: int,
        prefix: str = "",
        suffix: str = "",
        bar_length: int = 30,
    ) -> None:
        tell: Progress | None = getattr(self.listener, "tell", None)
        if tell is not None:
            tell(cur_iter, total_iters)

    def print(self, *args: Any, **kwargs: Any) -> None:
        pass

    def note(self, message: str) -> None:
        pass

    def warning(self, message: str) -> None:
        pass

    def error(self, message: str) -> None:
        pass

    def debug(self, *args: Any) -> None:
        """Not even made into text: it is a hexdump of everything on the wire."""

    def stage(self, finish: bool = False) -> None:
        pass

    def set_verbosity(self, verbosity: str) -> None:
        pass


_QUIET = _Quiet()
log.set_logger(_QUIET)


@dataclass(frozen=True)
class Found:
    """What hangs on a port. psram_mb is None where the chip does not say (the oldest ESP32)."""

    chip: Chip
    flash_mb: int
    psram_mb: int | None
    mac: str


class Device:
    """A board held in its bootloader until close(). Every trouble is a UserError with the port."""

    def __init__(self, port: str) -> None:
        self.port = port
        if "://" not in port:
            open_port(port).close()  # says better than esptool why a port cannot be had
        with self._trouble("no ESP32 answers there: hold BOOT, press RESET, and try again"):
            self._esp = cmds.detect_chip(port, connect_attempts=_CONNECT_ATTEMPTS)
            cmds.attach_flash(self._esp)
        self._stub = False

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *exc: object) -> None:
        """Let the board run again, whatever has happened, and let go of the port."""
        with contextlib.suppress(FatalError, SerialException, OSError):
            self._esp.hard_reset()
        with contextlib.suppress(SerialException, OSError):
            self._esp._port.close()

    def found(self) -> Found:
        """Chip, flash and MAC. UserError if it is a chip that we have no boards with."""
        name = self._esp.CHIP_NAME
        chip = next((c for c in CHIPS.values() if c.name == name), None)
        if chip is None:
            known = ", ".join(c.name for c in CHIPS.values())
            raise UserError(f"{self.port}: it has an {name}, and we know boards with {known}")
        with self._trouble("the board does not answer any more"):
            size = cmds.detect_flash_size(self._esp) or ""
            features = " ".join(self._esp.get_chip_features())
            mac = bytes(self._esp.read_mac())
        megabytes = re.fullmatch(r"(\d+)MB", size)
        if megabytes is None:
            raise UserError(f"{self.port}: its flash does not say how big it is ({size or '?'})")
        psram = re.search(r"Embedded PSRAM (\d+)MB", features)
        silent = None if chip.name == "ESP32" else 0
        return Found(chip, int(megabytes[1]), int(psram[1]) if psram else silent, mac.hex(":"))

    def read(self, at: int, size: int) -> bytes:
        """What the flash holds there. Slow (2 KB/s on a wire): the ROM's own command.

        esptool's loader in RAM cannot be used, neither over TCP nor before it is loaded.
        """
        with self._trouble("the board does not answer any more"):
            return bytes(self._esp.read_flash(at, size))

    def holds(self, at: int, image: bytes) -> bool:
        """Does the flash hold exactly this? The chip computes an MD5 of it."""
        self._load()
        with self._trouble("the board does not answer any more"):
            try:
                cmds.verify_flash(self._esp, [(at, image)])
            except FatalError as e:
                if "Verification failed" not in str(e):
                    raise
                return False
            return True

    def write(self, at: int, image: bytes, progress: Progress, erase_all: bool = False) -> None:
        """Write and verify. erase_all: everything else in the flash goes too."""
        self._load()
        _QUIET.listener.tell = progress
        try:
            with self._trouble("it went away while it was written to: run the same again"):
                cmds.write_flash(self._esp, [(at, image)], erase_all=erase_all)
        finally:
            _QUIET.listener.tell = None

    def _load(self) -> None:
        """esptool's loader into the chip's RAM: it writes compressed, and faster."""
        if not self._stub:
            with self._trouble("it went away before it was written to: run the same again"):
                self._esp = cmds.run_stub(self._esp)
                cmds.attach_flash(self._esp)
                if "://" not in self.port:
                    self._esp.change_baud(_BAUD)
            # A connection that is lost is the person's to mend: they run the command again.
            self._esp.WRITE_FLASH_ATTEMPTS = 1
            self._stub = True

    @contextlib.contextmanager
    def _trouble(self, what: str) -> Iterator[None]:
        try:
            yield
        except FatalError as e:
            if "MD5" in str(e):
                what = "what was written reads back differently: is its flash worn out?"
            elif "Secure Boot" in str(e) or "ncryption" in str(e):
                what = f"it is locked to somebody's own firmware ({_first_line(e)})"
            raise UserError(f"{self.port}: {what}") from None
        except (SerialException, OSError):
            raise UserError(f"{self.port}: {what}") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
