"""Sketches of many nodes at once: what one of them computed, all the others know.

A power sum and the roots of a difference depend on nothing but their arguments, so a simulation
may remember them; nodes of a mesh see the same few ids and the same few differences again and
again. The results are those of shared_protocol.gf30 and shared_protocol.sketch.
"""

import sys
from collections.abc import MutableSequence, Sequence

from shared_protocol import gf30
from shared_protocol.limits import DIFFERENCES_MAX
from shared_protocol.parcel_index import ParcelIndex
from shared_protocol.sketch import Decoder

dot, quotient = gf30.dot, gf30.quotient
add_scaled, divide, trace = gf30.add_scaled, gf30.divide, gf30.trace

_REMEMBERED_MAX = 20_000  # of each kind; then all are forgotten
_powers: dict[tuple[int, int], list[int]] = {}
_roots: dict[tuple[int, ...], tuple[int, list[int] | None]] = {}


def add_powers(sums: MutableSequence[int], n: int, x: int) -> None:
    """As gf30.add_powers."""
    powers = _powers.get((n, x))
    if powers is None:
        if len(_powers) >= _REMEMBERED_MAX:
            _powers.clear()
        powers = [0] * n
        gf30.add_powers(powers, n, x)
        _powers[n, x] = powers
    for i, power in enumerate(powers):
        sums[i] ^= power


class SharedDecoder(Decoder):
    """A Decoder that factors each polynomial once in the life of the process."""

    def _locate(self, sums: Sequence[int], capacity: int) -> int:
        self._key = tuple(sums[:capacity])
        self._known = _roots.get(self._key)
        if self._known is None:
            degree = super()._locate(sums, capacity)
            if degree < 0:
                self._remember(degree, None)
            return degree
        degree, roots = self._known
        if roots:
            self._a[:degree] = type(self._a)("I", roots)
        return degree

    def _factor(self, degree: int) -> bool:
        if self._known is not None:
            return self._known[1] is not None
        whole = super()._factor(degree)
        self._remember(degree, list(self._a[:degree]) if whole else None)
        return whole

    def _remember(self, degree: int, roots: list[int] | None) -> None:
        if len(_roots) >= _REMEMBERED_MAX:
            _roots.clear()
        _roots[self._key] = degree, roots


def shared_index(capacity: int) -> ParcelIndex:
    """A ParcelIndex as a gateway has it, sharing what others computed."""
    index = ParcelIndex(capacity, sys.modules[__name__])
    index.decoder = SharedDecoder(gf30, DIFFERENCES_MAX)
    return index
