"""Writes kit.json beside it: identity kits, and the same behind passphrases (SPEC.md 2.3).

PYTHONPATH=. .venv/bin/python tests/vectors/make_kit.py
"""

import json
from hashlib import sha256
from pathlib import Path

from gateway.identity import Identity, Seeds
from gateway.kit import kit_text, locked_kit


def drawn(name: str, number: int) -> Identity:
    """Somebody whose keys are the same every time."""

    def seed(what: str, length: int = 32) -> bytes:
        return sha256(f"{name} {what}".encode()).digest()[:length]

    seeds = Seeds(seed("account"), seed("device"), seed("prekey"), number, seed("box", 16), name)
    return Identity.load(seeds)


CASES = [  # title, who, passphrase, the same as somebody may type it
    ("words", drawn("Ana", 1), "correct horse battery", "  correct horse battery "),
    ("composed letters", drawn("Bo", 3), "Br\u00fccke am Wall", "Bru\u0308cke am Wall"),
    ("wide digits", drawn("أمينة", 70000), "جسر على النهر ١٢", "جسر على النهر ١٢"),
    ("full width", drawn("Ken", 2), "abcdef 123456", "ａｂｃｄｅｆ　１２３４５６"),
]  # fmt: skip


def main() -> None:
    """Write the file."""
    vectors = []
    for title, me, passphrase, typed in CASES:
        salt = sha256(title.encode()).digest()[:16]
        vectors.append(
            {
                "title": title, "kit": kit_text(me), "passphrase": passphrase, "typed": typed,
                "salt": salt.hex(), "locked": locked_kit(me, passphrase, salt),
            }
        )  # fmt: skip
    path = Path(__file__).with_name("kit.json")
    path.write_text(json.dumps(vectors, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
