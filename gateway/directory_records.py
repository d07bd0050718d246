"""What an account and a device say of themselves in the directory, signed (SPEC.md 14).

An account's record lists the devices that are its own; a device's record gives what mail for it
is sealed with. Each fits one parcel. Nothing here knows which record is newest: directory.py does.
"""

import hashlib
import struct
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from gateway.errors import UserError
from gateway.identity import NAME_MAX, clean_name
from shared_protocol.hashing import H

ACCOUNT, DEVICE = 1, 2  # the type byte in front of a record in a parcel
DEVICES_MAX = 8
SEQUENCE_MAX = 2**32 - 1
COMMITMENT_LEN = 16
_VERSION = 1
HASH_LEN = 8
_SIGNATURE_LEN = 64
_ACCOUNT_HEAD = "!B32sI16sB"  # version, account, sequence, next-key commitment, device count
_DEVICE_BODY = "!B32s32s32sIB"  # version, account, device, prekey, its number, lifetime code
_DOMAINS = {ACCOUNT: b"helio1/account\0", DEVICE: b"helio1/device\0"}


class RecordError(Exception):
    """Not a record, or not one that its key has signed."""


@dataclass(frozen=True)
class AccountRecord:
    """What an account says of itself.

    account: its Ed25519 key. sequence: 1 to SEQUENCE_MAX, the highest counts. next_key: what
    commitment() gives of the key that will follow this one. devices: device_hash() of each, at
    most DEVICES_MAX, ascending; none: the account is deleted, and has no name then.
    """

    account: bytes
    sequence: int
    next_key: bytes
    devices: tuple[bytes, ...]
    name: str

    @property
    def deleted(self) -> bool:
        """Is this the account's tombstone?"""
        return not self.devices


@dataclass(frozen=True)
class DeviceRecord:
    """What a device says of itself; it counts only if its account's newest record lists it.

    account, device: Ed25519 keys. prekey: X25519 key, prekey_seq: its number, the highest counts.
    lifetime: four-bit code of the longest lifetime of mail that the device still opens.
    """

    account: bytes
    device: bytes
    prekey: bytes
    prekey_seq: int
    lifetime: int


def device_hash(device: bytes) -> bytes:
    """How an account's record names a device: 8 bytes, the device's id."""
    return hashlib.sha256(device).digest()[:HASH_LEN]


def commitment(next_account: bytes) -> bytes:
    """What a record says now of the account key (Ed25519, public) that may follow: 16 bytes."""
    return H(b"next-key", next_account)[:COMMITMENT_LEN]


def folded(name: str) -> str:
    """Names that are equal so are the same name to people: width, case and composition aside."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def sign_account(key: Ed25519PrivateKey, record: AccountRecord) -> bytes:
    """An account's record as it travels, type byte in front: at most 216 bytes."""
    name = record.name.encode()
    head = struct.pack(
        _ACCOUNT_HEAD, _VERSION, record.account, record.sequence, record.next_key,
        len(record.devices),
    )  # fmt: skip
    body = head + b"".join(record.devices) + bytes([len(name)]) + name
    return _signed(ACCOUNT, key, body)


def sign_device(key: Ed25519PrivateKey, record: DeviceRecord) -> bytes:
    """A device's record as it travels, type byte in front: 167 bytes."""
    body = struct.pack(
        _DEVICE_BODY, _VERSION, record.account, record.device, record.prekey, record.prekey_seq,
        record.lifetime,
    )  # fmt: skip
    return _signed(DEVICE, key, body)


def _signed(kind: int, key: Ed25519PrivateKey, body: bytes) -> bytes:
    return bytes([kind]) + body + key.sign(_DOMAINS[kind] + body)


def content(payload: bytes) -> bytes:
    """What a record says, without the signature: two with the same content are the same."""
    return payload[:-_SIGNATURE_LEN]


def read(payload: bytes) -> AccountRecord | DeviceRecord:
    """A record as it travels, with the signature checked. RecordError says what is wrong."""
    record = decode(payload)
    key = record.account if isinstance(record, AccountRecord) else record.device
    body, signature = payload[1:-_SIGNATURE_LEN], payload[-_SIGNATURE_LEN:]
    try:
        public = Ed25519PublicKey.from_public_bytes(key)
        public.verify(signature, _DOMAINS[payload[0]] + body)
    except InvalidSignature:
        raise RecordError("the signature is false") from None
    if isinstance(record, DeviceRecord):
        _check_prekey(record.prekey)
    return record


def decode(payload: bytes) -> AccountRecord | DeviceRecord:
    """The fields of a record whose signature was checked before. RecordError if there are none.

    Strict: of what a record says there is one spelling only.
    """
    kind, body = payload[:1], payload[1:-_SIGNATURE_LEN]
    if len(payload) <= 1 + _SIGNATURE_LEN:
        raise RecordError("the record is too short")
    if body[0] != _VERSION or kind not in (bytes([ACCOUNT]), bytes([DEVICE])):
        raise RecordError("the record comes from a newer Heliograph")
    return _account_of(body) if kind[0] == ACCOUNT else _device_of(body)


def _account_of(body: bytes) -> AccountRecord:
    at = struct.calcsize(_ACCOUNT_HEAD)
    if len(body) < at + 1:
        raise RecordError("the record is too short")
    _, account, sequence, next_key, count = struct.unpack(_ACCOUNT_HEAD, body[:at])
    end = at + count * HASH_LEN
    devices = tuple(body[i : i + HASH_LEN] for i in range(at, end, HASH_LEN))
    if count > DEVICES_MAX or len(body) <= end or len(body) != end + 1 + body[end]:
        raise RecordError("the record's lengths are wrong")
    if sequence == 0 or list(devices) != sorted(set(devices)):
        raise RecordError("the record's devices or its number are out of order")
    name = _name_of(body[end + 1 :], deleted=not devices)
    return AccountRecord(account, sequence, next_key, devices, name)


def _name_of(raw: bytes, deleted: bool) -> str:
    if deleted and not raw:
        return ""
    try:
        name = raw.decode()
        clean = clean_name(name, NAME_MAX)
    except (UnicodeDecodeError, UserError):
        clean, name = "", "?"
    if deleted or clean != name:
        raise RecordError("the record's name is not one")
    return name


def _device_of(body: bytes) -> DeviceRecord:
    if len(body) != struct.calcsize(_DEVICE_BODY):
        raise RecordError("the record's lengths are wrong")
    record = DeviceRecord(*struct.unpack(_DEVICE_BODY, body)[1:])
    if record.lifetime > 15:
        raise RecordError("the record's lifetime is not one")
    return record


def _check_prekey(prekey: bytes) -> None:
    """A key of small order would make every seal for it readable, and sealing fail."""
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(prekey))
    except ValueError:
        raise RecordError("the record's prekey is not a key") from None
