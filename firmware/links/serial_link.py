"""The tether: USB serial to a gateway, as lines of ASCII beside MicroPython's own REPL.

In the first two seconds Ctrl-C on the wire stops the firmware and opens the REPL (base64 never
contains it); afterwards it is a byte like any other, and noise cannot stop a relay.
"""

import select
import sys

from shared_protocol.serial_line import CONSOLE, MESH, SerialLine

_BURST = 128  # bytes taken from the UART ring before others get their turn
_GONE_MS = 4_000  # after the line has given its host up, or if what came was noise


class SerialLink:
    """One end of a SerialLine on stdin and stdout, while there is somebody on the wire."""

    def __init__(self, first_seq: int, now_ms) -> None:
        self.line = SerialLine(False, first_seq)
        self._now_ms = now_ms
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._poll = select.poll()
        self._poll.register(self._in, select.POLLIN)
        self._was_attached = False
        self._here_ms = now_ms()  # when somebody was last here, or may have been

    def take(self, data: bytes, heard, asked) -> None:
        """What comes over the wire, from these bytes on: `heard(address, frame)` is called for the
        mesh's frames, `asked(message)` for the console's."""
        while len(data) < _BURST and self._poll.poll(0):
            data += self._in.read(1)
        for channel, message in self.line.receive(data, self._now_ms()):
            if channel == MESH and len(message) > 6:
                heard(message[:6], message[6:])
            elif channel == CONSOLE:
                asked(message)

    def gone(self) -> bool:
        """Has nobody been here for a while? A host that is there says so every two seconds."""
        now_ms = self._now_ms()
        if self.line.attached:
            self._here_ms = now_ms
        return now_ms - self._here_ms > _GONE_MS

    def note_attached(self, changed) -> None:
        """`changed(attached)` when a gateway came or went."""
        if self.line.attached != self._was_attached:
            self._was_attached = self.line.attached
            changed(self._was_attached)

    def send(self, address: bytes, frame: bytes) -> bool:
        """Queue a mesh frame. False if it does not fit now."""
        return self.line.send(MESH, address + frame)

    def answer(self, number: bytes, pieces) -> None:
        """Queue a console message: its number, what it says in pieces."""
        self.line.send(CONSOLE, number, *pieces)

    def pump(self) -> int:
        """Write what is due; milliseconds until the next call matters."""
        data, wait_ms = self.line.poll(self._now_ms())
        if data:
            self._out.write(data)
        return wait_ms
