"""Makes the dictionary of SPEC.md 6.1 from tools/dictionary_texts/, for Python and the browser.

    python -m tools.train_dictionary            says how large it would be
    python -m tools.train_dictionary --write    gateway/dictionary-1.json, web/src/dictionary-1.js

The same texts give the same files. A dictionary that messages were packed with never changes:
after a release other texts mean another version, and the former stays for opening.

Strings and phrases are chosen greedily: always the one that saves most, where every place of the
texts has a price in bits that falls once a string covers it. The text that a string serves best
does not count, so that nothing is chosen for the sake of one text.
"""

import argparse
import base64
import gzip
import heapq
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from gateway.dictionary import NARROW_BYTES, VERSION, WIDE_BYTES, Page, bits, letter

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ROOT / "tools" / "dictionary_texts"
HELD_OUT = ROOT / "tests" / "gateway" / "texts"  # never trained on
NAMES = ["en", "es", "fr", "de", "pt", "tr", "id", "sw", "uk", "ar", "hi", "zh", "ja"]
WIDE = {"zh", "ja"}
# Letters that get a byte even if the texts have them rarely: without it they cost two or three.
ALPHABETS = {
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюяыэъё",
    "ar": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي؟،پچکگی",
    "hi": "ँंःअआइईउऊएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह़ािीुूृेैॉोौ्।",
    "zh": "，。？！、",
    "ja": "あいうえおかがきくけげこさしじすずせそただちっつてでとどなにねのはばひ"
    "べほまみむめもやゆよょらりるれろわをんー、。？！",
}
PHRASE_BYTES = 200  # a language; SPEC.md 6.1 says what more would bring

_STRING_BITS = 7.5  # a byte's price, a little less: rare ones cost 9, but phrases use them too
_STRING_MOST = 4  # characters
_PHRASE_BITS = 20  # a length and a distance of at most 1 KB, in fixed Huffman codes
_PHRASE_LEAST, _PHRASE_MOST = 3, 24  # bytes of a page
_ROUNDS = 4

Text = TypeVar("Text", str, bytes)
Place = tuple[int, int]  # text, start
Prices = list[list[float]]  # of every letter of every text, in bits


def train(name: str, texts: list[str], phrase_bytes: int) -> Page:
    """The page of one language from its texts, with about so many bytes of phrases."""
    wide = name in WIDE
    page = Page(name, wide, _strings(texts, wide, ALPHABETS.get(name, "")), b"")
    return Page(name, wide, page.strings, _phrases([page.write(t) for t in texts], phrase_bytes))


