"""The devices that this gateway keeps mail for: who they are, and whose an arriving parcel is."""

import hashlib
import sqlite3
import time
from dataclasses import dataclass

from gateway.device_auth import device_id
from gateway.errors import NoRoom, UserError

DEVICES_MAX = 500
BOXES_MAX = 5 + 32  # of two prekeys under two box roots, the public mailbox key; of groups
BOX_LEN = 16
# Keys cost nothing, so whoever reaches the page can register as many devices as he likes. When all
# places are taken, first those that came once and never again give way, then the long silent; if
# nobody is either, the newcomer is refused.
ONCE_S = 600  # seen no longer than this after it registered: it never came back
ONCE_SILENT_S = 3600
SILENT_S = 7 * 86_400
_SEEN_EVERY_S = 600  # how often it is written down that a device was here
HERE_S = 300.0  # whoever asked for something so lately, or listens, is here

_CACHE_MAX = 1 << 15  # messages whose recipient is remembered: more than a gateway's node holds


@dataclass(frozen=True)
class Device:
    """id: 16 hex digits. key: Ed25519, public. boxes: mailbox keys, 16 bytes each."""

    id: str
    key: bytes
    boxes: tuple[bytes, ...]


class Devices:
    """The register. Methods that change it run inside a transaction (post_office.py)."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._asked: dict[str, float] = {}  # time.monotonic() of the last request
        self._listening: dict[str, int] = {}
        self.generation = 0  # rises when a mailbox key comes that mail may be waiting for
        self.reload()

    def reload(self) -> None:
        """Forget what is in memory: the database has another opinion."""
        self._by_id: dict[str, Device] = {}
        self._seen_s: dict[str, int] = {}
        for row in self._db.execute("SELECT id, key, boxes, seen_s FROM device"):
            boxes = _cut_boxes(bytes(row["boxes"]))
            self._by_id[row["id"]] = Device(row["id"], bytes(row["key"]), boxes)
            self._seen_s[row["id"]] = row["seen_s"]
        self._index()

    def _index(self) -> None:
        """SHA-256 states that have H("hint", box, …) up to the mid, one per mailbox key."""
        self._keys = [(box, d) for d in self._by_id.values() for box in d.boxes]
        self._states = [_hint_state(box) for box, _ in self._keys]
        # (mid, hint) -> how many keys were tried, and which of them it is for
        self._cache: dict[bytes, tuple[int, tuple[int, ...]]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, name: str) -> Device | None:
        """The device with this id."""
        return self._by_id.get(name)

    def since(self, name: str) -> str:
        """Which registration of this device that is, which may have given way in between: the
        numbers of its letters count from there. "" if it is not registered."""
        row = self._db.execute("SELECT since_s FROM device WHERE id = ?", (name,)).fetchone()
        return "" if row is None else f"{row['since_s']:x}"

    # --- registration

    def register(self, key: bytes, boxes: list[bytes], now_s: int) -> Device:
        """Take a device in, or its new mailbox keys. UserError; NoRoom if nobody may give way."""
        if (
            len(key) != 32
            or not 1 <= len(boxes) <= BOXES_MAX
            or {len(b) for b in boxes} != {BOX_LEN}
        ):
            raise UserError(f"a device has a key of 32 bytes and 1 to {BOXES_MAX} boxes of 16")
        device = Device(device_id(key), key, tuple(dict.fromkeys(boxes)))
        known = self._by_id.get(device.id)
        if known == device:
            self._asked[device.id] = time.monotonic()
            return known
        full = len(self._by_id) >= DEVICES_MAX
        if known is None:
            if full:
                self._make_room(now_s)
            self._db.execute(
                "INSERT INTO device (id, key, boxes, since_s, seen_s) VALUES (?, ?, ?, ?, ?)",
                (device.id, key, b"".join(device.boxes), now_s, now_s),
            )
            self._seen_s[device.id] = now_s
        else:
            self._db.execute(
                "UPDATE device SET boxes = ? WHERE id = ?", (b"".join(device.boxes), device.id)
            )
        self._by_id[device.id] = device
        self._asked[device.id] = time.monotonic()
        if known is not None or full:
            self._index()
        else:  # what was found out about the others' keys still holds
            self._keys += [(box, device) for box in device.boxes]
            self._states += [_hint_state(box) for box in device.boxes]
        self.generation += 1
        return device

    def _make_room(self, now_s: int) -> None:
        rows = self._db.execute(
            "SELECT id FROM device WHERE (seen_s < since_s + ? AND seen_s < ?) OR seen_s < ? "
            "ORDER BY seen_s >= since_s + ?, seen_s",
            (ONCE_S, now_s - ONCE_SILENT_S, now_s - SILENT_S, ONCE_S),
        )
        row = next((row for row in rows if row["id"] not in self._listening), None)
        if row is None:
            raise NoRoom(
                f"this gateway looks after {DEVICES_MAX} phones, and all were here lately: "
                "try again in an hour, or another gateway"
            )
        self._db.execute("DELETE FROM device WHERE id = ?", (row["id"],))
        for known in (self._by_id, self._seen_s, self._asked):
            known.pop(row["id"], None)

    # --- whose is it

    def recognise(self, mid: bytes, hint: bytes) -> list[tuple[Device, bytes]]:
        """The devices that a message is for, each with the mailbox key that says so.

        There may be several: whoever knows a mailbox key can register it, and gets ciphertext.
        One hash for each mailbox key, once for a message.
        """
        name = mid + hint
        tried, found = self._cache.get(name, (0, ()))
        if tried < len(self._states):
            found += tuple(
                i for i in range(tried, len(self._states)) if _hint(self._states[i], mid) == hint
            )
            if len(self._cache) >= _CACHE_MAX:
                self._cache.clear()
            self._cache[name] = (len(self._states), found)
        return [(self._keys[i][1], self._keys[i][0]) for i in found]

    # --- who is here

    def asked(self, device: Device, now_s: int) -> bool:
        """A request came. True if seen() should write that down."""
        self._asked[device.id] = time.monotonic()
        return now_s - self._seen_s.get(device.id, now_s) >= _SEEN_EVERY_S

    def seen(self, device: Device, now_s: int) -> None:
        """Write down that it was here."""
        self._db.execute("UPDATE device SET seen_s = ? WHERE id = ?", (now_s, device.id))
        self._seen_s[device.id] = now_s

    def listens(self, device: Device, count: int) -> None:
        """It has opened (1) or closed (-1) a stream."""
        left = self._listening.get(device.id, 0) + count
        if left > 0:
            self._listening[device.id] = left
        else:
            self._listening.pop(device.id, None)
        if device.id in self._by_id:
            self._asked[device.id] = time.monotonic()

    def silent_s(self, name: str) -> float | None:
        """Seconds since the phone of this id asked for something, 0 while it listens; None if it
        is not registered, or has not asked since the start."""
        if name not in self._by_id or (name not in self._asked and name not in self._listening):
            return None
        return 0.0 if name in self._listening else time.monotonic() - self._asked[name]

    def is_here(self, device: Device) -> bool:
        """Does its phone listen, or has it asked for something a moment ago?"""
        if device.id in self._listening:
            return True
        return time.monotonic() - self._asked.get(device.id, -HERE_S) < HERE_S


def _hint_state(box: bytes) -> "hashlib._Hash":
    return hashlib.sha256(b"helio1/hint\0" + box)  # H("hint", box, mid), SPEC.md 1 and 6


def _hint(state: "hashlib._Hash", mid: bytes) -> bytes:
    whole = state.copy()
    whole.update(mid)
    return whole.digest()[:4]


def _cut_boxes(raw: bytes) -> tuple[bytes, ...]:
    return tuple(raw[i : i + BOX_LEN] for i in range(0, len(raw), BOX_LEN))
