"""The part of `helio bench sync` that runs inside MicroPython: prints one JSON object.

    micropython bench_sync_device.py IDS ROUNDS SEED

Two nodes with IDS short ids in common and 1 to 50 differences compare themselves ROUNDS times for
each number of differences. Bytes are counted, so only the times depend on the machine.
"""

import gc
import json
import random
import sys
import time
from array import array

from shared_protocol.sync import ID_MAX

MOST = 60  # sums; beyond that a node would compare parts of its set
IN_BEACON = 4  # sums
FIXED_BYTES = 10  # count and odd sketch
ASK_BYTES = 2
DIFFERENCES = range(1, 51)
TIMED = (1, 4, 8, 16, 24, 32, 48)
PAIRS, TIMES = 9, 5


def in_use():
    """Bytes of heap."""
    gc.collect()
    return gc.mem_alloc()


def load():
    """(kernels, module sketch, bytes of heap that their code takes)."""
    before = in_use()
    try:
        from firmware import gf30
    except ImportError:  # no machine code for this processor
        from shared_protocol import gf30
    from shared_protocol import sketch

    return gf30, sketch, in_use() - before


gf30, sketch, CODE_BYTES = load()


def xor(a, b):
    """Element by element."""
    return [a[i] ^ b[i] for i in range(len(a))]


class Pair:
    """Two nodes and their sketches. `base`: what both know, ascending."""

    def __init__(self, ids):
        width = ID_MAX // ids
        self.base = array("I", bytes(4 * ids))
        for i in range(ids):
            self.base[i] = i * width + random.randrange(width) + 1
        self.mine, self.theirs = sketch.Sketch(gf30, MOST), sketch.Sketch(gf30, MOST)
        self.mine.become(self.base)
        self.theirs.become(self.base)
        self.own = []
        self.decoder = sketch.Decoder(gf30, MOST)

    def common(self, short):
        """Is it one that both know?"""
        base, lo, hi = self.base, 0, len(self.base)
        while lo < hi:
            middle = (lo + hi) >> 1
            if base[middle] < short:
                lo = middle + 1
            else:
                hi = middle
        return lo < len(base) and base[lo] == short

    def is_mine(self, short):
        return short in self.own or self.common(short)

    def differ(self, d):
        """d ids that only one of them knows, on either side at random; (ids, theirs - mine)."""
        ids = []
        while len(ids) < d:
            short = random.getrandbits(30) or 1
            if short not in ids and not self.common(short):
                ids.append(short)
        self.own = [short for short in ids if random.getrandbits(1)]
        self.toggle(ids)
        return ids, d - 2 * len(self.own)

    def toggle(self, ids):
        for short in ids:
            (self.mine if short in self.own else self.theirs).toggle(short)

    def session(self, d):
        """(bytes of the bodies, messages, whether decoded, whether what was decoded is wrong)."""
        ids, net = self.differ(d)
        odd = xor(self.mine.odd, self.theirs.odd)
        expected = sketch.estimate(odd, net)
        spent, messages, have, upto, found, sums = FIXED_BYTES, 1, 0, IN_BEACON, None, []
        while True:
            answer = sketch.pack(self.theirs.sums[have:upto])
            spent += len(answer)
            for value in sketch.unpack(answer, upto - have):
                sums.append(value ^ self.mine.sums[len(sums)])
            have = upto
            found = self.decoder.decode(sums, odd, net, self.is_mine)
            if found is not None or have == MOST:
                break
            upto = min(MOST, sketch.enough(expected, have))
            spent += ASK_BYTES
            messages += 2
        self.toggle(ids)
        wrong = found is not None and sorted(found) != sorted(ids)
        return spent, messages, found is not None, wrong

    def decode_us(self, d):
        """How long it takes to decode d differences with about as many sums as are asked for."""
        ids, net = self.differ(d)
        capacity = max(IN_BEACON, d + 2)
        sums = xor(self.mine.sums[:capacity], self.theirs.sums)
        odd = xor(self.mine.odd, self.theirs.odd)
        spent = []
        for _ in range(TIMES):  # the best of them: the others were disturbed
            gc.collect()
            start = time.ticks_us()
            found = self.decoder.decode(sums, odd, net, self.is_mine)
            spent.append(time.ticks_diff(time.ticks_us(), start))
            assert sorted(found) == sorted(ids)
        self.toggle(ids)
        return min(spent)


def main(ids, rounds, seed):
    """Print the result; per number of differences the totals over all rounds."""
    random.seed(seed)
    pair = Pair(ids)
    sessions = {}
    for d in DIFFERENCES:
        totals = [0, 0, 0, 0]
        for _ in range(rounds):
            for i, value in enumerate(pair.session(d)):
                totals[i] += value
        sessions[d] = totals
    times = {}
    for d in TIMED:
        times[d] = sorted([pair.decode_us(d) for _ in range(PAIRS)])[PAIRS // 2]
    before = in_use()
    relay = sketch.Sketch(gf30, 48), sketch.Decoder(gf30, 24)
    arrays = in_use() - before
    start = time.ticks_us()
    for short in range(1, 101):
        relay[0].toggle(short)
    toggle_us = time.ticks_diff(time.ticks_us(), start) / 100
    found = {"sessions": sessions, "decode_us": times, "toggle_us": toggle_us}
    found.update({"code": CODE_BYTES, "arrays": arrays, "in_use": in_use()})
    print(json.dumps(found))


if __name__ == "__main__":
    main(*[int(argument) for argument in sys.argv[1:]])