def _strings(texts: list[str], wide: bool, alphabet: str) -> tuple[str, ...]:
    """As many strings as there are bytes, most used first; every letter of the alphabet is one."""
    count = len(WIDE_BYTES if wide else NARROW_BYTES)
    found = _places(texts, 1, _STRING_MOST)
    strings = list(alphabet)
    filled: list[str] = []
    for _ in range(_ROUNDS):  # later choices take over from earlier ones: the idle ones make room
        prices = [[float(bits(letter(c, wide))) for c in text] for text in texts]
        for string in strings:
            _cover(prices, found.get(string, []), len(string), _STRING_BITS)
        strings += _greedy(found, prices, _STRING_BITS, count - len(strings), per_letter=False)
        filled = _by_use(strings, texts, wide)
        strings = filled[: count * 4 // 5]
        strings += [c for c in alphabet if c not in strings]
    return tuple(filled)


def _by_use(strings: list[str], texts: list[str], wide: bool) -> list[str]:
    codes = Counter(c for t in texts for c in Page("", wide, tuple(strings), b"").cut(t))
    places = WIDE_BYTES if wide else NARROW_BYTES
    used = {s: codes[bytes([place])] for s, place in zip(strings, places, strict=False)}
    return sorted(strings, key=lambda s: (-used[s], s))


def _phrases(texts: list[bytes], budget: int) -> bytes:
    """Phrases joined where they overlap, the best one last: near ones have short distances."""
    found = _places(texts, _PHRASE_LEAST, _PHRASE_MOST)
    prices = [[float(bits(bytes([b]))) for b in text] for text in texts]
    joined = b""
    for phrase in _greedy(found, prices, _PHRASE_BITS, budget, per_letter=True):
        if phrase not in joined:
            shared = min(len(phrase), len(joined))
            while phrase[len(phrase) - shared :] != joined[:shared]:
                shared -= 1
            if len(phrase) - shared + len(joined) <= budget:
                joined = phrase[: len(phrase) - shared] + joined
    return joined


def _places(texts: Sequence[Text], least: int, most: int) -> dict[Text, list[Place]]:
    """Where each string of `least` to `most` letters stands, if it is in two texts or more."""
    found: dict[Text, list[Place]] = defaultdict(list)
    for number, text in enumerate(texts):
        for start in range(len(text)):
            for size in range(least, min(most, len(text) - start) + 1):
                found[text[start : start + size]].append((number, start))
    return {s: at for s, at in found.items() if len({number for number, _ in at}) > 1}


def _greedy(
    found: dict[Text, list[Place]], prices: Prices, price: float, count: int, per_letter: bool
) -> list[Text]:
    """At most `count` strings, best first. Gains only fall, so an old one is an upper bound."""

    def worth(string: Text) -> float:
        gains = _gains(prices, found[string], len(string), price)
        whole = sum(gains.values()) - max(gains.values(), default=0.0)
        return whole / len(string) if per_letter else whole

    heap = [(-worth(string), string) for string in found]
    heapq.heapify(heap)
    chosen: list[Text] = []
    while heap and len(chosen) < count:
        _, string = heapq.heappop(heap)
        now = worth(string)
        if heap and -now > heap[0][0]:
            if now > 0:
                heapq.heappush(heap, (-now, string))
        elif now > 0:
            _cover(prices, found[string], len(string), price)
            chosen.append(string)
    return chosen


def _gains(prices: Prices, places: list[Place], size: int, price: float) -> dict[int, float]:
    """Bits that each text saves by a string of this size and price."""
    saved: dict[int, float] = defaultdict(float)
    for number, start in _apart(places, size):
        gain = sum(prices[number][start : start + size]) - price
        if gain > 0:
            saved[number] += gain
    return saved


def _cover(prices: Prices, places: list[Place], size: int, price: float) -> None:
    for number, start in _apart(places, size):
        if sum(prices[number][start : start + size]) > price:
            prices[number][start : start + size] = [price / size] * size


def _apart(places: list[Place], size: int) -> Iterator[Place]:
    """Those of the places that do not overlap with the one before."""
    last = (-1, 0)
    for number, start in places:
        if number != last[0] or start >= last[1]:
            last = (number, start + size)
            yield number, start


def read_texts(folder: Path, name: str) -> list[str]:
    """The texts of one language, one a line."""
    return [t for t in (folder / f"{name}.txt").read_text("utf-8").splitlines() if t]


def files(pages: list[Page]) -> dict[Path, str]:
    """The dictionary as the gateway and the browser read it: path and content."""
    told = [
        {
            "name": page.name,
            "wide": page.wide,
            "strings": "|".join(page.strings),
            "phrases": base64.b64encode(page.phrases).decode(),
        }
        for page in pages
    ]
    lines = ",\n".join(json.dumps(page, ensure_ascii=False) for page in told)
    made = "// Made by tools/train_dictionary.py: a page a language, as in gateway/dictionary.py."
    return {
        ROOT / "gateway" / f"dictionary-{VERSION}.json": f'{{"pages": [\n{lines}\n]}}\n',
        ROOT / "gateway" / "web" / "src" / f"dictionary-{VERSION}.js": (
            f"{made}\nexport const VERSION = {VERSION};\nexport const PAGES = [\n{lines},\n];\n"
        ),
    }


def main() -> int:
    """Train, write if asked, and say what it costs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the two files")
    parser.add_argument("--phrases", type=int, default=PHRASE_BYTES, help="bytes a language")
    args = parser.parse_args()
    pages = [train(name, read_texts(TEXTS, name), args.phrases) for name in NAMES]
    strings = sum(len("".join(p.strings).encode()) for p in pages)
    phrases = sum(len(p.phrases) for p in pages)
    made = files(pages)
    packed = len(gzip.compress(list(made.values())[1].encode()))
    print(f"{strings:,} bytes of strings, {phrases:,} of phrases; gzipped for the page {packed:,}")
    for path, content in made.items():
        if args.write:
            path.write_text(content, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
