"""SerialLine over any lossy wire: each message once or not at all, and in order."""

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
