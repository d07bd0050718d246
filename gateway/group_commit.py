"""Many small transactions as one: a commit waits for the disk, so a crowd shares it."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from gateway.database import is_full, writing
from gateway.errors import NoRoom

T = TypeVar("T")


class GroupCommit:
    """Actions that change the database, each whole or not at all.

    committed(): called after each commit, before anybody is answered. failed(error): something was
    undone, so what is in memory may be wrong.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        committed: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._db = db
        self._committed = committed
        self._failed = failed
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    async def write(self, action: Callable[[], T]) -> T:
        """Run an action with all others of this turn of the loop in one transaction; its result,
        when that is durable. What it raises has changed nothing. NoRoom if the disk is full."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((action, future))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._commit)
        return await future

    def write_now(self, action: Callable[[], T]) -> T:
        """Run an action in a transaction of its own, at once."""
        try:
            with writing(self._db):
                result = action()
        except BaseException as e:
            self._failed(e)
            raise
        self._committed()
        return result

    def _commit(self) -> None:
        batch, self._waiting = self._waiting, []
        done: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
        try:
            with writing(self._db):
                for action, future in batch:
                    done.append((future, *self._one(action)))
        except sqlite3.Error as e:
            self._failed(e)
            why = "disk is full" if is_full(e) else f"database refuses ({e})"
            for _, future in batch:
                if not future.done():
                    future.set_exception(NoRoom(f"the gateway's {why}: nothing was taken"))
            return
        self._committed()
        for future, result, error in done:
            if future.done():  # the phone has left; what it asked is done all the same
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _one(self, action: Callable[[], Any]) -> tuple[Any, Exception | None]:
        """One action of a batch, by itself: a refusal takes back only its own changes."""
        self._db.execute("SAVEPOINT one")
        try:
            result = action()
        except sqlite3.Error:
            raise  # all of the batch is undone
        except Exception as e:  # noqa: BLE001 - a boundary: raised again where it was asked for
            self._db.execute("ROLLBACK TO one")
            self._db.execute("RELEASE one")
            self._failed(e)
            return None, e
        self._db.execute("RELEASE one")
        return result, None
