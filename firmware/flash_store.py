"""The store of a relay: records in a ring of flash sectors (docs/FLASH.md).

New records go to the head. What is still alive in the oldest sector moves to the head before that
sector is erased, so all sectors wear alike. A record is durable when put() returns, gone when
delete() returns, and there is no moment at which a power cut could take anything else.
"""

from array import array

from firmware.flash_ring import (
    DEAD,
    DIRTY,
    HEAD,
    RECORD,
    RECORD_MAX,
    REMEMBERED,
    SECTOR,
    STRUCK,
    Ring,
)
from shared_protocol.errors import MediumFull, StoreFull

_OPEN_AT = 3  # clean sectors it takes to open one: two stay, for moves and for cuts in moves
_STEPS_MAX = 64  # of cleaning in one put(): about 4 erases
_TYPICAL = 250  # bytes of a record whose header is lost
FREE = 1 << 28  # in the table: no record; the rest is the next free handle
_LOST = FREE - 1  # a record that went bad; its handle waits for delete()
NONE = FREE | _LOST  # the end of the free handles


class FlashStore:
    """The store interface of shared_protocol/store.py on a raw partition.

    `rows` is the most records it can hold. All memory it needs is allocated here; mount() must be
    called before anything else.
    """

    def __init__(self, partition, rows: int) -> None:
        self.table = array("I", bytes(4 * rows))  # handle -> address, or a link of the free ones
        if partition.info()[5]:
            from firmware.flash_encrypted import EncryptedRing  # code that few relays need

            self.ring: Ring = EncryptedRing(partition)
        else:
            self.ring = Ring(partition)
        self.free = NONE
        self.live = 0
        self.live_bytes = 0
        self.moved = 0
        self.damaged = 0  # records and headers that did not hold what was written
        self.strays = 0  # records found that the table has no room for
        self._open_at = _OPEN_AT
        self._cursor = 0  # handles below it have nothing in the tail

    def mount(self) -> None:
        """Find what is there. StoreRefused if the partition holds something that is not ours."""
        from firmware import flash_recovery

        flash_recovery.recover(self)

    # --- the store interface

    def put(self, record: bytes) -> int:
        """Write a record: its handle. StoreFull leaves everything as it was."""
        ring = self.ring
        if len(record) > RECORD_MAX:
            raise MediumFull("the record is too long")
        size = ring.size(len(record))
        if ring.encrypted:  # there must be room to strike every record
            self._open_at = _OPEN_AT + 1 + self.live * 16 // SECTOR
        room = 0 if self.free == NONE else self._make_room(size, self._open_at)
        if not room:
            # Hardly anything is live, and yet there is no room: then it is the flash that fails.
            failing = self.live_bytes * 4 < ring.sectors * SECTOR and self.free != NONE
            raise (MediumFull if failing else StoreFull)("the store is full")
        handle = self.free & _LOST
        at = ring.append(RECORD, handle, record)
        self.free = self.table[handle]
        self.table[handle] = at
        self.live += 1
        self.live_bytes += size
        # Tidy up: move at most twice as much out of the tail, or erase one sector, but not both.
        left = 2 * size if room == 1 else 0
        while left > 0 and ring.clean < self._open_at:
            if left < 2 * size and ring.next_in(DIRTY) >= 0:
                break
            left -= self._step(False) or left
        return handle

    def get(self, handle: int) -> bytes:
        """The record under a handle. KeyError if there is none, or it went bad in the flash."""
        at = self.table[handle]
        damaged = self.damaged
        if at >= _LOST or not self.read(at):
            if at < _LOST:
                self._drop(handle, DEAD)
            raise KeyError(handle)
        record = bytes(self.ring.body)
        if self.damaged != damaged and self.ring.end + self.ring.size(len(record)) <= SECTOR:
            try:
                self._rewrite(handle, record)  # mended this time; the next flip would be too much
            except StoreFull:
                pass
        return record

    def delete(self, handle: int, remember: bool = False) -> None:
        """Forget a record; with `remember` a later start still finds it in remembered()."""
        if self.table[handle] >= FREE:
            raise KeyError(handle)
        if self.table[handle] != _LOST:
            self._drop(handle, REMEMBERED if remember else DEAD)
        self.table[handle] = self.free
        self.free = FREE | handle

    def sync(self) -> None:
        """Nothing to do: put() and delete() are durable when they return."""

    def records(self):
        """All (handle, record) pairs."""
        from firmware import flash_contents

        return flash_contents.records(self)

    def remembered(self):
        """Records deleted with `remember`, newest first."""
        from firmware import flash_contents

        return flash_contents.remembered(self.ring)

    def idle(self) -> bool:
        """Use a quiet moment: at most one erase. True if there is more to do, until put() finds
        one clean sector more than it needs."""
        return self.ring.clean <= self._open_at and self._step(False) > 0

    # --- records

    def read(self, at: int) -> bool:
        """Load a record; one whose bit has flipped is mended in the buffer."""
        if self.ring.load(at):
            return True
        from firmware import flash_mend

        self.damaged += 1
        return flash_mend.record(self.ring, at)

    def _drop(self, handle: int, state: int) -> None:
        """A record goes. Its handle is lost, not free: it must not come to mean another yet."""
        ring = self.ring
        at, self.table[handle] = self.table[handle], _LOST  # first: making room may move records
        self.live -= 1
        length = _TYPICAL
        if ring.peek(at):
            length, handle = ring.length, ring.handle  # a stray's is another one in the flash
        self.live_bytes -= ring.size(length)
        ring.drop(at)
        if not ring.encrypted:
            ring.set_state(at, state)
            return
        try:
            size = ring.size(0)
            if not self._make_room(size, _OPEN_AT) and ring.clean < _OPEN_AT - 1:
                if ring.end + size > SECTOR:
                    raise StoreFull
            ring.append(STRUCK, handle, b"")  # on what comes before it in the log
        except StoreFull:
            ring.write_errors += 1  # it stays, and a start may find it again

    def _rewrite(self, handle: int, record: bytes) -> None:
        """Write the record that was read last anew at the head; then the old one goes."""
        at = self.table[handle]
        self.table[handle] = self.ring.append(RECORD, self.ring.handle, record)
        self.ring.set_state(at, DEAD)
        self.ring.drop(at)
        self.moved += 1

    # --- room

    def _make_room(self, size: int, open_at: int) -> int:
        """May a record of this size be appended now? 0 no, 1 yes, 2 yes, after some cleaning."""
        ring = self.ring
        yes = 1
        for _ in range(_STEPS_MAX):
            fits = ring.end + size <= SECTOR
            # One sector fewer will do when the tail waits only for its erase: that needs no room.
            if fits and ring.clean >= (open_at - 1 if ring.state[ring.tail] else 1):
                return yes
            if ring.clean >= open_at:
                ring.open_next()  # a bad sector may have been the last
            elif self._step(True):
                yes = 2
            else:
                return yes if fits else 0
        return 0

    def _step(self, may_open: bool) -> int:
        """One step towards a clean sector: its cost in bytes, 0 if there is none to take."""
        ring, table = self.ring, self.table
        if ring.erase_next():
            return SECTOR
        if ring.tail in (ring.head, -1):
            return 0
        # Is there enough to win? The oldest sector is nearly empty, or much of the ring is. If not
        # the owner must give up records first.
        usable = SECTOR - ring.start
        used = usable * (ring.sectors - ring.clean)
        tail_bytes = ring.state[ring.tail] * (self.live_bytes // max(1, self.live))
        if tail_bytes * 4 > usable and (used - self.live_bytes) * 6 < used:
            return 0
        try:
            if not ring.state[ring.tail]:
                ring.release_tail()
                self._cursor = 0
                return 1
            while table[self._cursor] >> 12 != ring.tail:
                self._cursor += 1
            if not self.read(table[self._cursor]):
                self._drop(self._cursor, DEAD)
                return HEAD
            record = bytes(ring.body)
            size = ring.size(len(record))
            if ring.end + size > SECTOR and not may_open:
                return 0
            self._rewrite(self._cursor, record)
        except StoreFull:
            return 0
        return size
