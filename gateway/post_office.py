"""The gateway's post office for phones: keeps letters until they come, sends what they sealed.

It knows of a device its public key and mailbox keys, and of a message only ciphertext. Whatever it
has acknowledged is on the disk: all that phones ask in one turn of the loop is one commit.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from gateway.device_auth import device_id
from gateway.devices import Device, Devices
from gateway.errors import NoRoom
from gateway.group_commit import GroupCommit
from gateway.letters import Letters
from gateway.node_store import RESERVE_BYTES
from gateway.outbox import Outbox
from gateway.pieces import Shape
from gateway.posting import Posting
from gateway.underway import OUT, Underway
from gateway.watches import Released, Watches
from shared_protocol import receipt, records
from shared_protocol.lifetime import NORMAL, lifetime_code
from shared_protocol.receipt import message_id

T = TypeVar("T")

ANSWER_BYTES_MAX = 1 << 20  # of bundles in one answer, so that no phone waits for megabytes
_TIDY_EVERY_S = 600
_CARRIED_CODE = lifetime_code(7 * 86_400)  # what phones give their messages

News = tuple[str, dict[str, Any]]  # "letter" or "state", and the row


class PostOffice:
    """Registered devices, their letters, and what they posted.

    now_s: the node's clock. token_of(mid): the token of a receipt that the node has, or None.
    on_taken(mid, token, code): a phone has opened a message; code is None if its receipt need not
    go on the mesh. on_trouble(error): the database refused, and rolled back what the node had put.
    on_clock(who, unix_ms): a phone says what time it is. The gateway sets these.
    """

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path
        self.now_s: Callable[[], int] = lambda: 0
        self.token_of: Callable[[bytes], bytes | None] = lambda mid: None
        self.on_taken: Callable[[bytes, bytes, int | None], None] = lambda mid, token, code: None
        self.on_trouble: Callable[[sqlite3.Error], None] = lambda error: None
        self.on_clock: Callable[[str, int], None] = lambda who, unix_ms: None
        self.devices = Devices(db)
        self.letters = Letters(db, self._next_seq, lambda: self.now_s())
        self.outbox = Outbox(db, self._next_seq, lambda: self.now_s())
        self.underway = Underway()
        self.watches = Watches(db, self.letters, self.outbox, self._next_seq, lambda: self.now_s())
        self.room_again = False  # a box was full, and its phone has taken something since
        self._full: set[str] = set()  # devices whose box was full
        self._touched: set[str] = set()  # devices with news in this transaction
        self._commits = GroupCommit(db, self._tell, self._failed)
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self._tidied_s = -_TIDY_EVERY_S

    def _next_seq(self, device: str) -> int:
        self._touched.add(device)
        row = self._db.execute(
            "UPDATE device SET seq = seq + 1 WHERE id = ? RETURNING seq", (device,)
        ).fetchone()
        return int(row[0])

    # --- transactions

    async def write(self, action: Callable[[], T]) -> T:
        """Run an action in the next transaction, with those of others; its result, when that is
        durable. What it raises has changed nothing."""
        return await self._commits.write(action)

    def write_now(self, action: Callable[[], T]) -> T:
        """Run an action in a transaction of its own: in the node's turn, which cannot wait."""
        return self._commits.write_now(action)

    def _failed(self, error: BaseException) -> None:
        self._reload()
        if isinstance(error, sqlite3.Error):
            self.on_trouble(error)

    def _reload(self) -> None:
        self.devices.reload()
        self.outbox.reload()

    def _tell(self) -> None:
        touched, self._touched = self._touched, set()
        for device in touched:
            self.wake(device)

    # --- what phones ask

    async def register(self, key: bytes, boxes: list[bytes]) -> Device:
        """Take a device in, or its new mailbox keys. UserError."""
        new = self.devices.get(device_id(key)) is None
        device = await self.write(lambda: self.devices.register(key, boxes, self.now_s()))
        if new:
            self.outbox.recount()
        return device

    async def post(self, device: Device, postings: list[Posting]) -> list[str]:
        """Take in messages: their states, when they are durable. UserError takes none of them."""
        for posting in postings:
            posting.check()
        if shutil.disk_usage(self._path.parent).free < RESERVE_BYTES:
            raise NoRoom("the gateway's disk is full: these messages were not taken")
        return await self.write(lambda: [self._post(device, posting) for posting in postings])

    def _post(self, device: Device, posting: Posting) -> str:
        state = self.outbox.state(device.id, posting.mid)
        if state is not None:
            return state
        token = self.token_of(posting.mid)
        held = False
        new = not self.letters.known(posting.mid)  # else the mesh has brought it before
        for to, _ in self.devices.recognise(posting.mid, posting.hint):
            if posting.watch and to.id == device.id:
                continue  # its author is of the group
            kept = self.keep(to, posting.head, posting.shape, posting.bundle, 0)
            held |= kept and new and self.devices.is_here(to)
        held &= token is None and not posting.is_sos and not posting.watch
        self.outbox.add(device.id, posting, held)
        self.watches.add(device.id, posting.mid, posting.watch)
        for lock in posting.watch:
            ack = self.token_of(lock)  # it was posted elsewhere before
            if ack is not None:
                self.watches.opened(lock, ack)
        if token is not None:  # it was posted elsewhere before, and has arrived
            self.outbox.improve(posting.mid, "delivered", self.now_s(), token)
            return "delivered"
        return "queued"

    def keep(
        self, to: Device, head: bytes, shape: Shape | None, bundle: bytes, relays: int
    ) -> bool:
        """Inside a transaction: a letter for a device. False if its box is full. What it has
        posted itself, to a group that it is in, is no letter for it."""
        if self.outbox.state(to.id, head[2:]) is not None:
            return True
        kept = self.letters.keep(to.id, head, shape, bundle, relays)
        if not kept:
            self._full.add(to.id)
        return kept

    async def take(self, device: Device, tokens: list[bytes]) -> int:
        """A phone has opened and kept the messages of these tokens: how many were here."""
        results = await self.write(lambda: [self._take(device, token) for token in tokens])
        for token, result in zip(tokens, results, strict=True):
            if result is not None and result[0]:
                self.on_taken(message_id(token), token, result[1])
        self._perhaps_room(device)
        return sum(result is not None for result in results)

    def _take(self, device: Device, token: bytes) -> tuple[int, int | None] | None:
        """None if there is no such letter; else whether it is news, and its lifetime code unless
        the mesh need not hear of it."""
        mid = message_id(token)
        taken = self.letters.take(device.id, token, self.now_s())
        if taken is None:
            return None
        head, news = taken
        local = self.outbox.spare(mid)
        if local:
            self.letters.receipted(token)
        self.outbox.improve(mid, "delivered", self.now_s(), token)
        return news, None if local else head[1] >> 4

    def open_elsewhere(
        self,
        device: Device,
        tokens: list[bytes],
        acks: list[tuple[bytes, bytes]],
        recalls: list[bytes],
    ) -> list[bytes]:
        """The tokens of no letter or message of this device, and of nothing that has ended as far
        as is known here; each once. acks: (mid, token) of what others read too. recalls: of what
        it has posted."""
        at_home = {t for t in tokens if self.letters.is_for(message_id(t), device.id)}
        at_home |= {token for mid, token in acks if self.letters.is_for(mid, device.id)}
        at_home |= {t for t in recalls if self.outbox.state(device.id, message_id(t)) is not None}
        every = dict.fromkeys([*tokens, *(token for _, token in acks), *recalls])
        return [t for t in every if t not in at_home and self.token_of(message_id(t)) is None]

    async def carry(self, tokens: list[bytes]) -> None:
        """Take receipts into the mesh of letters that a phone got at another gateway: durable when
        this returns; the gateway lets them out after the privacy delay."""
        rows = [(carried(token),) for token in tokens]
        await self.write(
            lambda: self._db.executemany("INSERT INTO record (bytes) VALUES (?)", rows)
        )

    async def ack(self, device: Device, acks: list[tuple[bytes, bytes]]) -> int:
        """A phone has opened and kept messages that others read too, (mid, token) each: how many
        were here."""
        ack = self.watches.ack
        return await self._let_out(
            device, lambda: [one for mid, token in acks for one in ack(device.id, mid, token)]
        )

    async def recall(self, device: Device, tokens: list[bytes]) -> int:
        """An author lets go of messages that several read: how many it had posted here."""
        recall = self.watches.recall
        return await self._let_out(
            device, lambda: [one for token in tokens for one in recall(device.id, token)]
        )

    async def _let_out(self, device: Device, action: Callable[[], list[Released | None]]) -> int:
        results = await self.write(action)
        for released in results:
            if released is not None:
                self.on_taken(*released)
        self._perhaps_room(device)
        return len(results)

    def owed(self) -> list[Released]:
        """Receipts that the mesh has not got yet: what they open, token, lifetime code."""
        return self.letters.owed() + self.watches.owed()

    def receipted(self, token: bytes) -> None:
        """In the node's turn: the receipt of this token is in its store."""
        self.letters.receipted(token)
        self.watches.receipted(token)

    def news(self, device: Device, after: int, limit: int, kind: str = "") -> list[News]:
        """Letters and states of a device (or only "letter", only "state") behind this number, in
        their order: at most `limit`, and no more than a megabyte."""
        letters = self.letters.after(device.id, after, 0 if kind == "state" else limit)
        states = self.outbox.after(device.id, after, 0 if kind == "letter" else limit)
        return list(_merged(letters, states, limit))

    def place(self, device: Device, after: int) -> int:
        """Where to go on for a phone that knows all up to `after`. A number that was never given
        comes from another life of its box: it begins anew, and knows messages by their ids."""
        row = self._db.execute("SELECT seq FROM device WHERE id = ?", (device.id,)).fetchone()
        return after if row is not None and after <= row["seq"] else 0

    async def here(self, device: Device) -> None:
        """Its phone asks for something; written down now and then."""
        now_s = self.now_s()
        if self.devices.asked(device, now_s):
            await self.write(lambda: self.devices.seen(device, now_s))

    async def had(self, device: Device, after: int) -> None:
        """Its phone knows all up to this number: if its box is full, that may give way."""
        if device.id in self._full:
            await self.write(lambda: self.letters.had(device.id, after))
            self._perhaps_room(device)

    def _perhaps_room(self, device: Device) -> None:
        if device.id in self._full:
            self._full.discard(device.id)
            self.room_again = True

    async def wait(self, device: Device, timeout_s: float) -> bool:
        """Until there is news for this device, or the time is up (False)."""
        event = asyncio.Event()
        waiting = self._listeners.setdefault(device.id, set())
        waiting.add(event)
        try:
            await asyncio.wait_for(event.wait(), timeout_s)
            return True
        except TimeoutError:
            return False
        finally:
            waiting.discard(event)
            if not waiting and self._listeners.get(device.id) is waiting:
                del self._listeners[device.id]

    def wake(self, device: str) -> None:
        """Whoever waits for news of this device shall look."""
        for event in self._listeners.get(device, ()):
            event.set()

    # --- what the mailroom tells, in the node's turn

    def delivered(self, mid: bytes, token: bytes) -> None:
        """The receipt of a message has come from the mesh."""

        def note() -> None:
            self.outbox.improve(mid, "delivered", self.now_s(), token)
            self.letters.taken(mid, token, self.now_s(), receipted=True)
            self.watches.opened(mid, token)

        known = mid in self.outbox.open or self.letters.waits(mid) or self._expired(mid)
        if known or self.watches.waits(mid):
            self.write_now(note)

    def _expired(self, mid: bytes) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM posted WHERE mid = ? AND state = 'expired'", (mid,)
        ).fetchone()
        return row is not None

    def improve(self, mid: bytes, state: str) -> None:
        """News of a message that was posted here."""
        if mid in self.outbox.open:
            self.write_now(lambda: self.outbox.improve(mid, state, self.now_s()))
            self.underway.ended(mid)

    def pieces_out(self, mid: bytes, count: int) -> None:
        """So many parcels of a message that was posted here are with neighbours."""
        for device, parcels in self.outbox.posters(mid):
            self.underway.note(device, OUT, mid, min(count, parcels), parcels)

    def work(self) -> None:
        """Now and then: what was held long enough goes on the mesh, what is old is deleted."""
        for device in self.underway.changed():
            self.wake(device)
        due = self.outbox.due()
        if due:
            self.write_now(lambda: self.outbox.let_go(due))
        now_s = self.now_s()
        if now_s - self._tidied_s >= _TIDY_EVERY_S:
            self._tidied_s = now_s
            self.write_now(lambda: self._tidy(now_s))

    def _tidy(self, now_s: int) -> None:
        self.letters.tidy(now_s)
        self.outbox.tidy(now_s)

    def status(self) -> dict[str, Any]:
        """Counts, for the mesh view."""
        return {
            "devices": len(self.devices),
            "posted_open": len(self.outbox.open),
            **self.letters.counts(),
        }


def carried(token: bytes) -> bytes:
    """The record of a receipt whose letter nobody here knows; its life begins when it leaves."""
    immutable = receipt.encode(token, NORMAL, _CARRIED_CODE)
    return records.encode_kept(records.Kept(True, records.UNSET_S, 0, 0, immutable))


def _merged(
    letters: Iterator[sqlite3.Row], states: Iterator[sqlite3.Row], limit: int
) -> Iterator[News]:
    """Two lists in one order; the letters are read one by one, for they may be large."""
    ahead = [dict(row) for row in states]
    size = 0
    for row in letters:
        while ahead and ahead[0]["seq"] < row["seq"] and limit:
            limit -= 1
            yield "state", ahead.pop(0)
        if not limit or (size and size + len(row["bundle"]) > ANSWER_BYTES_MAX):
            return
        limit -= 1
        size += len(row["bundle"])
        yield "letter", dict(row)
    for state in ahead[:limit]:
        yield "state", state
