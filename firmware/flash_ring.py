"""Flash sectors as one log: what lies where, and how it gets there whole (docs/FLASH.md).

    sector   "HF" | version 1 | check 1 || seq 4 | CRC-32 4 || spent 1 | 3 unused || records
    record   state 1 | kind 1 | length 2 | handle 2 | check 2 | CRC-32 4 | payload

The mark is written when an erase is complete, the sequence number when the sector is opened;
`spent` is cleared when none of its records is live any more, so that a start need not look there.
Checks of a record start from the sector's sequence number and the record's place, so what an
erase left over never counts. Bits of NOR flash only go from 1 to 0 until the sector is erased.

A relay pays some 200 bytes of heap for each function here, hence the long ones.
"""

import struct
from array import array
from binascii import crc32

from shared_protocol.errors import MediumFull

SECTOR = 4096
MARK = b"HF\x01\x7f"  # every version's is made as in flash_recovery.mark()
HEAD = 12  # bytes before a record's payload
RECORD_MAX = 512  # bytes of payload: a parcel's record has at most 250
# A record's state, in bits that only go to 0. Each mark clears bits of its own: whatever a power
# cut leaves of one, it is never the other.
LIVE, REMEMBERED, DEAD = 0xFF, 0xF0, 0x0F
RECORD, STRUCK, RELEASED = 0x52, 0x53, 0x46  # kinds; for the last two see flash_encrypted.py
CLEAN, DIRTY, BAD = 0xFFFD, 0xFFFE, 0xFFFF  # sectors that hold nothing; below: live records
SPENT = 12  # where in a sector
CHUNK = 512
CHUNK_BLANK = 0xBD7BC39F  # CRC-32 of 512 bytes 0xFF
_TRIES = 3  # places to write one record, each in another sector


