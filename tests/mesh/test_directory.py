"""The directory over real relays: a record crosses them, and the one before it leaves them."""

import asyncio

from gateway.announce import ANNOUNCE, STOP, wish
from gateway.people import card_to_add
from tools.field import Field, until


def test_somebody_is_found_written_to_and_forgotten_over_relays(tmp_path):
    async def exchange():
        field = Field(2, 0.1, 1, tmp_path, ("Ana", "Bo"))
        ana, bo = field.a.desk, field.b.desk
        try:
            for gateway in (field.a, field.b):
                gateway.start()
            for desk in (ana, bo):  # whom the field has made acquainted
                desk.db.execute("DELETE FROM contact")
            wish(ana.db, ANNOUNCE)
            account = ana.identity().card.account
            await until(lambda: bo.directory.devices(account), 60, "Bo to hear of Ana")
            (entry,) = bo.directory.find("ana")
            assert entry.record.account == account
            bo.add_card(card_to_add(bo.directory, "Ana"), None)
            bo.send("Ana", "we have not met")
            await until(lambda: ana.listing("in"), 60, "the message")
            await until(lambda: bo.listing("out")[0]["state"] == "delivered", 60, "the receipt")

            async def kept(count):
                return all(s.get("parcels") == count for s in await field.relay_status())

            await until(lambda: kept(2), 60, "two records on each relay")
            wish(ana.db, STOP)
            await until(lambda: kept(0), 60, "the relays to forget")
        finally:
            field.close()

    asyncio.run(exchange())
