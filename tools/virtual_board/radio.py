"""The radio: the boards of an air, a Medium for each channel, and the real clock that drives it.

Time is the loop's call_at, a board's pipe is a Transport it writes to; the only file is the
record. What is modelled and what is not stands in tools/medium.py.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tools.medium import Event, Heard, Lost, Medium, Sent
from tools.virtual_board import air_model, air_wire

MAX_BOARDS = 256
COORDINATE_LIMIT_M = 1 << 31  # what a join can say
# Bytes a board may leave unread in its pipe before frames to it count as lost: a stopped board
# must not make the air grow. Far above what any radio buffers, so boards overflow first.
MAX_UNREAD_BYTES = 256 * 1024
UNREAD = "unread"  # why a frame was lost, beside the Medium's reasons


class Refused(Exception):
    """A board did what the air forbids; its connection is closed."""


class Board:
    """One joined board: where it is, its transmit queue, and the pipe to it."""

    def __init__(self, mac: bytes, position_m: tuple[int, int], pipe: asyncio.Transport) -> None:
        self.mac = mac
        self.node = int.from_bytes(mac, "big")  # its name in a Medium
        self.channel = 0
        self.position_m = position_m
        self.pipe = pipe
        self.queue: deque[tuple[bytes, bytes]] = deque()  # (dest, frame), head first
        self.room: Room | None = None  # where it is heard; None once it has left
        self.sent = 0
        self.heard = 0


class Room:
    """A channel, the boards tuned to it, and the timer of what its Medium has to do next."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self.boards: dict[int, Board] = {}  # node: board
        self.timer: asyncio.TimerHandle | None = None


