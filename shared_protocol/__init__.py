"""The Heliograph protocol, sans-IO: the same files under MicroPython and CPython.

No sockets, clocks, randomness, logging or asyncio in this package: bytes and the time come in,
frames and events go out. AES, Reed-Solomon and the store are handed in by firmware/ and gateway/.
Wire format: SPEC.md. Reasons and measurements: DESIGN.md.
"""

WIRE_VERSION = 0  # two bits in every frame and parcel; a change of bytes bumps it
