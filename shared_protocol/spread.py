"""How operator statements and updates get from relay to relay (SPEC.md 12.3).

As Deluge does (Hui and Culler 2004): everybody tells in its beacons how far it is, asks one
neighbour that is farther for the next page, overhears what others asked for, and serves the
lowest page that it was asked for. A relay has little room for this beside its mail, so it is
loaded when there is something to do (node.spread_wanted) and forgotten again, and its functions
are few and long. What it never holds is the code that verifies a statement: the shell does that.
"""

import struct

from shared_protocol import statement
from shared_protocol.errors import DecodeError
from shared_protocol.frame import CHUNK, EXTENDED, REQUEST, STATEMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from shared_protocol.neighbours import Neighbour
    from shared_protocol.node import Node

    class Book(Protocol):
        """What is kept of the newest statement; durable when a call returns.

        begin() replaces everything. add() appends the next page. Both raise OSError when there is
        no room, and then nothing has changed.
        """

        statement: bytes  # the newest that was verified, b"" for none
        pages: int  # kept, from the first on

        def begin(self, text: bytes) -> None: ...
        def add(self, page: bytearray) -> None: ...
        def read(self, page: int, at: int, length: int) -> bytes: ...


CHUNK_GAP_MS = 50  # a frame takes 2.3 ms: an update takes a twentieth of the air where it is sent
TRY_EVERY_MS = 60_000  # of verifying; a forged statement costs no more than this allows
IDLE_MS = 90_000  # without anything to do for so long it is forgotten
_SOON_MS = 140  # before asking, at most: somebody else may ask for the same
_AGAIN_MS, _AGAIN_SPREAD_MS = 300, 200  # without a chunk for so long: ask for what is missing
_VAIN_MAX = 4  # questions without an answer; then that neighbour must tell again how far it is
_BUSY_MS = 5  # mail goes first: look again then


