"""Messages that several read: each reader's acknowledgement is its own, and the author lets go."""

import asyncio

import pytest

from gateway.devices import BOXES_MAX
from gateway.errors import UserError
from gateway.posting import Posting
from gateway.sealing import hint_for
from gateway.watches import WATCH_MAX
from gateway.web.phone_api import _posting
from gateway.web.requests import b64
from shared_protocol.receipt import message_id
from tests.gateway.test_post_office import Office

BOX = bytes([7]) * 16  # of the group
TOKEN = bytes([1]) * 16  # of the message, the author's
MID = message_id(TOKEN)
ACKS = {name: bytes([name]) * 16 for name in (2, 3, 4)}
LOCKS = tuple(message_id(ack) for ack in ACKS.values())


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path)
    made.left = []
    made.on_taken = lambda *released: made.left.append(released)
    yield made
    made.db.close()


def member(office, number):
    """A device that is registered with the group's mailbox key beside its own."""
    boxes = [number.to_bytes(16, "big"), BOX]
    return office.write_now(
        lambda: office.devices.register(number.to_bytes(32, "big"), boxes, office.clock_s)
    )


def group_message(watch=LOCKS):
    return Posting(bytes([2, 0xA2]) + MID, hint_for(BOX, MID), bytes(218), None, b"", b"", watch)


def letters(office, device):
    return [row["mid"] for kind, row in office.news(device, 0, 9, "letter")]


def states(office, device):
    """(mid or lock, state, token) in the order in which the phone is told."""
    told = (row for kind, row in office.news(device, 0, 99, "state"))
    return [(row["mid"], row["state"], row["token"]) for row in told]


def test_a_group_message_is_in_every_box_but_the_authors_and_on_the_mesh(office):
    async def scene():
        ana, bo, cy = (member(office, n) for n in (1, 2, 3))
        assert await office.post(ana, [group_message()]) == ["queued"]
        assert [letters(office, one) for one in (ana, bo, cy)] == [[], [MID], [MID]]
        assert office.others_see("SELECT count(*) FROM record") == 1, "though both are here"
        assert MID in office.outbox.queued()

    asyncio.run(scene())


def test_one_reader_takes_nothing_from_the_others(office):
    async def scene():
        ana, bo, cy = (member(office, n) for n in (1, 2, 3))
        await office.post(ana, [group_message()])
        assert await office.ack(bo, [(MID, ACKS[2])]) == 1
        assert office.others_see("SELECT count(*) FROM watch WHERE token IS NOT NULL") == 1
        assert states(office, ana) == [
            (MID, "queued", None), (LOCKS[0], "delivered", ACKS[2]),
        ]  # fmt: skip
        assert office.left == [(LOCKS[0], ACKS[2], 10)], "the mesh hears of it, under its lock"
        assert office.letters.taken_before(MID) is None, "the message is not receipted away"
        assert MID in office.outbox.open
        dora = member(office, 4)
        head = group_message().head
        assert office.write_now(lambda: office.keep(dora, head, None, bytes(218), 1))
        assert letters(office, dora) == [MID], "who comes later gets it from the mesh all the same"
        assert await office.ack(cy, [(MID, ACKS[3])]) == 1
        assert [row[0] for row in states(office, ana)] == [MID, *LOCKS[:2]]
        assert office.status()["letters_waiting"] == 1

    asyncio.run(scene())


def test_an_acknowledgement_again_or_of_nothing_says_nothing(office):
    async def scene():
        ana, bo, stranger = member(office, 1), member(office, 2), office.admit(9)
        await office.post(ana, [group_message()])
        assert await office.ack(stranger, [(MID, ACKS[4])]) == 0
        assert await office.ack(bo, [(bytes(12), ACKS[2])]) == 0
        assert await office.ack(bo, [(MID, ACKS[2])]) == 1
        assert await office.ack(bo, [(MID, ACKS[2]), (MID, ACKS[3])]) == 2, "it may not know"
        assert [row[0] for row in states(office, ana)] == [MID, LOCKS[0]]
        assert len(office.left) == 1

    asyncio.run(scene())


