"""Frames that carry their own way: an operator's laptop talks to one relay far off (SPEC.md 7.6).

0   kind 2 bits: FIND 0, FOUND 1, REQUEST 2, ANSWER 3 | step 6
1   number of the exchange 2
3   how many nodes the way has
4   the way: last two bytes of each address, from the relay at the laptop to the one asked
.   FIND      node sought 6, zeros: everybody | for each node of the way 1: how it heard the one
              before, -dBm
    FOUND     node found 6 | as in FIND | the same of the way back
    REQUEST, ANSWER    capsule

step: the place in the way of whoever shall take the frame. A FIND has no taker: everybody adds
itself and passes it on, once (source routing as in DSR, RFC 4728; relays keep no routes). DONE in
the place of step: it has arrived, nobody need send it again.

A capsule is a frame of frame.py under the key of the node asked, with its address in the place of
the sender's, and a counter that rises:
REQUEST   mark 4 | part 1 | what is asked, in JSON; with a part above 0, more of the answer then
ANSWER    mark 4 | part 1 | parts 1 | that part of the answer
"""

from collections import namedtuple

from shared_protocol.errors import DecodeError
from shared_protocol.limits import COMMAND_PART_MAX, WAY_NODES_MAX

FIND, FOUND, REQUEST, ANSWER = 0, 1, 2, 3
DONE = 63
EVERYBODY = bytes(6)
TAIL = 2
ASKED, ANSWERED, TOO_OLD = (
    1,
    2,
    3,
)  # frame types of capsules; TOO_OLD: the counter must exceed mark
NODE_LEN = 6
_HEAD = 4
_CAPSULE_HEAD = 5

Command = namedtuple("Command", ("kind", "step", "number", "way", "rest"))


def encode(c: Command) -> bytes:
    """A Command to the body of a COMMAND frame. way: two bytes a node."""
    head = bytes((c.kind << 6 | c.step, c.number >> 8, c.number & 0xFF, len(c.way) // TAIL))
    body: bytes = head + c.way + c.rest
    return body


def decode(body: bytes) -> Command:
    """The body of a COMMAND frame to a Command. DecodeError if it is cut short."""
    if len(body) < _HEAD:
        raise DecodeError("command too short")
    kind, step, nodes = body[0] >> 6, body[0] & 63, body[3]
    end = _HEAD + TAIL * nodes
    rest = bytes(body[end:])
    if nodes > WAY_NODES_MAX or len(body) < end or (step >= nodes and step != DONE):
        raise DecodeError("way of a command")
    if kind <= FOUND and step != DONE and not nodes <= len(rest) - NODE_LEN <= 2 * nodes:
        raise DecodeError("signal strengths of a command")
    return Command(kind, step, body[1] << 8 | body[2], bytes(body[_HEAD:end]), rest)


def strength(rssi_dbm: int) -> bytes:
    """A signal strength in dBm, 0 to -255, to one byte."""
    return bytes((max(0, min(255, -rssi_dbm)),))


def parts_of(answer: list[bytes]) -> int:
    """How many parts an answer, given in pieces, has."""
    size = sum([len(piece) for piece in answer])
    return max(1, (size + COMMAND_PART_MAX - 1) // COMMAND_PART_MAX)


def encode_asked(mark: int, part: int, request: bytes) -> bytes:
    """The plaintext of a REQUEST's capsule."""
    return mark.to_bytes(4, "big") + bytes((part,)) + request


def decode_asked(text: bytes) -> tuple[int, int, bytes]:
    """The plaintext of a REQUEST's capsule to (mark, part, request)."""
    if len(text) < _CAPSULE_HEAD:
        raise DecodeError("request too short")
    return int.from_bytes(text[:4], "big"), text[4], bytes(text[_CAPSULE_HEAD:])


def encode_answered(mark: int, part: int, answer: list[bytes]) -> bytes:
    """One part of an answer, given in pieces, to the plaintext of an ANSWER's capsule."""
    text = mark.to_bytes(4, "big") + bytes((part, parts_of(answer)))
    start, end = part * COMMAND_PART_MAX, (part + 1) * COMMAND_PART_MAX
    for piece in answer:
        text += piece[max(0, start) : max(0, end)]
        start -= len(piece)
        end -= len(piece)
    return text


def decode_answered(text: bytes) -> tuple[int, int, int, bytes]:
    """The plaintext of an ANSWER's capsule to (mark, part, parts, bytes)."""
    if len(text) < _CAPSULE_HEAD + 1 or text[4] >= text[5]:
        raise DecodeError("answer too short")
    return int.from_bytes(text[:4], "big"), text[4], text[5], bytes(text[_CAPSULE_HEAD + 1 :])
