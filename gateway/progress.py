"""A progress bar on standard error for what takes over a second; nothing where nobody looks."""

import sys
import time
from types import TracebackType
from typing import Self

_SHOW_AFTER_S = 0.5
_WIDTH = 30


class Progress:
    """with Progress("asking", 12) as progress: … progress.step(). Without a total: it goes on."""

    def __init__(self, what: str, total: int = 0) -> None:
        self._what = what
        self._total = total
        self._done = 0.0
        self._start_s = time.monotonic()
        self._shown = False

    def step(self, done: float | None = None) -> None:
        """One more is done, or `done` of them altogether."""
        self._done = self._done + 1 if done is None else done
        self._draw()

    def _draw(self) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self._start_s < _SHOW_AFTER_S:
            return
        share = min(1.0, self._done / self._total) if self._total else 0.0
        bar = "█" * round(share * _WIDTH)
        line = f"{self._what} {bar:<{_WIDTH}} {share:4.0%}" if self._total else f"{self._what} …"
        print(f"\r{line}", end="", file=sys.stderr, flush=True)
        self._shown = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        e: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
