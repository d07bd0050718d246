"""SHA-512 (FIPS 180-4) in slices, for Ed25519: MicroPython's hashlib has no more than SHA-256.

The constants are computed where they are used (the first 64 bits of the fractional parts of the
roots of the first primes): a table of them would take two kilobytes of a relay's heap.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

_ONE = 1 << 64
_MASK = _ONE - 1
_BLOCK, _ROUNDS = 128, 80
_SLICE = 4  # rounds between two yields: each is some eighty operations on large numbers


def sha512(data: bytes) -> "Generator[None, None, bytes]":
    """Yields after each slice of the work; returns the 64 bytes of the digest."""
    state = [_fraction(prime, 2) for prime in (2, 3, 5, 7, 11, 13, 17, 19)]
    padding = b"\x80" + bytes(-(len(data) + 17) % _BLOCK)
    data = data + padding + (8 * len(data)).to_bytes(16, "big")
    for at in range(0, len(data), _BLOCK):
        words = [int.from_bytes(data[i : i + 8], "big") for i in range(at, at + _BLOCK, 8)]
        mixed = list(state)
        prime = 1
        for i in range(_ROUNDS):
            if not i % _SLICE:
                yield None
            prime = _next_prime(prime)
            _round(mixed, words[i & 15] + _fraction(prime, 3))
            words[i & 15] = _scheduled(words, i)
        state = [(a + b) & _MASK for a, b in zip(state, mixed)]
    return b"".join([word.to_bytes(8, "big") for word in state])


def _round(s: list[int], added: int) -> None:
    """One round on the eight words in place; `added` is W + K of FIPS 180-4 6.4.2."""
    a, b, c, d, e, f, g, h = s
    t1 = h + _turned(e, 14, 18, 41) + (e & f ^ ~e & g) + added
    t2 = _turned(a, 28, 34, 39) + (a & b ^ a & c ^ b & c)
    s[:] = [(t1 + t2) & _MASK, a, b, c, (d + t1) & _MASK, e, f, g]


def _scheduled(words: list[int], i: int) -> int:
    """The word that stands 16 places after word i, from the sixteen before it."""
    near, far = words[i + 1 & 15], words[i + 14 & 15]
    near = _turned(near, 1, 8, 64) ^ near ^ near >> 7
    far = _turned(far, 19, 61, 64) ^ far ^ far >> 6
    return words[i & 15] + near + words[i + 9 & 15] + far & _MASK


def _turned(x: int, a: int, b: int, c: int) -> int:
    """Rotated right by a, b and c bits (64: as it is), all three XORed."""
    x |= x << 64
    return (x >> a ^ x >> b ^ x >> c) & _MASK


def _fraction(prime: int, root: int) -> int:
    """64 bits behind the point of a prime's square (root 2) or cube root (3), by Newton."""
    n = prime << 64 * root
    x, lower = 0, 8 * _ONE  # no root used here reaches 8
    while lower != x:
        x = lower
        lower = min(x, ((root - 1) * x + n // x ** (root - 1)) // root)
    return x & _MASK


def _next_prime(prime: int) -> int:
    """The next larger prime; they are below 410, so factors below 21 tell."""
    while True:
        prime += 1
        if all([prime % factor for factor in range(2, 21) if factor < prime]):
            return prime
