"""What a relay does when it is asked, over the wire or through the mesh.

A request is a JSON object, {"ask": "status"} for instance. Loaded for one request and forgotten
again, like what answers it.
"""

import gc
import json

_SOON_MS = 1500  # for an answer to go out before the relay starts again


def answer(request: bytes, relay) -> bytes:
    """A request to its answer: JSON, or a page of rows (queue_page.py)."""
    asked = _parsed(request)
    ask = asked.get("ask")
    gc.collect()  # an answer wants up to 2 KB in one piece
    if ask == "ping":
        return _json({"node": relay.node.node_id.hex(), "uptime_s": relay.uptime_s()})
    if ask == "status":
        from firmware import status

        return _json(status.status(relay))
    if ask == "log":
        from firmware import status

        return _json({"log": status.log(relay)})
    if ask == "queue":
        return _queue(asked, relay)
    if ask == "reboot":
        _soon(lambda: None)
        return _json({"rebooting": True})
    if ask == "format":
        return _format()
    return _json({"error": "unknown request"})


def answer_refused(request: bytes, reason: str) -> bytes:
    """The same of a relay whose store was refused."""
    if _parsed(request).get("ask") == "format":
        return _format()
    return _json({"error": reason})


def _parsed(request: bytes) -> dict:
    try:
        asked = json.loads(request)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _json(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _queue(asked: dict, relay) -> bytes:
    from firmware import queue_page

    try:
        return queue_page.page(relay.node, asked, relay.node.clock.now_s(relay.now_ms()))
    except (KeyError, TypeError, ValueError, OverflowError):
        return _json({"error": "after, most, of, names"})


def _format() -> bytes:
    """Start again with an empty store."""
    from firmware.buffers import STORE

    if STORE is None:
        return _json({"error": "there is no partition to format"})

    def wipe():
        from firmware import flash_recovery

        flash_recovery.wipe(STORE.ring.part)

    _soon(wipe)
    return _json({"formatting": True})


def _soon(action) -> None:
    """Do something and start again, once this answer is on the wire or on its way."""
    import asyncio

    async def soon():
        import machine

        await asyncio.sleep_ms(_SOON_MS)
        try:
            action()
        finally:
            machine.reset()

    asyncio.create_task(soon())
