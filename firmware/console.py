"""What a relay does when it is asked, besides telling its status and its queue (main.py).

Loaded for one request and forgotten again.
"""

import gc
import json

from firmware import VERSION, forget

_SOON_MS = 1500  # for an answer to go out before the relay starts again; over the wire less
_AT_ONCE_MS = 500
_DONE = {"done": True}
_LOG_BYTES = 900  # twice that when every letter wants a backslash


def answer(asked: dict, relay) -> bytes:
    """A request that has an `ask`, to its answer: JSON, or of "record" the bytes in the store."""
    ask = asked["ask"]
    if ask == "ping":
        said = {"node": relay.node.node_id.hex(), "uptime_s": relay.uptime_s()}
    elif ask == "who":
        said = _who(relay)
    elif ask == "log":
        said = {"log": relay.journal.last(_LOG_BYTES)}
    elif ask == "set":
        said = _set(asked["set"], relay)
    elif ask == "record":
        row = relay.node.index.find(asked["short"])
        return relay.node.shelf.store.get(relay.node.index.handle[row]) if row >= 0 else b""
    elif ask == "reboot":
        _restart(lambda: None)
        said = _DONE
    else:
        if ask == "provision":
            relay.node = None  # to have room: whatever comes of it, the board starts again
        said = _board(asked, "unknown request")
    return _json(said)


def _who(relay) -> dict:
    """As provision.who(), of a relay that runs: there is no room for reading its record again."""
    import machine

    return {
        "mac": machine.unique_id().hex(), "firmware": VERSION, "node": relay.node.node_id.hex(),
        "name": relay.name, "board": relay.board, "network": relay.network,
    }  # fmt: skip


def _set(values, relay) -> dict:
    """Take other settings into the record, and start again with them. Only then is there room for
    it, without the node: what is wrong with them leaves the record as it was."""
    if not isinstance(values, dict):
        raise ValueError

    def change():
        relay.node = relay.far = None
        gc.collect()
        from firmware import provision

        provision.change(values)

    _restart(change)
    return _DONE


def answer_refused(request: bytes, reason: str) -> bytes:
    """The same of a relay that does not take part, and why not."""
    try:
        asked = json.loads(request)
        asked["ask"]
    except (KeyError, TypeError, ValueError):
        asked = {"ask": ""}
    return _json(_board(asked, reason))


def _board(asked: dict, error: str) -> dict:
    """What any board does that has this firmware, else the error."""
    ask = asked["ask"]
    if ask == "format":
        return _format()
    if ask == "repl":
        return _repl()
    if ask != "who" and ask != "provision":
        return {"error": error}
    from firmware import provision

    said = provision.who() if ask == "who" else provision.provision(asked.get("record"))
    forget("firmware.provision", "firmware.config", "shared_protocol.node_record")
    if ask == "provision":
        _restart(lambda: None, _AT_ONCE_MS)  # it came over the wire
    return said


def _json(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _repl() -> dict:
    """Stop the firmware, once this answer is on the wire: main.run() ends as after Ctrl-C."""
    import asyncio

    async def soon():
        await asyncio.sleep_ms(_SOON_MS)
        raise KeyboardInterrupt

    asyncio.create_task(soon())
    return _DONE


def _format() -> dict:
    """Start again with an empty store."""
    from firmware.buffers import STORE

    if STORE is None:
        return {"error": "there is no partition to format"}

    def wipe():
        from firmware import flash_recovery

        flash_recovery.wipe(STORE.ring.part)

    _restart(wipe)
    return _DONE


def _restart(first, wait_ms: int = _SOON_MS) -> None:
    """Call `first` and start again, once the answer is on the wire or on its way."""
    import asyncio

    async def soon():
        import machine

        await asyncio.sleep_ms(wait_ms)
        try:
            first()
        finally:
            machine.reset()

    asyncio.create_task(soon())
