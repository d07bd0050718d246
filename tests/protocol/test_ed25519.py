"""Ed25519 verification (SPEC.md 12.1) against RFC 8032 7.1, and what it must refuse."""

from checks import unhex, vectors

from shared_protocol.ed25519 import verify
from shared_protocol.sha512 import sha512

L = (1 << 252) + 27742317777372353535851937790883648493
P = (1 << 255) - 19


def result(slices):
    """What a generator returns, or the last it yields."""
    last = None
    while True:
        try:
            last = next(slices)
        except StopIteration as e:
            return last if e.value is None else e.value


def holds(public, message, signature):
    return result(verify(public, message, signature))


def cases():
    """(public, message, signature) of each vector."""
    return [[unhex(v[f]) for f in ("public", "message", "signature")] for v in vectors("ed25519")]


def test_sha512_gives_the_digests_of_fips_180_4():
    assert result(sha512(b"abc")) == unhex(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    )
    assert result(sha512(b"")) == unhex(
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
        "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
    )


def test_the_signatures_of_rfc_8032_hold():
    for public, message, signature in cases():
        assert holds(public, message, signature)


def test_anything_altered_is_refused():
    public, message, signature = cases()[2]
    for at in (0, 31, 32, 60):
        forged = bytearray(signature)
        forged[at] ^= 1
        assert holds(public, message, bytes(forged)) is False
    assert holds(public, message + b"\0", signature) is False
    assert holds(public, message[1:], signature) is False
    assert holds(cases()[1][0], message, signature) is False
    assert holds(public, message, signature[:63]) is False
    assert holds(public[:31], message, signature) is False


def test_s_at_or_above_the_order_is_refused():
    """S + L satisfies the same equation: without this, every signature would have others."""
    public, message, signature = cases()[1]
    s = int.from_bytes(signature[32:], "little")
    for more in (L, 2 * L):
        forged = signature[:32] + (s + more).to_bytes(32, "little")
        assert holds(public, message, forged) is False


def test_keys_of_small_order_are_refused():
    """Under such a key, S = 0 and R = the neutral point would sign anything."""
    neutral = (1).to_bytes(32, "little")
    signature = neutral + bytes(32)
    minus_one = (P - 1).to_bytes(32, "little")
    order_4 = bytes(32)
    order_8 = unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    for key in (neutral, minus_one, order_4, order_8):
        for text in (b"", b"a", b"b", b"c", b"d", b"e", b"f", b"g"):
            assert holds(key, text, signature) is False


def test_keys_that_are_no_canonical_points_are_refused():
    _, message, signature = cases()[0]
    no_point = (2).to_bytes(32, "little")  # no x belongs to it
    not_reduced = (P + 3).to_bytes(32, "little")  # the point with y = 3, not written so
    minus_zero = (1 | 1 << 255).to_bytes(32, "little")  # x = 0 has no sign
    for key in (no_point, not_reduced, minus_zero):
        assert holds(key, message, signature) is False


def test_it_yields_often_enough():
    """At least every two ladder steps: a relay lets other tasks run in between."""
    public, message, signature = cases()[0]
    assert len(list(verify(public, message, signature))) > 126
