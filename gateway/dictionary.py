"""The dictionary for short texts, a page a language: fewer bytes before deflate (SPEC.md 6.1).

A page is what chat in its language is made of: strings that one byte stands for (the letters of a
script that is not Latin, pairs of letters, short words), and phrases that deflate may point back
to. tools/train_dictionary.py makes it; the phone has the same in gateway/web/src/dictionary.js.
"""

import base64
import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

VERSION = 1

# Bytes that UTF-8 text does without; in a wide page, where ideographs have a code of their own,
# other ones. Deflate's fixed codes spend 8 bits on bytes below 144 and 9 on the rest: so these
# go to the strings used most.
_ESCAPE = 0
_WIDE_LEAD = 0xAD  # two bytes for U+3000..30FF; with the next lead U+4E00..4EFF, and so on
_LOW = [b for b in (*range(1, 32), 127) if b not in b"\t\n\r"]
NARROW_BYTES = bytes([*_LOW, *range(0x80, 0xC2), *range(0xF5, 0x100)])
WIDE_BYTES = bytes([*_LOW, *range(0x80, _WIDE_LEAD)])


class Unreadable(Exception):
    """A packed body that is damaged, too long, or made with a dictionary we do not have."""


@dataclass(frozen=True)
class Page:
    """One language: strings, most used first, at most as many as there are bytes for them; phrases
    as those bytes, the most useful last."""

    name: str
    wide: bool
    strings: tuple[str, ...]
    phrases: bytes

    def write(self, text: str) -> bytes:
        """Text in bytes of this page."""
        return b"".join(self.cut(text))

    def cut(self, text: str) -> list[bytes]:
        """The codes that text is written with: of all ways the one whose fixed Huffman codes are
        shortest."""
        size = len(text)
        cost = [0] * (size + 1)
        best: list[tuple[bytes, int]] = [(b"", 1)] * size
        for i in range(size - 1, -1, -1):
            code = self._codes.get(text[i]) or letter(text[i], self.wide)
            cost[i], best[i] = bits(code) + cost[i + 1], (code, 1)
            for n in range(2, min(self._longest, size - i) + 1):
                string = self._codes.get(text[i : i + n])
                if string and bits(string) + cost[i + n] <= cost[i]:
                    cost[i], best[i] = bits(string) + cost[i + n], (string, n)
        codes, i = [], 0
        while i < size:
            codes.append(best[i][0])
            i += best[i][1]
        return codes

    def read(self, written: bytes, most: int) -> bytes:
        """The text again, in UTF-8. Unreadable if it breaks off or is longer than `most` bytes."""
        text, i = bytearray(), 0
        while i < len(written):
            first = written[i]
            if first in self._meanings:
                text += self._meanings[first]
                i += 1
            elif self.wide and first >= _WIDE_LEAD:
                block = 0x3000 if first == _WIDE_LEAD else 0x4E00 + (first - _WIDE_LEAD - 1) * 256
                text += chr(block + _part(written, i + 1, 1)[0]).encode()
                i += 2
            else:
                i += first == _ESCAPE
                character = _part(written, i, _length(_part(written, i, 1)[0]))
                text += character
                i += len(character)
            if len(text) > most:
                raise Unreadable("the text is longer than allowed")
        return bytes(text)

    @cached_property
    def _codes(self) -> dict[str, bytes]:
        places = WIDE_BYTES if self.wide else NARROW_BYTES
        return {s: bytes([b]) for s, b in zip(self.strings, places, strict=False)}

    @cached_property
    def _meanings(self) -> dict[int, bytes]:
        return {code[0]: string.encode() for string, code in self._codes.items()}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.strings), default=1)


@cache
def pages() -> list[Page]:
    """The dictionary of this version."""
    told = json.loads(Path(__file__).with_name(f"dictionary-{VERSION}.json").read_text("utf-8"))
    return [
        Page(p["name"], p["wide"], tuple(p["strings"].split("|")), base64.b64decode(p["phrases"]))
        for p in told["pages"]
    ]


def letter(character: str, wide: bool) -> bytes:
    """A character for which a page has no byte: itself, two bytes in a wide page, or escaped."""
    point = ord(character)
    if wide and 0x3000 <= point < 0x3100:
        return bytes([_WIDE_LEAD, point - 0x3000])
    if wide and 0x4E00 <= point < 0xA000:
        return bytes([_WIDE_LEAD + 1 + (point - 0x4E00) // 256, point % 256])
    code = character.encode()
    taken = WIDE_BYTES if wide else _LOW
    escaped = code[0] == _ESCAPE or code[0] in taken or (wide and point >= 0x80)
    return bytes([_ESCAPE]) + code if escaped else code


def bits(code: bytes) -> int:
    """What bytes cost in deflate's fixed Huffman codes (RFC 1951, 3.2.6)."""
    return sum(8 if b < 144 else 9 for b in code)


def _length(first: int) -> int:
    """Bytes of a UTF-8 character by its first one."""
    if first < 0x80:
        return 1
    if not 0xC2 <= first <= 0xF4:
        raise Unreadable("the text is damaged")
    return 2 if first < 0xE0 else 3 if first < 0xF0 else 4


def _part(written: bytes, start: int, size: int) -> bytes:
    part = written[start : start + size]
    if len(part) < size:
        raise Unreadable("the text is damaged")
    return part
