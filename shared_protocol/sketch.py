"""Sketches of sets of short ids: from the XOR of two come the ids that only one side has.

A sketch is linear, so inserting and removing are one operation and cost the same at any size:

- odd power sums s1, s3, s5 ... over GF(2^30): PinSketch (Dodis, Ostrovsky, Reyzin, Smith, "Fuzzy
  Extractors", 2008), as in the library minisketch. c sums tell up to c differences apart, and
  more sums of the same set extend those sent before.
- the odd sketch, 64 bits, each the parity of the ids that fall on it (Mitzenmacher, Pagh, Pham,
  "Efficient estimation for high similarities using odd sketches", 2014): it tells beforehand about
  how many differences there are, and afterwards whether the ones found are right.

Short ids are 30 bits and not 0, which adds nothing to a power sum.
"""

from array import array

from shared_protocol.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

MANY = 99  # differences: what an odd sketch says whose bits tell no more than that

_ODD_BYTES = 8
# Bits set in the XOR of two odd sketches -> differences: -32 ln(1 - bits / 32), to the nearest of
# the same parity, because each difference flips one bit.
_EXPECTED = (
    b"\x00\x01\x02\x03\x04\x05\x06\x07\x0a\x0b\x0c\x0d\x10\x11\x12\x15"
    b"\x16\x19\x1a\x1d\x20\x23\x26\x29\x2c\x31\x36\x3b\x42\x4b\x58"
)


class Sketch:
    """The sums of one set: `sums`, `capacity` odd power sums, and `odd`, the odd sketch."""

    def __init__(self, kernels: "ModuleType", capacity: int) -> None:
        """`kernels` is shared_protocol.gf30 or a faster module with the same functions."""
        self._kernels = kernels
        self.sums = array("I", bytes(4 * capacity))
        self.odd = bytearray(_ODD_BYTES)

    def toggle(self, short: int) -> None:
        """Insert a short id, or remove it."""
        self._kernels.add_powers(self.sums, len(self.sums), short)
        _flip(self.odd, short)

    def become(self, shorts: "Iterable[int]") -> int:
        """Forget all, then insert these: how many they are. For a part of a set."""
        for i in range(len(self.sums)):
            self.sums[i] = 0
        for i in range(_ODD_BYTES):
            self.odd[i] = 0
        count = 0
        for short in shorts:
            self.toggle(short)
            count += 1
        return count


def estimate(odd: "Sequence[int]", net: int) -> int:
    """About how many differences there are, at most MANY.

    `odd` is the XOR of both odd sketches (8 bytes); `net` is their count minus mine.
    """
    bits = _count_bits(odd)
    return min(MANY, max(abs(net), _EXPECTED[bits] if bits < len(_EXPECTED) else MANY))


