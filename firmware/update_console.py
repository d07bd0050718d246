"""An update that comes over the wire (docs/UPDATES.md): requests of the console, loaded for each.

    {"ask": "statement", "statement": base64}
    {"ask": "chunks", "page": 0.., "chunk": 0.., "data": base64 of some whole chunks}
    {"ask": "update"}

All are answered with how far it is, see _told(); a first one, or a statement that is not looked
at now, may be answered with {"error": ...}.
"""

import gc
from binascii import a2b_base64

from firmware import slots, updating
from shared_protocol.errors import DecodeError
from shared_protocol.statement import CHUNK_LEN

_ROOM = 12_000  # bytes of heap: what main.py wants, less what this request takes


def answer(request: dict, relay) -> dict:
    """A request to its answer. Rubbish is an error to be told, and nothing else."""
    node = relay.node
    gc.collect()
    if node.spread is None:
        if gc.mem_free() < _ROOM:
            updating.unload(relay)
            return {"error": "no memory for an update now: try again"}
        updating.load(relay)
    try:
        if request["ask"] == "statement":
            text = a2b_base64(request["statement"])
            if not node.spread.offer(text, relay.now_ms()):
                return {
                    "error": "no newer statement, or not looked at within a minute of the last"
                }
        elif request["ask"] == "chunks":
            data = a2b_base64(request["data"])
            for i in range(0, len(data), CHUNK_LEN):
                chunk = request["chunk"] + i // CHUNK_LEN
                node.spread.chunk(request["page"], chunk, data[i : i + CHUNK_LEN], relay.now_ms())
    except (KeyError, TypeError, ValueError, DecodeError) as e:
        return {"error": "not understood: %r" % e}
    return _told(relay)


def _told(relay) -> dict:
    """running: sequence of what runs, 0 for what was flashed. newest: of the newest statement;
    pages of it are here, of so many. trying: a statement is being verified. forged: so many were.
    tried: the newest one runs, or was taken back. neighbours: what each has told, [node, sequence,
    pages]."""
    spread = relay.node.spread
    return {
        "running": relay.running,
        "newest": spread.sequence,
        "pages": spread.book.pages,
        "of": spread.total,
        "trying": spread.trying is not None,
        "forged": spread.forged,
        "full": spread.full,
        "tried": slots.tried(spread.sequence),
        "neighbours": [
            (n.address.hex(),) + spread.far.get(n.bit, (0, 0)) for n in relay.node.neighbours.all
        ],
    }
