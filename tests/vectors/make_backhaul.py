"""Writes backhaul.json: what lies at a hub (SPEC.md 18.1), from fixed keys and nonces."""

import json
import os
from pathlib import Path
from unittest import mock

from gateway.backhaul_item import ALL, HubKey, Item
from shared_protocol import parcel, receipt

KEY = bytes(range(32))


def vectors() -> list[dict[str, object]]:
    """A message for all, one for a gateway, an SOS, a receipt."""
    key = HubKey(KEY, "")
    token = bytes(range(16))
    mid = receipt.message_id(token)
    head = bytes([parcel.first_byte(parcel.MESSAGE, 1, False), 0xA0])
    sos = bytes([parcel.first_byte(parcel.MESSAGE, 3, False), 0xA0])
    made = []
    for address, immutable in (
        (ALL, head + mid + b"sealed"),
        (key.address(0x2211), head + mid + b"sealed"),
        (ALL, sos + mid + b"sealed"),
        (ALL, receipt.encode(token, 1, 10)),
    ):
        subject = key.subject(address, immutable)
        item = Item(3, 500, 0x4433, immutable)
        with mock.patch.object(os, "urandom", lambda size: bytes(range(0x80, 0x80 + size))):
            data = key.seal(subject, item)
        made.append(
            {
                "network_key": KEY.hex(), "region": key.region, "subject": subject,
                "hops": item.hops, "age": item.age, "source": item.source,
                "immutable": immutable.hex(), "data": data.hex(),
                "ended_by": key.parcels_of(mid), "here_2211": key.here(0x2211),
            }
        )  # fmt: skip
    return made


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1) + "\n"
    (Path(__file__).parent / "backhaul.json").write_text(text)
