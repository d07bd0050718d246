"""People for tests: keys that follow from a number, and the records they sign."""

import hashlib
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.directory_records import (
    AccountRecord,
    DeviceRecord,
    commitment,
    device_hash,
    sign_account,
    sign_device,
)


def signing_key(label):
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(label.encode()).digest())


def public(key):
    return key.public_key().public_bytes_raw()


class Somebody:
    """An account; `key` says which key of its line it uses: 0, then what 0 has committed to."""

    def __init__(self, who, key=0):
        self.who, self.number = who, key

    @cached_property
    def key(self):
        return signing_key(f"{self.who} account {self.number}")

    @property
    def account(self):
        return public(self.key)

    @property
    def id(self):
        return hashlib.sha256(self.account).hexdigest()[:16]

    def next(self):
        """The same person under the account key that the present one has committed to."""
        return Somebody(self.who, self.number + 1)

    def device(self, number):
        return signing_key(f"{self.who} device {number}")

    def device_id(self, number):
        return device_hash(public(self.device(number))).hex()

    def says(self, sequence=1, devices=(1,), name=None):
        """An account record; no devices make a tombstone."""
        hashes = tuple(sorted(device_hash(public(self.device(d))) for d in devices))
        name = (self.who if name is None else name) if devices else ""
        record = AccountRecord(
            self.account, sequence, commitment(self.next().account), hashes, name
        )
        return sign_account(self.key, record)

    def device_says(self, number=1, prekey_seq=1, lifetime=9):
        seed = hashlib.sha256(f"{self.who} prekey {number} {prekey_seq}".encode()).digest()
        prekey = X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        device = self.device(number)
        record = DeviceRecord(self.account, public(device), prekey, prekey_seq, lifetime)
        return sign_device(device, record)
