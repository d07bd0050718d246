"""What any board does for whoever has its wire, also one that takes no part in a mesh.

Loaded when it is asked for, and forgotten again.
"""

import json
from binascii import hexlify

from firmware import VERSION, forget
from shared_protocol.hashing import H
from shared_protocol.node_record import pack

_ANSWER_MS = 500  # for an answer to go out


def answer(request: bytes, error: str) -> bytes:
    """A console request in JSON, {"ask": "format" | "who" | "provision"}, to its answer in JSON:
    {"error": ...} if it was none of these. With "provision" comes {"record": {...}}."""
    try:
        asked = json.loads(request)
        ask = asked["ask"]
    except (ValueError, KeyError, TypeError):
        ask = ""
    told = {"error": error}
    if ask == "format":
        told = _format()
    elif ask == "who":
        told = who()
    elif ask == "provision":
        told = provision(asked.get("record"))
        _restart(lambda: None)
    forget("firmware.service", "firmware.config", "shared_protocol.node_record")
    return json.dumps(told, separators=(",", ":")).encode()


def who() -> dict:
    """Who this board is, as its flash says, without a secret. Without a record node is None.

    network: 8 hex digits that differ between networks. mac: the chip's own address.
    """
    import machine

    from firmware import config

    told = {"mac": hexlify(machine.unique_id()).decode(), "firmware": VERSION, "node": None}
    known, error = config.load()
    if not known:
        told["error"] = error
        return told
    told["node"] = hexlify(known["node"]).decode()
    told["name"] = known["name"]
    told["board"] = known["board"]
    told["network"] = hexlify(H(b"network", known["network_key"])[:4]).decode()
    return told


def provision(record) -> dict:
    """Take the record for this board's own: {"provisioned": node}, or {"error": why not}.

    The board must start again to go by it. A power cut leaves the former record or this one.
    """
    from firmware import config

    try:
        config.checked(record)
        write(config.partition(), json.dumps(record, separators=(",", ":")).encode())
    except ValueError as e:
        return {"error": str(e)}
    except OSError:
        return {"error": "the flash did not keep the record"}
    return {"provisioned": record["node"]}


def write(part, payload: bytes) -> None:
    """Keep the record's payload. OSError, and the former record stays, if the flash does not."""
    from firmware import config

    former = config.read(part)
    former = former and former[:2]  # without its payload, which takes room
    sector, sequence = (1 - former[0], former[1] + 1) if former else (0, 1)
    part.ioctl(6, sector)
    part.writeblocks(sector, pack(sequence, payload), 0)
    if config.read(part) != (sector, sequence, payload):
        raise OSError
    if former:
        part.ioctl(6, former[0])  # it may hold the key of a network that this board has left


def _format() -> dict:
    """Start again with an empty store."""
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
