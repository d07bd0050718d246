"""What is sealed in a REQUEST or ANSWER for one node alone (SPEC.md 7.6).

A capsule is a frame of frame.py under the command key of the node asked, with its address in the
place of the sender's, and a counter that rises.

ASKED      mark 4 | part 1 | what is asked, in JSON; with a part above 0, more of the answer then
ANSWERED   mark 4 | part 1 | parts 1 | that part of the answer
TOO_OLD    mark 4: the counter must exceed it

mark: the counter of the request whose answer it is.
"""

from shared_protocol.errors import DecodeError
from shared_protocol.limits import COMMAND_PART_MAX

ASKED, ANSWERED, TOO_OLD = 1, 2, 3  # frame types
_ASKED_HEAD, _ANSWERED_HEAD = 5, 6


def parts_of(answer: list[bytes]) -> int:
    """How many parts an answer, given in pieces, has."""
    size = sum([len(piece) for piece in answer])
    return max(1, (size + COMMAND_PART_MAX - 1) // COMMAND_PART_MAX)


def encode_asked(mark: int, part: int, request: bytes) -> bytes:
    """The plaintext of a request."""
    return mark.to_bytes(4, "big") + bytes((part,)) + request


def decode_asked(text: bytes) -> tuple[int, int, bytes]:
    """The plaintext of a request to (mark, part, request). DecodeError if it is cut short."""
    if len(text) < _ASKED_HEAD:
        raise DecodeError("request too short")
    return int.from_bytes(text[:4], "big"), text[4], bytes(text[_ASKED_HEAD:])


def encode_answered(mark: int, part: int, answer: list[bytes]) -> bytes:
    """One part of an answer, given in pieces, to its plaintext."""
    text = mark.to_bytes(4, "big") + bytes((part, parts_of(answer)))
    start, end = part * COMMAND_PART_MAX, (part + 1) * COMMAND_PART_MAX
    for piece in answer:
        text += piece[max(0, start) : max(0, end)]
        start -= len(piece)
        end -= len(piece)
    return text


def decode_answered(text: bytes) -> tuple[int, int, int, bytes]:
    """The plaintext of an answer to (mark, part, parts, bytes). DecodeError if it is cut short."""
    if len(text) < _ANSWERED_HEAD or text[4] >= text[5]:
        raise DecodeError("answer too short")
    return int.from_bytes(text[:4], "big"), text[4], text[5], bytes(text[_ANSWERED_HEAD:])
