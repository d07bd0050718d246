"""How far boards are: one line on a terminal's standard error, nothing in a pipe."""

import sys
import threading
from pathlib import PurePosixPath

_BAR = 30


class Progress:
    """The line; boards may tell of themselves from any thread."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._lock = threading.Lock()
        self._shown = sys.stderr.isatty()

    def tell(self, port: str, words: str) -> None:
        """What is being done to the board on a port."""
        with self._lock:
            self._words[port] = words
            if self._shown:
                alone = len(self._words) == 1
                parts = [
                    words if alone else f"{PurePosixPath(port).name} {words}"
                    for port, words in self._words.items()
                ]
                print(f"\r\x1b[K{'  '.join(parts)}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown and self._words:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Bar:
    """One board's part of the line. Called with (bytes done, of how many) while it is written."""

    def __init__(self, progress: Progress, port: str) -> None:
        self._progress, self._port = progress, port

    def stage(self, words: str) -> None:
        """Something without an end in sight begins."""
        self._progress.tell(self._port, f"{words} …")

    def __call__(self, done: int, total: int) -> None:
        share = min(1.0, done / max(1, total))
        bar = "#" * round(share * _BAR)
        self._progress.tell(self._port, f"writing [{bar:.<{_BAR}}] {share:4.0%}")
