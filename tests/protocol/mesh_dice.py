"""Chance that is the same on both interpreters."""


class Dice:
    """A small seeded generator (xorshift32) that gives the same numbers on both interpreters."""

    def __init__(self, seed):
        self._x = seed * 2654435761 & 0xFFFFFFFF or 1

    def below(self, n):
        x = self._x
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._x = x
        return x % n
