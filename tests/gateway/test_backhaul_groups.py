"""Groups and the hub: what is written at a gateway there also goes to members in other meshes."""

import asyncio

import pytest

from gateway.backhaul_box import Box
from gateway.backhaul_choice import Choice
from gateway.backhaul_item import HubKey
from gateway.sorting import Sorting
from shared_protocol import records
from shared_protocol.parcel_fields import decode
from tests.gateway.test_post_office import Office
from tests.gateway.test_watches import group_message, member


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path)
    yield made
    made.db.close()


class Mesh:
    """As much of a gateway as the choice asks."""

    node = None

    def __init__(self, office):
        self.sorting = Sorting(office)

    def clock_s(self):
        return 1000

    def now_ms(self):
        return 0

    def is_for_people_here(self, immutable):
        return self.sorting.is_for_phones(decode(bytes(3) + immutable))


def test_a_group_message_posted_here_crosses_to_members_in_other_meshes(office):
    async def scene():
        ana = member(office, 1)  # the only one of the group here
        await office.post(ana, [group_message()])

    asyncio.run(scene())
    raw = bytes(office.db.execute("SELECT bytes FROM record").fetchone()[0])
    immutable = records.decode(raw).immutable
    key = HubKey(bytes(32), "x")
    mesh = Mesh(office)
    assert mesh.is_for_people_here(immutable), "its author has registered the group's mailbox key"
    choice = Choice(Box(office.db, key, 1), key, mesh, 600)
    assert choice._due(None, immutable, 1000) == 1600
