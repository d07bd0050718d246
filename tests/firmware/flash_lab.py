"""A flash store on a chip under test, beside the dict it must equal. Runs on both interpreters."""

import struct
from array import array
from binascii import crc32

from firmware import flash_recovery, flash_ring
from firmware.flash_store import FREE, FlashStore
from shared_protocol.errors import StoreFull
from tests.firmware.flash_chip import SECTOR, KindNor
from tests.protocol.mesh_dice import Dice
from tools.virtual_board.nor import Partition
from tools.virtual_board.nor_lab import PowerCut

_TRIES = 600  # records given up for one that does not fit: more than a bench's store ever holds


class Wrong(Exception):
    """The store broke its contract: lost, resurrected, wrong or inside, and what happened."""

    def __init__(self, verdict, text):
        super().__init__(verdict + ": " + text)
        self.verdict = verdict


def text_of(serial):
    """What the record of this number says, again and again."""
    text = struct.pack(">I", serial)
    return struct.pack(">I", crc32(text)) + text


def genuine(record):
    """Did a bench make it?"""
    text = text_of(struct.unpack(">I", record[4:8])[0])
    i = 0
    while i < len(record) and record[i] == text[i & 7]:
        i += 1
    return i == len(record) or record[i:] == b"\xff" * (len(record) - i)


