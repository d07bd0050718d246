"""The board: what is told to the whole network, as far as this gateway has heard (SPEC.md 16).

Everybody's notices, in the order in which they were heard. What is damaged, false or too much is
refused and counted; what has ended stays known, so that it does not come back. Methods run inside
a transaction of the caller; board_keeper.py stands between this and the node.
"""

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable

from gateway import notices
from gateway.database import get_meta, set_meta
from gateway.errors import NoRoom, UserError
from gateway.notices import ANNOUNCEMENT, CERTIFICATE, SOS, Notice, NoticeError
from gateway.organisers import KNOWN, NEW, NEWER, REFUSED, Organisers
from gateway.wall_clock import WallClock
from shared_protocol import parcel, receipt, records
from shared_protocol.lifetime import LIFETIMES_S

NOTICES_MAX = 2_000  # live; 1 MB of SQLite
ENDED_MAX = 4_000  # beyond it those that ended first are forgotten, cancelled ones last
AUTHOR_MAX = 8  # live ones of a device, and calls for help beside them:
AUTHOR_SOS_MAX = 2
HERE = 32  # stands for a neighbour where a notice was posted at this gateway (neighbours: 0-31)
# New ones in an hour: from a neighbour and from all who post here, without calls for help and
# these alone. What comes from the mesh and is more waits (board_keeper.py).
QUOTA, QUOTA_SOS, QUOTA_HERE, QUOTA_SOS_HERE = 600, 60, 1_000, 120
_HOUR_S = 3600
_SEQ = "board_seq"

# Who gives way first on a full board. What says it is an announcement and has no certificate is
# anybody's note.
NOTE, CHECK_IN, OFFICIAL, CALL = 0, 1, 2, 3

# What became of a notice that was heard; more words in organisers.py.
OLD, FLOOD, FULL = "old", "flood", "full"