def enough(expected: int, have: int) -> int:
    """How many sums in all to have, when `have` were too few for the `expected` differences.

    A sum too many is 4 bytes, another question and its answer are two frames. Even steps, because
    the number of differences is odd when the estimate is.
    """
    first = expected + 2 + expected // 16 * 2
    return first if first > have else have + max(4, have // 6 * 2)


class Decoder:
    """Finds the differences, at most `most` of them, in arrays allocated once.

    Berlekamp and Massey give the polynomial whose roots they are, Berlekamp's trace algorithm
    (1970) the roots: the size of the sets does not enter.
    """

    def __init__(self, kernels: "ModuleType", most: int) -> None:
        """`kernels` as for Sketch."""
        self._kernels = kernels
        self.most = most
        zeros = bytes(4 * most + 4)
        self._a = array("I", zeros)
        self._b = array("I", zeros)
        self._c = array("I", zeros)
        self._factors = memoryview(self._a)
        self._long = array("I", zeros + zeros)
        self._degrees = bytearray(most)
        self._tried = bytearray(most)

    def decode(
        self,
        sums: "Sequence[int]",
        odd: "Sequence[int]",
        net: int,
        is_mine: "Callable[[int], bool]",
    ) -> "list[int] | None":
        """The short ids that one side has and the other has not, in no order; None: too many.

        `sums`: XOR of both sides' first sums, 30 bits each; as many differences at most can be
        found. `odd`: XOR of their odd sketches. `net`: their count minus mine. `is_mine(short)`:
        is it in my set? None too if what comes out contradicts `odd` or `net`: from 4 sums on,
        what is wrong does not pass that but once in more than 10^8.
        """
        capacity = min(len(sums), self.most)
        bits = _count_bits(odd)
        least = max(bits, abs(net))
        if least > capacity or (bits ^ net) & 1:
            return None
        degree = self._locate(sums, capacity)
        if degree < least or (degree ^ net) & 1 or not self._factor(degree):
            return None
        found = list(self._a[:degree])
        left = bytearray(odd)
        for short in found:
            _flip(left, short)
            net += 1 if is_mine(short) else -1
        return None if net or any(left) else found

    def _locate(self, sums: "Sequence[int]", capacity: int) -> int:
        """Put the monic polynomial whose roots are the differences into _a: its degree, or -1.

        Massey's algorithm on s1, s2, s3 ... where s2, s4 ... are squares of earlier ones; for
        such a sequence every second discrepancy is 0.
        """
        kernels, series = self._kernels, self._long
        now, old, spare = self._a, self._b, self._c
        for i in range(capacity):
            series[2 * i] = sums[i]
        for i in range(1, 2 * capacity, 2):
            spare[0] = series[i // 2]
            series[i] = kernels.dot(spare, 1, series, i // 2)
        for i in range(capacity + 1):
            now[i] = old[i] = 0
        now[0] = old[0] = 1
        length, old_length, shift, divisor = 0, 0, 1, 1
        for at in range(0, 2 * capacity, 2):
            discrepancy = kernels.dot(now, length + 1, series, at)
            if discrepancy:
                longer = 2 * length <= at
                if longer:
                    if at + 1 - length > capacity:
                        return -1
                    spare[:] = now
                factor = kernels.quotient(discrepancy, divisor)
                kernels.add_scaled(now, shift, old, old_length + 1, factor)
                if longer:
                    old, spare, old_length = spare, old, length
                    length, shift, divisor = at + 1 - length, 0, discrepancy
            shift += 2
        for i in range(length):
            spare[i] = now[length - i]
        self._a[:] = spare
        return length

    def _factor(self, degree: int) -> bool:
        """Take the polynomial in _a apart into its roots, in _a; are there that many?

        Its factors lie in _a one after the other, of the degrees in _degrees[where they begin].
        """
        self._degrees[0], self._tried[0] = degree, 0
        at = 0
        while at < degree:
            if self._degrees[at] == 1:
                at += 1
            elif not self._split(at):
                return False
        return True

    def _split(self, at: int) -> bool:
        """Split the factor at `at`, unless all its roots agree in Tr(basis x) for the next basis.

        That is 0 or 1 for each root, and no two roots agree in it for all 30 elements 1, x, x^2
        ... of a basis, so this ends. False if there are fewer different roots than the degree.
        """
        kernels, upper, lower = self._kernels, self._long, self._b
        n, basis = self._degrees[at], 1 << self._tried[at]
        self._tried[at] += 1
        factor = self._factors[at : at + n]
        if not kernels.trace(basis, factor, n, lower, upper):
            return False
        top, low = n, _degree(lower, n)
        if low < 1:
            return True
        for i in range(n):
            upper[i] = factor[i]
        upper[n] = 1
        while low >= 0:  # Euclid: the monic one of degree `low` divides the other
            inverse = kernels.quotient(1, lower[low])
            kernels.add_scaled(lower, 0, lower, low + 1, inverse ^ 1)
            kernels.divide(upper, top, lower, low)
            upper, lower = lower, upper
            top, low = low, _degree(lower, low)
        for i in range(n):
            lower[i] = factor[i]
        lower[n] = 1
        kernels.divide(lower, n, upper, top)
        for i in range(n):
            factor[i] = upper[i] if i < top else lower[i]
        self._degrees[at], self._degrees[at + top] = top, n - top
        self._tried[at + top] = self._tried[at]
        return True


def pack(values: "Sequence[int]") -> bytes:
    """30 bits each, the highest first, in whole bytes: 4 values are 15 bytes."""
    packed = bytearray((len(values) * 30 + 7) // 8)
    place = 0
    for value in values:
        left = 30
        while left:
            room = 8 - (place & 7)
            step = min(room, left)
            left -= step
            packed[place >> 3] |= (value >> left & (1 << step) - 1) << room - step
            place += step
    return bytes(packed)


def unpack(data: bytes, n: int) -> list[int]:
    """The first n of what pack() packed; raises DecodeError if they are not all there."""
    if len(data) * 8 < n * 30:
        raise DecodeError("sums cut short")
    values = []
    place = 0
    for _ in range(n):
        value, left = 0, 30
        while left:
            room = 8 - (place & 7)
            step = min(room, left)
            left -= step
            value = value << step | data[place >> 3] >> room - step & (1 << step) - 1
            place += step
        values.append(value)
    return values


def _flip(odd: bytearray, short: int) -> None:
    """Flip the bit that a short id falls on: (low 15 bits A + high 15 bits B) / 2^15 mod 64.

    With carries, on purpose: what is linear over GF(2) would agree whenever s1 does.
    """
    place = (short & 0x7FFF) * 0x2C1B + (short >> 15) * 0x3A4D >> 15
    odd[place >> 3 & 7] ^= 1 << (place & 7)


def _count_bits(data: "Sequence[int]") -> int:
    """How many bits of these bytes are set."""
    bits = 0
    for byte in data:
        while byte:
            byte &= byte - 1
            bits += 1
    return bits


def _degree(a: "Sequence[int]", n: int) -> int:
    """The degree of a polynomial of n entries; -1 if all are 0."""
    while n and not a[n - 1]:
        n -= 1
    return n - 1
