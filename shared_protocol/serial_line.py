"""The wire between a gateway and its relay: lines of ASCII in lock-step (SPEC.md 8).

    02 | base64( flags 1 | seq 1 | chunk <= 128 | CRC-32 4 ) | 0A

A line is at most 181 bytes because the UART ring of an ESP32 holds 260 and a flash erase stalls
its reader for 45 ms; lock-step because more than one line in flight would overrun it. Log lines of
the firmware do not start with 02, so they pass by. Every data line is repeated until its
acknowledgement comes, at once when the other end says that something came damaged; on a bad wire
the chunks get shorter. Whoever restarts says so in its first line.

One SerialLine on each end; no I/O: bytes and the time in, bytes and messages out.
"""

from binascii import a2b_base64, b2a_base64, crc32

from shared_protocol.errors import LocalError

MESH, CONSOLE = 0, 1  # channels: frames of the mesh; requests and answers in JSON
_CHANNEL, _ACK, _FIRST, _LAST, _RESTART = 3, 4, 8, 16, 32
_DAMAGED = _FIRST  # with ACK: something came damaged; this is the last that came whole

CHUNK_MAX = 128  # bytes before base64: the line stays under 200 characters
CHUNK_MIN = 16  # with one byte in a hundred damaged, two lines of this length in three are whole
MESSAGE_MAX = 2048  # a console answer; a mesh frame with its address is 256
QUEUE_MAX = 6  # messages waiting; a full queue refuses the new one (1.5 KB on a relay)
CONSOLE_ROOM = 2  # of these are not for frames, so that a busy mesh leaves room for answers
LINE_MAX = 200  # anything longer between two line ends is noise
REPEAT_MS = 100  # first repetition; a line at 115,200 baud and its answer take 20, an erase 45
REPEAT_MAX_MS = 2000
DEAD_AFTER_MS = 6000  # unacknowledged this long: nobody is there, forget what waits
QUIET_MS = 2000  # an idle host says this often that it is there
_LONGER, _SHORTER = (
    4,
    8,
)  # a line in vain takes an eighth of the chunk, one that came adds 4 bytes:
# at rest where half of the lines are in vain, which is near the best length for a bad wire


