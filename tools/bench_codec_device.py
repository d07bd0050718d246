"""The part of `helio bench codec` that runs inside either interpreter: prints one JSON object.

Rates in operations a second, the best of several rounds: the others were disturbed.
"""

import json
import struct
import sys
import time

from shared_protocol.frame import FrameCipher
from shared_protocol.parcel import HINT, MESSAGE, first_byte
from shared_protocol.parcel_fields import Parcel, decode, encode

PAYLOAD = bytes(range(180))
_FLOOR = "!BHBB12s4s180s"
_ROUNDS = 15

try:
    ticks_us, ticks_diff = time.ticks_us, time.ticks_diff
except AttributeError:

    def ticks_us():
        return time.perf_counter_ns() // 1000

    def ticks_diff(a, b):
        return a - b


def rates(functions, count):
    """Calls a second of each function of a dict. They take turns, so they share the weather."""
    best = {}
    for _ in range(_ROUNDS):
        for name in functions:
            once = functions[name]
            start = ticks_us()
            for _ in range(count):
                once()
            spent = max(1, ticks_diff(ticks_us(), start))
            best[name] = min(best.get(name, spent), spent)
    return {name: count * 1000000 // best[name] for name in best}


def measure(count, peers):
    """Our codec and the bare struct module on the same fields, and other codecs beside them."""
    head = (3, 120, first_byte(MESSAGE, 1, False), 8 << 4 | HINT, b"m" * 12, b"hint")
    parcel = Parcel(head, PAYLOAD, None)
    body = encode(parcel)
    assert decode(body) == parcel

    def ours():
        decode(encode(parcel))

    def floor():
        packed = struct.pack(_FLOOR, 3, 120, 8, 130, b"m" * 12, b"hint", PAYLOAD)
        struct.unpack(_FLOOR, packed)

    together = {"ours": ours, "struct": floor}
    together.update(peers)
    return rates(together, count)


def sealed(ecb, count):
    """Seal and open the same parcel as a frame, cipher and MAC included."""
    cipher = FrameCipher(bytes(32), 0, ecb)
    body = bytes(21) + PAYLOAD

    def once():
        cipher.open(b"source", cipher.seal(2, 7, b"source", body))

    return rates({"sealed": once}, count)["sealed"]


if __name__ == "__main__":
    import cryptolib

    result = measure(500, {})
    result["sealed"] = sealed(lambda key: cryptolib.aes(key, 1).encrypt, 200)
    result["interpreter"] = sys.version
    print(json.dumps(result))
