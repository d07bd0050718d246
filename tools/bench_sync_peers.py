"""Other ways to compare two sets of 30-bit ids, for `helio bench sync`: bytes that they send.

Short and in the peer's favour: no headers, and what costs next to nothing costs nothing.
"""

import bisect
import hashlib
import math
from collections.abc import Iterator
from itertools import pairwise

_ID_BYTES = 4
_ID_BITS = 30


def exact_sketch(d: int) -> int:
    """A PinSketch of whoever knows d beforehand: no sum too many, no digest, no estimate."""
    return (_ID_BITS * d + 7) // 8


# --- rateless IBLT (Yang, Gilad, Alizadeh, "Practical Rateless Set Reconciliation", 2024)

_CELL_BYTES = _ID_BYTES + 3  # XOR of ids, XOR of their checks; no count, purity shows in the check
_MASK64 = (1 << 64) - 1
_STEP = 0xDA942042E4DD58B5


def rateless_iblt(differing: set[int]) -> int:
    """Bytes of cells until they decode. What both sides know cancels out and is left out here."""
    cells = max(1, len(differing))
    while _peel(differing, cells) != differing:
        cells += 1
    return cells * _CELL_BYTES


def _peel(differing: set[int], cells: int) -> set[int]:
    """What can be found in so many cells."""
    ids, checks = [0] * cells, [0] * cells
    for short in differing:
        _toggle(ids, checks, short)
    found: set[int] = set()
    pure = list(range(cells))
    while pure:
        cell = pure.pop()
        short = ids[cell]
        if short and short not in found and _check(short) == checks[cell]:
            found.add(short)
            pure += _toggle(ids, checks, short)
    return found


def _toggle(ids: list[int], checks: list[int], short: int) -> list[int]:
    """Add an id to its cells, or take it out; the cells."""
    places = list(_places(short, len(ids)))
    for place in places:
        ids[place] ^= short
        checks[place] ^= _check(short)
    return places


def _hash(short: int) -> int:
    return int.from_bytes(hashlib.sha256(short.to_bytes(4, "big")).digest()[:11], "big")


def _check(short: int) -> int:
    return _hash(short) >> 64


def _places(short: int, cells: int) -> Iterator[int]:
    """The cells of an id: the i-th with probability 1 / (1 + i / 2)."""
    state, place = _hash(short) & _MASK64, 0
    while place < cells:
        yield place
        state = state * _STEP & _MASK64
        place += math.ceil((place + 1.5) * ((1 << 32) / math.sqrt(state + 1) - 1))


# --- ranges of the sorted set (Meyer, "Range-Based Set Reconciliation", 2023)

_BRANCHES = 8
_LEAF_IDS = 8
_FINGERPRINT_BYTES = 4
_BOUND_BYTES = 4


def ranges(mine: set[int], theirs: set[int]) -> tuple[int, int]:
    """(bytes, messages) until every difference is known to one side."""
    sides = [sorted(theirs), sorted(mine)]
    open_ranges = [(0, 1 << _ID_BITS)]
    spent, messages = _BOUND_BYTES + _FINGERPRINT_BYTES, 1
    while True:
        one, other = sides
        open_ranges = [r for r in open_ranges if _between(one, *r) != _between(other, *r)]
        if not open_ranges:
            return spent, messages
        sides.reverse()
        messages += 1
        split = []
        for lo, hi in open_ranges:
            own = _between(other, lo, hi)
            if len(own) <= _LEAF_IDS:
                spent += _BOUND_BYTES + 1 + _ID_BYTES * len(own)
                continue
            inner = [own[len(own) * i // _BRANCHES] for i in range(1, _BRANCHES)]
            bounds = [lo, *inner, hi]
            split += list(pairwise(bounds))
            spent += _BRANCHES * (_BOUND_BYTES + _FINGERPRINT_BYTES)
        open_ranges = split


def _between(ids: list[int], lo: int, hi: int) -> list[int]:
    return ids[bisect.bisect_left(ids, lo) : bisect.bisect_left(ids, hi)]


# --- a Golomb-coded set (as BIP 158), a filter of all ids that is sent whole

_RICE_BITS = 7  # 1 of 128 ids seems to be known and is not fetched this time


def golomb_filter(ids: set[int]) -> int:
    """Bytes of the filter; who gets it learns what the sender lacks."""
    span = len(ids) << _RICE_BITS
    values = sorted((_hash(short) & _MASK64) * span >> 64 for short in ids)
    bits, last = 0, 0
    for value in values:
        bits += (value - last >> _RICE_BITS) + 1 + _RICE_BITS
        last = value
    return (bits + 7) // 8
