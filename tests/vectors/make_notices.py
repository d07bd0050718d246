"""Writes notices.json beside it: notices, a certificate of an organiser, and cells of a table.

    PYTHONPATH=. .venv/bin/python tests/vectors/make_notices.py

Ed25519 draws nothing, so each run writes the same; but for the texts that deflate packs, whose
bytes are zlib's choice.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1])]

from gateway import certificate, notices  # noqa: E402
from gateway.board_view import cell  # noqa: E402
from gateway.notices import ANNOUNCEMENT, LOOKING, SAFE, SOS  # noqa: E402
from tests.gateway.notice_kit import notice, token_of  # noqa: E402
from tests.gateway.people_kit import public, signing_key  # noqa: E402

WHO = [
    ("nothing but a name", "Ana", SAFE, {}),
    ("a call with all that there is", "Ana", SOS,
     {"need": 3, "place": (46_948_123, -7_447_400), "battery": 57,
      "text": "Two of us in the cellar of the school, the water is rising."}),
    ("a call in Arabic", "أمينة", SOS, {"need": 1, "text": "نحتاج إلى طبيب"}),
    ("looking for", "Bo", LOOKING, {"text": "my sister Zoë, red coat\nlast seen at the mill"}),
    ("deflated", "Bo", SAFE, {"text": "water " * 12}),
    ("an announcement", "Town hall", ANNOUNCEMENT, {"text": "Water at 8 in the square."}),
    ("places at the edges", "Bo", SAFE, {"place": (-90_000_000, 180_000_000), "battery": 0}),
]  # fmt: skip
CELLS = ["plain", "", "=1+1", "+41 79", "-5", "@cmd", "  =1", "＝1", 'say "hi"', "a;b,c",
         "|calc", "%0A", "a\n=b"]  # fmt: skip


def vectors() -> dict[str, object]:
    """All of them."""
    told = []
    for title, who, type_, more in WHO:
        parcel = notice(who, title, type_, **more)
        says = vars(notices.read(parcel))
        told.append({
            "title": title, "seed": signing_key(who).private_bytes_raw().hex(),
            "token": token_of(f"{who} {title}").hex(), "mid": parcel[2:14].hex(),
            "parcel": parcel.hex(), "says": says | {"device": says["device"].hex()},
        })  # fmt: skip
    operator = signing_key("the operator")
    device = public(signing_key("Town hall"))
    raw = certificate.sign_organiser(operator, device, "Town hall", 1_800_000_000, 30)
    return {
        "notices": told,
        "certificate": {
            "operator": public(operator).hex(), "raw": raw.hex(), "device": device.hex(),
            "name": "Town hall", "since_s": 1_800_000_000, "until_s": 1_800_000_000 + 30 * 86_400,
            "text": certificate.organiser_text(raw),
            "parcel": notices.certificate_parcel(raw, token_of("certificate")).hex(),
        },
        "cells": [[text, cell(text)] for text in CELLS],
    }  # fmt: skip


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"
    (HERE / "notices.json").write_text(text)
