"""SerialLine over any lossy wire: each message once or not at all, and in order."""

import random
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_protocol.serial_line import SerialLine

FATES = st.lists(
    st.tuples(
        st.sampled_from(["all", "all", "all", "none", "cut", "bend", "twice", "log"]),
        st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=60,
)


def suffered(data: bytes, fate: str, at: int) -> bytes:
    """What arrives of one write."""
    at %= len(data)
    if fate == "none":
        return b""
    if fate == "cut":
        return data[:at]
    if fate == "bend":
        return data[:at] + bytes((data[at] ^ 1 << at % 8,)) + data[at + 1 :]
    if fate == "twice":
        return data + data
    if fate == "log":
        return b"I (%d) boot: fine\n" % at + data
    return data


@settings(max_examples=100, deadline=None, derandomize=True)
@given(FATES, st.integers(0, 255), st.integers(0, 255), st.lists(st.integers(1, 500), max_size=12))
def test_once_or_not_at_all_in_order(
    fates: list[tuple[str, int]], seq: int, other: int, sizes: list[int]
) -> None:
    """The wire is bad for a while and good for ten seconds after: then something new arrives."""
    ends = [SerialLine(True, seq), SerialLine(False, other)]
    got: list[list[tuple[int, bytes]]] = [[], []]
    fate = iter(fates)
    sent = [bytes((i,)) * size for i, size in enumerate(sizes)]
    for step in range(6000):
        now_ms = step * 10
        for end in (0, 1):
            if step % 40 == 7 + end and step // 40 < len(sent):
                ends[end].send(0, sent[step // 40])
            if step == 5000:
                assert ends[end].send(1, b"after")
            data = ends[end].poll(now_ms)[0]
            if data:
                data = suffered(data, *next(fate, ("all", 0)))
            got[1 - end] += ends[1 - end].receive(data, now_ms)
    for heard in got:
        assert heard[-1] == (1, b"after")
        numbers = [message[0] for _, message in heard[:-1]]
        assert numbers == sorted(set(numbers))
        assert [message for _, message in heard[:-1]] == [sent[i] for i in numbers]


class Uart:
    """One direction of a wire at 115,200 baud; of its bytes some are damaged."""

    def __init__(self, seed: int, damaged: float) -> None:
        self._random = random.Random(seed)
        self._damaged = damaged
        self._coming: deque[tuple[float, int]] = deque()
        self._busy_till_ms = 0.0

    def write(self, now_ms: int, data: bytes) -> None:
        self._busy_till_ms = max(self._busy_till_ms, now_ms)
        for byte in data:
            self._busy_till_ms += 10_000 / 115_200
            bent = self._random.random() < self._damaged
            self._coming.append(
                (self._busy_till_ms, self._random.randrange(256) if bent else byte)
            )

    def read(self, now_ms: int) -> bytes:
        out = bytearray()
        while self._coming and self._coming[0][0] <= now_ms:
            out.append(self._coming.popleft()[1])
        return bytes(out)


@pytest.mark.parametrize(
    ("damaged", "seed", "seconds"), [(0, 1, 12), (0.01, 1, 60), (0.01, 2, 60)]
)
def test_a_long_queue_comes_over_a_bad_wire_in_time(
    damaged: float, seed: int, seconds: int
) -> None:
    """2,000 rows of 36 bytes in pages of 24, asked for one after the other; nothing is wrong."""
    host, relay = SerialLine(True, 5), SerialLine(False, 9)
    down, up = Uart(seed, damaged), Uart(seed + 100, damaged)
    page = random.Random(seed).randbytes(24 * 36)
    now_ms = pages = asked_ms = 0
    asking = False
    while pages < 84:
        now_ms += 1
        if not asking or now_ms - asked_ms > 4000:
            host.send(1, b'{"ask":"queue","after":%d}' % pages)
            asking, asked_ms = True, now_ms
        for _, message in host.receive(up.read(now_ms), now_ms):
            assert message == page
            pages, asking = pages + 1, False
        for _, message in relay.receive(down.read(now_ms), now_ms):
            assert message.startswith(b'{"ask"')
            relay.send(1, page)
        if now_ms % 2:
            down.write(now_ms, host.poll(now_ms)[0])
            up.write(now_ms, relay.poll(now_ms)[0])
        assert now_ms < 1000 * seconds
