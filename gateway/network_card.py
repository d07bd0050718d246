"""The card of a network: what the next operator's laptop needs, as text for a QR code.

    version 1 | flags 1 | epoch 1 | channel 1 | network key 32 | operator 32 | region | 00 | name

flags & 1: `operator` is the operator's Ed25519 seed, else the public key. Every card is a secret:
the key opens all frames, and an operator's card commands every node.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import checked_text
from gateway.errors import UserError
from gateway.identity import clean_name
from gateway.new_node import NAME_MAX
from gateway.regions import channel_in
from shared_protocol.hashing import network_id

_SCHEME = "HELIONET:"
_VERSION, _WITH_SEED = 1, 1
_FIXED = 4 + 32 + 32


@dataclass(frozen=True)
class NetworkFacts:
    """What makes a network. key: 32 bytes, every node has it. operator: the 32-byte Ed25519 public
    key of who may command nodes; seed: its private half, None where only gateways are run."""

    name: str
    region: str
    channel: int
    key: bytes
    epoch: int
    operator: bytes
    seed: bytes | None

    @property
    def id(self) -> str:
        """8 hex digits that differ between networks, no secret (SPEC.md 11)."""
        return network_id(self.key)


def public_key(seed: bytes) -> bytes:
    """The public half of an operator's Ed25519 seed, 32 bytes each."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def card_text(network: NetworkFacts, with_seed: bool) -> str:
    """The card as text. UserError if the seed is wanted and not here."""
    if with_seed and network.seed is None:
        raise UserError("this laptop is no operator's: it cannot make an operator's card")
    secret = network.seed if with_seed and network.seed else network.operator
    raw = bytes([_VERSION, _WITH_SEED * with_seed, network.epoch, network.channel])
    raw += network.key + secret + f"{network.region}\0{network.name}".encode()
    return checked_text.encode(_SCHEME, raw)


def parse_card(text: str) -> NetworkFacts:
    """The inverse. UserError if the text is no card of a network, or was mistyped."""
    body = checked_text.decode(_SCHEME, text, "network card", _FIXED)
    if body[0] != _VERSION:
        raise UserError("the card comes from a newer Heliograph: update this one")
    region, _, name = body[_FIXED:].decode("utf-8", "replace").partition("\0")
    seed = body[36:_FIXED] if body[1] & _WITH_SEED else None
    return NetworkFacts(
        name=clean_name(name, NAME_MAX),
        region=region,
        channel=channel_in(region, body[3]),
        key=body[4:36],
        epoch=body[2],
        operator=public_key(seed) if seed else body[36:_FIXED],
        seed=seed,
    )
