"""Writes directory.json beside it: records of the directory (SPEC.md 14).

    PYTHONPATH=. .venv/bin/python tests/vectors/make_directory.py

Ed25519 draws nothing, so each run writes the same.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1])]

from gateway.announce import parcel_of  # noqa: E402
from gateway.directory_records import AccountRecord, commitment, read  # noqa: E402
from tests.gateway.people_kit import Somebody  # noqa: E402

TOKEN = bytes(range(16))
WHO = [
    ("one device", "Ana", lambda s: s.says(1)),
    ("eight devices and the longest name", "\u0623" * 16, lambda s: s.says(70000, range(1, 9))),
    ("a tombstone", "Ana", lambda s: s.says(2, ())),
    ("a device", "Ana", lambda s: s.device_says(1, 3, 9)),
]


def vector(title: str, name: str, payload: bytes) -> dict[str, object]:
    """What an implementation must read in the payload, all bytes in hex."""
    record = read(payload)
    told: dict[str, object] = {"title": title, "payload": payload.hex()}
    told |= {
        key: value.hex() if isinstance(value, bytes) else value
        for key, value in vars(record).items()
    }
    if isinstance(record, AccountRecord):
        told["devices"] = [device.hex() for device in record.devices]
        told["next_account"] = Somebody(name).next().account.hex()
        assert commitment(Somebody(name).next().account) == record.next_key
    told["token"] = TOKEN.hex()
    told["parcel"] = parcel_of(payload, TOKEN).hex()
    return told


def vectors() -> list[dict[str, object]]:
    """All of them."""
    return [vector(title, name, make(Somebody(name))) for title, name, make in WHO]


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    (HERE / "directory.json").write_text(text)
