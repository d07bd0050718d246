"""What time it is, and how sure that is. A Raspberry Pi has no clock of its own.

    system   this machine's: the kernel says that it follows a time server, or it agrees with a
             battery-backed clock
    phone    the median of what phones of this gateway say (PUT /api/device)
    none     neither: the machine's all the same, but never earlier than this gateway has known it

Once known it lasts until the machine is started again, and `helio` commands share it through the
database. It may be set back when more phones are heard, so nothing is sorted or deleted by it
alone. Whoever brings many phones can set it: shown times and the dates of certificates go by it.
"""

import contextlib
import ctypes
import json
import sqlite3
import statistics
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from gateway.database import get_meta, set_meta

NONE, PHONE, SYSTEM = "none", "phone", "system"
BUILT_S = 1_767_225_600  # the start of 2026: no clock that was ever set says less
_LATEST_MS = 4_102_444_800_000  # 2100: what a phone says beyond this is no time
VOTES_MAX = 64  # phones that are asked: the last ones heard, one for each address
_KEEP_EVERY_MS = 600_000
_META = "wall_clock"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RTC = Path("/sys/class/rtc/rtc0/since_epoch")  # of the battery-backed clock, if there is one
_RTC_OFF_S = 60
_ADJTIMEX_BYTES = 512  # struct timex has 208 on Linux
_TIME_ERROR = 5  # what adjtimex(2) returns while the clock follows nobody


@dataclass(frozen=True)
class Moment:
    """unix_ms: the best that is known. quality: NONE, PHONE or SYSTEM."""

    unix_ms: int
    quality: str

    @property
    def unix_s(self) -> int:
        """The same in seconds."""
        return self.unix_ms // 1000

    @property
    def sure_s(self) -> int | None:
        """Seconds, for what is refused by the clock; None if that would be a guess."""
        return None if self.quality == NONE else self.unix_s


class Machine:
    """This machine's clocks."""

    def unix_ms(self) -> int:
        """What it believes."""
        return int(time.time() * 1000)

    def running_ms(self) -> int:
        """Since it was started, asleep or not; the same for every process."""
        which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return time.clock_gettime_ns(which) // 1_000_000

    def boot(self) -> str:
        """Changes whenever it is started; "" where that cannot be told."""
        try:
            return _BOOT_ID.read_text().strip()
        except OSError:
            return ""

    def is_sure(self) -> bool:
        """Is there reason to believe unix_ms()?"""
        now_s = time.time()
        if now_s < BUILT_S:
            return False
        if not _BOOT_ID.exists():
            return True  # no Linux: a laptop
        with contextlib.suppress(OSError, ValueError):
            if abs(int(_RTC.read_text()) - now_s) <= _RTC_OFF_S:
                return True
        return _follows_a_server()


def _follows_a_server() -> bool:
    try:
        said = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_ADJTIMEX_BYTES)))
    except (AttributeError, OSError):
        return False
    return 0 <= said < _TIME_ERROR


class WallClock:
    """The clock of a data folder: of the gateway that runs on it, which hears phones, and of the
    commands beside it. machine: for tests."""

    def __init__(self, db: sqlite3.Connection, machine: Machine | None = None) -> None:
        self._db = db
        self._machine = machine or Machine()
        self._votes: OrderedDict[str, int] = OrderedDict()  # who -> unix ms when running was 0
        self._kept_quality = ""
        self._kept_ms = 0

    def heard(self, who: str, unix_ms: int) -> None:
        """A phone says what time it is. who: one vote each, its last one."""
        if not BUILT_S * 1000 <= unix_ms <= _LATEST_MS:
            return
        self._votes[who] = unix_ms - self._machine.running_ms()
        self._votes.move_to_end(who)
        if len(self._votes) > VOTES_MAX:
            self._votes.popitem(last=False)

    def moment(self) -> Moment:
        """Now."""
        system_ms, running_ms = self._machine.unix_ms(), self._machine.running_ms()
        if self._machine.is_sure():
            return Moment(system_ms, SYSTEM)
        if self._votes:
            return Moment(statistics.median_low(self._votes.values()) + running_ms, PHONE)
        boot, kept_running_ms, kept_ms, quality = self._kept()
        if boot == self._machine.boot() and kept_running_ms <= running_ms:
            kept_ms += running_ms - kept_running_ms
            if quality != NONE:
                return Moment(kept_ms, quality)
        return Moment(max(system_ms, kept_ms, BUILT_S * 1000), NONE)

    def keep(self) -> None:
        """Now and then: for commands, for the time after a restart, and for a lower bound."""
        now, running_ms = self.moment(), self._machine.running_ms()
        if now.quality == self._kept_quality and running_ms - self._kept_ms < _KEEP_EVERY_MS:
            return
        self._kept_quality, self._kept_ms = now.quality, running_ms
        value = [self._machine.boot(), running_ms, now.unix_ms, now.quality]
        set_meta(self._db, _META, json.dumps(value).encode())

    def _kept(self) -> tuple[str, int, int, str]:
        """Boot, how long that had run, the time then, its quality."""
        raw = get_meta(self._db, _META)
        if raw is None:
            return "", 0, 0, NONE
        boot, running_ms, unix_ms, quality = json.loads(raw)
        return str(boot), int(running_ms), int(unix_ms), str(quality)


def moment_in(folder: Path) -> Moment:
    """Now, for a command on a data folder; the gateway on it may have heard phones."""
    path = folder / "heliograph.db"
    if not path.exists():
        db = sqlite3.connect(":memory:")
        db.execute("CREATE TABLE meta (key TEXT, value BLOB)")
    else:
        db = sqlite3.connect(path, timeout=5)
    with contextlib.closing(db):
        db.row_factory = sqlite3.Row
        return WallClock(db).moment()
