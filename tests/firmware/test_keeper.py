"""Tasks that stumble, under the interpreter whose asyncio they run in."""

from pathlib import Path

from tests.on_micropython import run_module


def test_tasks_that_stumble() -> None:
    run_module(Path(__file__).with_name("keeper_tasks.py"), "160k")
