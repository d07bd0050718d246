"""`helio bench compression`: texts that the dictionary has never seen, a row a language.

Beside it deflate alone, which is never let make a text longer; and what a text of 90 to 120
characters takes, where 91 bytes fit one frame with a gateway's route (SPEC.md 4.1).
"""

import statistics
import zlib
from typing import Any

from gateway.compression import compress
from gateway.sealing import ONE_FRAME_BODY, room_for
from shared_protocol.parcel import ROUTE_LEN
from tools.bench import row
from tools.train_dictionary import HELD_OUT, NAMES, WIDE, read_texts

_ABOUT_100 = range(90, 121)  # characters


def measure() -> list[dict[str, Any]]:
    """All rows; sizes in percent of the text in UTF-8, averaged over languages in the last one."""
    rows, frames, ours, plain = [], [], [], []
    for name in NAMES:
        texts = read_texts(HELD_OUT, name)
        raw = sum(len(t.encode()) for t in texts)
        ours.append(100 * sum(_packed(t) for t in texts) / raw)
        plain.append(100 * sum(_deflated(t) for t in texts) / raw)
        peer = f"deflate, {plain[-1]:.1f} %"
        rows.append(row(f"{name}: size of {len(texts)} texts", round(ours[-1], 1), "%", peer))
        if name not in WIDE:
            sizes = [_packed(t) for t in texts if len(t) in _ABOUT_100]
            fits = ONE_FRAME_BODY - room_for(bytes(ROUTE_LEN))
            what = f"{name}: median text of about 100 characters"
            frames.append(row(what, statistics.median(sizes), "B", most=fits))
    mean, peer = round(statistics.mean(ours), 1), f"deflate, {statistics.mean(plain):.1f} %"
    return [*rows, *frames, row("all languages: mean size", mean, "%", peer, most=70.0)]


def _packed(text: str) -> int:
    return len(compress(text.encode())[1])


def _deflated(text: str) -> int:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return min(len(squeezer.compress(text.encode()) + squeezer.flush()), len(text.encode()))
