"""Groups in Python (SPEC.md 15), as short as it goes: what the page seals opens here, from
vectors, and real gateways carry what is sealed here. Bytes everywhere."""

from dataclasses import dataclass, field
from hashlib import sha256, sha512

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gateway.compression import decompress
from gateway.pieces import Shape, shape_for
from gateway.sealing import hint_for
from shared_protocol.hashing import H
from shared_protocol.receipt import message_id

P = 2**255 - 19
SALT_LEN = 16
OVERHEAD = 9 + 16 + 64 + 5 + 1


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=False)) + one[len(other) :]


def group_id(maker, salt):
    return H(b"group", maker, salt)[:16]


def seed_at(secret, device, counter):
    """The seed of one place in somebody's chain."""
    chain = H(b"group-chain", secret, device)
    for _ in range(counter):
        chain = H(b"group-next", chain)
    return H(b"group-message", chain)


def pair_secret(seed, device, gid):
    """Of two members: one's Ed25519 seed, the other's public key."""
    mine = X25519PrivateKey.from_private_bytes(sha512(seed).digest()[:32])
    y = int.from_bytes(device, "little") & (2**255 - 1)
    u = (1 + y) * pow(1 - y, -1, P) % P
    shared = mine.exchange(X25519PublicKey.from_public_bytes(u.to_bytes(32, "little")))
    return H(b"group-pair", shared, gid)[:16]


def ack_token(pair, mid):
    return H(b"ack", pair, mid)[:16]


def masked(mid, bundle):
    """Its own inverse."""
    return xor(bundle[:32], H(b"mask", mid, bundle[32:])) + bundle[32:]


@dataclass
class Epoch:
    """What one state of a group gives who knows its secret."""

    gid: bytes
    number: int
    secret: bytes
    members: list[bytes] = field(default_factory=list)  # Ed25519, public

    @property
    def box(self):
        return H(b"group-box", self.secret)[:16]

    @property
    def check(self):
        return H(b"group-secret", self.secret)[:16]

    def sender(self, device):
        return H(b"group-sender", self.secret, device)[:4]

    def _pad(self, mid):
        return H(b"group-header", H(b"group-head", self.secret)[:16], mid)[:9]

    def _said(self, sender, counter, head, inner, shape):
        digest = sha256(inner).digest()
        number = self.number.to_bytes(4, "big")
        return b"helio1/group\0" + self.gid + number + sender + counter + head + digest + shape

    def seal(self, seed, counter, body, token, unix_s, typed=False, salt=bytes(SALT_LEN)):
        """A body, not compressed, by the device of this seed: (head, shape, bundle, hint)."""
        signing = Ed25519PrivateKey.from_private_bytes(seed)
        device = signing.public_key().public_bytes_raw()
        shape = None if len(body) + OVERHEAD <= 218 else shape_for(len(body) + OVERHEAD + SALT_LEN)
        along = b"" if shape is None else salt
        length = (218 if shape is None else shape.bundle_len) - 9 - len(along) - 16 - 64
        inner = bytes([128 * typed]) + unix_s.to_bytes(4, "big") + body + b"\x80"
        inner = inner.ljust(length, b"\0")
        mid = message_id(token)
        head = bytes([2 | (shape is not None), 0xA2]) + mid
        sender, place = self.sender(device), counter.to_bytes(4, "big")
        raw = b"" if shape is None else bytes([shape.k, shape.n, shape.blocks])
        signature = signing.sign(self._said(sender, place, head, inner, raw))
        key = seed_at(self.secret, device, counter)
        key = H(b"group-key", key, mid, along)
        about = b"helio1/group-seal\0" + head + raw
        sealed = ChaCha20Poly1305(key).encrypt(bytes(12), inner + signature, about)
        bundle = xor(b"\x02" + sender + place, self._pad(mid)) + along + sealed
        bundle = bundle if shape is None else masked(mid, bundle)
        return head, shape, bundle, hint_for(self.box, mid)

    def open(self, head, shape, bundle):
        """(sender's Ed25519, counter, typed, unix_s, body). ValueError or InvalidTag or
        InvalidSignature."""
        mid = head[2:]
        bundle = bundle if shape is None else masked(mid, bundle)
        header, rest = xor(bundle[:9], self._pad(mid)), bundle[9:]
        along, rest = (b"", rest) if shape is None else (rest[:SALT_LEN], rest[SALT_LEN:])
        device = next((one for one in self.members if self.sender(one) == header[1:5]), None)
        if header[0] != 2 or device is None:
            raise ValueError("not of this group")
        counter = int.from_bytes(header[5:], "big")
        key = seed_at(self.secret, device, counter)
        key = H(b"group-key", key, mid, along)
        raw = b"" if shape is None else bytes([shape.k, shape.n, shape.blocks])
        plain = ChaCha20Poly1305(key).decrypt(bytes(12), rest, b"helio1/group-seal\0" + head + raw)
        inner, signature = plain[:-64], plain[-64:]
        said = self._said(header[1:5], header[5:], head, inner, raw)
        Ed25519PublicKey.from_public_bytes(device).verify(signature, said)
        body = decompress(inner[0], inner[5:].rstrip(b"\0")[:-1], 65536)
        return device, counter, bool(inner[0] & 128), int.from_bytes(inner[1:5], "big"), body


def read_state(record):
    """A state record to its fields, the signature checked."""
    said, signature = record[:-64], record[-64:]
    name_end = 38 + said[37]
    at, cards = name_end + 1, []
    for _ in range(said[name_end]):
        cards.append(said[at + 1 : at + 1 + said[at]])
        at += 1 + said[at]
    assert at == len(said)
    maker = cards[0][33:65]
    Ed25519PublicKey.from_public_bytes(maker).verify(signature, b"helio1/group-state\0" + said)
    return {
        "gid": group_id(maker, said[1:17]), "number": int.from_bytes(said[17:21], "big"),
        "check": said[21:37], "name": said[38:name_end].decode(),
        "devices": [card[33:65] for card in cards],
    }  # fmt: skip


def shape_of(numbers):
    return None if numbers is None else Shape(*numbers)
