"""What the board shows: rows as JSON for phones and the CLI, and as a table for spreadsheets."""

import csv
import io
import sqlite3
import time
from collections.abc import Iterable
from typing import Any

from gateway import organisers
from gateway.board import Board, author_id
from gateway.identity import spaced
from gateway.notices import ANNOUNCEMENT, DEGREE, NEEDS, SOS, TYPES, decode

CANCELLED_SHOWN_S = 86_400  # that somebody is safe again is news for a day
COLUMNS = (
    "kind", "need", "state", "name", "device", "text", "written", "minutes_ago", "latitude",
    "longitude", "battery", "relays",
)  # fmt: skip
# What a spreadsheet takes for the beginning of a formula; full-width ones too, which some convert.
_FORMULA = tuple("=+-@\t\r\n|%＝＋－＠")


def changed(
    db: sqlite3.Connection, after: int, limit: int, calls_only: bool, now_s: int
) -> list[sqlite3.Row]:
    """Rows that changed after this number of the board, in that order, at most `limit`. For who
    begins (0) only what is to be seen: live, or cancelled within a day. now_s: unix time."""
    return db.execute(
        "SELECT * FROM notice WHERE seq > ? AND (? = 0 OR type IN (0, ?)) AND (? > 0 OR "
        "state = 'live' OR (state = 'cancelled' AND ended_unix_s > ?)) ORDER BY seq LIMIT ?",
        (after, calls_only, SOS, after, now_s - CANCELLED_SHOWN_S, limit),
    ).fetchall()


def age_s(row: sqlite3.Row, clock_s: int) -> int:
    """How old a live notice is, by clocks that only count: of the nodes on its way, and ours."""
    heard_s = clock_s if row["heard_clock_s"] is None else row["heard_clock_s"]
    return int(row["age_s"]) + max(0, clock_s - heard_s)


def listing(db: sqlite3.Connection, board: Board, words: str = "") -> list[dict[str, Any]]:
    """All that is to be seen, calls for help first, then the newest; only what has these words."""
    now_s = board.now_s()
    shown = [_told(row, board, now_s) for row in changed(db, 0, -1, False, now_s) if row["type"]]
    wanted = words.casefold().split()
    found = [one for one in shown if all(word in _searched(one) for word in wanted)]
    return sorted(found, key=lambda one: (_place_in_list(one), one["age_s"]))


def _place_in_list(told: dict[str, Any]) -> int:
    if told["kind"] == "sos":
        return 0 if told["state"] == "live" else 3
    return 1 if told["kind"] == "announcement" and told["organiser"] else 2


def _searched(told: dict[str, Any]) -> str:
    return " ".join(
        str(told[key]) for key in ("kind", "need", "name", "device", "words", "text")
    ).casefold()


def _told(row: sqlite3.Row, board: Board, now_s: int) -> dict[str, Any]:
    """A notice as `helio board list --json` has it; without its words if it was cancelled."""
    device = author_id(bytes(row["device"]))
    told: dict[str, Any] = {
        "id": bytes(row["mid"]).hex(), "kind": TYPES[row["type"]], "state": row["state"],
        "name": row["name"], "device": device, "words": spaced(device),
        "said_s": row["said_unix_s"], "relays": row["relays"],
        "age_s": row["age_s"] + max(0, now_s - row["heard_unix_s"]),
        "mine": row["own_token"] is not None, "text": "", "need": "", "place": None,
        "battery": None, "organiser": "",
    }  # fmt: skip
    if row["immutable"] is None:
        return told
    notice = decode(bytes(row["immutable"]))
    told |= {"text": notice.text, "need": NEEDS[notice.need], "battery": notice.battery}
    if notice.place is not None:
        told["place"] = [degrees / DEGREE for degrees in notice.place]
    certified = board.organisers.of(notice.device) if notice.type == ANNOUNCEMENT else None
    if certified is not None and organisers.holds(certified, board.wall.moment().sure_s):
        told["organiser"] = certified["name"]
    return told


def sheet(rows: Iterable[dict[str, Any]]) -> str:
    """Rows of listing() as CSV (RFC 4180) that no spreadsheet takes for formulas, behind a byte
    order mark, without which some take UTF-8 for something else."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for told in rows:
        place = told["place"] or ("", "")
        written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(told["said_s"]))
        battery = "" if told["battery"] is None else told["battery"]
        kind = "note" if told["kind"] == "announcement" and not told["organiser"] else told["kind"]
        texts = (kind, told["need"], told["state"], told["name"], told["device"], told["text"])
        numbers = (told["age_s"] // 60, *place, battery, told["relays"])
        writer.writerow([*map(cell, texts), written, *numbers])
    return "\ufeff" + out.getvalue()


def cell(text: str) -> str:
    """A text that stays text in a spreadsheet: behind an apostrophe if it could be a formula."""
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text