def test_the_author_lets_go_and_nobody_else_can(office):
    async def scene():
        ana, bo, cy = (member(office, n) for n in (1, 2, 3))
        await office.post(ana, [group_message()])
        await office.ack(bo, [(MID, ACKS[2])])
        assert await office.recall(bo, [TOKEN]) == 0
        assert await office.recall(ana, [bytes(16)]) == 0
        assert MID in office.outbox.open
        assert await office.recall(ana, [TOKEN]) == 1
        assert office.left[-1] == (MID, TOKEN, 10)
        assert states(office, ana)[-1] == (MID, "delivered", TOKEN)
        assert MID not in office.outbox.open
        assert letters(office, cy) == [MID], "who has not taken it still finds it"
        assert office.letters.taken_before(MID) == (TOKEN, 10), "parcels of it are answered"
        assert await office.ack(cy, [(MID, ACKS[3])]) == 1, "and can say so"
        assert states(office, ana)[-1] == (LOCKS[1], "delivered", ACKS[3])
        assert await office.recall(ana, [TOKEN]) == 1
        assert len(office.left) == 3, "the second time says nothing"

    asyncio.run(scene())


def test_only_what_several_read_can_be_recalled(office):
    async def scene():
        ana, bo = member(office, 1), member(office, 2)
        await office.post(ana, [group_message(watch=())])
        assert await office.recall(ana, [TOKEN]) == 0
        assert await office.take(bo, [TOKEN]) == 1

    asyncio.run(scene())


def test_what_is_owed_to_the_mesh_outlasts_the_power(office):
    async def scene():
        ana, bo = member(office, 1), member(office, 2)
        await office.post(ana, [group_message()])
        await office.ack(bo, [(MID, ACKS[2])])
        await office.recall(ana, [TOKEN])

    asyncio.run(scene())
    again = Office(office.path.parent)
    assert sorted(again.owed()) == sorted([(LOCKS[0], ACKS[2], 10), (MID, TOKEN, 10)])
    with again.db:
        again.receipted(ACKS[2])
        assert again.owed() == [(MID, TOKEN, 10)]
        again.receipted(TOKEN)
    assert again.owed() == []
    again.db.close()


def test_a_token_that_comes_from_the_mesh_is_told_once(office):
    async def scene():
        ana = member(office, 1)
        await office.post(ana, [group_message()])
        for _ in range(2):
            office.delivered(LOCKS[2], ACKS[4])
        assert states(office, ana) == [(MID, "queued", None), (LOCKS[2], "delivered", ACKS[4])]
        assert sorted(office.watches.open()) == sorted(LOCKS[:2])
        office.delivered(MID, TOKEN)  # recalled at another gateway
        office.clock_s += 8 * 86_400
        office._tidy(office.clock_s)
        assert office.others_see("SELECT count(*) FROM watch") == 0, "gone with the message"

    asyncio.run(scene())


def test_what_came_before_it_was_posted_here_is_told_at_once(office):
    office.token_of = {LOCKS[0]: ACKS[2]}.get

    async def scene():
        ana = member(office, 1)
        await office.post(ana, [group_message()])
        assert states(office, ana)[-1] == (LOCKS[0], "delivered", ACKS[2])

    asyncio.run(scene())


def test_a_device_has_as_many_boxes_as_groups_need(office):
    boxes = [bytes([n]) * 16 for n in range(BOXES_MAX + 1)]

    def register(some):
        return office.write_now(lambda: office.devices.register(bytes(32), some, 1000))

    assert len(register(boxes[:-1]).boxes) == BOXES_MAX
    with pytest.raises(UserError, match="37 boxes"):
        register(boxes)


@pytest.mark.parametrize(
    "watch", [[], "x", [5], [b64(bytes(11))], [b64(bytes(12))] * (WATCH_MAX + 1), None]
)
def test_what_cannot_be_watched_is_refused(watch):
    m = {"mid": b64(MID), "b0": 2, "b1": 0xA2, "hint": b64(bytes(4)), "bundle": b64(bytes(218))}
    assert _posting(m | {"watch": [b64(lock) for lock in LOCKS]}).watch == LOCKS
    with pytest.raises(UserError):
        _posting(m | {"watch": watch})
