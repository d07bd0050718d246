"""How operator statements and updates get from relay to relay (SPEC.md 11.3).

As Deluge does (Hui and Culler 2004): everybody tells in its beacons how far it is, asks one
neighbour that is farther for the next page, overhears what others asked for, and serves the
lowest page that it was asked for. A relay has little room for this beside its mail, so it is
loaded when there is something to do (node.spread_wanted) and forgotten again (quiet_ms()).
"""

from shared_protocol import statement
from shared_protocol.beacon import UPDATE
from shared_protocol.errors import DecodeError
from shared_protocol.frame import CHUNK, EXTENDED, REQUEST, STATEMENT
from shared_protocol.statement import EVERYBODY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from shared_protocol.ed25519 import Verdict
    from shared_protocol.neighbours import Neighbour
    from shared_protocol.node import Node

    class Book(Protocol):
        """What is kept of the newest statement; durable when a call returns.

        begin() replaces everything. add() appends the next page. Both raise OSError when there is
        no room, and then nothing has changed.
        """

        statement: bytes  # the newest that was verified, b"" for none
        pages: int  # kept, from the first on

        def begin(self, statement: bytes) -> None: ...
        def add(self, page: bytes) -> None: ...
        def read(self, page: int, at: int, length: int) -> bytes: ...


CHUNK_GAP_MS = 50  # a frame takes 2.3 ms: an update takes a twentieth of the air where it is sent
TRY_EVERY_MS = 60_000  # of verifying; a forged statement costs no more than this allows
IDLE_MS = 90_000  # then it is forgotten: longer than TRY_EVERY_MS, which it must not forget
_SOON_MS, _SOON_SPREAD_MS = 20, 120  # before asking: somebody else may ask for the same
_AGAIN_MS, _AGAIN_SPREAD_MS = 300, 200  # without a chunk for so long: ask for what is missing
_BUSY_MS = 5  # mail goes first: look again then
_VAIN_MAX = 4  # questions without an answer; then that neighbour must tell again how far it is


