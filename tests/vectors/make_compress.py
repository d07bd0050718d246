"""Writes compress.json beside it: bodies that Python packed, and damaged ones, for the browser.

    .venv/bin/python tests/vectors/make_compress.py

"body" is what comes out, or null where it is refused; hex strings. Frozen like the dictionary: run
this only when its version changes.
"""

import json
import random
import sys
import zlib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1])]

from gateway.compression import DEFLATED, PAGED, compress, decompress  # noqa: E402
from gateway.dictionary import VERSION, Unreadable, pages  # noqa: E402

MOST = 65536
SCRIPTS = [(0x20, 0x7F), (0xA0, 0x180), (0x400, 0x460), (0x600, 0x700), (0x900, 0x980)]
SCRIPTS += [(0x3040, 0x3100), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0x1F300, 0x1F650), (0, 0x20)]


def main() -> None:
    """Bodies first, then what chance made of them."""
    rng = random.Random(6)
    bodies = [b"", b"\0", b"a", b"\xff\xfe", b"\xef\xbb\xbfmark", "🙏".encode(), b"\r\n\t\x7f\x01"]
    texts = HERE.parent / "gateway" / "texts"
    bodies += [line.encode() for f in sorted(texts.glob("*.txt")) for line in lines(f)]
    bodies += [any_text(rng).encode() for _ in range(60)]
    bodies += [rng.randbytes(rng.randrange(1, 200)) for _ in range(20)]
    bodies += [bytes(700), "вода ".encode() * 60, "\1水".encode() * 100]
    packed = [compress(body) for body in bodies]
    packed += [(DEFLATED, raw(b" ".join(rng.sample(bodies[7:], 5)))) for _ in range(10)]
    rows = [row(*one) for one in packed]
    damaged = [damage(rng, *rng.choice(packed)) for _ in range(200)]
    damaged += [damage(rng, *rng.choice(packed[-10:])) for _ in range(100)]
    damaged += [(DEFLATED, stream) for stream in by_hand()]
    damaged += [(PAGED, bytes([head]) + b"\3\0") for head in range(256)]
    damaged += [every_page(rng, number) for number in range(len(pages())) for _ in range(10)]
    damaged += [(PAGED, b""), (DEFLATED, b""), (DEFLATED, raw(bytes(MOST + 1)))]
    rows += [row(*one) for one in damaged]
    text = ",\n".join(json.dumps(r) for r in rows)
    (HERE / "compress.json").write_text(f"[\n{text}\n]\n")


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def any_text(rng: random.Random) -> str:
    of = rng.sample(SCRIPTS, 2)
    return "".join(chr(rng.randrange(*rng.choice(of))) for _ in range(rng.randrange(1, 120)))


def damage(rng: random.Random, flag: int, packed: bytes) -> tuple[int, bytes]:
    """A bit turned, cut short, or bytes of chance in the middle."""
    out = bytearray(packed or b"\0")
    for _ in range(rng.randrange(1, 4)):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.3:
        del out[rng.randrange(len(out)) :]
    if rng.random() < 0.1:
        out[1:1] = rng.randbytes(3)
    return flag or DEFLATED, bytes(out)


def every_page(rng: random.Random, number: int) -> tuple[int, bytes]:
    """Any bytes at all, written in a page."""
    written = rng.randbytes(rng.randrange(1, 12))
    return PAGED, bytes([VERSION << 4 | number]) + raw(written, pages()[number].phrases)


def by_hand() -> list[bytes]:
    """Streams with one mistake each that chance seldom makes, and the same ones without."""
    end, letter = "0000000", "10010001"  # of fixed codes; the letter is a
    single, short = {97: 1, 256: 1}, "0" * 15
    return [
        b"\1\5\0\xfa\xffhello", b"\1\5\0\xfa\xfehello", b"\7" + bytes(9),
        bits("110" + letter + "0000001" + "00000" + end),  # a length of 3, a distance of 1
        bits("110" + letter + "0000001" + "00001" + end),  # a distance too far back
        bits("110" + letter + "0000001" + "11110" + end),  # a distance that does not exist
        bits("110" + letter + "11000110" + "00000" + end),  # a length that does not exist
        bits(dynamic(single, 257, 1) + "01"), bits(dynamic(single, 286, 30) + "01"),
        bits(dynamic(single, 287, 1) + "01"), bits(dynamic(single, 257, 31) + "01"),
        bits(dynamic({97: 1, 256: 1, 257: 1}, 258, 1) + "01" + short),  # too many codewords
        bits(dynamic({97: 2, 256: 2}, 257, 1) + "0001" + short),  # too few
        bits(dynamic({256: 1}, 257, 1) + "0" + short),  # one of one bit may be alone
        bits(dynamic({256: 2}, 257, 1) + "00" + short),
        bits(dynamic(single, 257, 1, again=0) + "01" + short),  # again, of nothing
        bits(dynamic(single, 257, 1, again=250) + "01" + short),
        bits(dynamic(single, 258, 1, again=258) + "01" + short),  # again, and too often
    ]  # fmt: skip


def dynamic(codewords: dict[int, int], lengths: int, far: int, again: int | None = None) -> str:
    """The head of a last block with codes of its own, in bits: each length in 4 or 5 of them;
    those from `again` on as "the one before, three times"."""
    order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    head = "101" + number(lengths - 257, 5) + number(far - 1, 5) + number(19 - 4, 4)
    head += "".join(number(5 if s in (15, 16) else 4 if s < 15 else 0, 3) for s in order)
    told = [codewords.get(symbol, 0) for symbol in range(lengths)] + [0] * far
    parts = [f"{length:04b}" for length in told]
    if again is not None:
        parts[again : again + 3] = ["11111" + "00"]
    return head + "".join(parts)


def number(value: int, size: int) -> str:
    """A number as deflate has it: its lowest bit first. Codewords are the other way round."""
    return f"{value:0{size}b}"[::-1]


def bits(stream: str) -> bytes:
    return bytes(int(stream[i : i + 8][::-1], 2) for i in range(0, len(stream), 8))


def raw(body: bytes, phrases: bytes = b"") -> bytes:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=phrases)
    return squeezer.compress(body) + squeezer.flush()


def row(flag: int, packed: bytes) -> dict[str, Any]:
    try:
        body = decompress(flag, packed, MOST).hex()
    except Unreadable:
        body = None
    return {"flag": flag, "packed": packed.hex(), "body": body}


if __name__ == "__main__":
    main()
