"""Writes seal.json beside it: people, and messages sealed in Python and in the browser's core.

    PYTHONPATH=. .venv/bin/python tests/vectors/make_seal.py        (after `npm ci` in gateway/web)

HPKE draws a key for every message, so each run gives other bundles: run it only when the format
changes. Message id and token follow from the rest.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "gateway")]

from browser_peer import BrowserPeer  # noqa: E402
from sealed_letters import letter_of  # noqa: E402

from gateway.checked_text import encode  # noqa: E402
from gateway.identity import Identity, Seeds  # noqa: E402
from gateway.kit import kit_text  # noqa: E402
from gateway.sealing import seal  # noqa: E402


def drawn(name: str, number: int) -> Identity:
    """Somebody whose keys are the same every time."""

    def seed(what: str, length: int = 32) -> bytes:
        return sha256(f"{name} {what}".encode()).digest()[:length]

    seeds = Seeds(seed("account"), seed("device"), seed("prekey"), number, seed("box", 16), name)
    return Identity.load(seeds)


PEOPLE = {name: drawn(name, number) for name, number in (("Ana", 1), ("Bo", 3), ("أمينة", 70000))}
WAY = bytes.fromhex("aabbcc123456")
MESSAGES = [
    ("a word", "Ana", "Bo", b"hello", {}),
    ("nothing", "Ana", "Bo", b"", {}),
    ("deflated", "Bo", "Ana", b"water " * 12, {}),
    ("with both ways", "Ana", "Bo", b"I am at the mill", {"way": WAY, "my_way": WAY}),
    ("with routes", "Ana", "Bo", b"I am here", {"way": WAY[:3], "my_way": WAY[:3]}),
    ("with the card", "أمينة", "Bo", "مرحبا".encode(), {"with_card": True, "my_way": WAY}),
    ("typed", "Bo", "أمينة", b"\x02", {"typed": True}),
    ("pieces", "Ana", "أمينة", b"".join(sha256(bytes([i])).digest() for i in range(40)), {}),
    ("zeros at the end", "Ana", "Bo", b"\x80\0\0\0", {}),
]
UNIX_S, PRIORITY, LIFETIME = 1_800_000_000, 1, 8


def person(me: Identity) -> dict[str, object]:
    card = me.card
    return {
        "name": card.name, "kit": kit_text(me), "card": card.text(), "device_id": card.id,
        "account_id": card.account_id, "uuid": card.uuid, "sender_id": card.sender_id.hex(),
        "box": card.mailbox_key.hex(), "box_public": card.public_mailbox_key.hex(),
    }  # fmt: skip


def other_versions() -> dict[str, str]:
    """Cards with true checksums that are to be refused."""
    raw = PEOPLE["Ana"].card.raw()
    former = raw[33:]  # version 1 had no account
    return {
        "older": encode("HELIO:", b"\1" + former),
        "newer": encode("HELIO:", b"\3" + raw[1:]),
        "short": encode("HELIO:", raw[:100]),
        "nameless": encode("HELIO:", raw[:-3]),
    }


def by_python(sender: Identity, to: Identity, body: bytes, options: dict) -> dict[str, object]:
    sealed = seal(sender, to.card, body, UNIX_S, PRIORITY, LIFETIME, **options)
    return letter_of(sealed, to.card) | {"token": sealed.token.hex()}


def main() -> None:
    rows = []
    with BrowserPeer() as browser:
        for name, of, to, body, options in MESSAGES:
            sender, reader = PEOPLE[of], PEOPLE[to]
            numbers = {"unix_s": UNIX_S, "priority": PRIORITY, "lifetime": LIFETIME}
            letters = {
                "Python": by_python(sender, reader, body, options),
                "the browser": browser.seal(sender, reader.card, body, numbers | options),
            }
            for by, letter in letters.items():
                rows.append(
                    {"name": name, "by": by, "from": of, "to": to, **numbers, "body": body.hex(),
                     "typed": options.get("typed", False),
                     "with_card": options.get("with_card", False),
                     "way": options.get("way", b"").hex(),
                     "my_way": options.get("my_way", b"").hex(), **letter}
                )  # fmt: skip
    vectors = {
        "people": [person(me) for me in PEOPLE.values()],
        "other_versions": other_versions(),
        "sealed": rows,
    }
    text = json.dumps(vectors, indent=1, ensure_ascii=False) + "\n"
    (HERE / "seal.json").write_text(text)


if __name__ == "__main__":
    main()
