"""Who this board is, and a new record for it. Loaded when somebody asks, and forgotten again."""

import json
from binascii import hexlify

from firmware import VERSION, config
from shared_protocol.hashing import network_id
from shared_protocol.node_record import pack

_CHANGEABLE = ("name", "cell", "power")  # the rest is what others know the node by


def who() -> dict:
    """Who this board is, as its flash says, without a secret. Without a record node is None.

    network: 8 hex digits that differ between networks. mac: the chip's own address.
    """
    import machine

    answer = {"mac": hexlify(machine.unique_id()).decode(), "firmware": VERSION, "node": None}
    try:
        known = config.load()
    except ValueError as e:
        answer["error"] = str(e)
        return answer
    answer["node"] = hexlify(known.node).decode()
    answer["name"] = known.name
    answer["board"] = known.board
    answer["network"] = network_id(known.network_key)
    return answer


def provision(record) -> dict:
    """Take a record for this board's own: {"provisioned": node}, or {"error": why not}.

    The board must start again to go by it. A power cut leaves the former record or this one.
    """
    try:
        if not isinstance(record, dict):
            raise ValueError("the record is no object")
        config.Config(record)
        write(config.partition(), json.dumps(record, separators=(",", ":")).encode())
    except ValueError as e:
        return {"error": str(e)}
    except OSError:
        return {"error": "the flash did not keep the record"}
    return {"provisioned": record["node"]}


def change(values: dict) -> dict:
    """Take other settings, of _CHANGEABLE, into this board's record; as provision()."""
    found = config.read(config.partition())
    record = json.loads(found[2])
    for field in _CHANGEABLE:
        if field in values:
            record[field] = values[field]
    return provision(record)


def write(part, payload: bytes) -> None:
    """Keep the record's payload. OSError, and the former record stays, if the flash does not."""
    former = config.read(part)
    former = former and former[:2]  # without its payload, which takes room
    sector, sequence = (1 - former[0], former[1] + 1) if former else (0, 1)
    part.ioctl(6, sector)
    part.writeblocks(sector, pack(sequence, payload), 0)
    if config.read(part) != (sector, sequence, payload):
        raise OSError
    if former:
        part.ioctl(6, former[0])  # it may hold the key of a network that this board has left
