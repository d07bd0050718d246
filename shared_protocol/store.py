"""The store interface, and its implementation in memory.

A store keeps records (bytes) under handles (integers below 2^32, but not 65,535). What put() took
is durable once sync() has returned; delete() may be forgotten by a power cut, never half done. The
core calls sync() before it sends a frame that speaks of what it took. A record deleted with
`remember` may come back after a restart in remembered(), as something that was here; a store may
also forget it.
"""

from shared_protocol.errors import StoreFull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class Store(Protocol):
        """What the core asks of a store: MemoryStore below says what each does."""

        def put(self, record: bytes) -> int: ...
        def get(self, handle: int) -> bytes: ...
        def delete(self, handle: int, remember: bool = False) -> None: ...
        def sync(self) -> None: ...
        def records(self) -> Iterable[tuple[int, bytes]]: ...
        def remembered(self) -> Iterable[bytes]: ...

        damaged: int  # records that did not come back as they were put, since the start


HANDLES_FROM = 1 << 16  # of stores that count: so that they never come to 65,535
_REMEMBERED_MAX = 512


class MemoryStore:
    """Records in a dict: tests and simulations. `bytes_max` bounds the sum of record lengths."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes_used = 0
        self.damaged = 0
        self._records: dict[int, bytes] = {}
        self._remembered: list[bytes] = []
        self._next = HANDLES_FROM

    def put(self, record: bytes) -> int:
        """Keep a record, give its handle. StoreFull leaves everything as it was."""
        if self.bytes_used + len(record) > self.bytes_max:
            raise StoreFull("the store is full")
        handle = self._next
        self._next += 1
        self._records[handle] = bytes(record)
        self.bytes_used += len(record)
        return handle

    def get(self, handle: int) -> bytes:
        """The record under a handle. KeyError if there is none, or it has gone bad."""
        return self._records[handle]

    def delete(self, handle: int, remember: bool = False) -> None:
        """Give the record's room back."""
        record = self._records.pop(handle)
        self.bytes_used -= len(record)
        if remember:
            self._remembered.append(record)
            del self._remembered[:-_REMEMBERED_MAX]

    def sync(self) -> None:
        """Everything put is durable when this returns (memory: at once)."""

    def records(self) -> list[tuple[int, bytes]]:
        """All (handle, record) pairs, in any order; after a restart."""
        return list(self._records.items())

    def remembered(self) -> list[bytes]:
        """Records that were deleted with `remember`, newest first."""
        return self._remembered[::-1]
