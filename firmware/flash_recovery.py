"""What a relay does with its store's partition at the start (docs/FLASH.md).

Reads every sector's header, then the headers of the records, and whole records only in the sector
that was written to last. It needs no write to be right; what it does write (a half-written record
is struck, and of a record that was being moved the older copy) may be cut and is done again.
"""

import struct
from binascii import crc32

from firmware import flash_mend
from firmware.flash_contents import state_of
from firmware.flash_ring import (
    CHUNK,
    CHUNK_BLANK,
    CLEAN,
    DEAD,
    DIRTY,
    HEAD,
    LIVE,
    MARK,
    RECORD,
    RELEASED,
    REMEMBERED,
    SECTOR,
    STRUCK,
    Ring,
)
from firmware.flash_store import FREE, NONE, FlashStore
from shared_protocol.errors import LocalError

_SPENT = CLEAN - 1  # a sector's state while the others are entered: nothing live in it


class StoreRefused(LocalError):
    """The partition holds something else; it was not touched. The text says what."""


def mark(version: int) -> bytes:
    """The four bytes at the start of every sector; later versions keep this form."""
    text = b"HF" + bytes((version,))
    return text + bytes((crc32(text) & 0xFF,))


def recover(store: FlashStore) -> None:
    """Fill an empty store from its partition. StoreRefused if that is not ours; then untouched."""
    ring = store.ring
    if not _headers(store) and not _all_blank(ring):
        raise StoreRefused("the store's partition holds something else")
    for handle in range(len(store.table)):
        store.table[handle] = FREE
    strays = {}
    if ring.tail >= 0:
        before = ring.sectors
        for i in range(1, ring.sectors + 1):  # oldest first, the head last
            s = (ring.head + i) % ring.sectors
            if ring.state[s] < CLEAN:
                age = (ring.seq - ring.seqs[s]) & 0xFFFF
                if age >= before:
                    ring.state[s] = DIRTY  # it took no erase when its turn came: all that is old
                    continue
                before = age
                if ring.state[s] == _SPENT:
                    ring.state[s] = 0
                else:
                    _walk(store, strays, s)
            elif ring.state[s] == CLEAN and before < ring.sectors:
                ring.state[s] = DIRTY  # left out when it was its turn; the log keeps its order
                ring.clean -= 1
        while ring.state[ring.tail] >= CLEAN:
            ring.tail = (ring.tail + 1) % ring.sectors
    for handle in range(len(store.table) - 1, -1, -1):
        if store.table[handle] == FREE:
            store.table[handle] = store.free
            store.free = FREE | handle
    _adopt(store, strays)


def wipe(part) -> None:
    """Make an empty store of a partition, whatever it holds. If the power goes, do it again."""
    encrypted = part.info()[5]
    head = bytearray(4)
    # The last sector is marked: a new store erases the first one first, and were that the only
    # mark, a cut then would leave what is not ours any more.
    last = part.ioctl(4, 0) - 1
    for s in range(last + 1):
        part.readblocks(s, head, 0)
        # A store's, of any version, a bit of it perhaps flipped. The rest is erased in its turn.
        theirs = head[0] == MARK[0] or head[1] == MARK[1]
        if s == last or (encrypted and theirs):
            part.ioctl(6, s)
        elif theirs:
            part.writeblocks(s, bytes(Ring.start), 0)
    part.writeblocks(last, MARK + b"\xff" * (12 if encrypted else 0), 0)


# --- sectors


def _headers(store: FlashStore) -> bool:
    """Sort the sectors, find head and tail. False if none of them was ever ours."""
    ring = store.ring
    ours = False
    newest = -1
    for s in range(ring.sectors):
        ring.state[s] = DIRTY
        seq = _header(store, s)
        ours = ours or seq is not None
        if seq is not None and seq >= ring.seq:
            newest, ring.seq = s, seq
    if newest >= 0:
        ring.head = ring.tail = newest
        ring.end = ring.start
        while True:
            ring.tail = (ring.tail + 1) % ring.sectors
            if ring.state[ring.tail] < CLEAN:
                break
    return ours


def _header(store: FlashStore, s: int) -> int | None:
    """Look at one sector's header: its sequence number, -1 if it was never opened, None if it is
    not ours, or is waiting for its erase."""
    ring = store.ring
    text = bytearray(ring.start)
    ring.part.readblocks(s, text, 0)
    if text[:4] != MARK:
        if text[:4] == mark(text[2]) and text[2] > MARK[2]:
            raise StoreRefused("the store was written by a newer version of the firmware")
        if _bits_between(text, MARK) != 1:
            return None
        store.damaged += 1
    opened = text[ring.unit : ring.unit + 8]
    if not _holds(ring, opened):
        if opened == b"\xff" * 8 and not ring.encrypted:  # there, noise says nothing: erase again
            ring.state[s] = CLEAN
            ring.clean += 1
            return -1
        if not flash_mend.flip(opened, 0, 64, lambda: _holds(ring, opened)):
            return -1  # clean, or an opening that was cut
        store.damaged += 1
    spent = not ring.encrypted and bin(text[ring.start - 4]).count("1") < 5
    ring.state[s] = _SPENT if spent else 0
    seq = int.from_bytes(opened[:4], "big")
    ring.seqs[s] = seq & 0xFFFF
    return seq


def _holds(ring: Ring, opened: bytearray) -> bool:
    return ring.open_part(int.from_bytes(opened[:4], "big"))[:8] == opened


