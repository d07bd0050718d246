"""The node record: whole or not there, and of two the newer."""

from checks import unhex, vectors

from shared_protocol.node_record import HEAD_BYTES, PAYLOAD_MAX, newest, pack, size, unpack

BLANK = b"\xff" * 64


def test_the_vectors():
    for row in vectors("node_record"):
        payload = row["payload"].encode()
        assert pack(row["sequence"], payload) == unhex(row["hex"]), row["name"]
        assert unpack(unhex(row["hex"])) == (row["sequence"], payload), row["name"]


def test_there_and_back_whatever_follows():
    for length in (0, 1, 2, 3, 15, 16, 700, PAYLOAD_MAX):
        data = pack(7, b"x" * length)
        assert len(data) % 16 == 0, length
        assert len(data) <= 4096
        assert size(data[:HEAD_BYTES]) == length + 14
        for sector in (data, data + BLANK, data[: length + 14]):
            assert unpack(sector) == (7, b"x" * length)


def test_what_was_cut_or_bent_is_no_record():
    data = pack(3, b'{"v":1}')[:21]
    for end in range(len(data)):
        assert unpack(data[:end]) is None
        assert unpack(data[:end] + BLANK) is None
    for bit in range(8 * len(data)):
        bent = bytearray(data)
        bent[bit >> 3] ^= 1 << (bit & 7)
        assert unpack(bytes(bent)) is None, bit
    assert unpack(BLANK) is None
    assert unpack(b"") is None
    assert size(b"HNR1" + b"\0\0\0\1" + b"\xff\xff") == 0


def test_of_two_the_newer_counts():
    one, two = pack(1, b"old"), pack(2, b"new")
    assert newest([one, two]) == (1, 2, b"new")
    assert newest([two, one]) == (0, 2, b"new")
    assert newest([one, BLANK]) == (0, 1, b"old")
    assert newest([two[:12] + BLANK, one]) == (1, 1, b"old")
    assert newest([BLANK, b""]) is None
    assert newest([pack(0xFFFFFFFF, b"last"), one]) == (0, 0xFFFFFFFF, b"last")
