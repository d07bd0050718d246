"""A request to this relay, from the wire or through the mesh, to its answer.

Loaded for one request and forgotten again, like what answers it: a relay has no room for them.
"""

import gc
import json

from firmware import OFFERED, UPDATE_HEAP, forget

_ROOM = 6_500  # free bytes; status takes 3,300 for its code and 1,000 for what it says


def answer(request: bytes, relay, far: bool = False) -> list:
    """What the relay says to a request in JSON, {"ask": "status"} for instance, in pieces.
    far: it came through the mesh."""
    try:
        asked = json.loads(request)
        gc.collect()
        if far and asked["ask"] in ("provision", "repl", "update"):
            raise ValueError  # no keys through the air; no way back; updates have their own way
        if asked["ask"] == "update":
            heap = gc.mem_free()
            if relay.update[OFFERED] or (relay.node.spread is None and heap < UPDATE_HEAP):
                raise MemoryError
            from firmware import updating

            return [updating.answer(asked, relay)]
        if gc.mem_free() < _ROOM and relay.node.spread:
            relay.look_at_update(True)
            gc.collect()
        if gc.mem_free() < _ROOM:
            raise MemoryError
        if asked["ask"] == "status":
            from firmware.status import status

            return status(relay)
        if asked["ask"] == "queue":
            from firmware.queue_page import page

            return [page(relay.node, asked, relay.node.clock.now_s(relay.now_ms()))]
        from firmware import console

        return [console.answer(asked, relay)]
    except (KeyError, TypeError, ValueError, OverflowError):
        return [b'{"error":"this request makes no sense"}']
    except MemoryError:  # nothing that stays was touched
        return [b'{"error":"no memory for this now: ask again"}']
    finally:
        forget("firmware.console", "firmware.status", "firmware.queue_page", "firmware.asked")
