"""Writes quiet.json beside it: what devices tell each other unseen, of seal.json's people.

PYTHONPATH=. .venv/bin/python tests/vectors/make_quiet.py
"""

import json
from pathlib import Path

from gateway.identity import parse_card
from gateway.quiet import DEVICES, prekey_body

HERE = Path(__file__).parent


def main() -> None:
    """Write the file."""
    people = json.loads((HERE / "seal.json").read_text())["people"]
    records = [
        bytes.fromhex(v["payload"]) for v in json.loads((HERE / "directory.json").read_text())
    ]
    root = bytes(range(16))
    devices = bytes([DEVICES]) + root + b"".join(bytes([len(r)]) + r for r in records)
    told = {
        "prekeys": [
            {"card": p["card"], "body": prekey_body(parse_card(p["card"])).hex()} for p in people
        ],
        "devices": {
            "box_root": root.hex(), "records": [r.hex() for r in records], "body": devices.hex(),
        },
    }  # fmt: skip
    (HERE / "quiet.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
