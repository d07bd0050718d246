"""One connection's life: bring the hub what it lacks, fetch what is for us, answer its bells.

Three tasks on one connection: pushing, reading, asking who can be reached. When the connection
ends, or one of them fails, all end; what was not done is in the box, and the next session does it.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gateway.backhaul_box import Row
from gateway.backhaul_connection import Line, hang_up
from gateway.backhaul_hub import PUBLISH_MOST, THERE, WIRE_MOST, Hub, HubError, HubFull

if TYPE_CHECKING:
    from nats.aio.client import Client

    from gateway.backhaul import Backhaul

READ_MOST = 512  # in one batch
LOOK_S = 1800  # how often everything is read though no bell has rung
_BOX_S = 10  # how often the box is looked at though nobody told of news: a new hour, a late turn
HERE_S = 86_400  # how often this mesh's gateways are told anew
AGAIN_S = 300  # within so long what came from a hub that was rebuilt is brought back to it
_FULL_S = (30.0, 600.0)  # a full hub is tried again after so long, each wait twice the last
_TRIES = 30  # of pushing, a second apart, while a cluster looks for a leader
_PAUSE_S = 1.0
_SEALED = 320  # most bytes of one thing that goes, with its subject; twice that with the answer
_PUSH_COST = 2 * _SEALED
_KNOWN_MAX = 100_000  # numbers
_ASK_COST = 1_000  # a question and its answer, a bell


class Session:
    """begin(), then run(); close() in any case."""

    def __init__(self, backhaul: "Backhaul", nc: "Client", line: Line) -> None:
        self._backhaul, self._nc, self._line = backhaul, nc, line
        self._server = line.server
        self._box, self._budget, self._key = backhaul.box, backhaul.budget, backhaul.key
        self._hub = Hub(nc, backhaul.key, self._count)
        self._spent = 0  # bytes that went and came
        self._to_push, self._to_read, self._to_ask = (asyncio.Event() for _ in range(3))
        self._rung: dict[str, int] = {}  # by filter: up to which number there is something
        self._known: set[int] = set()  # numbers that we pushed or read: they need not be read
        self._pushing = asyncio.Lock()
        self._armed: set[str] = set()
        self._again_s = time.monotonic() + random.uniform(0, AGAIN_S)
        self._wished = True  # everything is read at the start

    def news(self, wished: bool) -> None:
        """There is something to push, to read or to ask. wished: and everything is looked at."""
        self._wished |= wished
        for event in (self._to_push, self._to_read, self._to_ask):
            event.set()

    def _count(self, size: int) -> None:
        self._spent += size

    async def begin(self) -> None:
        """See that the hub is as it should be, and whether it is the one we know. HubError."""
        life = await self._hub.prepare()
        known, top = self._box.known_life()
        if life.name != known or life.top < top:
            self._box.begin_life(life.name)

    async def close(self) -> None:
        """Hang up."""
        await hang_up(self._nc)

    async def run(self) -> None:
        """Until the connection is lost. HubError if the hub does something wrong."""
        work = [self._push_all(), self._read_all(), self._ask_all(), self._until_lost()]
        tasks = [asyncio.create_task(one) for one in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not self._line.lost.is_set():
                for task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_lost(self) -> None:
        await self._line.lost.wait()

    # --- budget

    def _take(self, size: int, sos: bool) -> bool:
        return self._budget.spend(size, sos)

    def _settle(self, taken: int, before: int) -> None:
        """Give back what was taken and not needed. before: of _spent, when it was taken."""
        self._budget.give_back(taken - (self._spent - before))

    # --- to the hub

    async def _push_all(self) -> None:
        full_s = _FULL_S[0]
        failed = 0
        while True:
            self._to_push.clear()
            try:
                while await self._push_some() or await self._purge_some():
                    failed = 0
                    if full_s > _FULL_S[0]:
                        full_s = _FULL_S[0]
                        self._backhaul.tell("connected", "", self._server)
                wait_s = float(_BOX_S)
            except HubFull as e:
                self._backhaul.tell("connected", str(e), self._server)
                wait_s, full_s = full_s, min(2 * full_s, _FULL_S[1])
            except HubError:
                failed += 1
                if failed >= _TRIES:
                    raise
                wait_s = _PAUSE_S
            await _wait(self._to_push, wait_s)

    async def _push_some(self) -> bool:
        """Push a batch, as far as the budget goes; True if there was one."""
        most, only_first = PUBLISH_MOST, False
        if self._budget.limited:
            only_first = self._budget.left(False) < _PUSH_COST
            most = min(most, self._budget.left(only_first) // _PUSH_COST)
        again = time.monotonic() >= self._again_s
        rows = self._box.to_push(most, self._backhaul.clock_s(), only_first, again)
        if not rows:
            return False
        sos = all(row.rank == 0 for row in rows)
        taken, before = len(rows) * _PUSH_COST, self._spent
        if not self._take(taken, sos):
            return False
        things = [self._thing(row) for row in rows]
        self._box.under_way = {row.id for row in rows}
        try:
            async with self._pushing:  # what it brings rings our own bell too
                results = await self._hub.publish(things)
                self._know(number for number in results if number)
        finally:
            self._settle(taken, before)
        stored = [row for row, number in zip(rows, results, strict=True) if number is not None]
        self._box.pushed(stored, max(number or THERE for number in results))
        return True

    def _thing(self, row: Row) -> tuple[str, bytes, int]:
        subject = self._key.subject(row.address, row.item.immutable)
        return subject, self._key.seal(subject, row.item), row.left_s

    async def _purge_some(self) -> bool:
        """End at the hub what was delivered; True if there was something."""
        ended = self._box.to_purge(PUBLISH_MOST // 4)
        done = []
        for row, mid in ended:
            before = self._spent
            if not self._take(_ASK_COST, False):
                break
            await self._hub.purge(self._key.parcels_of(mid))
            self._settle(_ASK_COST, before)
            done.append(row)
        if done:
            self._box.purged(done)
        return bool(done)

    # --- from the hub

    def _know(self, numbers: Iterable[int]) -> None:
        if len(self._known) > _KNOWN_MAX:
            self._known.clear()
        self._known.update(numbers)

    def _place(self, subject: str) -> int:
        """Up to which number nothing under this subject is news."""
        place = at = self._box.place(subject)
        while at + 1 in self._known:
            at += 1
        if at > place:
            self._box.move(subject, at)
        return at

    def _rings(self, subject: str, number: int) -> None:
        self._armed.discard(subject)
        self._rung[subject] = max(number, self._rung.get(subject, 0))
        self._to_read.set()

    async def _read_all(self) -> None:
        read_s: dict[str, float] = {}
        while True:
            self._to_read.clear()
            wished, self._wished = self._wished, False
            wait_s = float(LOOK_S)
            complete = True
            for subject in self._key.filters(self._backhaul.gateways):
                due_s = read_s.get(subject, -LOOK_S) + LOOK_S - time.monotonic()
                if not wished and due_s > 0 and subject in self._armed:
                    wait_s = min(wait_s, due_s)
                elif await self._read_one(subject):
                    read_s[subject] = time.monotonic()
                else:
                    wait_s, complete = min(wait_s, self._budget.next_hour_s() + 1), False
            if wished and complete:
                self._backhaul.synced()
            await _wait(self._to_read, wait_s)

    async def _read_one(self, subject: str) -> bool:
        """Read what is new under a subject. False if the budget ended, or there is no room."""
        sos = ".all.s." in subject
        if not self._take(_ASK_COST, sos):
            return False
        before = self._spent
        if subject not in self._armed:
            self._armed.add(subject)
            await self._hub.bell(subject, self._rings)
        self._settle(_ASK_COST, before)
        if not sos:
            async with self._pushing:
                pass  # until it is known what is ours of that which rang
        tries = 0
        while True:
            most = min(READ_MOST, (self._budget.left(sos) - _ASK_COST) // WIRE_MOST)
            taken, before = most * WIRE_MOST + _ASK_COST, self._spent
            if most < 1 or not self._take(taken, sos):
                return False
            try:
                found, more = await self._hub.read(subject, self._place(subject), most)
            finally:
                self._settle(taken, before)
            if found and self._box.take(subject, found, self._backhaul.clock_s()) is None:
                self._backhaul.tell("connected", "the inbox is full", self._server)
                return False
            self._know(one.seq for one in found)
            behind = self._place(subject) < self._rung.get(subject, 0)
            if more or (behind and found):
                continue
            tries += 1
            if not behind or tries > 3:  # ended meanwhile, or a server that lags: it rings again
                self._rung.pop(subject, None)
                return True
            await asyncio.sleep(_PAUSE_S / 4)

    # --- who can be reached

    async def _ask_all(self) -> None:
        told: set[int] = set()
        told_s = 0.0
        while True:
            self._to_ask.clear()
            now_s = time.monotonic()
            if now_s - told_s >= HERE_S:
                told, told_s = set(), now_s
            fresh = self._backhaul.gateways - told
            if fresh and self._take(_ASK_COST, False):
                await self._hub.tell_here(fresh)
                told |= fresh
            for gateway in list(self._backhaul.choice.asked):
                if self._take(_ASK_COST, False):
                    self._backhaul.choice.told(gateway, await self._hub.is_here(gateway))
            await _wait(self._to_ask, LOOK_S)


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)
