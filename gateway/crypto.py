"""AES for the protocol core, from `cryptography`."""

from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def ecb(key: bytes) -> Callable[[bytes], bytes]:
    """An AES-128-ECB encryptor for this key: bytes (a multiple of 16) to as many bytes.

    ECB only as the block function of the frames' keystream (SPEC.md 3), never on messages.
    """
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305
