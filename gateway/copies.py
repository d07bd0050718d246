"""Copies: one message to somebody with several devices is sealed for each, and arrives at each.

A message to one device has no copies here; its own row says all. Of several, each has its state,
and the message the best of them: `delivered` is said of a device, never of those that have not
answered.
"""

import sqlite3
from typing import Any

from gateway.identity import Card
from gateway.sealing import Sealed

# From which states a message or a copy rises to this one; it never goes back.
RISES = {
    "on_mesh": ("queued",),
    "delivered": ("queued", "on_mesh", "expired"),
    "expired": ("queued", "on_mesh"),
}
_BEST = ("delivered", "on_mesh", "queued", "expired")  # what is said of several


def keep(db: sqlite3.Connection, message: int, sealed: list[tuple[Card, Sealed]]) -> None:
    """Note which devices a message goes to, inside the transaction that queues it."""
    if len(sealed) == 1:
        return
    db.executemany(
        "INSERT INTO copy (mid, message, device, token, state) VALUES (?, ?, ?, ?, 'queued')",
        [(one.mid, message, card.id, one.token) for card, one in sealed],
    )


def improve(db: sqlite3.Connection, mid: bytes, state: str) -> tuple[bytes, str] | None:
    """A message or copy has come to this state: the mid of its message, and the state that the
    message has now. None if it does not rise. Inside a transaction; the message's row is left to
    the caller."""
    row = db.execute("SELECT message, state FROM copy WHERE mid = ?", (mid,)).fetchone()
    if row is None:
        whole = db.execute(
            "SELECT state FROM message WHERE mid = ? AND direction = 'out'", (mid,)
        ).fetchone()
        return (mid, state) if whole and whole["state"] in RISES[state] else None
    if row["state"] not in RISES[state]:
        return None
    db.execute("UPDATE copy SET state = ? WHERE mid = ?", (state, mid))
    among = db.execute("SELECT state FROM copy WHERE message = ?", (row["message"],))
    states = {each["state"] for each in among}
    first = db.execute("SELECT mid FROM message WHERE id = ?", (row["message"],)).fetchone()
    return bytes(first["mid"]), next(best for best in _BEST if best in states)


def told(db: sqlite3.Connection, message: int, state: str) -> dict[str, Any]:
    """Of a message sent: to how many devices it goes, and how many have it."""
    rows = db.execute(
        "SELECT device, state FROM copy WHERE message = ? ORDER BY rowid", (message,)
    ).fetchall()
    if not rows:
        return {"devices": 1, "delivered_to": int(state == "delivered")}
    return {
        "devices": len(rows),
        "delivered_to": sum(row["state"] == "delivered" for row in rows),
        "copies": [dict(row) for row in rows],
    }
