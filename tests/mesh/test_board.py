"""The board over real relays, by the command line: a call for help crosses them, and its end."""

import asyncio
import json

import pytest

from gateway.cli import main
from tools.field import Field, until

pytestmark = pytest.mark.system
WAIT_S = 60


def test_a_call_for_help_crosses_relays_and_is_taken_back_everywhere(tmp_path, capsys):
    async def exchange():
        field = Field(2, 0.1, 1, tmp_path, ("Ana", "Bo"))

        def helio(gateway, *words):
            capsys.readouterr()
            assert main([*words, "--data", str(gateway.folder), "--json"]) == 0
            return json.loads(capsys.readouterr().out)

        def listed(gateway):
            return [(row["kind"], row["state"]) for row in helio(gateway, "board", "list")]

        try:
            helio(field.a, "board", "say", "before", "the", "gateway", "ran")
            for gateway in (field.a, field.b):
                gateway.start()
            await until(lambda: listed(field.b) == [("safe", "live")], WAIT_S, "the check-in")
            helio(field.a, "board", "sos", "the school", "--need", "fire", "--yes")
            both = [("sos", "live"), ("safe", "live")]
            await until(lambda: listed(field.b) == both, WAIT_S, "the call")
            (call, _) = helio(field.b, "board", "list")
            assert (call["name"], call["need"], call["text"]) == ("Ana", "fire", "the school")
            assert call["relays"] == 2

            async def kept(count):
                return all(s.get("parcels") == count for s in await field.relay_status())

            await until(lambda: kept(2), WAIT_S, "both on each relay")
            helio(field.a, "board", "cancel", call["id"][:8])
            over = [("safe", "live"), ("sos", "cancelled")]
            await until(lambda: listed(field.b) == over, WAIT_S, "its end")
            await until(lambda: kept(1), WAIT_S, "the relays to let go of it")
            field.b.stop()
            field.b.start()
            assert listed(field.b) == over
        finally:
            field.close()

    asyncio.run(exchange())
