"""What the tests of the core share, for both interpreters: no pytest, no files but the vectors."""

import json

from shared_protocol import parcel, parcel_fields, receipt, restart, sync
from shared_protocol.parcel_index import ParcelIndex
from shared_protocol.shelf import Shelf
from shared_protocol.store import MemoryStore

HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
NODE_ID = bytes((2, 0, 0, 0, 0, 7))
KEY = bytes(range(16))  # of the short ids
NOTHING = sync.encode_sketch(0, bytes(8), [0] * sync.BEACON_SUMS)  # a beacon's digest


def raises(error, f, *args):
    """Does f(*args) raise this error?"""
    try:
        f(*args)
    except error:
        return True
    return False


def vectors(name):
    """The objects of tests/vectors/<name>.json."""
    with open(HERE + "/../vectors/" + name + ".json") as f:
        return json.load(f)


def unhex(text):
    """bytes.fromhex, None for None."""
    return None if text is None else bytes.fromhex(text)


def pattern(size):
    """An archive of so many bytes, the one that the vectors' statements are about."""
    archive = bytearray(size)
    for i in range(size):
        archive[i] = i * i >> 3 & 255
    return bytes(archive)


def token(number):
    """A 16-byte token."""
    return number.to_bytes(4, "big") * 4


def mid(number):
    """The message id of token(number)."""
    return receipt.message_id(token(number))


def whole(number, text=b"hello", priority=1, code=6):
    """The immutable part of a message in one parcel."""
    b1 = parcel_fields.second_byte(code, False, False, False)
    return bytes((parcel.first_byte(parcel.MESSAGE, priority, False), b1)) + mid(number) + text


def piece(number, index, k=8, n=10, text=b"piece", priority=1, code=6, block=0, blocks=1):
    """The immutable part of one piece of a long message."""
    head = bytes((parcel.first_byte(parcel.MESSAGE, priority, True), code << 4)) + mid(number)
    return head + bytes((index, k, n, block << 4 | (blocks - 1))) + b"tag!" + text


def receipt_of(number, code=6):
    """The immutable part of the receipt for message `number`."""
    return receipt.encode(token(number), 1, code)


def nobody(immutable):
    """is_ours of a relay."""
    return False


def new_shelf(capacity=64, store=None, is_ours=nobody, node_id=NODE_ID):
    """A shelf on an index and a store in memory."""
    store = store or MemoryStore(100_000)
    shelf = Shelf(node_id, bytes(16), KEY, ParcelIndex(capacity), store, is_ours)
    restart.load(shelf)
    return shelf


def held_indices(shelf, number):
    """The piece indices of message `number` that a shelf holds, ascending."""
    index = shelf.index
    return sorted([index.piece[r] for r in shelf.rows_of(mid(number)) if index.held(r)])


def held(s, numbers):
    """Which of these whole messages are held."""
    return [n for n in numbers if any([s.index.held(r) for r in s.rows_of(mid(n))])]
