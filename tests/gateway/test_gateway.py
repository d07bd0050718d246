"""The running gateway: what happens to it must not end it."""

import asyncio
import sqlite3

from gateway.config import Config
from gateway.desk import Desk
from gateway.gateway import Gateway, _now_ms
from gateway.sealing import seal
from shared_protocol.lifetime import NORMAL
from shared_protocol.records import Clock
from tools.field import until


def living(tmp_path, story):
    """Run a story beside a gateway without a relay; the gateway must outlive it."""

    async def scene():
        desk = Desk(tmp_path / "a")
        desk.create_identity("Ana")
        desk.db.execute("PRAGMA busy_timeout = 20")
        gateway = Gateway(Config("g", bytes(32), delay_max_s=0), desk)
        running = asyncio.create_task(gateway.run())
        try:
            await story(gateway, desk)
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            desk.close()

    asyncio.run(scene())


def test_a_locked_database_is_waited_for(tmp_path):
    async def story(gateway, desk):
        other = sqlite3.connect(desk.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        gateway._safely(lambda: gateway.node.shelf.save_clock(Clock(1, 5, 50_000, 0, 0, 0)))
        assert "locked" in gateway._problem
        await until(
            lambda: "locked" in desk.status().get("problem", ""), 5, "the status to say so"
        )
        other.execute("ROLLBACK")
        other.close()
        await until(lambda: not gateway._stopped, 5, "the node to start again")
        assert gateway._problem == ""

    living(tmp_path, story)


def test_a_contact_added_on_the_page_opens_what_waited_for_it(tmp_path):
    async def story(gateway, desk):
        bo = Desk(tmp_path / "b")
        bo.create_identity("Bo")
        sealed = seal(bo.identity(), desk.identity().card, b"it is me", 5, NORMAL, 8)
        gateway.mailroom.reload()
        gateway.node.submit(sealed.parcels[0], 3, 0, _now_ms())
        gateway.mailroom.handle(("arrived", sealed.parcels[0], 3))
        assert desk.listing("in") == []
        desk.add_contact(bo.me()["card"], None)
        await until(lambda: desk.listing("in"), 5, "the message")
        bo.close()

    living(tmp_path, story)
