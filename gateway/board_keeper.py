"""The board's keeper: between the node, which carries parcels, and the board (SPEC.md 16).

Takes in what the mesh brings, lets tokens go that cancel, ends what is over, and says when there
is something new to be seen.
"""

from collections import OrderedDict
from typing import Protocol

from gateway import organisers
from gateway.board import FLOOD, FULL, HERE, NOTICES_MAX, Board
from gateway.database import writing
from gateway.desk import Desk
from gateway.notices import CODE, CODE_MAX, CODES, KIND, SOS
from gateway.organisers import KNOWN, REFUSED
from gateway.post_office import PostOffice
from gateway.sorting import token_in
from shared_protocol import parcel, records
from shared_protocol.errors import DecodeError
from shared_protocol.lifetime import LIFETIMES_S
from shared_protocol.lifetime import SOS as SOS_PRIORITY
from shared_protocol.node import Node

_LOOK_EVERY_S = 60
_RELEASE_AGAIN_S = 600  # a token for which the node had no room


class Mesh(Protocol):
    """What the keeper needs of a gateway."""

    node: Node

    def clock_s(self) -> int: ...
    def release(self, token: bytes, code: int, *, at_once: bool = False) -> None: ...


class BoardKeeper:
    """The board of a gateway."""

    def __init__(self, desk: Desk, office: PostOffice, mesh: Mesh) -> None:
        self._db, self._folder, self._office, self._mesh = desk.db, desk.path.parent, office, mesh
        self.operator = organisers.operator_known(self._folder)
        self.board = Board(desk.db, lambda: self.operator, desk.wall)
        self._later: OrderedDict[int, None] = OrderedDict()  # short ids of what was too much
        self._released: dict[bytes, int] = {}  # mids whose token was let go, and when
        self._looked_s = -_LOOK_EVERY_S

    # --- what the mesh brings

    def arrived(self, immutable: bytes) -> None:
        """A parcel of notices' kind."""
        node, now_s = self._mesh.node, self._mesh.clock_s()
        index, short = node.index, node.shelf.short_of(immutable)
        row = index.find(short)
        ingress, relays, age_s = HERE, 0, 0
        if row >= 0:
            ingress, relays = index.source[row] & 31, max(0, index.hops[row] - 1)
            left_s = index.expires_s[row] - now_s
            age_s = max(0, LIFETIMES_S[immutable[1] >> 4] - left_s)
        with writing(self._db):
            verdict = self.board.take(immutable, ingress, relays, age_s, now_s)
        if verdict in (FLOOD, FULL):
            self._later[short] = None
            if len(self._later) > NOTICES_MAX:
                self._later.popitem(last=False)
        over = verdict == KNOWN and self._is_over(bytes(immutable[2 : parcel.HEAD_LEN]))
        if (verdict == REFUSED or over) and row >= 0 and index.held(row):
            node.shelf.drop(row)  # still known, so it is not asked for again

    def _is_over(self, mid: bytes) -> bool:
        """Somebody put out again what has ended. If its author cancelled it, we say so again."""
        row = self.board.row(mid)
        if row is None or row["state"] not in ("cancelled", "expired"):
            return False
        if row["state"] == "cancelled":
            self._released.pop(mid, None)
            with writing(self._db):
                self._db.execute("UPDATE notice SET owed = 1 WHERE mid = ?", (mid,))
        return True

    def receipt(self, mid: bytes, token: bytes) -> None:
        """A token has come from the mesh: it may be a notice's, taken back by its author."""
        row = self.board.row(mid)
        if row is not None and row["state"] != "cancelled":
            with writing(self._db):
                self.board.cancel(token, self._mesh.clock_s(), owed=False)

    def catch_up(self) -> None:
        """After a start: what came just before the end, notices and tokens."""
        self._released.clear()
        kinds = [parcel.first_byte(KIND, priority, False) for priority in range(SOS_PRIORITY + 1)]
        rows = self._db.execute(
            "SELECT bytes FROM record WHERE substr(bytes, 1, 1) = x'50' "
            "AND substr(bytes, 11, 1) IN (?, ?, ?, ?)",
            [bytes([b0]) for b0 in kinds],
        ).fetchall()
        for row in rows:
            try:
                kept = records.decode(bytes(row["bytes"]))
            except DecodeError:
                continue
            if isinstance(kept, records.Kept):
                self.arrived(kept.immutable)
        live = self._db.execute("SELECT mid FROM notice WHERE state = 'live'").fetchall()
        for row in live:
            token = token_in(self._mesh.node, bytes(row["mid"]))
            if token is not None:
                self.receipt(bytes(row["mid"]), token)

    # --- now and then

    def look(self) -> None:
        """Do what is due, also what another process (`helio board`) has left to be done."""
        now_s = self._mesh.clock_s()
        self._release_owed(now_s)
        self._follow()
        if now_s - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = now_s
            self.operator = organisers.operator_known(self._folder)
            with writing(self._db):
                self.board.expire(now_s)
            self._try_later()
        seq = self.board.seq()
        if seq != self._office.board_seq:
            self._office.on_board(seq)

    def _release_owed(self, now_s: int) -> None:
        rows = self._db.execute("SELECT mid, type, token FROM notice WHERE owed = 1").fetchall()
        for row in rows:
            mid = bytes(row["mid"])
            if self._mesh.node.shelf.tombstone(mid) >= 0:
                self._db.execute("UPDATE notice SET owed = 0 WHERE mid = ?", (mid,))
            elif now_s - self._released.get(mid, -_RELEASE_AGAIN_S) >= _RELEASE_AGAIN_S:
                self._released[mid] = now_s
                code = CODES.get(row["type"], CODE) if row["type"] else CODE_MAX
                self._mesh.release(bytes(row["token"]), code, at_once=row["type"] == SOS)

    def _follow(self) -> None:
        """Which of those posted here a neighbour has."""
        node = self._mesh.node
        rows = self._db.execute(
            "SELECT mid, immutable FROM notice WHERE way = 1 AND state = 'live'"
        ).fetchall()
        for posted in rows:
            row = node.index.find(node.shelf.short_of(bytes(posted["immutable"])))
            if row >= 0 and node.index.compared(row) and node.index.cover[row]:
                with writing(self._db):
                    self.board.with_neighbour(bytes(posted["mid"]))

    def _try_later(self) -> None:
        node, waiting = self._mesh.node, list(self._later)
        self._later.clear()
        for short in waiting:
            row = node.index.find(short)
            if row >= 0 and node.index.held(row):
                self.arrived(node.shelf.immutable(row))


def leaves_at_once(immutable: bytes) -> bool:
    """Is this a call for help to everybody? Who calls does not want to be hidden by a delay."""
    of_board = parcel.kind(immutable[0]) == KIND
    return of_board and parcel.priority(immutable[0]) == SOS_PRIORITY
