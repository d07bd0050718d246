"""The last lines a relay wanted to say, kept in RAM: the serial wire belongs to the tether.

Printing while nobody reads would block a USB port sooner or later; `helio` asks for these instead.
"""

import io
import sys

_LINES_MAX = 8
_LINE_MAX = 240


class Journal:
    """A ring of lines, each with the seconds since boot."""

    def __init__(self, uptime_s) -> None:
        self._uptime_s = uptime_s
        self.lines: list = []
        self.faults = 0

    def note(self, text: str) -> None:
        """Keep one line."""
        if len(self.lines) >= _LINES_MAX:
            self.lines.pop(0)
        self.lines.append("%d %s" % (self._uptime_s(), text[:_LINE_MAX]))

    def last(self, bytes_max: int) -> list:
        """The newest lines, oldest first, that together have at most so many bytes."""
        at = len(self.lines)
        while at and bytes_max >= len(self.lines[at - 1].encode()):
            at -= 1
            bytes_max -= len(self.lines[at].encode())
        return self.lines[at:]

    def fault(self, where: str, error: Exception) -> None:
        """Keep an exception with its traceback; with little memory left, only count it."""
        self.faults += 1
        try:
            text = io.StringIO()
            sys.print_exception(error, text)
            lines = text.getvalue().strip().split("\n")  # the innermost calls say most
            self.note(where + ": " + lines[-1] + " <" + " <".join(lines[-2:-7:-1]))
        except MemoryError:
            self.lines.clear()