class Ring:
    """The log on one partition. An address is sector << 12 | offset.

    state: per sector the number of live records in it, or CLEAN, DIRTY, BAD. seqs: the low 16 bits
    of its sequence number. head: the sector that is written to, from `end` on; tail: the oldest
    that holds anything (-1: none does). kind, length, handle: of what peek() found last; body: the
    payload that load() found, good until the next read or write.
    """

    encrypted = False
    unit = 4  # records begin at multiples of it
    start = 16  # of the records in a sector

    def __init__(self, partition) -> None:
        self.part = partition
        self.sectors = partition.ioctl(4, 0)
        zeros = bytes(2 * self.sectors)
        self.state = array("H", zeros)
        self.seqs = array("H", zeros)
        self.head, self.tail, self.end, self.seq, self.clean = self.sectors - 1, -1, SECTOR, 0, 0
        self.buffer = bytearray(HEAD + RECORD_MAX + 4)
        self.view = self.body = memoryview(self.buffer)
        self.fields = self.view[1:6]
        self.kind = self.length = self.handle = self.sum = 0
        self.write_errors = 0

    def size(self, length: int) -> int:
        """Bytes that a record with so many bytes of payload takes."""
        return (HEAD + length + self.unit - 1) & -self.unit

    # --- reading

    def peek(self, at: int, fresh: bool = True) -> bool:
        """Is there a record's header at this address (or, if not `fresh`, is the one in the buffer
        good for it)? kind, length and handle tell of it."""
        b = self.buffer
        if fresh:
            self.part.readblocks(at >> 12, self.view[:HEAD], at & 0xFFF)
        self.kind, self.length, self.handle = b[1], b[2] << 8 | b[3], b[4] << 8 | b[5]
        self.sum = crc32(self.fields, self.seqs[at >> 12] << 12 | at & 0xFFF)
        return (
            self.sum & 0xFFFF == b[6] << 8 | b[7]
            and self.length <= RECORD_MAX
            and (at & 0xFFF) + HEAD + self.length <= SECTOR
        )

    def load(self, at: int) -> bool:
        """Is there a whole record at this address? Its payload is then `body`."""
        if not self.peek(at):
            return False
        self.body = self.view[HEAD : HEAD + self.length]
        self.part.readblocks(at >> 12, self.body, (at & 0xFFF) + HEAD)
        return crc32(self.body, self.sum) == struct.unpack(">I", self.view[8:HEAD])[0]

    # --- writing

    def append(self, kind: int, handle: int, payload: bytes) -> int:
        """Write a record at the head and read it back: its address. MediumFull if none is good.

        `payload` must not lie in the buffer.
        """
        length = len(payload)
        size = self.size(length)
        for _ in range(_TRIES):
            if self.end + size > SECTOR and not self.open_next():
                break
            at = self.head << 12 | self.end
            self.end += size
            struct.pack_into(">BBHH", self.buffer, 0, LIVE, kind, length, handle)
            total = crc32(self.fields, self.seqs[self.head] << 12 | at & 0xFFF)
            struct.pack_into(">HI", self.buffer, 6, total & 0xFFFF, crc32(payload, total))
            self.view[HEAD : HEAD + length] = payload
            try:
                self.write(at, HEAD + length)
                if self.load(at) and self.handle == handle:
                    if kind == RECORD:
                        self.state[self.head] += 1
                    return at
            except OSError:
                pass
            self.set_state(at, DEAD)
            self.failed()
        raise MediumFull("the flash takes no more")  # giving up records would not help

    def write(self, at: int, length: int) -> None:
        """Program so many bytes from the buffer."""
        self.part.writeblocks(at >> 12, self.view[:length], at & 0xFFF)

    def failed(self) -> None:
        """A place went bad: the next record goes to another sector."""
        self.write_errors += 1
        self.end = SECTOR

    def set_state(self, at: int, state: int) -> None:
        """Mark a record, or a sector's header, in place."""
        try:
            self.part.writeblocks(at >> 12, bytes((state,)), at & 0xFFF)
        except OSError:
            self.write_errors += 1  # it stays, and a start may find it again

    def drop(self, at: int) -> None:
        """A record is live no longer."""
        s = at >> 12
        self.state[s] -= 1
        if s != self.head and not self.state[s]:
            self.set_state(s << 12 | SPENT, 0)

    # --- sectors

    def next_in(self, state: int) -> int:
        """The first sector between head and tail that is CLEAN (or DIRTY), or -1."""
        for s in range(self.head + 1, self.head + self.sectors):
            found = self.state[s % self.sectors]
            if found == state:
                return s % self.sectors
            if found < CLEAN:
                break  # the tail; one behind it waits until the tail has passed: the log has order
        return -1

    def open_part(self, seq: int) -> bytes:
        """The second part of a sector's header."""
        text = struct.pack(">I", seq)
        return text + struct.pack(">I", crc32(text, crc32(MARK)))

    def open_next(self) -> bool:
        """Make the next clean sector the head. False if there is none."""
        while self.clean:
            s = self.next_in(CLEAN)
            self.clean -= 1
            self.seq += 1
            text = self.open_part(self.seq)
            found = self.view[: len(text)]
            try:
                self.part.writeblocks(s, text, self.unit)
                self.part.readblocks(s, found, self.unit)
            except OSError:
                self.buffer[0] = ~text[0] & 0xFF  # so that it differs
            if found != text:
                self.state[s] = BAD
                self.write_errors += 1
                continue
            self.seqs[s] = self.seq & 0xFFFF
            if self.tail < 0:
                self.tail = s
            elif not self.state[self.head]:
                self.set_state(self.head << 12 | SPENT, 0)
            self.head, self.end, self.state[s] = s, self.start, 0
            return True
        return False

    def erase_next(self) -> bool:
        """Make one sector clean: erased, blank, marked. False if none is dirty."""
        s = self.next_in(DIRTY)
        if s < 0:
            return False
        self.state[s] = BAD  # until proved otherwise; it is tried again after a start
        chunk = self.view[:CHUNK]
        blank = True
        try:
            self.part.ioctl(6, s)
            for offset in range(0, 0 if self.encrypted else SECTOR, CHUNK):
                self.part.readblocks(s, chunk, offset)
                blank = blank and crc32(chunk) == CHUNK_BLANK
            if blank:
                self.part.writeblocks(s, MARK + b"\xff" * (self.unit - 4), 0)
                self.part.readblocks(s, chunk[:4], 0)
                if chunk[:4] == MARK:  # puts count on clean sectors: a bad one shows here
                    self.state[s] = CLEAN
                    self.clean += 1
                    return True
        except OSError:
            pass
        self.write_errors += 1
        return True

    def release_tail(self) -> None:
        """Give up the tail, which holds nothing live any more; never the head.

        Its header goes first: an erase that is cut in the middle may leave any of its records,
        with their marks erased, and they would be live again.
        """
        s = self.tail
        self.state[s] = DIRTY
        try:
            self.void(s)
        except OSError:
            self.state[s] = BAD
        while self.state[self.tail] >= CLEAN:
            self.tail = (self.tail + 1) % self.sectors

    def void(self, sector: int) -> None:
        """Whatever is in this sector does not count any more, from now on and after any cut."""
        self.part.writeblocks(sector, bytes(self.start), 0)
