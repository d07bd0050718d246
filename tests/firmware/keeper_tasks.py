"""What becomes of tasks that stumble; for MicroPython, whose asyncio and ticks it uses."""

import asyncio

from firmware import keeper


class Reset(BaseException):
    """The board restarts: nothing runs after that."""


def reset():
    raise Reset


class Notes:
    def __init__(self):
        self.faults = []

    def fault(self, name, error):
        self.faults.append((name, str(error)))


class Stumbling:
    """A task that raises these one after the other, and then goes on for ever."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.begun = 0

    async def run(self):
        self.begun += 1
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.sleep_ms(60_000)


def run(task, for_ms):
    """Was the board restarted, and what was noted?"""
    notes = Notes()

    async def main():
        kept = asyncio.create_task(keeper.keep("listen", notes, reset, task.run))
        await asyncio.sleep_ms(for_ms)
        kept.cancel()

    keeper._PAUSE_MS = 1
    try:
        asyncio.run(main())
    except Reset:
        return True, notes.faults
    return False, notes.faults


def test_a_task_that_stumbles_begins_again():
    task = Stumbling(ValueError("one"), OSError("two"))
    assert run(task, 50) == (False, [("listen", "one"), ("listen", "two")])
    assert task.begun == 3


def test_one_that_ran_out_of_memory_is_a_restart():
    task = Stumbling(MemoryError())
    assert run(task, 50) == (True, [])
    assert task.begun == 1


def test_one_that_stumbles_all_the_time_is_a_restart_in_the_end():
    task = Stumbling(*[ValueError(str(i)) for i in range(100)])
    again, faults = run(task, 500)
    assert again
    assert len(faults) == task.begun == keeper._FAULTS_MAX == 20
