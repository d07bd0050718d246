"""The store of firmware 0.1, a file on the LittleFS, brought into the ring of flash sectors.

A7 | kind 1: put, 2: delete | length 2 | handle 4 | CRC-32 4 of the rest | payload
"""

import os
import struct
from array import array
from binascii import crc32

from firmware import flash_recovery
from firmware.flash_store import FlashStore
from shared_protocol.errors import StoreFull

PATH = "/store.log"
_MAGIC, _PUT, _DELETE = 0xA7, 1, 2
_HEAD = 12
_RECORD_MAX = 512
_ROWS = 440  # records that the file can have held at once


def pending() -> bool:
    """Is there such a file still?"""
    return PATH[1:] in os.listdir("/")


def bring_over(store: FlashStore) -> None:
    """Put what the file holds into the store, which is not mounted yet, and remove the file.

    The ring is made anew first: there can be nothing in it but what an earlier try, cut by a
    power failure, has brought over already.
    """
    flash_recovery.wipe(store.ring.part)
    store.mount()
    old, new = array("I", bytes(4 * _ROWS)), array("H", bytes(2 * _ROWS))
    count = 0
    with open(PATH, "rb") as file:
        at, end = 0, file.seek(0, 2)
        while at + _HEAD <= end:
            record = _record_at(file, at)
            if record is None:
                at += 1  # damage: the next record begins somewhere behind it
                continue
            kind, handle, payload = record
            at += _HEAD + len(payload)
            row = 0
            while row < count and old[row] != handle:
                row += 1
            if kind == _PUT and row == count < _ROWS:
                try:
                    new[row] = store.put(payload)
                except StoreFull:
                    continue
                old[row] = handle
                count += 1
            elif kind == _DELETE and row < count:
                store.delete(new[row])
                count -= 1
                old[row], new[row] = old[count], new[count]
    os.remove(PATH)


def _record_at(file, at: int) -> tuple | None:
    file.seek(at)
    head = file.read(_HEAD)
    if head[0] != _MAGIC:
        return None
    _, kind, length, handle = struct.unpack("!BBHI", head[:8])
    payload = file.read(length) if length <= _RECORD_MAX else b""
    if (
        len(payload) < length
        or crc32(payload, crc32(head[:8])) != struct.unpack("!I", head[8:])[0]
    ):
        return None
    return kind, handle, payload
