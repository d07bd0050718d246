"""Bodies made smaller before they are sealed (SPEC.md 6.1): by deflate, or by the dictionary.

Which page of the dictionary serves a text best is found by trying them all; what would grow stays
as it is. The phone does the same in gateway/web/src/compress.js; each opens what the other packed.
"""

import zlib

from gateway.dictionary import VERSION, Unreadable, pages

# Flags of the seal: raw deflate (RFC 1951); a page's bytes, deflated, behind version and page.
DEFLATED, PAGED = 1, 4
# Bytes of a body that pages are tried on; a longer one brings enough words of its own.
PAGED_MOST = 8192
_SAMPLE = 256  # characters in which a page must prove the best


def compress(body: bytes) -> tuple[int, bytes]:
    """The flag (0, DEFLATED or PAGED), and the body as it travels, never longer than it was."""
    packed = [(0, body), (DEFLATED, _deflate(body, b""))]
    text = _text(body)
    if text is not None:
        sample = text[:_SAMPLE]
        number = min(range(len(pages())), key=lambda n: len(_by_page(n, sample)))
        packed.append((PAGED, _by_page(number, text)))
    return min(packed, key=lambda one: len(one[1]))


def decompress(flags: int, packed: bytes, most: int) -> bytes:
    """The body, at most `most` bytes. Unreadable says why not. Other flags are not looked at."""
    flags &= DEFLATED | PAGED
    if flags == PAGED:
        version, number = divmod(packed[0], 16) if packed else (0, 0)
        if version != VERSION or number >= len(pages()):
            raise Unreadable("the text was packed with a dictionary that is not here")
        page = pages()[number]
        written = _inflate(packed[1:], page.phrases, 2 * most)  # an escape takes two for one
        return page.read(written, most)
    if flags == DEFLATED:
        return _inflate(packed, b"", most)
    if flags or len(packed) > most:
        raise Unreadable("the text is longer than allowed, or packed in a way that does not exist")
    return packed


def _text(body: bytes) -> str | None:
    """What pages are tried on: text that is not long."""
    if len(body) > PAGED_MOST:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _by_page(number: int, text: str) -> bytes:
    page = pages()[number]
    head = bytes([VERSION << 4 | number])
    return head + _deflate(page.write(text), page.phrases)


def _deflate(body: bytes, phrases: bytes) -> bytes:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=phrases)
    return squeezer.compress(body) + squeezer.flush()


def _inflate(packed: bytes, phrases: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj(-15, zdict=phrases)
    try:
        body = inflater.decompress(packed, most + 1)
    except zlib.error:
        raise Unreadable("the text is damaged") from None
    if len(body) > most or not inflater.eof:
        raise Unreadable("the text is longer than allowed, or breaks off")
    return body
