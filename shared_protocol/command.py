"""Frames that carry their own way: an operator's laptop talks to one relay far off (SPEC.md 7.6).

0   kind 2 bits: FIND 0, FOUND 1, REQUEST 2, ANSWER 3 | step 6
1   number of the exchange 2
3   how many nodes the way has
4   the way: last two bytes of each address, from the relay at the laptop to the one asked
.   FIND      node sought 6, zeros: everybody | for each node of the way 1: how it heard the one
              before, -dBm
    FOUND     node found 6 | as in FIND | the same of the way back
    REQUEST, ANSWER    capsule (capsule.py)

step: the place in the way of whoever shall take the frame. A FIND has no taker: everybody adds
itself and passes it on, once (source routing as in DSR, RFC 4728; relays keep no routes). DONE in
the place of step: it has arrived, nobody need send it again.
"""

from collections import namedtuple

from shared_protocol.errors import DecodeError

FIND, FOUND, REQUEST, ANSWER = 0, 1, 2, 3
DONE = 63
EVERYBODY = bytes(6)
HEAD = 4
TAIL = 2  # bytes of an address
NODE_LEN = 6

Command = namedtuple("Command", ("kind", "step", "number", "way", "rest"))


def encode(c: Command) -> bytes:
    """A Command to the body of a COMMAND frame. way: two bytes a node."""
    head = bytes((c.kind << 6 | c.step, c.number >> 8, c.number & 0xFF, len(c.way) // TAIL))
    body: bytes = head + c.way + c.rest
    return body


def decode(body: bytes) -> Command:
    """The body of a COMMAND frame to a Command. DecodeError if its way is cut short."""
    end = HEAD + TAIL * body[3] if len(body) >= HEAD else 0
    if not HEAD <= end <= len(body):
        raise DecodeError("way of a command")
    number = body[1] << 8 | body[2]
    return Command(body[0] >> 6, body[0] & 63, number, bytes(body[HEAD:end]), bytes(body[end:]))