class Radio:
    """Every joined board, and what happens to the frames they send; lives in an asyncio loop.

    Moves and mutes belong to the place, not to the board's process: both are kept by MAC and
    outlive a board that is killed and started again.
    """

    def __init__(self, *, seed: int, loss: float, range_m: int, record: Path | None) -> None:
        self._rooms: dict[int | bytes, Room] = {}
        self.set_loss(loss)
        self.seed = seed
        self.range_m = range_m
        self.boards: dict[bytes, Board] = {}
        self.frames_sent = 0
        self.bytes_on_air = 0
        self.frames_delivered = 0
        self.frames_lost: Counter[str] = Counter()  # by reason
        self._airtime_us = 0
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
        self._enter_room(board)
        return board

    def tune(self, board: Board, payload: bytes) -> None:
        """Change a board's channel; frames it has not yet sent go out there."""
        board.channel = air_wire.decode_join(payload)[1]
        self._enter_room(board)

    def leave(self, board: Board) -> None:
        """Forget a board; a frame it had on the air is cut off and reaches nobody."""
        self._leave_room(board)
        if self.boards.get(board.mac) is board:
            del self.boards[board.mac]

    def transmit(self, board: Board, payload: bytes) -> None:
        """Queue one frame; D follows at the end of its airtime, at once if the queue is full."""
        assert board.room is not None  # who has left has no pipe any more
        self._catch_up(board.room)  # or a late timer makes the queue look full
        if len(board.queue) >= air_wire.MAX_TRANSMIT_QUEUE:
            self._done(board, air_wire.STATUS_NO_MEM)
            return
        dest, frame = payload[: air_wire.MAC_BYTES], payload[air_wire.MAC_BYTES :]
        board.queue.append((dest, frame))
        board.room.medium.send(board.node, frame, self._now_us())
        self._set_timer(board.room)

    # Rooms: who is on which Medium, and when it moves on. Modelled time is the clock's, but a
    # frame starts and ends when the Medium says, not when the loop gets round to it: timers fire
    # late by up to a millisecond, and airtimes must not stretch with them.

    def _now_us(self) -> int:
        return int((self._loop.time() - self._started_s) * 1e6)

    def _enter_room(self, board: Board) -> None:
        """Put a board into the room of its channel, out of the one it was in."""
        self._leave_room(board)
        # Without its antenna it is alone: it transmits, and reaches nobody.
        name = board.mac if board.mac in self._muted else board.channel
        if name not in self._rooms:
            medium = Medium(self.seed, range_m=self.range_m, loss=self.loss)
            medium.advance(self._now_us())
            self._rooms[name] = Room(medium)
        room = board.room = self._rooms[name]
        self._catch_up(room)
        room.boards[board.node] = board
        room.medium.place(board.node, *board.position_m)
        for _, frame in board.queue:
            room.medium.send(board.node, frame, self._now_us())
        self._set_timer(room)

    def _leave_room(self, board: Board) -> None:
        room = board.room
        if room is None:
            return
        self._catch_up(room)
        room.medium.remove(board.node)
        del room.boards[board.node]
        board.room = None
        self._set_timer(room)
        if not room.boards:
            self._rooms = {name: other for name, other in self._rooms.items() if other.boards}

    def _set_timer(self, room: Room) -> None:
        if room.timer is not None:
            room.timer.cancel()
            room.timer = None
        next_us = room.medium.next_us()
        if next_us is not None:
            at_s = self._started_s + next_us / 1e6
            room.timer = self._loop.call_at(at_s, self._catch_up, room)

    def _catch_up(self, room: Room) -> None:
        """Let the room's time pass until now."""
        for sent, fates in _frames(room.medium.advance(self._now_us())):
            self._finish(room, sent, fates)
        self._set_timer(room)

    def _finish(self, room: Room, sent: Sent, fates: list[Heard | Lost]) -> None:
        board = room.boards[sent.node]
        dest, frame = board.queue.popleft()
        self.frames_sent += 1
        self.bytes_on_air += air_model.OVERHEAD_BYTES + len(frame)
        self._airtime_us += sent.end_us - sent.start_us
        board.sent += 1
        heard: list[str] = []
        lost: dict[str, str] = {}  # mac: why
        for fate in fates:
            other = room.boards[fate.node]
            if dest not in (air_wire.BROADCAST, other.mac):
                continue
            if isinstance(fate, Lost):
                lost[other.mac.hex()] = fate.why
            elif other.pipe.get_write_buffer_size() > MAX_UNREAD_BYTES:
                lost[other.mac.hex()] = UNREAD
            else:
                heard.append(other.mac.hex())
                other.pipe.write(air_wire.encode_received(board.mac, dest, fate.rssi_dbm, frame))
                other.heard += 1
        self.frames_delivered += len(heard)
        self.frames_lost.update(lost.values())
        self._write_record(board, sent.end_us, dest, frame, heard, lost)
        reached = bool(heard) or dest == air_wire.BROADCAST
        self._done(board, air_wire.STATUS_OK if reached else air_wire.STATUS_NO_ACK)

    def _done(self, board: Board, status: int) -> None:
        board.pipe.write(air_wire.encode(air_wire.DONE, bytes([status])))

    def _write_record(
        self,
        board: Board,
        end_us: int,
        dest: bytes,
        frame: bytes,
        heard: list[str],
        lost: dict[str, str],
    ) -> None:
        if self._record is None:
            return
        line = {
            "t_ms": round(end_us / 1000),
            "src": board.mac.hex(),
            "dest": dest.hex(),
            "channel": board.channel,
            "frame": frame.hex(),
            "heard": heard,
            "lost": list(lost),
            "why": list(lost.values()),
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
            "frames_lost": self.frames_lost.total(),
            "lost_to": dict(self.frames_lost),
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
        for room in self._rooms.values():
            self._catch_up(room)
            room.medium.loss = loss

    def move(self, mac: bytes, x_m: int, y_m: int) -> None:
        """Put a board elsewhere, now and whenever it joins again."""
        if max(abs(x_m), abs(y_m)) >= COORDINATE_LIMIT_M:
            raise ValueError("coordinates are 32-bit")
        if mac not in self._moved_m and len(self._moved_m) >= MAX_BOARDS:
            raise ValueError("too many boards moved")
        self._moved_m[mac] = (x_m, y_m)
        board = self.boards.get(mac)
        if board is not None and board.room is not None:
            board.position_m = (x_m, y_m)
            self._catch_up(board.room)
            board.room.medium.place(board.node, x_m, y_m)
            self._set_timer(board.room)

    def mute(self, mac: bytes, muted: bool) -> None:
        """Take a board's antenna off (or put it back): it transmits, and reaches nobody."""
        if not muted:
            self._muted.discard(mac)
        elif len(self._muted) >= MAX_BOARDS:
            raise ValueError("too many boards muted")
        else:
            self._muted.add(mac)
        if mac in self.boards:
            self._enter_room(self.boards[mac])


def _frames(events: Iterable[Event]) -> Iterator[tuple[Sent, list[Heard | Lost]]]:
    """Each transmission with what follows it: its fate at each receiver."""
    sent: Sent | None = None
    fates: list[Heard | Lost] = []
    for event in events:
        if isinstance(event, Sent):
            if sent is not None:
                yield sent, fates
            sent, fates = event, []
        else:
            fates.append(event)
    if sent is not None:
        yield sent, fates
