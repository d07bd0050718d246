"""Sketches of random sets: exact up to their capacity and never wrong beyond; small integers."""

import operator
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_protocol import gf30, sketch
from shared_protocol.sketch import Decoder, Sketch, estimate, pack, unpack
from shared_protocol.sync import ID_MAX

CAPACITY = 12
ELEMENTS = st.integers(0, ID_MAX)
IDS = st.integers(1, 12) | st.integers(1, ID_MAX) | st.sampled_from([ID_MAX, 1 << 29])
ODD = st.just(bytes(8)) | st.binary(min_size=8, max_size=8)
DECODER = Decoder(gf30, CAPACITY)
REPRODUCIBLE = settings(max_examples=150, deadline=None, derandomize=True)


def compared(
    mine: set[int], theirs: set[int], capacity: int, decoder: Decoder = DECODER
) -> list[int] | None:
    """What I make of their sums, with as many as `capacity`."""
    my, their = Sketch(gf30, capacity), Sketch(gf30, capacity)
    net = their.become(theirs) - my.become(mine)
    sums = [a ^ b for a, b in zip(my.sums, their.sums, strict=True)]
    odd = bytes(a ^ b for a, b in zip(my.odd, their.odd, strict=True))
    assert estimate(odd, net) % 2 == len(mine ^ theirs) % 2 or estimate(odd, net) == sketch.MANY
    return decoder.decode(sums, odd, net, mine.__contains__)


@REPRODUCIBLE
@given(
    st.sets(IDS, max_size=20),
    st.sets(IDS, max_size=CAPACITY).flatmap(
        lambda d: st.tuples(st.just(d), st.sets(st.sampled_from(sorted(d))) if d else st.just(d))
    ),
    st.integers(0, 3),
)
def test_any_difference_up_to_the_capacity_is_found(
    common: set[int], difference: tuple[set[int], set[int]], spare: int
) -> None:
    differing, own = difference
    common = common - differing
    found = compared(common | own, common | differing - own, len(differing) + spare)
    assert found is not None
    assert len(found) == len(differing)
    assert set(found) == differing


@REPRODUCIBLE
@given(st.integers(4, 8), st.integers(1, 8), st.integers(0, 1 << 32))
def test_more_differences_than_the_capacity_are_none(capacity: int, more: int, seed: int) -> None:
    rng = random.Random(seed)
    differing = {rng.randint(1, ID_MAX) for _ in range(capacity + more)}
    own = {short for short in differing if rng.random() < 0.5}
    assert compared(own, differing - own, capacity) is None


@REPRODUCIBLE
@given(
    st.lists(ELEMENTS | st.integers(0, 3), max_size=CAPACITY + 2),
    ODD,
    st.integers(-20, 20) | st.integers(-(1 << 16), 1 << 16),
    st.integers(0, 3),
)
def test_rubbish_is_none(sums: list[int], odd: bytes, net: int, modulus: int) -> None:
    found = DECODER.decode(sums, odd, net, lambda short: bool(modulus) and short % modulus == 0)
    assert found is None or not any([*sums, *odd, net])


@REPRODUCIBLE
@given(st.lists(ELEMENTS, max_size=6), st.integers(0, 1 << 30))
def test_rubbish_that_is_consistent_so_far_never_raises(sums: list[int], seed: int) -> None:
    """As many odd bits and as large a count as any degree needs: the roots are looked for."""
    for bits in range(len(sums) + 1):
        odd = ((1 << bits) - 1).to_bytes(8, "big")
        found = DECODER.decode(sums, odd, bits, lambda short: short & 1 == seed & 1)
        if found is not None:
            again = Sketch(gf30, len(sums))
            assert again.become(found) == len(set(found))
            assert (list(again.sums), again.odd) == (sums, odd)


def test_500_sessions_that_ask_for_more_and_more_never_end_wrong() -> None:
    rng = random.Random(5)
    decoder = Decoder(gf30, 24)
    for _ in range(500):
        d = rng.randint(1, 11)
        differing = {rng.randint(1, ID_MAX) for _ in range(d)}
        own = {short for short in differing if rng.random() < 0.5}
        for capacity in (4, 7, 11):
            found = compared(own, differing - own, capacity, decoder)
            if found is not None:
                break
        assert found is not None
        assert set(found) == differing
        assert capacity >= d, "what is too much for them is never taken for an answer"


@REPRODUCIBLE
@given(st.lists(ELEMENTS, max_size=60), st.binary(max_size=3))
def test_packed_values_come_back(values: list[int], more: bytes) -> None:
    packed = pack(values)
    assert len(packed) == (30 * len(values) + 7) // 8
    assert unpack(packed + more, len(values)) == values
    assert int.from_bytes(packed, "big") >> (-30 * len(values) % 8) == sum(
        value << 30 * i for i, value in enumerate(reversed(values))
    )


class Small(int):
    """An integer that a 32-bit MicroPython keeps without an allocation: 31 bits with its sign."""


def _checked(name: str) -> Callable[..., Any]:
    def method(self: Small, *others: int) -> Small:
        value = getattr(operator, name)(int(self), *map(int, others))
        assert -(1 << 30) <= value < 1 << 30, f"{name}({hex(self)}, {others})"
        return Small(value)

    return method


for _name in ("and", "or", "xor", "lshift", "rshift", "add", "sub", "mul"):
    setattr(Small, f"__{_name}__", _checked(f"__{_name}__"))
for _name in ("and", "or", "xor", "add", "mul"):
    setattr(Small, f"__r{_name}__", _checked(f"__{_name}__"))


def small(values: list[int]) -> list[int]:
    return [Small(value) for value in values]


def test_the_checking_integer_checks() -> None:
    with pytest.raises(AssertionError):
        Small(ID_MAX) << 1
    with pytest.raises(AssertionError):
        1 + Small(ID_MAX)
    assert type(3 ^ Small(5)) is Small


@REPRODUCIBLE
@given(st.lists(ELEMENTS, min_size=14, max_size=14), ELEMENTS, st.integers(0, 29))
def test_the_plain_kernels_stay_in_small_integers(values: list[int], k: int, bit: int) -> None:
    gf30.dot(small(values), 14, small(values), 13)
    gf30.quotient(Small(values[0]), Small(k))
    gf30.add_powers(small(values), 14, Small(k))
    gf30.add_scaled(small(values), 2, small(values), 12, Small(k))
    gf30.divide(small(values), 13, small(values[:5]), 5)
    gf30.trace(Small(1 << bit), small(values[:4]), 4, small(values), small(values))
    sketch._flip(bytearray(8), Small(k))
    data = pack(small(values))
    assert unpack(data, 14) == values
