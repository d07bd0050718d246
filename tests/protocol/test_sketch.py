"""Sketches: the field, the sums, what is decoded and what is refused; with all kernels at hand."""

from array import array

from shared_protocol import gf30
from shared_protocol.errors import DecodeError
from shared_protocol.sketch import MANY, Decoder, Sketch, enough, estimate, pack, unpack
from tests.protocol.checks import raises

try:
    from firmware import gf30 as machine_code
except (ImportError, SyntaxError):  # not MicroPython, or one that cannot emit it here
    KERNELS = (gf30,)
else:
    KERNELS = (gf30, machine_code)

TOP = 0x3FFFFFFF


def elements(*values):
    return array("I", values)


def shorts(n, seed=1):
    """n different short ids, the same on both interpreters."""
    found = []
    while len(found) < n:
        seed = seed * 69069 + 12345 & 0xFFFFFFFF
        found.append(seed >> 2 or 1)
    assert len(set(found)) == n
    return found


def decode(kernels, differences, mine=0, capacity=None, decoder=None, sketch=None):
    """What comes of a sketch of these differences, of which the first `mine` are mine."""
    sketch = sketch or Sketch(kernels, max(1, len(differences)))
    count = sketch.become(differences)
    sums = sketch.sums if capacity is None else sketch.sums[:capacity]
    own = differences[:mine]
    decoder = decoder or Decoder(kernels, 48)
    return decoder.decode(sums, sketch.odd, count - 2 * mine, lambda short: short in own)


def test_products_and_quotients_are_the_field_s():
    cases = (
        (2, 1 << 29, 3),  # x * x^29 = x + 1
        (1 << 29, 1 << 29, 0x30000000),  # x^58 = x^28 (x + 1)
        (0x15555555, 0x2AAAAAAA, 0x3BBBBBBA),
        (123456789, 987654321, 0xD570598),
        (TOP, TOP, 0x2AAAAAAA),
        (TOP, 1, TOP),
        (5, 0, 0),
    )
    for kernels in KERNELS:
        for a, b, product in cases:
            assert kernels.dot(elements(a), 1, elements(b), 0) == product, (a, b)
            if b:
                assert kernels.quotient(product, b) == a, (a, b)
        assert kernels.quotient(7, 0) == 0


def test_power_sums_are_odd_powers_and_insertion_undoes_itself():
    for kernels in KERNELS:
        sums = elements(*[0] * 20)
        kernels.add_powers(sums, 20, 2)
        expected = [1 << i for i in range(1, 30, 2)] + [6, 0x18, 0x60, 0x180, 0x600]
        assert list(sums) == expected, "x^31 = x (x + 1)"
        kernels.add_powers(sums, 3, 1)
        assert list(sums[:3]) == [3, 9, 33]
        assert list(sums[3:]) == expected[3:]
        kernels.add_powers(sums, 3, 1)
        kernels.add_powers(sums, 20, 2)
        assert list(sums) == [0] * 20


def test_a_sketch_forgets_what_is_toggled_twice():
    one, other = Sketch(gf30, 48), Sketch(gf30, 48)
    for short in shorts(30):
        one.toggle(short)
    assert other.become(shorts(30)[::-1]) == 30
    assert (one.sums, one.odd) == (other.sums, other.odd)
    assert one.sums[0]
    assert any(one.odd)
    for short in shorts(30):
        one.toggle(short)
    assert not any(one.sums)
    assert not any(one.odd)
    assert other.become([]) == 0
    assert (one.sums, one.odd) == (other.sums, other.odd)


def test_the_odd_sketch_is_on_the_wire():
    """Which bit: SPEC.md has the formula, and these must not change."""
    sketch = Sketch(gf30, 1)
    for short, place in ((1, 0), (TOP, 39), (0x7FFF, 26), (0x12345678, 32)):
        sketch.become([short])
        assert sketch.odd == bytes([1 << (place & 7) if i == place >> 3 else 0 for i in range(8)])


def test_more_sums_extend_fewer():
    few, many = Sketch(gf30, 4), Sketch(gf30, 12)
    few.become(shorts(20))
    many.become(shorts(20))
    assert few.sums == many.sums[:4]