class Spread:
    """What one node has of the newest statement, what it asks for and what it serves."""

    def __init__(
        self,
        node: "Node",
        book: "Book",
        operator: bytes,
        random_below: "Callable[[int], int]",
        now_ms: int,
    ) -> None:
        """operator: its Ed25519 key, 32 bytes."""
        self._node = node
        self.book = book
        self._operator = operator
        self._random = random_below
        self.far: dict[int, tuple[int, int]] = {}  # neighbour's bit -> (sequence, pages) it told
        self._ask_ms: int | None = None
        self._asked = self._vain = 0  # the neighbour's bit, and how often in a row for nothing
        self._buffer = bytearray(0)
        self._missing = 0
        self._strict = False  # a page did not hold: from now on each must come from one neighbour
        self._bad = 0  # mask of those that gave one that did not
        self._serve_page = self._serve = 0  # page, its chunks that somebody wants
        self._say = False  # somebody wants the statement
        self._send_ms = now_ms
        self._try_ms = now_ms
        self.trying: Verdict | None = None
        self._tried = b""
        self._active_ms = self.begun_ms = now_ms
        self.finished_ms: int | None = None  # when the last page came, if that was here
        self.forged = 0
        self.full = False  # no room: it waits until this is loaded anew
        self._take_stock()

    def _take_stock(self) -> None:
        """After the book has changed."""
        self.sequence = self.size = 0
        flags, self._for, self._first = 0, b"", b""
        if self.book.statement:
            _, self.sequence, content, _ = statement.decode_statement(self.book.statement)
            _, flags, self._for, self.size, _, self._first = statement.decode_manifest(content)
        self.total = statement.page_count(self.size)
        self._node.told = (self.sequence, self.book.pages if flags & statement.SPREAD else 0)
        self._missing = 0
        if self.book.pages < self.total:
            length = statement.page_len(self.size, self.book.pages)
            if len(self._buffer) != length:
                self._buffer = bytearray(length)
            self._missing = (1 << (length - 1) // statement.CHUNK_LEN + 1) - 1

    # --- what is heard

    def heard(self, neighbour: "Neighbour", sequence: int, pages: int, now_ms: int) -> None:
        """A neighbour is so far."""
        self.far[neighbour.bit] = (sequence, pages)
        if self._ask_ms is None and self._goal() >= 0:
            self._ask_ms = now_ms + _SOON_MS + self._random(_SOON_SPREAD_MS)

    def on_frame(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """An EXTENDED frame's body; an unknown sort is counted."""
        sort = body[0] if body else 0
        if sort == STATEMENT:
            self.offer(body[1:], now_ms)
        elif sort == REQUEST:
            self._on_request(body, now_ms)
        elif sort == CHUNK:
            sequence, page, chunk, data = statement.decode_chunk(body)
            if sequence == self.sequence:
                if self.far.get(neighbour.bit, (0, 0)) < (sequence, page + 1):
                    self.heard(neighbour, sequence, page + 1, now_ms)
                if not self._strict or neighbour.bit == self._asked:
                    self.chunk(page, chunk, data, now_ms)
        else:
            self._node.stats["unknown_types"] += 1

    def offer(self, text: bytes, now_ms: int) -> bool:
        """A statement, from anywhere. Is it looked at now? Its verdict shows in `sequence`."""
        kind, sequence, content, signature = statement.decode_statement(text)
        if kind != UPDATE or sequence <= self.sequence:
            return False
        if self.trying is not None or now_ms < self._try_ms:
            return False
        _, flags, node, _, _, _ = statement.decode_manifest(content)
        if not flags & statement.SPREAD and node != self._node.node_id:
            return False
        from shared_protocol.ed25519 import verify  # needed for a moment only

        digest = statement.signed_digest(self._node.cipher, text[: -statement.SIGNATURE_LEN])
        self.trying = verify(self._operator, digest, signature)
        self._tried = text
        self._active_ms = now_ms
        self._try_ms = now_ms + TRY_EVERY_MS
        return True

    def chunk(self, page: int, chunk: int, data: bytes, now_ms: int) -> None:
        """A part of a page of the newest update."""
        at = chunk * statement.CHUNK_LEN
        if page != self.book.pages or not self._missing >> chunk & 1:
            return
        if len(data) != min(statement.CHUNK_LEN, len(self._buffer) - at):
            raise DecodeError("chunk length")
        self._buffer[at : at + len(data)] = data
        self._missing &= ~(1 << chunk)
        self._vain = 0
        self._active_ms = now_ms
        self._ask_again(now_ms)
        if not self._missing:
            self._turn_page(now_ms)

    def _turn_page(self, now_ms: int) -> None:
        """The page is here; it counts if the one before it said so."""
        page = bytes(self._buffer)
        if statement.page_hash(page) != self._expected():
            if self._strict:
                self._bad |= self._asked
            self._strict = True
            self._take_stock()
        else:
            self._keep(page)
        if self._missing:
            self._ask_ms = now_ms + self._random(_SOON_SPREAD_MS)
        elif self.complete():
            self.finished_ms = now_ms
        self._node.greeting.soon(now_ms)

    def _keep(self, page: bytes) -> None:
        """Add a page to the book, or begin a new one with the statement that was tried."""
        try:
            if page:
                self.book.add(page)
            else:
                self.book.begin(self._tried)
        except OSError:
            self.full = True
        self._take_stock()

    def _expected(self) -> bytes:
        if self.book.pages:
            return self.book.read(self.book.pages - 1, 0, statement.HASH_LEN)
        return self._first

    def _on_request(self, body: bytes, now_ms: int) -> None:
        tail, kind, sequence, page, missing = statement.decode_request(body)
        if kind != UPDATE:
            return
        if tail != self._node.node_id[3:]:
            # Somebody asks for what I want too: I shall hear the answer.
            if self._ask_ms is not None and page == self._goal():
                self._ask_again(now_ms)
            return
        self._active_ms = now_ms
        if sequence > self.sequence or not self._node.told[1]:
            return
        if page == statement.NO_PAGE:
            self._say = True
        elif sequence == self.sequence and page < self.book.pages:
            if not self._serve or page < self._serve_page:
                self._serve_page, self._serve = page, 0
            if page == self._serve_page:
                self._serve |= missing

    # --- what goes out

    def _goal(self) -> int:
        """What to ask for: a page, NO_PAGE for a newer statement, -1 if nobody has more."""
        farthest = max(self.far.values()) if self.far and not self.full else (0, 0)
        if farthest[0] > self.sequence:
            return statement.NO_PAGE
        more = farthest > (self.sequence, self.book.pages)
        return self.book.pages if more and self._missing else -1

    def _ask_again(self, now_ms: int) -> None:
        self._ask_ms = now_ms + _AGAIN_MS + self._random(_AGAIN_SPREAD_MS)

    def poll(self, now_ms: int) -> int:
        """Do what is due; milliseconds until the next may be. While a statement is being verified
        each call does one slice of it and gives 0."""
        if self.trying is not None:
            self._verify(now_ms)
            return 0
        if self._ask_ms is not None and now_ms >= self._ask_ms:
            self._ask(now_ms)
        waits = [IDLE_MS]
        if self._ask_ms is not None:
            waits.append(self._ask_ms - now_ms)
        if self._serve or self._say:
            waits.append(max(_BUSY_MS, self._send_ms - now_ms))
        return max(0, min(waits))

    def _verify(self, now_ms: int) -> None:
        assert self.trying is not None
        verdict = next(self.trying)
        if verdict is None:
            return
        self.trying = None
        if verdict:
            self._try_ms = now_ms
            self._keep(b"")
            self._ask_ms = now_ms + self._random(_SOON_SPREAD_MS)
        else:
            self.forged += 1
            self.far.clear()  # whoever told of it: they will tell again
        self._active_ms = now_ms

    def _ask(self, now_ms: int) -> None:
        """Ask for what comes next, if somebody has it."""
        self._ask_ms = None
        page = self._goal()
        if page == statement.NO_PAGE and now_ms < self._try_ms:
            self._ask_ms = self._try_ms
            return
        if self._vain >= _VAIN_MAX:
            self.far.pop(self._asked, None)
            self._vain = 0
            page = self._goal()
        best = self._loudest(page)
        if best is None:
            return
        self._vain += 1
        self._asked = best.bit
        sequence = self.far[best.bit][0]
        body = statement.encode_request(best.tail(), UPDATE, sequence, page, self._missing)
        self._node.queues[best.link].control(EXTENDED, body)
        self._active_ms = now_ms
        self._ask_again(now_ms)

    def _loudest(self, page: int) -> "Neighbour | None":
        """Of the neighbours that have it the one that is heard loudest, rather a good one."""
        least = (self.sequence + 1, 0) if page == statement.NO_PAGE else (self.sequence, page + 1)
        have = [n for n in self._node.neighbours.all if self.far.get(n.bit, (0, 0)) >= least]
        if page < 0 or not have:
            return None
        good = [n for n in have if not n.bit & self._bad]
        if not good:
            self._bad, good = 0, have
        return max(good, key=lambda n: n.rssi_dbm)

    def next_body(self, now_ms: int) -> bytes | None:
        """The next EXTENDED body to serve, when there is nothing else to send; None if it is not
        time for one."""
        if now_ms < self._send_ms or not (self._serve or self._say):
            return None
        self._send_ms = now_ms + CHUNK_GAP_MS
        self._active_ms = now_ms
        if self._say:
            self._say = False
            return bytes((STATEMENT,)) + self.book.statement
        chunk = 0
        while not self._serve >> chunk & 1:
            chunk += 1
        self._serve &= ~(1 << chunk)
        page, at = self._serve_page, chunk * statement.CHUNK_LEN
        length = min(statement.CHUNK_LEN, statement.page_len(self.size, page) - at)
        if length <= 0:
            return None
        return statement.encode_chunk(self.sequence, page, chunk, self.book.read(page, at, length))

    # --- for the shell

    def complete(self) -> bool:
        """Is all of the newest update here?"""
        return self.total > 0 and self.book.pages == self.total

    def wanted_here(self) -> bool:
        """Is the newest update complete, and for this node?"""
        return self.complete() and self._for in (EVERYBODY, self._node.node_id)

    def quiet_ms(self, now_ms: int) -> int:
        """For how long has nothing been asked, served or tried?"""
        return now_ms - self._active_ms

    def gone(self, bit: int) -> None:
        """A neighbour has gone; another may get its bit."""
        self.far.pop(bit, None)
        self._bad &= ~bit
