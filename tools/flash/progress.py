"""How far boards are: one line on a terminal's standard error, nothing in a pipe."""

import sys
import threading
from collections.abc import Callable
from pathlib import PurePosixPath

_BAR = 30


class Progress:
    """The line; boards may tell of themselves from any thread."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._lock = threading.Lock()
        self._shown = sys.stderr.isatty()

    def of(self, port: str) -> Callable[[int, int], None]:
        """What is told (done, total) of one board."""

        def tell(done: int, total: int) -> None:
            with self._lock:
                self._shares[port] = min(1.0, done / max(1, total))
                self._draw()

        return tell

    def clear(self) -> None:
        """Take the line away."""
        if self._shown and self._shares:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _draw(self) -> None:
        if not self._shown:
            return
        if len(self._shares) == 1:
            share = next(iter(self._shares.values()))
            line = f"[{'#' * round(share * _BAR):.<{_BAR}}] {share:4.0%}"
        else:
            line = "  ".join(
                f"{PurePosixPath(port).name} {share:4.0%}" for port, share in self._shares.items()
            )
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
