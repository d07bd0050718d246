"""Cutting a bundle into pieces of which any k of each block rebuild it (SPEC.md 6).

Reed-Solomon over GF(256) from zfec (the erasure code of Tahoe-LAFS): of each block, the payloads
are the values of one polynomial of degree < k at 0, 1, a, a^2 ...; polynomial 0x11d, a = 2.
"""

from dataclasses import dataclass

import zfec

from shared_protocol.limits import BLOCK_DATA_MAX, BLOCKS_MAX

PIECE_PAYLOAD = 210  # bytes of a parcel frame after frame, mutable part, head, piece and hint
_ROUND_FROM = 8  # from here on sizes are rounded up to eighths of a power of two, to tell less
_N_MAX = 255


@dataclass(frozen=True)
class Shape:
    """k data pieces and n pieces in all, of each of `blocks` blocks."""

    k: int
    n: int
    blocks: int

    @property
    def bundle_len(self) -> int:
        """Bytes of the bundle that this shape cuts."""
        return self.k * self.blocks * PIECE_PAYLOAD


def shape_for(length: int) -> Shape:
    """The shape for a bundle of at least `length` bytes; its bundle_len is what to pad to."""
    total = max(2, -(-length // PIECE_PAYLOAD))
    if total >= _ROUND_FROM:
        step = max(1, 1 << (total.bit_length() - 4))
        total = -(-total // step) * step
    blocks = -(-total // BLOCK_DATA_MAX)
    k = -(-total // blocks)
    n = min(_N_MAX, k + max(1, -(-k // 3)))
    assert blocks <= BLOCKS_MAX
    return Shape(k, n, blocks)


def cut(bundle: bytes, shape: Shape) -> list[tuple[int, int, bytes]]:
    """A bundle of exactly shape.bundle_len bytes to (block, index, payload) of all pieces."""
    assert len(bundle) == shape.bundle_len
    encoder = zfec.Encoder(shape.k, shape.n)
    out = []
    for block in range(shape.blocks):
        start = block * shape.k * PIECE_PAYLOAD
        data = [
            bundle[start + i * PIECE_PAYLOAD : start + (i + 1) * PIECE_PAYLOAD]
            for i in range(shape.k)
        ]
        for index, payload in enumerate(encoder.encode(data, list(range(shape.n)))):
            out.append((block, index, bytes(payload)))
    return out


def rebuild(shape: Shape, found: dict[tuple[int, int], bytes]) -> bytes | None:
    """(block, index) -> payload to the bundle; None while any block has fewer than k."""
    decoder = zfec.Decoder(shape.k, shape.n)
    parts = []
    for block in range(shape.blocks):
        mine = sorted((i, payload) for (b, i), payload in found.items() if b == block)
        if len(mine) < shape.k:
            return None
        mine = mine[: shape.k]
        # zfec wants every data piece at its own place, the others fill the gaps
        placed: list[tuple[int, bytes] | None] = [None] * shape.k
        others = []
        for i, payload in mine:
            if i < shape.k:
                placed[i] = (i, payload)
            else:
                others.append((i, payload))
        whole = [p if p is not None else others.pop() for p in placed]
        parts += decoder.decode([p for _, p in whole], [i for i, _ in whole])
    return b"".join(bytes(p) for p in parts)