class Bench:
    """A store, its chip, and `model`: what it must hold, by handle.

    `doing`: the operation under way, (name, record, handle, place); a cut may leave it
    done or not done.
    `told`: records deleted with `remember`, and in which sector of which seq they lie.
    """

    def __init__(self, sectors=8, rows=300, encrypted=False, seed=1, path=None):
        self.chip = KindNor(sectors * SECTOR, path, encrypted)
        entry = (1, 0x40, 0, sectors * SECTOR, "store", encrypted)
        self.part = Partition(self.chip, entry)
        self.rows = rows
        self.dice = Dice(seed)
        self.serial = 0
        self.full = False
        self.refused = self.moved = 0
        self.model, self.told = {}, {}
        self.doing = None
        self.forgiving = False  # of tombstones that are missing
        if encrypted:
            flash_recovery.wipe(self.part)
        self.mount()

    # --- what the owner does

    def mount(self):
        """A start: a new store on the same chip."""
        self.store = FlashStore(self.part, self.rows)
        self.store.mount()

    def record(self):
        """A new record, unlike all others; some end in 0xFF, as if the rest were not written."""
        self.serial += 1
        length = self.dice.below(8)
        if length < 5:
            length = 80 + self.dice.below(170)
        elif length < 7:
            length = 8 + self.dice.below(40)
        else:
            length = 250 + self.dice.below(263)
        text = text_of(self.serial) * (length // 8 + 1)
        if self.serial % 5 == 0 and length >= 16:
            text = text[: length // 2] + b"\xff" * length
        return text[:length]

    def put(self, record):
        """True if the store took it."""
        self.doing = ("put", record, None, None)
        self.chip.fresh = record
        try:
            handle = self.store.put(record)
        except StoreFull:
            self.doing = None
            self.full = True
            self.refused += 1
            return False
        if handle in self.model:
            raise Wrong("wrong", "a handle given twice")
        self.model[handle] = record
        self.doing = None
        self.full = False
        return True

    def delete(self, handle, remember=False):
        record = self.model[handle]
        at = self.store.table[handle]
        place = (at >> 12, self.store.ring.seqs[at >> 12])
        self.doing = ("remember" if remember else "delete", record, handle, place)
        self.store.delete(handle, remember)
        del self.model[handle]
        if remember:
            self.told[record] = place
        self.doing = None

    def oldest(self):
        """The handle nearest the tail."""
        store = self.store
        tail, sectors = store.ring.tail, store.ring.sectors
        return min(
            [((store.table[h] >> 12) - tail) % sectors << 28 | store.table[h], h]
            for h in self.model
        )[1]

    def any(self):
        """Some handle."""
        handles = sorted(self.model)
        return handles[self.dice.below(len(handles))]

    def next_step(self):
        """What to do next, as (name, *arguments) for do()."""
        chance = self.dice.below(100)
        if self.full and self.model:
            handle = self.oldest() if chance < 75 else self.any()
            self.full = False
            return ("delete", handle, chance & 1 == 0)
        if chance < 62 or not self.model:
            return ("put", self.record())
        if chance < 90:
            return ("delete", self.any() if chance < 80 else self.oldest(), chance & 1 == 0)
        return ("idle",) if chance < 95 else ("get", self.any())

    def do(self, step):
        """Do what next_step() said."""
        if step[0] == "put":
            self.put(step[1])
        elif step[0] == "delete":
            self.delete(step[1], step[2])
        elif step[0] == "idle":
            self.store.idle()
        elif self.store.get(step[1]) != self.model[step[1]]:
            raise Wrong("wrong", "get")

    def insist(self, record):
        """Put; while the store is full give up the oldest."""
        for _ in range(_TRIES):
            if self.put(record):
                return
            if not self.model:
                break
            self.delete(self.oldest())
        raise Wrong("wedged", "nothing given up makes room")

    def run(self, steps):
        for _ in range(steps):
            self.do(self.next_step())

    def again(self):
        """Have power, start, and hold everything against the model."""
        self.chip.power_on()
        self.moved += self.store.moved
        self.mount()
        self.check()

    # --- what must hold

    def check(self):
        """Wrong if the store is not what the model says; what was under way is settled here."""
        found = dict(self.store.records())
        doing, self.doing = self.doing, None
        if doing and doing[0] == "put":
            for handle in found:
                if handle not in self.model and found[handle] == doing[1]:
                    self.model[handle] = doing[1]
                    break
        elif doing and doing[2] not in found:
            del self.model[doing[2]]
        for handle in self.model:
            if handle not in found:
                raise Wrong("lost", f"handle {handle}")
            if found[handle] != self.model[handle]:
                raise Wrong("wrong", f"handle {handle}")
        if len(found) != len(self.model):
            extra = [handle for handle in found if handle not in self.model]
            raise Wrong("resurrected", f"handles {extra}")
        self._check_told(doing)
        self._check_inside()

    def _check_told(self, doing):
        """remembered() gives what was deleted so, all of it that the ring has, nothing else."""
        found = {record: 1 for record in self.store.remembered()}
        if doing and doing[0] == "remember" and doing[1] in found:
            self.told[doing[1]] = doing[3]
        ring = self.store.ring
        for record in list(self.told):
            sector, seq = self.told[record]
            if found.pop(record, None) is None:
                there = ring.state[sector] < flash_ring.CLEAN and ring.seqs[sector] == seq
                if there and not (ring.encrypted or self.forgiving):
                    raise Wrong("lost", "a tombstone")
                del self.told[record]
        if found:
            raise Wrong("resurrected", "a tombstone that is none")

    def _check_inside(self):
        """The store's own counts are right."""
        store, ring = self.store, self.store.ring
        live, size = [0] * ring.sectors, 0
        for handle in self.model:
            live[store.table[handle] >> 12] += 1
            size += ring.size(len(self.model[handle]))
        counted = [n if n < flash_ring.CLEAN else 0 for n in ring.state]
        if counted != live or store.live != len(self.model) or store.live_bytes != size:
            raise Wrong("inside", "live records")
        free, at = 0, store.free
        while at & (FREE - 1) < self.rows:
            free += 1
            at = store.table[at & (FREE - 1)]
        if free + store.live != self.rows:
            raise Wrong("inside", "free handles")
        if ring.clean != sum([1 for n in ring.state if n == flash_ring.CLEAN]):
            raise Wrong("inside", "clean sectors")
        before = -1
        for i in range(ring.sectors if ring.tail >= 0 else 0):
            s = (ring.tail + i) % ring.sectors
            in_log = i <= (ring.head - ring.tail) % ring.sectors
            if ring.state[s] == flash_ring.CLEAN and in_log:
                raise Wrong("inside", "a clean sector between tail and head")
            if ring.state[s] < flash_ring.CLEAN:
                if not in_log or ring.seqs[s] <= before:
                    raise Wrong("inside", "the log is out of order")
                before = ring.seqs[s]

    # --- going back

    def freeze(self):
        """All of it, for thaw()."""
        store = self.store
        parts = [(thing, _plain(thing)) for thing in (self, self.dice, store, store.ring)]
        return self.chip.snapshot(), store, parts, dict(self.model), dict(self.told)

    def thaw(self, frozen):
        """Be as it was at freeze(), with power."""
        image, self.store, parts, model, told = frozen
        self.chip.power_on()
        self.chip.restore(image)
        for thing, values in parts:
            for name, value in values:
                setattr(thing, name, value[:] if isinstance(value, array) else value)
        self.model, self.told = dict(model), dict(told)


def _plain(thing):
    """The attributes that are numbers or arrays of them, copied."""
    kept = []
    for name, value in thing.__dict__.items():
        if isinstance(value, array):
            kept.append((name, value[:]))
        elif value is None or isinstance(value, (int, tuple)):
            kept.append((name, value))
    return kept


def cut(bench, operations, shape, what, at_byte=None):
    """Do something that loses power after so many programs and erases; True if it did."""
    bench.chip.cut_after(operations, shape, at_byte)
    try:
        what()
    except PowerCut:
        return True
    bench.chip.power_on()
    return False
