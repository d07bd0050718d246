"""Asking a running air for its stats, or telling it to change, over its control connection."""

import json
import socket
from typing import Any

from tools.virtual_board import air_wire

ANSWER_TIMEOUT_S = 5.0


class AirError(Exception):
    """The air refused the request, or is not there; the message is its own words."""


def ask(port: int, cmd: str, **fields: Any) -> dict[str, Any]:
    """Send one control request and return the reply; raises AirError.

    `ask(port, "stats")`, `ask(port, "set", loss=0.1)`, `ask(port, "move", mac=…, x_m=…, y_m=…)`,
    `ask(port, "mute", mac=…, muted=True)`. Blocks: not for use inside the air's own loop.
    """
    request = json.dumps({"cmd": cmd, **fields}).encode()
    splitter = air_wire.Splitter()
    messages: list[tuple[int, bytes]] = []
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S) as pipe:
            pipe.sendall(air_wire.encode(air_wire.CONTROL, request))
            while not messages:
                data = pipe.recv(65536)
                if not data:
                    raise AirError("the air closed the connection")
                messages = splitter.feed(data)
    except OSError as error:
        raise AirError(f"no air on port {port}: {error}") from error
    reply: dict[str, Any] = json.loads(messages[0][1])
    if "error" in reply:
        raise AirError(reply["error"])
    return reply
