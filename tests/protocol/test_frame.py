"""Frames: sealed under the network key, bound to their sender."""

from aes import ecb
from checks import raises

from shared_protocol.errors import DecodeError, LocalError
from shared_protocol.frame import BODY_MAX, COUNTER_MAX, NET_TIME, FrameCipher

A = bytes((2, 0, 0, 0, 0, 1))
B = bytes((2, 0, 0, 0, 0, 2))
CIPHER = FrameCipher(bytes(32), 0, ecb)


def test_every_length_goes_there_and_back():
    for size in (0, 1, 15, 16, 17, 31, 32, 33, BODY_MAX):
        body = bytes([i * 7 & 255 for i in range(size)])
        data = CIPHER.seal(2, 5 + size, A, body)
        assert len(data) == 11 + size
        assert len(data) <= 250
        assert CIPHER.open(A, data) == (2, 5 + size, body)


def test_the_plaintext_is_not_in_the_frame():
    body = b"sixteen bytes ok" * 4
    data = CIPHER.seal(2, 5, A, body)
    assert b"sixteen" not in data
    assert data[11:27] != data[27:43]


def test_a_body_too_long_is_our_mistake():
    assert raises(LocalError, CIPHER.seal, 2, 1, A, bytes(BODY_MAX + 1))


def test_a_repeated_counter_repeats_no_keystream():
    """The MAC is the IV: two bodies under one counter differ in more than their own XOR."""
    one, two = bytes(32), bytes(31) + b"\x01"
    a, b = CIPHER.seal(2, 7, A, one), CIPHER.seal(2, 7, A, two)
    assert a[11:27] != b[11:27]
    assert CIPHER.seal(2, 7, A, one) == a


def test_the_sender_is_authentic():
    data = CIPHER.seal(2, 7, A, b"hello")
    assert raises(DecodeError, CIPHER.open, B, data)
    assert CIPHER.seal(2, 7, B, b"hello")[5:] != data[5:]


def test_no_bit_can_be_changed():
    data = CIPHER.seal(3, 1000, A, b"every bit of this counts")
    for at in range(len(data)):
        for bit in (1, 16, 128):
            bent = data[:at] + bytes((data[at] ^ bit,)) + data[at + 1 :]
            assert raises(DecodeError, CIPHER.open, A, bent), at


def test_no_other_length_opens():
    data = CIPHER.seal(3, 1000, A, bytes(50))
    for size in range(len(data)):
        assert raises(DecodeError, CIPHER.open, A, data[:size])
    assert raises(DecodeError, CIPHER.open, A, data + b"\0")


def test_other_keys_and_epochs_do_not_open():
    data = CIPHER.seal(2, 7, A, b"hello")
    assert raises(DecodeError, FrameCipher(bytes(31) + b"\1", 0, ecb).open, A, data)
    assert raises(DecodeError, FrameCipher(bytes(32), 1, ecb).open, A, data)


def test_the_highest_counter():
    data = CIPHER.seal(2, COUNTER_MAX, A, b"last")
    assert CIPHER.open(A, data) == (2, COUNTER_MAX, b"last")


def test_net_time_is_stripped():
    data = CIPHER.seal(2, 7 | NET_TIME, A, b"netimebody")
    assert CIPHER.open(A, data) == (2, 7, b"body")
    assert CIPHER.open(A, CIPHER.seal(2, 7 | NET_TIME, A, b"netime"))[2] == b""
    assert raises(DecodeError, CIPHER.open, A, CIPHER.seal(2, 7 | NET_TIME, A, b"netim"))