class SerialLine:
    """One end. `host` speaks first and keeps the line alive; the other end is silent till then.

    first_seq: a random byte, so that the first line after a restart is no repetition to the other.
    """

    def __init__(self, host: bool, first_seq: int) -> None:
        self.host = host
        self._seq = first_seq
        self.bad_lines = 0
        self.repeats = 0
        self.attached = host
        self._in = b""
        self._partial: list[bytes] | None = None  # chunks of the message that is coming in
        self._partial_size = 0
        self._seen_seq = -1
        self._seen_restart = False
        self._queue: list[tuple[int, list[bytes]]] = []
        self._acks = b""
        self._restart = True
        self._heard_ms: int | None = None
        self._chunk_len = CHUNK_MAX
        self._reset_sending()

    def _reset_sending(self) -> None:
        self._seq = (self._seq + 1) & 0xFF
        self._queue.clear()
        self._out: list[bytes] = []  # what is left of the message that is going out,
        self._out_flags = self._at = self._size = 0  # from here in its first piece, so many bytes
        self._due = False  # to be repeated at once
        self._sent_ms: int | None = None
        self._since_ms = 0
        self._wait_ms = REPEAT_MS
        self._restart = True

    def send(self, channel: int, *pieces: bytes) -> bool:
        """Queue a message of at most 2048 bytes, given in pieces: a relay has no room to join
        them. False if the queue is full or nobody is there."""
        size = sum([len(piece) for piece in pieces])
        if size > MESSAGE_MAX:
            raise LocalError("message of %d bytes for the serial line" % size)
        if not self.attached or len(self._queue) >= QUEUE_MAX:
            return False
        self._queue.append((channel, [piece for piece in pieces if piece] or [b""]))
        return True

    def room(self) -> int:
        """How many more mesh frames the queue takes."""
        return max(0, QUEUE_MAX - CONSOLE_ROOM - len(self._queue)) if self.attached else 0

    def receive(self, data: bytes, now_ms: int) -> list[tuple[int, bytes]]:
        """Bytes from the wire to the messages completed: a list of (channel, message)."""
        messages: list[tuple[int, bytes]] = []
        self._in += data
        while True:
            end = self._in.find(b"\n")
            if end < 0:
                break
            line, self._in = self._in[:end], self._in[end + 1 :]
            self._line(line, now_ms, messages)
        if len(self._in) > LINE_MAX:
            self._in = b""
            self.bad_lines += 1
        return messages

    def _line(self, line: bytes, now_ms: int, messages: list[tuple[int, bytes]]) -> None:
        start = line.rfind(b"\x02")
        if start < 0:
            return  # a log line of the firmware
        try:
            raw = a2b_base64(line[start + 1 :])
        except ValueError:
            raw = b""
        if not 6 <= len(raw) <= CHUNK_MAX + 6 or crc32(raw[:-4]).to_bytes(4, "big") != raw[-4:]:
            self.bad_lines += 1
            self._due = True  # it may have been the acknowledgement
            if self._seen_seq >= 0:
                self._acks += _encode(_ACK | _DAMAGED, self._seen_seq, b"")
            return
        self._heard_ms = now_ms
        self.attached = True
        flags, seq = raw[0], raw[1]
        if flags & _ACK:
            self._acknowledged(seq, flags & _DAMAGED > 0)
            return
        self._acks += _encode(_ACK, seq, b"")
        if flags & _RESTART:
            if seq == self._seen_seq and self._seen_restart:
                return
            self._partial = None
            if not self.host:
                self._reset_sending()  # what waits was for a former host
        elif seq == self._seen_seq:
            return  # our acknowledgement was lost; it is repeated, the chunk is not
        self._seen_restart = bool(flags & _RESTART)
        self._seen_seq = seq
        self._chunk(flags, raw[2:-4], messages)

    def _chunk(self, flags: int, chunk: bytes, messages: list[tuple[int, bytes]]) -> None:
        if flags & _FIRST:
            self._partial = []
            self._partial_size = 0
        if self._partial is None:
            return  # the rest of something whose beginning went to a former host
        self._partial.append(chunk)
        self._partial_size += len(chunk) or 1  # empty ones count: nothing grows without bound
        if self._partial_size > MESSAGE_MAX:
            self._partial = None
            self.bad_lines += 1
        elif flags & _LAST:
            message = b"".join(self._partial)
            self._partial = None
            if message:
                messages.append((flags & _CHANNEL, message))

    def _acknowledged(self, seq: int, damaged: bool) -> None:
        if not self._out or self._sent_ms is None:
            return
        if seq == self._seq:
            self._at += self._size
            if self._at >= len(self._out[0]):
                self._out.pop(0)
                self._at = 0
            self._out_flags &= _CHANNEL
            self._sent_ms = None
            self._wait_ms = REPEAT_MS
            self._chunk_len = min(CHUNK_MAX, self._chunk_len + _LONGER)
            self._seq = (self._seq + 1) & 0xFF
            self._restart = False
        elif damaged:
            self._due = True

    def poll(self, now_ms: int) -> tuple[bytes, int]:
        """Bytes to write now, and milliseconds until poll wants to be called again."""
        out, self._acks = self._acks, b""
        if self._heard_ms is not None and now_ms - self._heard_ms > DEAD_AFTER_MS:
            self._heard_ms = None
            self.attached = self.host
            self._reset_sending()
        if not self._out:
            self._next_message(now_ms)
        if not self._out:
            return out, QUIET_MS
        if self._sent_ms is None:
            self._since_ms = now_ms
            self._due = False
            self._size = min(self._chunk_len, len(self._out[0]) - self._at)
        elif not self._due and now_ms - self._sent_ms < self._wait_ms:
            return out, self._wait_ms - (now_ms - self._sent_ms)
        else:
            self.repeats += 1
            self._chunk_len = max(CHUNK_MIN, self._chunk_len - self._chunk_len // _SHORTER)
            if not self._due:
                self._wait_ms = min(2 * self._wait_ms, REPEAT_MAX_MS)
            if now_ms - self._since_ms > DEAD_AFTER_MS:
                self._reset_sending()
                return out, QUIET_MS
        self._sent_ms = now_ms
        self._due = False
        return out + self._chunk_line(), self._wait_ms

    def _chunk_line(self) -> bytes:
        end = self._at + self._size
        flags = self._out_flags
        if len(self._out) == 1 and end == len(self._out[0]):
            flags |= _LAST
        if self._restart:
            flags |= _RESTART
        return _encode(flags, self._seq, self._out[0][self._at : end])

    def _next_message(self, now_ms: int) -> None:
        if self._queue:
            channel, self._out = self._queue.pop(0)
        elif self.host and (self._heard_ms is None or now_ms - self._heard_ms >= QUIET_MS):
            channel, self._out = CONSOLE, [b""]  # "I am here"; its acknowledgement says the same
        else:
            return
        self._out_flags = channel | _FIRST
        self._at = 0


def _encode(flags: int, seq: int, chunk: bytes) -> bytes:
    raw = bytes((flags, seq)) + chunk
    raw += crc32(raw).to_bytes(4, "big")
    return b"\x02" + b2a_base64(raw)  # b2a_base64 ends the line itself
