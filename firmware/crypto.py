"""AES for the protocol core, from MicroPython's cryptolib (C on every port)."""

import cryptolib

_MODE_ECB = 1


def ecb(key: bytes):
    """An AES-128-ECB encryptor for this key: bytes (a multiple of 16) to as many bytes.

    cryptolib's CTR mode is off by default on the unix port, hence ECB over counter blocks.
    """
    return cryptolib.aes(key, _MODE_ECB).encrypt
