"""AES-128-ECB for FrameCipher on both interpreters."""

try:
    import cryptolib

    def ecb(key):
        """As gateway.crypto.ecb."""
        return cryptolib.aes(key, 1).encrypt

except ImportError:
    from gateway.crypto import ecb  # noqa: F401
