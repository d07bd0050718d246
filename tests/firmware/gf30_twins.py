"""The machine code of firmware/gf30.py beside the plain kernels; for MicroPython only."""

import random
from array import array

from firmware import gf30 as fast
from shared_protocol import gf30 as plain
from shared_protocol.sketch import Decoder, Sketch

TOP = 0x3FFFFFFF
ENDS = (0, 1, 2, 3, 1 << 29, TOP - 1, TOP)


def element():
    """Any of the field; the ends more often."""
    if random.randrange(8) == 0:
        return ENDS[random.randrange(len(ENDS))]
    return random.getrandbits(30)


def elements(n):
    return array("I", [element() for _ in range(n)])


def both(name, make, changed, n_cases=60):
    """Call both with equal arguments: the same result, the same arrays (numbers in `changed`)."""
    random.seed(len(name))
    for case in range(n_cases):
        state = random.getrandbits(30)
        random.seed(state)
        one = make()
        random.seed(state)
        other = make()
        results = getattr(fast, name)(*one), getattr(plain, name)(*other)
        assert results[0] == results[1], (name, case, results)
        for i in changed:
            assert one[i] == other[i], (name, case, i)


def test_dot():
    def make():
        n = random.randrange(1, 50)
        return elements(n), n, elements(n + 9), n - 1 + random.randrange(10)

    both("dot", make, ())


def test_quotient():
    both("quotient", lambda: (element(), element()), (), 300)


def test_add_powers():
    both("add_powers", lambda: (elements(60), random.randrange(61), element()), (0,))


def test_add_scaled():
    def make():
        n, at = random.randrange(49), random.randrange(9)
        return elements(60), at, elements(50), n, element()

    both("add_scaled", make, (0,))


def test_divide():
    def make():
        n = random.randrange(1, 30)
        return elements(60), random.randrange(60), elements(n), n

    both("divide", make, (0,))


def test_trace():
    def make():
        n = random.randrange(2, 16)
        return element(), elements(n), n, elements(n + 1), elements(2 * n)

    both("trace", make, (3, 4), 20)


def test_a_factor_within_a_longer_array():
    """As the decoder does it: a piece of a memoryview."""
    whole = elements(40)
    view = memoryview(whole)[7:19]
    one, other = elements(30), None
    other = array("I", one)
    fast.divide(one, 29, view, 12)
    plain.divide(other, 29, whole[7:19], 12)
    assert one == other
    fast.add_scaled(view, 3, one, 9, 5)
    assert list(whole[10:19]) == list(view[3:])


def test_decoding():
    random.seed(3)
    for d in (1, 2, 3, 7, 16, 24):
        found = []
        ids = [random.getrandbits(30) or 1 for _ in range(d)]
        for kernels in (fast, plain):
            sketch, decoder = Sketch(kernels, 24), Decoder(kernels, 24)
            count = sketch.become(ids)
            found.append(decoder.decode(sketch.sums, sketch.odd, count, lambda short: False))
        assert sorted(found[0]) == sorted(ids)
        assert sorted(found[1]) == sorted(ids)