def _bits_between(a: bytearray, b: bytes) -> int:
    """How many bits of the first four bytes differ."""
    different = int.from_bytes(a[:4], "big") ^ int.from_bytes(b[:4], "big")
    return bin(different).count("1")


def _all_blank(ring: Ring) -> bool:
    """Is everything erased, but perhaps for a first mark that a power cut left half written?"""
    chunk = bytearray(CHUNK)
    whole = int.from_bytes(MARK, "big")  # half written it still has all these bits
    for s in range(ring.sectors):
        for offset in range(0, SECTOR, CHUNK):
            ring.part.readblocks(s, chunk, offset)
            if not offset and int.from_bytes(chunk[:4], "big") & whole == whole:
                chunk[:4] = b"\xff\xff\xff\xff"
            if crc32(chunk) != CHUNK_BLANK:
                return False
    return True


# --- records


def _walk(store: FlashStore, strays: dict, s: int) -> None:
    """Enter what one sector holds."""
    ring = store.ring
    deep = s == ring.head or ring.encrypted
    at = s << 12 | ring.start
    last = (s + 1) << 12
    while at + HEAD <= last:
        if not ring.peek(at):
            if ring.buffer[:HEAD] == b"\xff" * HEAD:
                break
            if ring.encrypted or not _mend_head(store, at):
                behind = _resume(ring, at, last)
                if behind == last:
                    break  # half written, and the last
                at = behind
        at += _take(store, strays, at, deep)
    if s == ring.head:
        # In the noise of erased flash one block may be no longer blank: where a cut write began.
        ring.end = (at & 0xFFF or SECTOR) + 16 if ring.encrypted else _end(ring, at)


def _mend_head(store: FlashStore, at: int) -> bool:
    """Is it a record's header but for one bit?"""
    ring = store.ring
    if not flash_mend.record(ring, at):
        return False
    store.damaged += 1
    return True


def _take(store: FlashStore, strays: dict, at: int, deep: bool) -> int:
    """Enter one record whose header is in the buffer: its size."""
    ring = store.ring
    size, kind, handle = ring.size(ring.length), ring.kind, ring.handle
    if ring.buffer[0] not in (LIVE, REMEMBERED, DEAD):
        store.damaged += 1
    table = store.table
    if handle >= len(table):
        table = strays
        strays.setdefault(handle, FREE)
    if kind == RECORD and state_of(ring) == LIVE:
        if deep and not ring.load(at) and not flash_mend.record(ring, at):
            ring.set_state(at, DEAD)  # half written, never acknowledged
        else:
            _enter(store, table, handle, at, size)
    elif kind == STRUCK and ring.load(at):
        if table[handle] != FREE:
            _forget(store, table, handle)
    elif kind == RELEASED and ring.load(at):
        _release(store, strays)
    return size


def _enter(store: FlashStore, table, handle: int, at: int, size: int) -> None:
    """A live record. If its handle is known it was being moved, and the power went before the old
    copy could be struck; unless the new one, here, is only half there."""
    ring = store.ring
    if table[handle] != FREE:
        if not ring.load(at):
            ring.set_state(at, DEAD)
            return
        old = table[handle]
        _forget(store, table, handle)
        ring.set_state(old, DEAD)
    table[handle] = at
    ring.state[at >> 12] += 1
    store.live += 1
    store.live_bytes += size


def _forget(store: FlashStore, table, handle: int) -> None:
    """A record that was entered does not count after all."""
    ring = store.ring
    at, table[handle] = table[handle], FREE
    ring.peek(at)
    ring.state[at >> 12] -= 1  # not drop(): its sector may not be entered whole yet
    store.live -= 1
    store.live_bytes -= ring.size(ring.length)


def _release(store: FlashStore, strays: dict) -> None:
    """A sector that was given up on encrypted flash: whatever its erase left does not count."""
    ring = store.ring
    s, seq = struct.unpack(">HH", ring.body)
    if ring.state[s] < CLEAN and ring.seqs[s] == seq:
        for table in (store.table, strays):
            for handle in range(len(table)) if table is store.table else table:
                if table[handle] >> 12 == s:
                    _forget(store, table, handle)
        ring.state[s] = DIRTY


def _adopt(store: FlashStore, strays: dict) -> None:
    """Records under handles that this table does not have (its firmware had a larger one) get free
    ones of ours, until the next start: in the flash they keep their own."""
    for handle in sorted(strays):
        if strays[handle] == FREE:
            continue
        if store.free == NONE:
            _forget(store, strays, handle)  # it lies there until the ring comes round
            store.strays += 1
        else:
            ours = store.free ^ FREE
            store.free, store.table[ours] = store.table[ours], strays[handle]


def _resume(ring: Ring, at: int, last: int) -> int:
    """Where the next whole record begins behind bytes that are none; `last` if there is none."""
    for place in range(at + ring.unit, last - HEAD + 1, ring.unit):
        if ring.load(place):
            return place
    return last


def _end(ring: Ring, at: int) -> int:
    """Where the head is written next: here, or nowhere if what follows is not blank. A later start
    would not look behind a gap."""
    at = at & 0xFFF or SECTOR
    for offset in range(at, SECTOR, 64):
        part = ring.view[: min(64, SECTOR - offset)]
        ring.part.readblocks(ring.head, part, offset)
        if part != b"\xff" * len(part):
            return SECTOR
    return at