class Spread:
    """What one node has of the newest statement, what it asks for and what it serves.

    offered: a newer statement, which the shell should verify, and then begin a book with;
    full: there is no room for its pages; active_ms: when something was last asked, served or
    taken.
    """

    def __init__(
        self, node: "Node", book: "Book", random_below: "Callable[[int], int]", now_ms: int
    ) -> None:
        self._node = node
        self.book = book
        self._random = random_below
        self.far: dict[int, tuple[int, int]] = {}  # neighbour's bit -> (sequence, pages) it told
        self.offered = b""
        self.full = False
        self.active_ms = now_ms
        self._ask_ms: int | None = None
        self._asked = self._vain = 0  # the neighbour's bit, and how often in a row for nothing
        self._strict = False  # a page did not hold: from now on each must come from one neighbour
        self._bad = 0  # mask of those that gave one that did not
        self._serve_page = self._serve = 0  # page, its chunks that somebody wants
        self._say = False  # somebody wants the statement
        self._send_ms = now_ms
        self._buffer = bytearray(0)
        self.sequence = self.size = flags = 0
        self.node_id = self._first = b""
        if book.statement:
            self.sequence, _, flags, self.node_id, self.size, _, self._first = (
                statement.decode_update(book.statement)
            )
        self._spreads = flags & statement.SPREAD
        self._next_page()

    def _next_page(self) -> None:
        """After the book has changed."""
        pages = self.book.pages
        self._node.told = (self.sequence, pages if self._spreads else 0)
        length = statement.page_len(self.size, pages)
        self.done = length == 0 and self.size > 0
        self._missing = (1 << (length + statement.CHUNK_LEN - 1) // statement.CHUNK_LEN) - 1
        if len(self._buffer) != length:
            self._buffer = bytearray(length)

    # --- what is heard

    def heard(self, neighbour: "Neighbour", sequence: int, pages: int, now_ms: int) -> None:
        """A neighbour is so far."""
        self.far[neighbour.bit] = (sequence, pages)
        if self._ask_ms is None and self._goal() >= 0:
            self._ask_ms = now_ms + self._random(_SOON_MS)

    def on_frame(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """An EXTENDED frame's body; an unknown sort is counted."""
        sort = body[0] if body else 0
        if sort == STATEMENT:
            self.offer(body[1:], now_ms)
        elif sort == REQUEST:
            if len(body) < statement.REQUEST_LEN:
                raise DecodeError("request too short")
            _, tail, _, sequence, page, missing = struct.unpack(
                statement.REQUEST, body[: statement.REQUEST_LEN]
            )
            if tail == self._node.node_id[3:]:
                self._asked_for(sequence, page, missing, now_ms)
            elif self._ask_ms is not None and page == self._goal():
                # Somebody asks for what I want too: I shall hear the answer.
                self._ask_ms = now_ms + _AGAIN_MS + self._random(_AGAIN_SPREAD_MS)
        elif sort == CHUNK:
            if len(body) <= statement.CHUNK_HEAD:
                raise DecodeError("chunk of nothing")
            _, sequence, page, chunk = struct.unpack(statement.CHUNK, body[: statement.CHUNK_HEAD])
            if sequence == self.sequence:
                if self.far.get(neighbour.bit, (0, 0)) < (sequence, page + 1):
                    self.heard(neighbour, sequence, page + 1, now_ms)
                if not self._strict or neighbour.bit == self._asked:
                    self.chunk(page, chunk, body[statement.CHUNK_HEAD :], now_ms)
        else:
            self._node.stats["unknown_types"] += 1

    def _asked_for(self, sequence: int, page: int, missing: int, now_ms: int) -> None:
        self.active_ms = now_ms
        if sequence > self.sequence or not self._node.told[1]:
            return
        if page == statement.NO_PAGE:
            self._say = True
        elif sequence == self.sequence and page < self.book.pages:
            if not self._serve or page < self._serve_page:
                self._serve_page, self._serve = page, 0
            if page == self._serve_page:
                self._serve |= missing

    def offer(self, text: bytes, now_ms: int) -> bool:
        """A statement, from anywhere. Shall it be verified?"""
        sequence, _, flags, node_id, _, _, _ = statement.decode_update(text)
        if sequence <= self.sequence or now_ms < self._node.try_ms or self.offered:
            return False
        if not flags & statement.SPREAD and node_id != self._node.node_id:
            return False
        self.offered = text
        self.active_ms = now_ms
        return True

    def chunk(self, page: int, chunk: int, data: bytes, now_ms: int) -> None:
        """A part of a page of the newest update. DecodeError if it does not fit."""
        at = chunk * statement.CHUNK_LEN
        if page != self.book.pages or not self._missing >> chunk & 1:
            return
        if len(data) != min(statement.CHUNK_LEN, len(self._buffer) - at):
            raise DecodeError("chunk length")
        self._buffer[at : at + len(data)] = data
        self._missing &= ~(1 << chunk)
        self._vain = 0
        self.active_ms = now_ms
        self._ask_ms = now_ms + _AGAIN_MS + self._random(_AGAIN_SPREAD_MS)
        if self._missing:
            return
        expected = self._first
        if page:
            expected = self.book.read(page - 1, 0, statement.HASH_LEN)
        if statement.page_hash(self._buffer) == expected:
            try:
                self.book.add(self._buffer)
            except OSError:
                self.full = True
        else:
            if self._strict:
                self._bad |= self._asked
            self._strict = True
        self._next_page()
        self._ask_ms = now_ms + self._random(_SOON_MS)
        if self.done:
            self._node.finished_ms = now_ms
        self._node.greeting.soon(now_ms)

    # --- what goes out

    def _goal(self) -> int:
        """What to ask for: a page, NO_PAGE for a newer statement, -1 if nobody has more."""
        farthest = max(self.far.values()) if self.far and not self.full else (0, 0)
        if farthest[0] > self.sequence:
            return statement.NO_PAGE
        more = farthest > (self.sequence, self.book.pages)
        return self.book.pages if more and self._missing else -1

    def poll(self, now_ms: int) -> int:
        """Ask for what comes next, if somebody has it; milliseconds until this matters again."""
        if self._ask_ms is not None and now_ms >= self._ask_ms:
            self._ask_ms = None
            if self._vain >= _VAIN_MAX:
                self.far.pop(self._asked, None)
                self._vain = 0
            page = self._goal()
            if page == statement.NO_PAGE and (self.offered or now_ms < self._node.try_ms):
                self._ask_ms = max(self._node.try_ms, now_ms + _AGAIN_MS)
            elif page >= 0:
                self._ask(page, now_ms)
        waits = [IDLE_MS]
        if self._ask_ms is not None:
            waits.append(self._ask_ms - now_ms)
        if self._serve or self._say:
            waits.append(max(_BUSY_MS, self._send_ms - now_ms))
        return max(0, min(waits))

    def _ask(self, page: int, now_ms: int) -> None:
        """Ask the neighbour that is heard loudest of those that have it, rather a good one."""
        least = (self.sequence + 1, 0) if page == statement.NO_PAGE else (self.sequence, page + 1)
        have = [n for n in self._node.neighbours.all if self.far.get(n.bit, (0, 0)) >= least]
        if not have:
            return
        good = [n for n in have if not n.bit & self._bad]
        if not good:
            self._bad, good = 0, have
        best = max(good, key=lambda n: n.rssi_dbm)
        self._vain += 1
        self._asked = best.bit
        body = struct.pack(
            statement.REQUEST, REQUEST, best.tail(), 1, self.far[best.bit][0], page, self._missing
        )
        self._node.queues[best.link].control(EXTENDED, body)
        self.active_ms = now_ms
        self._ask_ms = now_ms + _AGAIN_MS + self._random(_AGAIN_SPREAD_MS)

    def next_frame(self, now_ms: int) -> bytes | None:
        """The next EXTENDED body to serve, when there is nothing else to send; None if it is not
        time for one."""
        if now_ms < self._send_ms or not (self._serve or self._say):
            return None
        self._send_ms = now_ms + CHUNK_GAP_MS
        self.active_ms = now_ms
        if self._say:
            self._say = False
            return bytes((STATEMENT,)) + self.book.statement
        chunk = 0
        while not self._serve >> chunk & 1:
            chunk += 1
        self._serve &= ~(1 << chunk)
        at = chunk * statement.CHUNK_LEN
        length = min(statement.CHUNK_LEN, statement.page_len(self.size, self._serve_page) - at)
        if length <= 0:
            return None
        return struct.pack(
            statement.CHUNK, CHUNK, self.sequence, self._serve_page, chunk
        ) + self.book.read(self._serve_page, at, length)

    def gone(self, bit: int) -> None:
        """A neighbour has gone; another may get its bit."""
        self.far.pop(bit, None)
        self._bad &= ~bit
