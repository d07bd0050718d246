"""Records in an append-only file on the board's LittleFS: the store of a relay.

    A7 | kind 1: put, 2: delete | length 2 | handle 4 | CRC-32 4 of the rest | payload

A record that was cut by a power failure fails its CRC and is skipped, with everything before and
after it intact. Handles outlive a compaction, which writes the live records to a second file and
renames it over the first (atomic on LittleFS).
"""

import os
import struct
from array import array
from binascii import crc32

from shared_protocol.errors import StoreFull

_MAGIC, _PUT, _DELETE = 0xA7, 1, 2
_HEAD = "!BBHI"
_HEAD_LEN = 12
_RECORD_MAX = 512  # bytes of payload: a parcel's record has at most 250
_GONE = 0xFFFFFFFF
_READ = 512


class LogStore:
    """The store interface of shared_protocol/store.py on a file.

    handles, offsets: two arrays of 32-bit words, as long as there may be records, deleted ones
    since the last compaction included. bytes_max: of the file; when it is reached the file is
    compacted, and if that does not help the store is full.
    """

    def __init__(self, path: str, handles: array, offsets: array, bytes_max: int) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._handles = handles
        self._offsets = offsets
        self._rows = len(handles)
        self._size = 0
        self._live = 0
        self._live_bytes = 0
        self._next = 0
        self.skipped_bytes = 0
        self.compactions = 0
        self.lost = 0  # records that were whole once and are not any more
        self._file = self._open()
        self._recover()

    def _open(self):
        try:
            return open(self._path, "r+b")
        except OSError:
            open(self._path, "wb").close()
            return open(self._path, "r+b")

    # --- the store interface

    def put(self, record: bytes) -> int:
        """Append a record. StoreFull leaves everything as it was."""
        size = _HEAD_LEN + len(record)
        if len(record) > _RECORD_MAX or self._live >= self._rows:
            raise StoreFull("the store is full")
        if self._size >= self._rows:
            self._squeeze()
        if self._end + size > self._bytes_max:
            if self._live_bytes + size > self._bytes_max:
                raise StoreFull("the store is full")
            try:
                self.compact()
            except OSError:
                raise StoreFull("the flash has no room to compact")
        handle = self._next
        offset = self._end
        try:
            self._append(_PUT, handle, record)
        except OSError:
            raise StoreFull("the flash takes no more")
        self._next += 1
        self._enter(handle, offset, size)
        return handle

    def get(self, handle: int) -> bytes:
        """The record under a handle."""
        found = self._read(self._offsets[self._row(handle)])
        if found is None:
            raise KeyError(handle)  # gone bad in the flash
        return found[2]

    def delete(self, handle: int) -> None:
        """Forget a record. Its bytes stay in the file until the next compaction."""
        row = self._row(handle)
        found = self._read(self._offsets[row])
        self._live_bytes -= _HEAD_LEN + (len(found[2]) if found else 0)
        self._offsets[row] = _GONE
        self._live -= 1
        try:
            self._append(_DELETE, handle, b"")
        except OSError:
            pass  # flash full: the record comes back after a reboot and is purged again

    def sync(self) -> None:
        """Everything appended is on the flash when this returns."""
        self._file.flush()

    def records(self):
        """All (handle, record) pairs, in the order in which they were put."""
        for row in range(self._size):
            if self._offsets[row] != _GONE:
                yield self._handles[row], self._read(self._offsets[row])[2]

    # --- the file

    def _append(self, kind: int, handle: int, payload: bytes) -> None:
        self._file.seek(self._end)
        self._file.write(_frame(kind, handle, payload))
        self._end += _HEAD_LEN + len(payload)

    def _read(self, offset: int) -> tuple | None:
        """(kind, handle, payload) of the record at an offset, None if there is no whole one."""
        self._file.seek(offset)
        head = self._file.read(_HEAD_LEN)
        if len(head) < _HEAD_LEN or head[0] != _MAGIC:
            return None
        _, kind, length, handle = struct.unpack(_HEAD, head[:8])
        if length > _RECORD_MAX:
            return None
        payload = self._file.read(length)
        if len(payload) < length or crc32(payload, crc32(head[:8])).to_bytes(4, "big") != head[8:]:
            return None
        return kind, handle, payload

    def _recover(self) -> None:
        end = self._file.seek(0, 2)
        at = 0
        while at < end:
            found = self._read(at)
            if found is None:
                at = self._next_magic(at + 1, end)
                continue
            kind, handle, payload = found
            if kind == _PUT and self._size >= self._rows:
                self._squeeze()
            if kind == _PUT and self._size < self._rows:
                self._enter(handle, at, _HEAD_LEN + len(payload))
            elif kind == _DELETE:
                row = self._find(handle)
                if row >= 0 and self._offsets[row] != _GONE:
                    self._live -= 1
                    self._live_bytes -= _HEAD_LEN + len(self._read(self._offsets[row])[2])
                    self._offsets[row] = _GONE
            self._next = max(self._next, handle + 1)
            at += _HEAD_LEN + len(payload)
        self._end = end

    def _next_magic(self, at: int, end: int) -> int:
        """Where the next record may begin after damage."""
        self.skipped_bytes += 1
        while at < end:
            self._file.seek(at)
            chunk = self._file.read(_READ)
            found = chunk.find(bytes((_MAGIC,)))
            if found >= 0:
                self.skipped_bytes += found
                return at + found
            self.skipped_bytes += len(chunk)
            at += len(chunk)
        return end

    def compact(self) -> None:
        """Rewrite the live records, drop the rest. A power cut leaves the old file or the new.

        OSError if the flash has no room for both: then nothing has changed.
        """
        temporary = self._path + ".new"
        fresh = open(temporary, "wb")
        try:
            for row in range(self._size):
                found = self._read(self._offsets[row]) if self._offsets[row] != _GONE else None
                if found is None:
                    self._lose(row)  # deleted, or gone bad in the flash
                else:
                    fresh.write(_frame(found[0], found[1], found[2]))
            fresh.flush()
        except OSError:
            fresh.close()
            os.remove(temporary)
            raise
        fresh.close()
        self._file.close()
        os.rename(temporary, self._path)
        self._file = self._open()
        self._close_ranks()
        self.compactions += 1

    def _close_ranks(self) -> None:
        """The rows of the new file: the live ones, one behind the other."""
        self._squeeze()
        self._end = 0
        for row in range(self._size):
            self._offsets[row] = self._end
            self._end += _HEAD_LEN + len(self._read(self._end)[2])
        self._live_bytes = self._end

    # --- the rows: handles only rise, so they are sorted

    def _squeeze(self) -> None:
        """Forget the rows of deleted records; the file stays as it is."""
        row_out = 0
        for row in range(self._size):
            if self._offsets[row] != _GONE:
                self._handles[row_out] = self._handles[row]
                self._offsets[row_out] = self._offsets[row]
                row_out += 1
        self._size = row_out

    def _lose(self, row: int) -> None:
        if self._offsets[row] != _GONE:
            self._offsets[row] = _GONE
            self._live -= 1
            self.lost += 1

    def _enter(self, handle: int, offset: int, size: int) -> None:
        self._handles[self._size] = handle
        self._offsets[self._size] = offset
        self._size += 1
        self._live += 1
        self._live_bytes += size

    def _find(self, handle: int) -> int:
        lo, hi = 0, self._size
        while lo < hi:
            middle = (lo + hi) >> 1
            if self._handles[middle] < handle:
                lo = middle + 1
            else:
                hi = middle
        return lo if lo < self._size and self._handles[lo] == handle else -1

    def _row(self, handle: int) -> int:
        row = self._find(handle)
        if row < 0 or self._offsets[row] == _GONE:
            raise KeyError(handle)
        return row


def _frame(kind: int, handle: int, payload: bytes) -> bytes:
    head = struct.pack(_HEAD, _MAGIC, kind, len(payload), handle)
    return head + struct.pack("!I", crc32(payload, crc32(head))) + payload
