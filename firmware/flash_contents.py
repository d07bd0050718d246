"""What a store holds and what it remembers, read out at a start (docs/FLASH.md)."""

from firmware.flash_ring import CLEAN, DEAD, HEAD, LIVE, RECORD, REMEMBERED, Ring


def state_of(ring: Ring) -> int:
    """LIVE, REMEMBERED or DEAD, by the header in the buffer; a flipped bit changes nothing."""
    state = ring.buffer[0]
    if bin(state >> 4).count("1") < 3:
        return DEAD
    return LIVE if bin(state).count("1") > 6 else REMEMBERED


def records(store):
    """All (handle, record) pairs."""
    for handle in range(len(store.table)):
        try:
            yield handle, store.get(handle)
        except KeyError:
            pass  # no record, or one that went bad and is counted


def remembered(ring: Ring):
    """Records deleted with `remember`, newest sector first, as far as the ring has them still."""
    for i in range(ring.sectors):
        s = (ring.head - i) % ring.sectors
        at, last = s << 12 | ring.start, (s + 1) << 12
        while ring.state[s] < CLEAN and at + HEAD <= last and ring.peek(at):
            size = ring.size(ring.length)
            if ring.kind == RECORD and state_of(ring) == REMEMBERED and ring.load(at):
                yield bytes(ring.body)
            at += size
