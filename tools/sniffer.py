"""Reads the air's record with the network key: who passed which parcel on, and what it weighed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.crypto import ecb
from shared_protocol import frame
from shared_protocol.errors import DecodeError
from shared_protocol.frame import FrameCipher
from tools.frame_contents import FRAME_NAMES, RECEIPT, content_of, message_of, parts_in


@dataclass(frozen=True)
class Heard:
    """One frame on the air. mids: the messages that it carries parcels or receipts of."""

    src: str
    kind: str
    length: int
    heard: list[str]
    lost: list[str]
    mids: list[bytes]


class Sniffer:
    """Follows the record as it grows."""

    def __init__(self, record: Path, network_key: bytes) -> None:
        self._record = record
        self._cipher = FrameCipher(network_key, 0, ecb)
        self._at = 0

    def fresh(self) -> Iterator[Heard]:
        """Frames since the last call."""
        if not self._record.exists():
            return
        with self._record.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # the air is still writing it
                self._at += len(line)
                yield self._look(json.loads(line))

    def _look(self, entry: dict[str, object]) -> Heard:
        src = str(entry["src"]).replace(":", "")
        data = bytes.fromhex(str(entry["frame"]))
        kind, mids = "?", []
        try:
            frame_type, _, body = self._cipher.open(bytes.fromhex(src), data)
            kind = FRAME_NAMES.get(frame_type, "?")
            mids = [message_of(part) for part in parts_in(frame_type, body)]
            if frame_type == frame.UNICAST and content_of(frame_type, body) == RECEIPT:
                kind = "receipt back"
        except DecodeError:
            pass  # not of this network
        heard, lost = entry["heard"], entry["lost"]
        assert isinstance(heard, list)
        assert isinstance(lost, list)
        return Heard(src, kind, len(data), heard, lost, mids)