class Board:
    """The notices in the database of one gateway. operator(): the public key of the network's
    operator, None if this folder does not know it."""

    def __init__(
        self,
        db: sqlite3.Connection,
        operator: Callable[[], bytes | None],
        wall: WallClock | None = None,
    ) -> None:
        """wall: a gateway's, which hears phones."""
        self._db = db
        self.wall = wall or WallClock(db)
        self.organisers = Organisers(db, operator, self._next_seq, self.now_s)
        self._quota: dict[tuple[int, bool], tuple[int, int]] = {}  # when its hour began, new since
        self.counts: Counter[str] = Counter()  # of what became of notices, since the start

    def now_s(self) -> int:
        """Unix time, as far as it is known."""
        return self.wall.moment().unix_s

    def seq(self) -> int:
        """The number of the last change."""
        return int.from_bytes(get_meta(self._db, _SEQ) or b"", "big")

    def _next_seq(self) -> int:
        seq = self.seq() + 1
        set_meta(self._db, _SEQ, seq.to_bytes(8, "big"))
        return seq

    def row(self, mid: bytes) -> sqlite3.Row | None:
        """What is known of a message id."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT * FROM notice WHERE mid = ?", (mid,)
        ).fetchone()
        return row

    def has_live(self, token: bytes) -> bool:
        """Is there a notice that this token would cancel?"""
        row = self.row(receipt.message_id(token))
        return row is not None and row["state"] == "live"

    # --- what is heard

    def take(self, immutable: bytes, ingress: int, relays: int, age_s: int, clock_s: int) -> str:
        """A parcel of this kind from the mesh: what became of it.

        ingress: the neighbour that brought it. relays: crossed. age_s: as it says. clock_s: the
        node's clock.
        """
        verdict = self._take(immutable, ingress, relays, age_s, clock_s)
        self.counts[verdict] += 1
        return verdict

    def _take(self, immutable: bytes, ingress: int, relays: int, age_s: int, clock_s: int) -> str:
        mid = _mid(immutable)
        known = self.row(mid)
        if known is not None:
            if known["immutable"] is not None and bytes(known["immutable"]) != immutable:
                return REFUSED  # something else under its message id
            if known["heard_clock_s"] is None:  # posted while no node ran; its life begins now
                self._db.execute(
                    "UPDATE notice SET heard_clock_s = ? WHERE mid = ?", (clock_s, mid)
                )
            return KNOWN
        try:
            if notices.type_of(immutable) == CERTIFICATE:
                return self._take_certificate(immutable)
            notice = notices.read(immutable)
        except NoticeError as e:
            return NEWER if e.newer else REFUSED
        if not self._in_quota(ingress, notice.type == SOS, clock_s):
            return FLOOD
        return self._enter(immutable, notice, ingress, relays, age_s, clock_s)

    # --- what is posted here

    def post(self, immutable: bytes, clock_s: int | None, own_token: bytes | None = None) -> str:
        """A notice, or an organiser's certificate, of somebody here: its state. In the same
        transaction it is a record of the node, which then lets it leave.

        clock_s: None if no node runs. own_token: kept for the person of this folder. UserError
        if it is none, NoRoom if there are too many.
        """
        if notices.type_of(immutable) == CERTIFICATE:
            if self._take_certificate(immutable) in (REFUSED, NEWER):
                raise UserError(
                    "the certificate is not by this network's operator, or that is not known "
                    "here: helio network join"
                )
            self._hand_to_node(immutable)
            return "live"
        known = self.row(_mid(immutable))
        if known is not None:
            return str(known["state"])
        notice = notices.read(immutable)
        if clock_s is not None and not self._in_quota(HERE, notice.type == SOS, clock_s):
            raise NoRoom("too many notices were posted here in this hour: try again in the next")
        verdict = self._enter(immutable, notice, HERE, 0, 0, clock_s, own_token)
        if verdict == FULL:
            raise NoRoom("the board is full of what matters more: try again later")
        if verdict == OLD:
            raise UserError("the notice is older than all that you have on the board: clock set?")
        self._hand_to_node(immutable)
        again = self.organisers.due(notice.device) if notice.type == ANNOUNCEMENT else None
        if again is not None:  # goes along with what it is for
            self._hand_to_node(notices.certificate_parcel(again, os.urandom(parcel.TOKEN_LEN)))
        return "live"

    def _take_certificate(self, immutable: bytes) -> str:
        verdict, device = self.organisers.take(notices.certificate_in(immutable))
        if verdict == NEW:
            self._db.execute(
                "UPDATE notice SET standing = ? WHERE device = ? AND type = ? AND state = 'live'",
                (OFFICIAL, device, ANNOUNCEMENT),
            )
        return verdict

    def _hand_to_node(self, immutable: bytes) -> None:
        kept = records.Kept(False, records.UNSET_S, 0, 0, immutable)
        self._db.execute("INSERT INTO record (bytes) VALUES (?)", (records.encode_kept(kept),))

    def next_unix_s(self, device: bytes) -> int:
        """The time that a device's next notice shall say: now, and after all that are live."""
        row = self._db.execute(
            "SELECT max(said_unix_s) FROM notice WHERE device = ? AND state = 'live'", (device,)
        ).fetchone()
        return max(self.now_s(), (row[0] or 0) + 1)

    # --- entering, and who gives way

    def _enter(
        self,
        immutable: bytes,
        notice: Notice,
        ingress: int,
        relays: int,
        age_s: int,
        clock_s: int | None,
        own_token: bytes | None = None,
    ) -> str:
        mid, standing = _mid(immutable), self._standing(notice)
        verdict = self._make_room(mid, notice, standing, clock_s)
        if verdict == FULL:
            return FULL
        here = ingress == HERE
        if here and verdict == OLD:
            return OLD
        fields = {
            "mid": mid, "seq": self._next_seq(), "type": notice.type, "device": notice.device,
            "name": notice.name, "said_unix_s": notice.unix_s, "standing": standing,
            "immutable": immutable, "state": "live", "ingress": ingress, "relays": relays,
            "age_s": age_s, "heard_unix_s": self.now_s(), "heard_clock_s": clock_s,
            "own_token": own_token, "way": int(here),
        }  # fmt: skip
        self._insert(fields)
        if verdict == OLD:  # known from now on, so that it is not looked at again
            self._end(mid, "gone", clock_s)
        return verdict

    def _insert(self, fields: dict[str, object]) -> None:
        names, marks = ", ".join(fields), ", ".join("?" * len(fields))
        self._db.execute(
            f"INSERT INTO notice ({names}) VALUES ({marks})",  # noqa: S608 - names are our own
            tuple(fields.values()),
        )

    def _standing(self, notice: Notice) -> int:
        if notice.type == ANNOUNCEMENT:
            return OFFICIAL if self.organisers.of(notice.device) is not None else NOTE
        return CALL if notice.type == SOS else CHECK_IN

    def _make_room(self, mid: bytes, notice: Notice, standing: int, clock_s: int | None) -> str:
        """NEW if there is room now; OLD if it is its author's oldest, who has enough; FULL."""
        calls = notice.type == SOS
        mine = self._db.execute(
            "SELECT mid, said_unix_s FROM notice WHERE state = 'live' AND device = ? "
            "AND (type = ?) = ? ORDER BY said_unix_s, mid",
            (notice.device, SOS, calls),
        ).fetchall()
        if len(mine) >= (AUTHOR_SOS_MAX if calls else AUTHOR_MAX):
            # the same one everywhere, in whatever order they come
            if (notice.unix_s, mid) < (mine[0]["said_unix_s"], bytes(mine[0]["mid"])):
                return OLD
            self._end(bytes(mine[0]["mid"]), "gone", clock_s)
            return NEW
        count = self._db.execute("SELECT count(*) FROM notice WHERE state = 'live'").fetchone()[0]
        if count < NOTICES_MAX:
            return NEW
        lowest = self._db.execute(  # of whoever brought most of them
            "SELECT standing, ingress FROM notice WHERE state = 'live' "
            "GROUP BY standing, ingress ORDER BY standing, count(*) DESC LIMIT 1"
        ).fetchone()
        if lowest["standing"] > standing:
            return FULL
        row = self._db.execute(
            "SELECT mid FROM notice WHERE state = 'live' AND standing = ? AND ingress = ? "
            "ORDER BY seq LIMIT 1",
            tuple(lowest),
        ).fetchone()
        self._end(bytes(row["mid"]), "gone", clock_s)
        return NEW

    def _in_quota(self, ingress: int, calls: bool, clock_s: int) -> bool:
        most = (QUOTA_SOS, QUOTA_SOS_HERE) if calls else (QUOTA, QUOTA_HERE)
        began_s, count = self._quota.get((ingress, calls), (clock_s, 0))
        if clock_s - began_s >= _HOUR_S:
            began_s, count = clock_s, 0
        if count >= most[ingress == HERE]:
            return False
        self._quota[ingress, calls] = (began_s, count + 1)
        return True

    # --- how a notice ends

    def cancel(self, token: bytes, clock_s: int | None, owed: bool) -> bool:
        """Its author takes a notice back: whoever has the token. False if it is cancelled already.
        owed: the token came from a person here and has to go on the mesh. One not heard of yet
        is noted, so that it counts as cancelled when it comes."""
        mid = receipt.message_id(token)
        row = self.row(mid)
        if row is not None and row["state"] == "cancelled":
            return False
        if row is None:
            now_s = self.now_s()
            self._insert({
                "mid": mid, "seq": self._next_seq(), "type": 0, "device": b"", "name": "",
                "said_unix_s": now_s, "standing": NOTE, "state": "gone", "ingress": HERE,
                "relays": 0, "age_s": 0, "heard_unix_s": now_s, "way": 0,
            })  # fmt: skip
        self._end(mid, "cancelled", clock_s)
        self._db.execute("UPDATE notice SET token = ?, owed = ? WHERE mid = ?", (token, owed, mid))
        return True

    def _end(self, mid: bytes, state: str, clock_s: int | None) -> None:
        """Its words go at once, that it was here stays known."""
        self._db.execute(
            "UPDATE notice SET state = ?, seq = ?, immutable = NULL, ended_clock_s = ?, "
            "ended_unix_s = ? WHERE mid = ?",
            (state, self._next_seq(), clock_s, self.now_s(), mid),
        )

    def with_neighbour(self, mid: bytes) -> None:
        """What was posted here has left."""
        self._db.execute(
            "UPDATE notice SET way = 2, seq = ? WHERE mid = ?", (self._next_seq(), mid)
        )

    def expire(self, clock_s: int) -> int:
        """End what has lived as long as it may, and forget what ended long ago: how many ended."""
        rows = self._db.execute(
            "SELECT mid, age_s, heard_clock_s, immutable FROM notice "
            "WHERE state = 'live' AND heard_clock_s IS NOT NULL"
        ).fetchall()
        due = [
            bytes(row["mid"])
            for row in rows
            if clock_s - row["heard_clock_s"] + row["age_s"] >= _lifetime_s(row["immutable"])
        ]
        for mid in due:
            self._end(mid, "expired", clock_s)
        self._db.execute(
            "DELETE FROM notice WHERE mid IN (SELECT mid FROM notice WHERE state != 'live' "
            "AND owed = 0 ORDER BY state = 'cancelled' DESC, seq DESC LIMIT -1 OFFSET ?)",
            (ENDED_MAX,),
        )
        return len(due)


def author_id(device: bytes) -> str:
    """The id of the device that signed a notice, 16 hex digits."""
    return hashlib.sha256(device).hexdigest()[:16]


def _lifetime_s(immutable: bytes) -> int:
    return LIFETIMES_S[immutable[1] >> 4]


def _mid(immutable: bytes) -> bytes:
    return bytes(immutable[2 : parcel.HEAD_LEN])
