"""shared_protocol/gf30.py as machine code: the same functions, the same results.

For MicroPython's viper emitter, in which integers are machine words and arrays are pointers.
Values stay below 2^31, constants below 2^30: 0x40000000 does not compile for small ints of 31
bits. What is written out twice would cost more as a call.
"""

from array import array

import micropython

_TABLE = array("I", bytes(128))  # 32 multiples of one factor, for five bits of the other at a time


@micropython.viper
def dot(a: ptr32, n: int, b: ptr32, at: int) -> int:
    total = 0
    bit = 29
    while bit >= 0:
        total <<= 1
        if total >> 30:
            total = (total & 0x3FFFFFFF) ^ 3
        i = 0
        while i < n:
            if (a[i] >> bit) & 1:
                total ^= b[at - i]
            i += 1
        bit -= 1
    return total


@micropython.viper
def quotient(a: int, b: int) -> int:
    for _ in range(29):
        low = b & 0x7FFF  # b squared: its bits, each at twice its place
        low = (low | (low << 8)) & 0x7F00FF
        low = (low | (low << 4)) & 0x70F0F0F
        low = (low | (low << 2)) & 0x13333333
        low = (low | (low << 1)) & 0x15555555
        b >>= 15
        b = (b | (b << 8)) & 0x7F00FF
        b = (b | (b << 4)) & 0x70F0F0F
        b = (b | (b << 2)) & 0x13333333
        b = (b | (b << 1)) & 0x15555555
        b ^= low ^ (b << 1)
        left = b
        product = 0
        while left:
            if left & 1:
                product ^= a
            left >>= 1
            a <<= 1
            if a >> 30:
                a = (a & 0x3FFFFFFF) ^ 3
        a = product
    return a


@micropython.viper
def add_powers(sums: ptr32, n: int, x: int):
    table = ptr32(_TABLE)
    left = x
    power = x
    square = 0
    while left:
        if left & 1:
            square ^= power
        left >>= 1
        power <<= 1
        if power >> 30:
            power = (power & 0x3FFFFFFF) ^ 3
    table[1] = square
    for i in range(1, 16):
        twice = int(table[i]) << 1
        if twice >> 30:
            twice = (twice & 0x3FFFFFFF) ^ 3
        table[2 * i] = twice
        table[2 * i + 1] = twice ^ square
    for i in range(n):
        sums[i] ^= x
        product = int(table[x >> 25])
        shift = 20
        while shift >= 0:
            high = product >> 25
            product = ((product & 0x1FFFFFF) << 5) ^ (high << 1) ^ high ^ table[(x >> shift) & 31]
            shift -= 5
        x = product


@micropython.viper
def add_scaled(to: ptr32, at: int, a: ptr32, n: int, k: int):
    table = ptr32(_TABLE)
    table[1] = k
    for i in range(1, 16):
        twice = int(table[i]) << 1
        if twice >> 30:
            twice = (twice & 0x3FFFFFFF) ^ 3
        table[2 * i] = twice
        table[2 * i + 1] = twice ^ k
    for i in range(n):
        b = a[i]
        product = int(table[b >> 25])
        shift = 20
        while shift >= 0:
            high = product >> 25
            product = ((product & 0x1FFFFFF) << 5) ^ (high << 1) ^ high ^ table[(b >> shift) & 31]
            shift -= 5
        to[at + i] ^= product


@micropython.viper
def divide(a, top: int, f, n: int):
    entries = ptr32(a)
    i = top
    while i >= n:
        if entries[i]:
            add_scaled(a, i - n, f, n, entries[i])
        i -= 1


@micropython.viper
def trace(basis: int, f, n: int, total: ptr32, work) -> bool:
    entries = ptr32(work)
    for i in range(n):
        total[i] = 0
        entries[i] = 0
    entries[1] = basis
    for _ in range(30):
        i = n - 1
        while i >= 0:
            high = int(entries[i])
            total[i] ^= high
            low = high & 0x7FFF  # squared, as in quotient()
            low = (low | (low << 8)) & 0x7F00FF
            low = (low | (low << 4)) & 0x70F0F0F
            low = (low | (low << 2)) & 0x13333333
            low = (low | (low << 1)) & 0x15555555
            high >>= 15
            high = (high | (high << 8)) & 0x7F00FF
            high = (high | (high << 4)) & 0x70F0F0F
            high = (high | (high << 2)) & 0x13333333
            high = (high | (high << 1)) & 0x15555555
            entries[2 * i] = low ^ high ^ (high << 1)
            entries[2 * i + 1] = 0
            i -= 1
        divide(work, 2 * n - 2, f, n)
    entries[1] ^= basis
    for i in range(n):
        if entries[i]:
            return False
    return True
