"""What lies at the hub: a parcel or receipt, sealed under the network key (SPEC.md 18).

The hub sees a subject of keyed tags, the size, and who sends it. The seal is bound to the subject,
and what is in it must give that subject, so nothing can be put under another's name.
"""

import os
from collections import namedtuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from shared_protocol import parcel, receipt
from shared_protocol.errors import DecodeError
from shared_protocol.hashing import H, network_id
from shared_protocol.lifetime import SOS
from shared_protocol.limits import FRAME_MAX, HOPS_MAX

ALL = "all"  # for every gateway; else the tag of one
VERSION = 1
_NONCE_LEN = 12
_HEAD_LEN = 5  # hops, age, source
_IMMUTABLE_MAX = FRAME_MAX - 11 - 3  # what fits a frame

# hops: so far. age: 16 bits, as in a frame. source: last two bytes of the address of the gateway
# that brought it to the hub; a receipt goes back there.
Item = namedtuple("Item", ("hops", "age", "source", "immutable"))


def is_receipt(immutable: bytes) -> bool:
    """Is this the immutable part of a receipt?"""
    return parcel.kind(immutable[0]) == parcel.RECEIPT


def mid_of(immutable: bytes) -> bytes:
    """The id of the message of a parcel, or to which a receipt belongs."""
    if is_receipt(immutable):
        return receipt.message_id(receipt.decode(immutable))
    return bytes(immutable[2 : parcel.HEAD_LEN])


class HubKey:
    """The keys that one network's gateways share at a hub, and the names that they use there."""

    def __init__(self, network_key: bytes, region: str) -> None:
        self._key = H(b"backhaul-tag", network_key)
        self._aead = ChaCha20Poly1305(H(b"backhaul", network_key))
        self.region = region or network_id(network_key)
        self.stream = f"HELIO_{self.region}"
        self.here_stream = f"{self.stream}_HERE"

    def address(self, gateway: int) -> str:
        """The tag of a gateway. gateway: the last two bytes of its address."""
        return H(b"hub-to", self._key, gateway.to_bytes(2, "big"))[:4].hex()

    def here(self, gateway: int) -> str:
        """The subject under which a gateway is told to be reachable."""
        return f"here.{self.region}.{self.address(gateway)}"

    def name(self, immutable: bytes) -> bytes:
        """Eight bytes that name a parcel, or the receipt of a message, at the hub."""
        if is_receipt(immutable):
            return H(b"hub-receipt", self._key, mid_of(immutable))[:8]
        return H(b"hub-parcel", self._key, parcel.parcel_id(immutable))[:8]

    def subject(self, address: str, immutable: bytes) -> str:
        """Where it lies. Parcels have a level more than receipts, so a wildcard can end them."""
        message = self._message(mid_of(immutable))
        start = f"helio.{self.region}.{address}"
        if is_receipt(immutable):
            return f"{start}.r.{message}"
        sort = "s" if parcel.priority(immutable[0]) == SOS else "m"
        return f"{start}.{sort}.{message}.{self.name(immutable).hex()}"

    def _message(self, mid: bytes) -> str:
        return H(b"hub-message", self._key, mid)[:8].hex()

    def parcels_of(self, mid: bytes) -> str:
        """All parcels of a message, its receipt left out."""
        return f"helio.{self.region}.*.*.{self._message(mid)}.*"

    def filters(self, gateways: set[int]) -> list[str]:
        """What a gateway reads: what is for all (SOS, receipts, the rest), and what for these."""
        start = f"helio.{self.region}"
        ours = [f"{start}.{self.address(gateway)}.>" for gateway in sorted(gateways)]
        return [f"{start}.{ALL}.{sort}.>" for sort in "srm"] + ours

    def seal(self, subject: str, item: Item) -> bytes:
        """The bytes that lie there."""
        head = bytes([item.hops]) + item.age.to_bytes(2, "big") + item.source.to_bytes(2, "big")
        nonce = os.urandom(_NONCE_LEN)
        sealed = self._aead.encrypt(nonce, head + item.immutable, subject.encode())
        return bytes([VERSION]) + nonce + sealed

    def open(self, subject: str, data: bytes) -> Item:
        """What lies there. DecodeError if it is damaged, another network's, or elsewhere's."""
        if data[:1] != bytes([VERSION]):
            raise DecodeError("of a newer version, or none of ours")
        nonce, sealed = data[1 : 1 + _NONCE_LEN], data[1 + _NONCE_LEN :]
        try:
            plain = self._aead.decrypt(nonce, sealed, subject.encode())
        except (InvalidTag, ValueError):
            raise DecodeError("not sealed under our network key") from None
        immutable = plain[_HEAD_LEN:]
        if not parcel.HEAD_LEN <= len(immutable) <= _IMMUTABLE_MAX or plain[0] > HOPS_MAX:
            raise DecodeError("no parcel has this length")
        if is_receipt(immutable):
            receipt.decode(immutable)
        else:
            parcel.check(immutable)
        address = subject.split(".")[2]
        if self.subject(address, immutable) != subject:
            raise DecodeError("it lies under another's name")
        age, source = plain[1:3], plain[3:5]
        return Item(plain[0], int.from_bytes(age, "big"), int.from_bytes(source, "big"), immutable)
