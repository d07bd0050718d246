"""What a board does when it is asked over the wire, whether it takes part in the mesh or not.

Loaded when somebody asks, and forgotten again.
"""

import json

from firmware import forget

_ANSWER_MS = 500  # for an answer to go out


def answer(request: bytes, error: str) -> bytes:
    """A console request in JSON to its answer: what any board does that has this firmware
    ("format", "repl", "who", "provision"), else the error."""
    ask = _asked(request)
    told = {"error": error}
    if ask == "format":
        told = _format()
    elif ask == "repl":
        told = _repl()
    elif ask in ("who", "provision"):
        from firmware import provision

        told = provision.who() if ask == "who" else provision.provision(request)
        forget("firmware.provision", "firmware.config", "shared_protocol.node_record")
        if ask == "provision":
            _restart(lambda: None)
    forget("firmware.board")
    return json.dumps(told, separators=(",", ":")).encode()


def _asked(request: bytes):
    try:
        return json.loads(request)["ask"]
    except (ValueError, KeyError, TypeError):
        return None


def _repl() -> dict:
    """Stop the firmware, once this answer is on the wire: main.run() ends as after Ctrl-C."""
    import asyncio

    async def soon():
        await asyncio.sleep_ms(_ANSWER_MS)
        raise KeyboardInterrupt

    asyncio.create_task(soon())
    return {"repl": True}


def _format() -> dict:
    """Start again with an empty store, once this answer is on the wire."""
    from firmware.buffers import STORE

    if STORE is None:
        return {"error": "there is no partition to format"}

    def wipe():
        from firmware import flash_recovery

        flash_recovery.wipe(STORE.ring.part)

    _restart(wipe)
    return {"formatting": True}


def _restart(first) -> None:
    """Call `first` and start again, once the answer is on the wire."""
    import asyncio

    async def soon():
        import machine

        await asyncio.sleep_ms(_ANSWER_MS)
        try:
            first()
        finally:
            machine.reset()

    asyncio.create_task(soon())
