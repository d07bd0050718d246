"""GF(2^30) modulo x^30 + x + 1: the inner loops of sketches, in plain integers.

An element is a 30-bit integer, its bits the coefficients. A polynomial over the field is an array
of them, the lowest coefficient first; the leading 1 of a monic polynomial of degree n is left out,
so that it has n entries. Sums and differences are XOR.

firmware/gf30.py has the same functions as machine code. Nothing here leaves 30 bits: more than
that would be a big integer on a 32-bit MicroPython.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

    Elements = MutableSequence[int]  # an array("I"), or a memoryview of one


def dot(a: "Sequence[int]", n: int, b: "Sequence[int]", at: int) -> int:
    """a[0] b[at] + a[1] b[at-1] + ... to a[n-1] b[at-n+1]; with n = 1, a product."""
    total = 0
    for bit in range(29, -1, -1):
        high = total >> 29
        total = (total & 0x1FFFFFFF) << 1 ^ high << 1 ^ high
        for i in range(n):
            if a[i] >> bit & 1:
                total ^= b[at - i]
    return total


def quotient(a: int, b: int) -> int:
    """a / b as a b^(2^30 - 2) (Fermat); 0 when b is 0."""
    for _ in range(29):
        b = _square(b)
        a = _times(_multiples(a), b)
    return a


def add_powers(sums: "Elements", n: int, x: int) -> None:
    """Add x, x^3, x^5 ... to the first n sums."""
    by_square = _multiples(_square(x))
    for i in range(n):
        sums[i] ^= x
        x = _times(by_square, x)


def add_scaled(to: "Elements", at: int, a: "Sequence[int]", n: int, k: int) -> None:
    """Add k times the first n of `a` to to[at], to[at+1] ..."""
    by_k = _multiples(k)
    for i in range(n):
        to[at + i] ^= _times(by_k, a[i])


def divide(a: "Elements", top: int, f: "Sequence[int]", n: int) -> None:
    """Divide `a` (entries 0 to `top`) by the monic f of degree n, in place.

    a[0:n] becomes the remainder, a[n:top+1] the quotient, its leading coefficient included.
    """
    for i in range(top, n - 1, -1):
        if a[i]:
            add_scaled(a, i - n, f, n, a[i])


def trace(basis: int, f: "Sequence[int]", n: int, total: "Elements", work: "Elements") -> bool:
    """Tr(basis x) = basis x + (basis x)^2 + (basis x)^4 + ... (30 terms) modulo the monic f.

    Degree n >= 2; the result is total[0:n]; `work` has room for 2 n. True if (basis x)^(2^30) is
    basis x again, which means that f has n different roots in the field.
    """
    for i in range(n):
        total[i] = work[i] = 0
    work[1] = basis
    for _ in range(30):
        for i in range(n - 1, -1, -1):
            total[i] ^= work[i]
            work[2 * i] = _square(work[i])
            work[2 * i + 1] = 0
        divide(work, 2 * n - 2, f, n)
    work[1] ^= basis
    for i in range(n):
        if work[i]:
            return False
    return True


def _multiples(k: int) -> list[int]:
    """k times each of the 32 polynomials of degree below 5: the table `_times` looks up."""
    table = [0, k]
    for i in range(1, 16):
        high = table[i] >> 29
        twice = (table[i] & 0x1FFFFFFF) << 1 ^ high << 1 ^ high
        table.append(twice)
        table.append(twice ^ k)
    return table


def _times(multiples: list[int], b: int) -> int:
    """k b, given the multiples of k: five bits of b at a time, with x^30 = x + 1."""
    product = multiples[b >> 25]
    for shift in range(20, -1, -5):
        high = product >> 25
        product = (product & 0x1FFFFFF) << 5 ^ high << 1 ^ high ^ multiples[b >> shift & 31]
    return product


def _square(a: int) -> int:
    """The bits of a, each at twice its place."""
    high = _spread(a >> 15)
    return _spread(a & 0x7FFF) ^ high ^ high << 1


def _spread(a: int) -> int:
    """15 bits with a zero after each."""
    a = (a | a << 8) & 0x7F00FF
    a = (a | a << 4) & 0x70F0F0F
    a = (a | a << 2) & 0x13333333
    return (a | a << 1) & 0x15555555
