"""Ed25519 on a relay beside the library that operators sign with."""

import hashlib
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_protocol.ed25519 import verify
from shared_protocol.sha512 import sha512

SEED = st.binary(min_size=32, max_size=32)
MESSAGE = st.binary(max_size=300)


def holds(public: bytes, message: bytes, signature: bytes) -> bool:
    *waits, verdict = verify(public, message, signature)
    assert set(waits) <= {None}
    assert isinstance(verdict, bool)
    return verdict


def theirs(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@settings(max_examples=50, deadline=None, derandomize=True)
@given(MESSAGE)
def test_sha512(message: bytes) -> None:
    def driven() -> Iterator[None]:
        digests.append((yield from sha512(message)))

    digests: list[bytes] = []
    assert len(list(driven())) >= 20 * (1 + len(message) // 128)
    assert digests == [hashlib.sha512(message).digest()]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(SEED, MESSAGE)
def test_what_they_sign_holds(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert holds(key.public_key().public_bytes_raw(), message, key.sign(message))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEED, MESSAGE, st.integers(0, 64 * 8 - 1), st.sampled_from(["signature", "message", "key"]))
def test_one_flipped_bit_is_judged_as_they_judge_it(
    seed: bytes, message: bytes, bit: int, where: str
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    parts = {
        "key": key.public_key().public_bytes_raw(),
        "message": message,
        "signature": key.sign(message),
    }
    bent = bytearray(parts[where] or b"\0")
    bent[bit // 8 % len(bent)] ^= 1 << bit % 8
    parts[where] = bytes(bent)
    public, message, signature = parts["key"], parts["message"], parts["signature"]
    assert holds(public, message, signature) is theirs(public, message, signature) is False


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEED, st.binary(min_size=64, max_size=64))
def test_nothing_random_is_a_signature(key: bytes, signature: bytes) -> None:
    """Nor is a random string always a key: none of it may raise."""
    assert holds(key, b"", signature) is False
