"""The radio: boards in a plane and the life of a frame between them.

Time is the loop's call_at, a board's pipe is a Transport it writes to; the only file is the
record.
What is modelled and what is not stands in air.py.
"""

import asyncio
import json
from collections import deque
from pathlib import Path
from typing import Any

from tools.virtual_board import air_model, air_wire

MAX_BOARDS = 256
COORDINATE_LIMIT_M = 1 << 31  # what a join can say
# Bytes a board may leave unread in its pipe before frames to it count as lost: a stopped board
# must not make the air grow. Far above what any radio buffers, so boards overflow first.
MAX_UNREAD_BYTES = 256 * 1024


class Refused(Exception):
    """A board did what the air forbids; its connection is closed."""


class Board:
    """One joined board: where it is, its transmit queue, and the pipe to it."""

    def __init__(self, mac: bytes, position_m: tuple[int, int], pipe: asyncio.Transport) -> None:
        self.mac = mac
        self.channel = 0
        self.position_m = position_m
        self.pipe = pipe
        self.queue: deque[tuple[bytes, bytes]] = deque()  # (dest, frame), head first
        self.timer: asyncio.TimerHandle | None = None  # backing off, or on the air
        self.on_air_until_s = 0.0
        self.sent = 0
        self.heard = 0


class Radio:
    """Every joined board, and what happens to the frames they send; lives in an asyncio loop.

    Moves and mutes belong to the place, not to the board's process: both are kept by MAC and
    outlive a board that is killed and started again.
    """

    def __init__(self, *, seed: int, loss: float, range_m: int, record: Path | None) -> None:
        self.set_loss(loss)
        self.range_m = range_m
        self.boards: dict[bytes, Board] = {}
        self.frames_sent = 0
        self.bytes_on_air = 0
        self.frames_delivered = 0
        self.frames_lost = 0
        self._airtime_us = 0
        self._chance = air_model.Chance(seed)
        self._moved_m: dict[bytes, tuple[int, int]] = {}
        self._muted: set[bytes] = set()
        self._record = record.open("a", encoding="utf-8") if record else None
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()

    def close(self) -> None:
        """Stop every board's timer and the record."""
        for board in list(self.boards.values()):
            self.leave(board)
        if self._record is not None:
            self._record.close()

    # What a board may ask for.

    def join(self, pipe: asyncio.Transport, payload: bytes) -> Board:
        """Let a board onto the air; a second pipe for one MAC replaces the first."""
        mac, channel, x_m, y_m = air_wire.decode_join(payload)
        old = self.boards.get(mac)
        if old is not None:
            self.leave(old)
            old.pipe.abort()
        elif len(self.boards) >= MAX_BOARDS:
            raise Refused("the air is full")
        board = Board(mac, self._moved_m.get(mac, (x_m, y_m)), pipe)
        board.channel = channel
        self.boards[mac] = board
        return board

    def leave(self, board: Board) -> None:
        """Forget a board; a frame it had on the air is cut off and reaches nobody."""
        if board.timer is not None:
            board.timer.cancel()
        if self.boards.get(board.mac) is board:
            del self.boards[board.mac]

    def transmit(self, board: Board, payload: bytes) -> None:
        """Queue one frame; D follows at the end of its airtime, at once if the queue is full."""
        if len(board.queue) >= air_wire.MAX_TRANSMIT_QUEUE:
            self._done(board, air_wire.STATUS_NO_MEM)
            return
        dest, frame = payload[: air_wire.MAC_BYTES], payload[air_wire.MAC_BYTES :]
        board.queue.append((dest, frame))
        if board.timer is None:
            self._try_start(board, self._loop.time())

    # The life of a frame. `now_s` is the modelled time, not the time the loop got round to it:
    # timers fire late by up to a millisecond, and airtimes must not stretch with them.

    def _try_start(self, board: Board, now_s: float) -> None:
        board.timer = None
        clear_at_s = max(
            (
                other.on_air_until_s
                for other in self.boards.values()
                if other is board or self._hears(board, other)
            ),
            default=0.0,
        )
        if clear_at_s > now_s:
            self._try_later(board, clear_at_s)
            return
        _, frame = board.queue[0]
        board.on_air_until_s = now_s + air_model.airtime_us(len(frame)) / 1e6
        board.timer = self._loop.call_at(board.on_air_until_s, self._finish, board)

    def _try_later(self, board: Board, clear_at_s: float) -> None:
        start_s = clear_at_s + self._chance.backoff_us() / 1e6
        board.timer = self._loop.call_at(start_s, self._try_start, board, start_s)

    def _finish(self, board: Board) -> None:
        board.timer = None
        dest, frame = board.queue.popleft()
        self.frames_sent += 1
        self.bytes_on_air += air_model.OVERHEAD_BYTES + len(frame)
        self._airtime_us += air_model.airtime_us(len(frame))
        board.sent += 1
        heard: list[str] = []
        lost: list[str] = []
        for other in list(self.boards.values()):
            if not self._hears(other, board) or dest not in (air_wire.BROADCAST, other.mac):
                continue
            (heard if self._deliver(board, other, dest, frame) else lost).append(other.mac.hex())
        self.frames_delivered += len(heard)
        self.frames_lost += len(lost)
        self._write_record(board, dest, frame, heard, lost)
        reached = bool(heard) or dest == air_wire.BROADCAST
        self._done(board, air_wire.STATUS_OK if reached else air_wire.STATUS_NO_ACK)
        if board.queue:
            # A backoff between one's own frames too, or the others would never get a turn.
            self._try_later(board, board.on_air_until_s)

    def _deliver(self, src: Board, dst: Board, dest: bytes, frame: bytes) -> bool:
        # Drawn before anything else is looked at: one draw per frame keeps the link's pattern.
        if self._chance.is_lost(src.mac, dst.mac, self.loss):
            return False
        if dst.pipe.get_write_buffer_size() > MAX_UNREAD_BYTES:
            return False
        level_dbm = air_model.rssi_dbm(air_model.distance_m(src.position_m, dst.position_m))
        dst.pipe.write(air_wire.encode_received(src.mac, dest, level_dbm, frame))
        dst.heard += 1
        return True

    def _hears(self, board: Board, other: Board) -> bool:
        return (
            board is not other
            and board.channel == other.channel
            and board.mac not in self._muted
            and other.mac not in self._muted
            and air_model.distance_m(board.position_m, other.position_m) <= self.range_m
        )

    def _done(self, board: Board, status: int) -> None:
        board.pipe.write(air_wire.encode(air_wire.DONE, bytes([status])))

    def _write_record(
        self, board: Board, dest: bytes, frame: bytes, heard: list[str], lost: list[str]
    ) -> None:
        if self._record is None:
            return
        line = {
            "t_ms": round((board.on_air_until_s - self._started_s) * 1000),
            "src": board.mac.hex(),
            "dest": dest.hex(),
            "channel": board.channel,
            "frame": frame.hex(),
            "heard": heard,
            "lost": lost,
        }
        self._record.write(json.dumps(line) + "\n")
        self._record.flush()

    # What the operator of the air may ask for.

    def stats(self) -> dict[str, Any]:
        """Counters since the start. bytes_on_air includes 43 bytes of 802.11 around each frame."""
        return {
            "frames_sent": self.frames_sent,
            "bytes_on_air": self.bytes_on_air,
            "airtime_ms": self._airtime_us // 1000,
            "frames_delivered": self.frames_delivered,
            "frames_lost": self.frames_lost,
            "boards": [
                {
                    "mac": board.mac.hex(),
                    "x_m": board.position_m[0],
                    "y_m": board.position_m[1],
                    "channel": board.channel,
                    "muted": board.mac in self._muted,
                    "sent": board.sent,
                    "heard": board.heard,
                }
                for board in self.boards.values()
            ],
        }

    def set_loss(self, loss: float) -> None:
        if not 0.0 <= loss <= 1.0:
            raise ValueError("loss is a probability, 0.0 to 1.0")
        self.loss = loss

    def move(self, mac: bytes, x_m: int, y_m: int) -> None:
        """Put a board elsewhere, now and whenever it joins again."""
        if max(abs(x_m), abs(y_m)) >= COORDINATE_LIMIT_M:
            raise ValueError("coordinates are 32-bit")
        if mac not in self._moved_m and len(self._moved_m) >= MAX_BOARDS:
            raise ValueError("too many boards moved")
        self._moved_m[mac] = (x_m, y_m)
        if mac in self.boards:
            self.boards[mac].position_m = (x_m, y_m)

    def mute(self, mac: bytes, muted: bool) -> None:
        """Take a board's antenna off (or put it back): it transmits, and reaches nobody."""
        if not muted:
            self._muted.discard(mac)
        elif len(self._muted) >= MAX_BOARDS:
            raise ValueError("too many boards muted")
        else:
            self._muted.add(mac)
