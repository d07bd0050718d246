"""Keeps a relay's tasks going: one that stumbles begins again, and some trouble is a restart."""

import asyncio
import time

_FAULTS_MAX, _FAULT_APART_MS = 20, 5_000  # so many faults in a row of one task: start again
_PAUSE_MS = 500


async def keep(name: str, journal, reset, task, *arguments) -> None:
    """Run a task for ever; whatever it stumbles over is noted and it begins again.

    `task(*arguments)` makes a coroutine. `reset()` restarts the board: when a task stumbles again
    and again, since what it stumbles over does not go away, and when it ran out of memory. That
    may have left anything half done, here or in asyncio, while what is in flash is whole.
    """
    in_a_row, last_ms = 0, time.ticks_ms()
    while True:
        try:
            await task(*arguments)
        except MemoryError:
            reset()
        except Exception as e:  # the boundary of a relay: one task's fault must not end it
            journal.fault(name, e)
        now_ms = time.ticks_ms()
        in_a_row = in_a_row + 1 if time.ticks_diff(now_ms, last_ms) < _FAULT_APART_MS else 1
        last_ms = now_ms
        if in_a_row >= _FAULTS_MAX:
            reset()
        await asyncio.sleep_ms(_PAUSE_MS)