def test_as_many_differences_as_there_are_sums_are_found():
    for kernels in KERNELS:
        decoder, sketch = Decoder(kernels, 24), Sketch(kernels, 24)
        for d in (0, 1, 2, 3, 5, 8, 13, 24):
            ids = shorts(d, d + 1)
            for capacity in (d, d + 2):
                found = decode(kernels, ids, d // 3, capacity, decoder, sketch)
                assert found is not None, d
                assert sorted(found) == sorted(ids), d


def test_48_differences_with_short_ids_at_both_ends():
    for kernels in KERNELS:
        ids = shorts(44)
        ids.extend((1, 2, TOP, TOP - 1))
        found = decode(kernels, ids, 20)
        assert found is not None
        assert sorted(found) == sorted(ids)


def test_too_many_differences_are_none_and_the_decoder_goes_on():
    for kernels in KERNELS:
        decoder = Decoder(kernels, 8)
        for d in range(2, 12):
            assert decode(kernels, shorts(d, d), 0, min(8, d - 1), decoder) is None
        assert decode(kernels, shorts(9), 0, 9, decoder) is None, "more than it is made for"
        found = decode(kernels, shorts(8), 3, 8, decoder)
        assert sorted(found or []) == sorted(shorts(8))


def test_what_contradicts_the_odd_sketch_or_the_count_is_none():
    decoder, sketch = Decoder(gf30, 8), Sketch(gf30, 8)
    ids = shorts(5)
    for odd_of in (shorts(4), shorts(3), shorts(5, 9), [], shorts(6)[1:]):
        sketch.become(odd_of)
        odd = bytes(sketch.odd)
        sketch.become(ids)
        assert odd != sketch.odd
        for net in (5, 3, 1, -1):
            assert decoder.decode(sketch.sums, odd, net, lambda short: False) is None
    for net in (-5, -3, -1, 0, 1, 2, 4, 7):
        assert decoder.decode(sketch.sums, sketch.odd, net, lambda short: short == ids[0]) is None
    found = decoder.decode(sketch.sums, sketch.odd, 3, lambda short: short == ids[0])
    assert sorted(found or []) == sorted(ids)


def test_sums_of_no_set_are_none():
    decoder = Decoder(gf30, 8)
    for sums in ([0, 1], [0, 0, 5], [1, 0, 0], [TOP] * 8, [3, 3, 3, 3]):
        for odd in (bytes(8), b"\1" + bytes(7), b"\3" + bytes(7), bytes([255]) * 8):
            for net in (-2, -1, 0, 1, 2, 100000):
                assert decoder.decode(sums, odd, net, lambda short: False) is None
    for kernels in KERNELS:
        decoder = Decoder(kernels, 8)
        for zeros in range(8):
            sums = [0] * zeros + [5] * (8 - zeros)
            assert decoder.decode(sums, bytes(8), 0, lambda short: False) is None
    assert decoder.decode([], bytes(8), 0, lambda short: False) == []
    assert decoder.decode([], bytes(8), 1, lambda short: False) is None


def test_what_is_too_much_for_the_sums_costs_no_arithmetic():
    decoder = Decoder(None, 8)
    for odd, net in ((bytes([31]) + bytes(7), 1), (bytes(8), 6), (b"\1" + bytes(7), 2)):
        assert decoder.decode([1, 2, 3, 4], odd, net, None) is None


def test_the_estimate_is_the_larger_of_two_and_is_capped():
    sketch = Sketch(gf30, 1)
    nothing = bytes(8)
    assert (estimate(nothing, 0), estimate(nothing, 7), estimate(nothing, -7)) == (0, 7, 7)
    assert (estimate(nothing, 4000), estimate(bytes([255]) * 8, 0)) == (MANY, MANY)
    assert estimate(bytes([1]) * 8, 0) == 10
    assert estimate(bytes([15]) * 5 + bytes(3), 0) == 32
    assert estimate(bytes([15]) * 7 + bytes([3]), 0) == 88
    assert estimate(bytes([15]) * 7 + bytes([7]), -1) == MANY
    for d in (1, 2, 10, 20, 40):
        total = 0
        for seed in range(20):
            sketch.become(shorts(d, d * 100 + seed))
            total += estimate(sketch.odd, d % 2)
        assert 0.8 * d < total / 20 < 1.3 * d, d


def test_what_is_asked_for_grows_by_even_steps():
    assert [enough(e, 4) for e in (0, 2, 3, 5, 10, 32, MANY)] == [8, 8, 5, 7, 12, 38, 113]
    have, all_of_them = enough(13, 4), []
    while have < 60:
        all_of_them.append(have)
        have = enough(13, have)
    assert all_of_them == [15, 19, 25, 33, 43, 57]


def test_packing_is_thirty_bits_each_from_the_top():
    assert pack([]) == b""
    assert pack([1]) == b"\0\0\0\4"
    assert pack([TOP, 0, TOP, 0]) == bytes.fromhex("fffffffc0000000fffffffc0000000")
    assert pack([0x12345678, 0x2BCDEF01]) == bytes.fromhex("48d159e2bcdef010")
    assert (len(pack(shorts(4))), len(pack(shorts(48)))) == (15, 180)
    for n in range(10):
        assert unpack(pack(shorts(n)), n) == shorts(n)
        assert unpack(pack(shorts(n)) + b"more", n) == shorts(n)
        assert not n or raises(DecodeError, unpack, pack(shorts(n))[:-1], n)
