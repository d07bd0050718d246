"""Relays that sleep: the rules under MicroPython, and whole boards that keep time together."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.on_micropython import run_module
from tools.field import Field, until
from tools.power.energy import LISTEN, SLEEP, START
from tools.virtual_board.rom import REPOSITORY


def test_the_rules(tmp_path: Path) -> None:
    tests = Path(__file__).parent
    board_side = REPOSITORY / "tools/virtual_board"
    protocol = REPOSITORY / "tests/protocol"
    run_module(
        tests / "sleeping_rules.py", "512k", tmp_path,
        MICROPYPATH=f"{board_side}/standins:{board_side}:{REPOSITORY}:{tests}:{protocol}:.frozen",
    )  # fmt: skip


@pytest.mark.system
def test_boards_sleep_together_and_answer_on_the_wire() -> None:
    async def scene() -> None:
        field = Field(3, 0, 1, power="balanced")
        try:

            def spent() -> list[dict[str, int]]:
                return [b.meter.read(time.monotonic_ns() // 1000) for b in field.boards]

            await until(lambda: min(us[SLEEP] for us in spent()) > 2_000_000, 90, "all to sleep")
            before = spent()
            await asyncio.sleep(30)  # of the boards' real time
            each = [
                {s: now[s] - then[s] for s in now}
                for now, then in zip(spent(), before, strict=True)
            ]
            for us in each:
                assert us[SLEEP] > 25_000_000
                assert us[LISTEN] > 500_000
                assert 4 <= us[START] / 30_000 <= 14  # seven windows
            # Heard while they slept: their windows are the same.
            sent = [s["stats"]["frames_sent"] for s in await field.relay_status()]
            heard = [s["stats"]["frames_heard"] for s in await field.relay_status()]
            assert heard[1] >= 0.8 * (sent[0] + sent[2])
        finally:
            field.close()

    asyncio.run(scene())
