"""Writes badge.json beside it: certificates of logins (SPEC.md 13), and a device's proof.

    PYTHONPATH=. .venv/bin/python tests/vectors/make_badge.py

Ed25519 draws nothing, so each run writes the same.
"""

import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1])]

from gateway import certificate as c  # noqa: E402
from shared_protocol.hashing import H  # noqa: E402

NOW_S = 1_795_000_000
OPERATOR, GATEWAY, ACCOUNT, DEVICE = (
    Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in range(1, 5)
)
# title, username, issuer, days that the gateway is certified for
WHO = [
    ("usual", "amina", "https://login.example.org/realms/relief", 365),
    ("not in Latin letters", "أمينة", "https://idp.example", 365),
    ("a gateway that ends soon", "amina", "https://idp.example", 3),
    ("plain http", "amina", "http://127.0.0.1:8080", 365),
]


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def vector(title: str, username: str, issuer: str, days: int) -> dict[str, object]:
    """What an implementation must read in the badge; bytes in hex, times in unix seconds."""
    gateway = c.sign_gateway(OPERATOR, _public(GATEWAY), "North school", NOW_S, days)
    subject = c.subject_hash(issuer, "248289761001", b"s" * 16)
    until_s = NOW_S + days * c.DAY_S
    account = c.sign_account(GATEWAY, _public(ACCOUNT), subject, issuer, username, NOW_S, until_s)
    raw = c.encode_badge(gateway, account)
    badge = c.check_badge(raw, _public(OPERATOR), NOW_S)
    return {
        "title": title, "badge": raw.hex(), "text": c.badge_text(raw), "now_s": NOW_S,
        "gateway": badge.gateway.name, "issuer": badge.account.issuer,
        "username": badge.account.username, "account": badge.account.key.hex(),
        "until_s": min(badge.gateway.until_s, badge.account.until_s),
    }  # fmt: skip


def vectors() -> dict[str, object]:
    """All of them. proof: the account's signature over its device."""
    return {
        "operator": _public(OPERATOR).hex(),
        "account": _public(ACCOUNT).hex(),
        "device": _public(DEVICE).hex(),
        "proof": ACCOUNT.sign(H(b"login-account", _public(DEVICE))).hex(),
        "badges": [vector(*one) for one in WHO],
    }


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    (HERE / "badge.json").write_text(text)
