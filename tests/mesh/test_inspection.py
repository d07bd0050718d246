"""What an operator sees of relays far off: real boards, the air, a gateway that has the port."""

import asyncio
import json
import random
import string
import subprocess
import sys
from typing import Any

import pytest

from tools.field import Field, until

pytestmark = pytest.mark.system

RELAYS, LOSS = 6, 0.1


def helio(field: Field, *words: str) -> tuple[int, Any, str]:
    """Exit code, what --json printed, and the errors."""
    command = [
        sys.executable,
        "-m",
        "gateway.cli",
        *words,
        "--json",
        "--data",
        str(field.operator),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


async def ask(field: Field, *words: str, off: int = RELAYS) -> Any:
    """The same; it must succeed. A board that resets is switched on again meanwhile; those from
    number `off` on are off."""
    running = asyncio.create_task(asyncio.to_thread(helio, field, *words))
    while not running.done():
        for board in field.boards[:off]:
            if board.poll_reset():
                board.restart()
            assert board.is_running
        await asyncio.sleep(0.1)
    code, said, errors = running.result()
    assert code == 0, (words, errors)
    return said


def test_relays_four_hops_away_are_inspected_while_a_gateway_has_the_port():
    async def scene() -> None:
        field = Field(RELAYS, LOSS, 3)
        try:
            field.a.start()
            dice = random.Random(1)
            text = "".join(dice.choices(string.printable[:90], k=4000))  # does not compress
            field.a.desk.send("Bo", text)

            async def spread() -> bool:
                _, rows, _ = await asyncio.to_thread(helio, field, "queue")
                return bool(rows and rows["rows"])

            await until(spread, 60, "the first relay to keep a piece", every_s=1)
            trace = await ask(field, "trace", "r5")
            assert [step["to"] for step in trace["steps"]] == ["r2", "r3", "r4", "r5"]
            assert all(step["there_dbm"] < 0 > step["back_dbm"] for step in trace["steps"])

            async def everywhere() -> bool:
                return bool((await ask(field, "queue", "r6"))["rows"])

            await until(everywhere, 90, "the last relay to keep a piece", every_s=2)
            far = await ask(field, "queue", "r5")
            (message,) = {row["message"] for row in far["rows"]}

            async def complete() -> Any:
                places = await ask(field, "where", message)
                return places if len(places["places"]) == RELAYS else None

            found = await until(complete, 90, "all six relays to answer", every_s=1)
            assert {place["name"] for place in found["places"]} == {
                f"r{i + 1}" for i in range(RELAYS)
            }
            for place in found["places"]:
                held = [row for row in place["rows"] if row["held"]]
                assert len(held) < found["rebuild"], "no relay holds a whole message"
            assert found["held"] >= found["rebuild"]

            nodes = await ask(field, "nodes")
            assert sum(node["answers"] for node in nodes) == RELAYS
            changed = await ask(field, "set", "r4", "name=bridge", "position=46.95,7.45")
            assert changed["name"] == "bridge"
            assert (await ask(field, "relay", "status", "bridge"))["name"] == "bridge"

            async def all_tell() -> bool:
                return not any("problem" in node for node in await ask(field, "nodes"))

            await field.relay_status()  # over the wire of each: they give its room back
            await until(all_tell, 60, "all relays to tell how they are", every_s=2)
            field.boards[5].kill()

            async def only_r6_missing() -> Any:
                said = await ask(field, "nodes", off=5)
                missing = [node for node in said if not node["answers"]]
                return missing[0] if [node["name"] for node in missing] == ["r6"] else None

            gone = await until(only_r6_missing, 60, "r6 alone to be missed", every_s=1)
            assert gone["status"]["name"] == "r6", "as it was at last"
            code, _, errors = await asyncio.to_thread(helio, field, "queue", "r99")
            assert (code, "no node is called r99" in errors) == (2, True)
        finally:
            field.close()

    asyncio.run(scene())
