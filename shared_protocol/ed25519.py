"""Ed25519 verification (RFC 8032) in slices, for operator statements on a relay (SPEC.md 12).

Whoever drives it lets other tasks run between two slices. It only handles what is public, so it
need not take the same time for every input. Strict: S below the group's order, keys and R encoded
the one canonical way, no key of small order; R is compared as bytes (no cofactor).
"""

from shared_protocol.sha512 import sha512

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    Verdict = Generator[bool | None, None, None]
    Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T of RFC 8032 5.1.4

KEY_LEN, SIGNATURE_LEN = 32, 64
_P = (1 << 255) - 19
_L = 0x1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED  # order of the base point
_D = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3
_ROOT = 0x2B8324804FC1DF0B2B4D00993DFBD7A72F431806AD2FE478C4EE1B274A0EA0B0  # of -1
_BASE_X = 0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A
_BASE_Y = 0x6666666666666666666666666666666666666666666666666666666666666658
_BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
_NEUTRAL = (0, 1, 1, 0)
# A multiplication is estimated at 0.2 to 0.6 ms of an ESP32's time: a slice at 8 to 22 ms.
_SLICE_STEPS = 2  # of the ladder, 9 to 18 multiplications each
_SLICE_SQUARES = 16  # of a power, up to two multiplications each


def verify(public: bytes, message: bytes, signature: bytes) -> "Verdict":
    """Yields None after each slice, then, once, whether the signature (64 bytes) is that of the
    key `public` (32 bytes) under the message."""
    s = int.from_bytes(signature[32:], "little")
    if len(public) != KEY_LEN or len(signature) != SIGNATURE_LEN or s >= _L:
        yield False
        return
    point = yield from _minus(public)
    if point is None:
        yield False
        return
    digest = yield from sha512(signature[:32] + public + message)
    result = yield from _sum(s, int.from_bytes(digest, "little") % _L, point)
    x, y, z, _ = result
    inverse = yield from _power(z, _P - 2)
    x, y = x * inverse % _P, y * inverse % _P
    yield (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def _minus(public: bytes) -> "Generator[None, None, Point | None]":
    """The point opposite to an encoded one (5.1.3); None if it is no point or of small order."""
    y = int.from_bytes(public, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    root = yield from _power(u * v**7 % _P, (_P - 5) // 8)
    x = u * v**3 * root % _P
    if (v * x * x + u) % _P == 0:
        x = x * _ROOT % _P
    if (v * x * x - u) % _P or sign > x:
        return None
    if x & 1 == sign:
        x = -x % _P
    point = (x, y, 1, x * y % _P)
    small = point
    for _ in range(3):
        small = _add(small, small)
    return point if small[0] else None


def _sum(s: int, h: int, point: "Point") -> "Generator[None, None, Point]":
    """s times the base point and h times the other one, both at once (Straus 1964)."""
    table = (None, _BASE, point, _add(_BASE, point))
    result = _NEUTRAL
    for bit in range(252, -1, -1):
        if not bit % _SLICE_STEPS:
            yield None
        result = _add(result, result)
        added = table[s >> bit & 1 | (h >> bit & 1) << 1]
        if added:
            result = _add(result, added)
    return result


def _add(p: "Point", q: "Point") -> "Point":
    """The sum of two points, also of a point and itself (5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * _D * p[3] * q[3] % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _power(x: int, exponent: int) -> "Generator[None, None, int]":
    """x to the exponent (below 2^255), in slices where pow() would take all its time at once."""
    result = 1
    for bit in range(254, -1, -1):
        if not bit % _SLICE_SQUARES:
            yield None
        result = result * result % _P
        if exponent >> bit & 1:
            result = result * x % _P
    return result
