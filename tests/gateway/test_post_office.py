"""The post office on real SQLite: what it keeps, who gives way, and that nothing is half done."""

import asyncio
import random
import sqlite3
from dataclasses import replace

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway import devices as register
from gateway import letters as boxes
from gateway import outbox
from gateway.config import Config
from gateway.database import APPLICATION_ID, MIGRATIONS, Schema, open_database
from gateway.desk import Desk
from gateway.device_auth import NotSigned, claim_of, sign, verify
from gateway.errors import NoRoom, UserError
from gateway.gateway import CAPACITY, Gateway
from gateway.identity import Identity
from gateway.post_office import PostOffice
from gateway.posting import Posting
from gateway.sealing import FRAME_PAYLOAD, hint_for
from gateway.sorting import token_in
from gateway.web.phone_api import _posting
from gateway.web.rates import REQUESTS, SOS, Rates
from gateway.web.requests import b64
from shared_protocol.parcel import check
from shared_protocol.parcel_fields import decode as parse_parcel
from shared_protocol.receipt import message_id
from shared_protocol.records import decode
from tests.gateway.two_gateways import House, join, two_phones
from tools.field import until

DAY_S = 86_400


class Office(PostOffice):
    """With a clock that we turn."""

    def __init__(self, folder):
        self.path = folder / "heliograph.db"
        self.db = open_database(self.path)
        super().__init__(self.db, self.path)
        self.clock_s = 1000
        self.now_s = lambda: self.clock_s

    def admit(self, number):
        """A device whose key and mailbox key are made from a number."""
        key = number.to_bytes(32, "big")
        return self.write_now(
            lambda: self.devices.register(key, [number.to_bytes(16, "big")], self.clock_s)
        )

    def others_see(self, query):
        """What another process reads: only what has been committed."""
        other = sqlite3.connect(self.path)
        try:
            return other.execute(query).fetchone()[0]
        finally:
            other.close()


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path)
    yield made
    made.db.close()


def posting(number, hint=b"none", size=218):
    mid = message_id(number.to_bytes(16, "big"))
    return Posting(bytes([2, 0x82]) + mid, hint, bytes(size), None, b"", b"")


def letter(office, to, number, size=218):
    """Put one into a box: False if that is full."""
    head = bytes([2, 0x82]) + message_id(number.to_bytes(16, "big"))
    return office.write_now(lambda: office.keep(to, head, None, bytes(size), 0))


def tokens_here(office, to):
    return [row["mid"] for kind, row in office.news(to, 0, 1000, "letter")]


def mids(*numbers):
    return [message_id(number.to_bytes(16, "big")) for number in numbers]


# Devices.


def test_when_all_places_are_taken_the_one_that_never_came_back_gives_way(office, monkeypatch):
    monkeypatch.setattr(register, "DEVICES_MAX", 3)
    regular, once, later = (office.admit(n) for n in (1, 2, 3))
    office.clock_s += register.ONCE_S + 1
    office.write_now(lambda: office.devices.seen(regular, office.clock_s))
    office.clock_s += register.ONCE_SILENT_S - register.ONCE_S - 2
    with pytest.raises(NoRoom, match="all were here lately"):
        office.admit(4)
    assert len(office.devices) == 3
    office.write_now(lambda: office.devices.seen(later, office.clock_s))
    office.clock_s += 2
    office.admit(4)
    assert office.devices.get(once.id) is None
    with pytest.raises(NoRoom):
        office.admit(5)
    office.clock_s += register.SILENT_S
    office.write_now(lambda: office.devices.seen(later, office.clock_s))
    office.admit(5)
    assert office.devices.get(later.id) is not None
    assert office.others_see("SELECT count(*) FROM device") == 3


def test_a_device_that_asks_is_seen(office, monkeypatch):
    monkeypatch.setattr(register, "DEVICES_MAX", 2)
    ana, bo = sorted((office.admit(1), office.admit(2)), key=lambda device: device.id)
    office.clock_s += 8 * DAY_S
    asyncio.run(office.here(ana))
    office.admit(3)
    assert office.devices.get(bo.id) is None
    assert office.devices.get(ana.id) is not None


def test_the_mail_of_a_device_goes_with_it(office, monkeypatch):
    monkeypatch.setattr(register, "DEVICES_MAX", 1)
    first = office.admit(1)
    letter(office, first, 1)
    asyncio.run(office.post(first, [posting(9)]))
    office.clock_s += 8 * DAY_S
    second = office.admit(2)
    assert office.others_see("SELECT count(*) FROM letter") == 0
    assert office.others_see("SELECT count(*) FROM posted") == 0
    assert office.others_see("SELECT count(*) FROM record") == 1, "what it sent goes on"
    assert tokens_here(office, second) == []


def test_a_message_is_recognised_under_each_mailbox_key_and_no_other(office):
    for number in range(20):
        office.admit(number)
    mine = office.devices.get(office.admit(3).id)
    for generation in range(3):
        keys = [bytes([generation, n]) * 8 for n in (1, 2, 3)]
        office.write_now(lambda k=keys: office.devices.register(mine.key, k, 0))
        for number in range(50):
            mid = message_id(bytes([number] * 16))
            for key in keys:
                for _ in range(2):  # the second time from memory
                    found = office.devices.recognise(mid, hint_for(key, mid))
                    assert [(d.id, box) for d, box in found] == [(mine.id, key)]
            assert office.devices.recognise(mid, hint_for(bytes(15) + b"\xff", mid)) == []
    # a newcomer is recognised for what was asked before it came
    mid = message_id(bytes(16))
    hint = hint_for((77).to_bytes(16, "big"), mid)
    assert office.devices.recognise(mid, hint) == []
    newcomer = office.admit(77)
    assert [d.id for d, _ in office.devices.recognise(mid, hint)] == [newcomer.id]


def test_odd_devices_are_refused(office):
    for key, keys in ((bytes(31), [bytes(16)]), (bytes(32), []), (bytes(32), [bytes(15)]),
                      (bytes(32), [bytes([n]) * 16 for n in range(38)])):  # fmt: skip
        with pytest.raises(UserError):
            office.write_now(lambda k=key, b=keys: office.devices.register(k, b, 0))
    assert len(office.devices) == 0


# Letters.


def test_a_full_box_gives_up_what_was_taken_then_what_was_given_and_nothing_else(
    office, monkeypatch
):
    monkeypatch.setattr(boxes, "LETTERS_MAX", 4)
    bo = office.admit(1)
    assert all(letter(office, bo, n) for n in range(4))
    assert not letter(office, bo, 4), "it stays on the mesh"
    asyncio.run(office.take(bo, [(2).to_bytes(16, "big")]))
    assert office.room_again
    assert letter(office, bo, 4)
    assert tokens_here(office, bo) == mids(0, 1, 3, 4)
    assert not letter(office, bo, 5)
    asyncio.run(office.had(bo, 2))  # its phone asked for what comes after the second
    assert letter(office, bo, 5)
    assert letter(office, bo, 6)
    assert not letter(office, bo, 7)
    assert tokens_here(office, bo) == mids(3, 4, 5, 6)
    assert letter(office, bo, 0)
    assert tokens_here(office, bo) == mids(3, 4, 5, 6), "its parcels do not bring it back"
    assert asyncio.run(office.take(bo, [bytes(16)])) == 1, "and its receipt is still taken"


def test_a_box_is_full_by_bytes_too(office, monkeypatch):
    monkeypatch.setattr(boxes, "BYTES_MAX", 1000)
    bo = office.admit(1)
    assert letter(office, bo, 1, 600)
    assert not letter(office, bo, 2, 600)
    assert letter(office, bo, 3, 400)


def test_what_was_taken_is_kept_for_a_week_and_what_was_not_for_good(office):
    bo = office.admit(1)
    for number in (1, 2):
        letter(office, bo, number)
    asyncio.run(office.take(bo, [(1).to_bytes(16, "big")]))
    office.clock_s += boxes.KEPT_S - 1
    office.work()
    assert tokens_here(office, bo) == mids(1, 2)
    office.clock_s += 1000
    office.work()
    office.clock_s += 40 * DAY_S
    office.work()
    assert tokens_here(office, bo) == mids(2)


def test_no_more_than_four_claim_to_be_one_message(office):
    bo = office.admit(1)
    head = bytes([2, 0x82]) + bytes(12)
    for number in range(9):
        office.write_now(lambda n=number: office.keep(bo, head, None, bytes([n]) * 218, 0))
    assert len(tokens_here(office, bo)) == boxes.VARIANTS_MAX


# What is posted.


def test_a_phone_with_much_under_way_is_told_to_wait(office, monkeypatch):
    monkeypatch.setattr(outbox, "POSTED_MAX", 3)
    ana = office.admit(1)
    asyncio.run(office.post(ana, [posting(n) for n in range(3)]))
    with pytest.raises(NoRoom, match="under way"):
        asyncio.run(office.post(ana, [posting(3)]))
    assert asyncio.run(office.post(ana, [posting(2)])) == ["queued"], "again: harmless"
    office.delivered(posting(0).mid, bytes(16))
    assert asyncio.run(office.post(ana, [posting(3)])) == ["queued"]
    assert office.others_see("SELECT count(*) FROM posted") == 4


def test_the_node_has_room_for_more_than_phones_may_post(office, monkeypatch):
    assert outbox.ALL_PARCELS_MAX <= CAPACITY // 2
    monkeypatch.setattr(outbox, "ALL_PARCELS_MAX", 5)
    devices = [office.admit(number) for number in range(10)]
    office.clock_s += outbox.NEW_S
    for number in range(5):
        asyncio.run(office.post(devices[number], [posting(number)]))
    with pytest.raises(NoRoom, match="too much to send"):
        asyncio.run(office.post(devices[9], [posting(9)]))
    monkeypatch.setattr(outbox, "ALL_PARCELS_MAX", 99)
    monkeypatch.setattr(outbox, "PARCELS_MAX", 2)
    with pytest.raises(NoRoom, match="under way"):
        asyncio.run(office.post(office.admit(9), [posting(n) for n in (9, 10, 11)]))


def fill(office, device, first):
    """Post single frames until one is refused: how many were taken."""
    for count in range(1000):
        try:
            asyncio.run(office.post(device, [posting(first + count)]))
        except NoRoom:
            return count
    raise AssertionError("there is always room")


def test_no_phone_fills_the_outbox_and_those_who_just_came_share_half_of_it(office, monkeypatch):
    monkeypatch.setattr(outbox, "ALL_PARCELS_MAX", 64)
    known, friend = office.admit(1), office.admit(2)
    office.clock_s += outbox.NEW_S
    crowd = [office.admit(10 + n) for n in range(6)]
    assert [fill(office, d, 100 * n) for n, d in enumerate(crowd)] == [16, 8, 4, 2, 1, 1]
    assert fill(office, known, 1000) == 16, "half of what is left"
    assert fill(office, friend, 2000) == 8
    for number in range(5):
        office.delivered(posting(1000 + number).mid, bytes(16))
    assert fill(office, known, 3000) == 1, "half of what the friend leaves is 12 now"


def test_what_is_counted_as_open_is_what_the_database_has(office):
    devices = [office.admit(n) for n in range(3)]
    dice = random.Random(6)

    def recounted():
        counted = {
            name: total for name, total in office.outbox._counted().items() if total.messages
        }
        office.outbox.recount()
        assert office.outbox._counted() == counted

    for number in range(60):
        message = posting(number % 40)
        if dice.random() < 0.3:
            message = replace(message, head=b"\6" + message.head[1:])
        if dice.random() < 0.6:
            asyncio.run(office.post(dice.choice(devices), [message]))
        else:
            mid = posting(dice.randrange(40)).mid
            for state in dice.sample(["on_mesh", "expired"], 1):
                office.improve(mid, state)
            if dice.random() < 0.3:
                office.delivered(mid, bytes(16))
        recounted()
    with pytest.raises(NoRoom):
        asyncio.run(office.post(devices[0], [posting(n) for n in range(100, 700)]))
    recounted()
    office.write_now(
        lambda: office.db.execute("DELETE FROM device WHERE id = ?", (devices[0].id,))
    )
    office.devices.reload()
    key = (99).to_bytes(32, "big")
    asyncio.run(office.register(key, [bytes(16)]))
    recounted()
    assert devices[0].id not in office.outbox._counted()


def test_emergency_calls_are_shared_too_and_take_nothing_from_the_rest(office, monkeypatch):
    monkeypatch.setattr(outbox, "SOS_RESERVE", 8)
    monkeypatch.setattr(outbox, "ALL_PARCELS_MAX", 1)
    ana, bo = office.admit(1), office.admit(2)
    assert fill(office, ana, 0) == 1
    for who, most in ((ana, 4), (bo, 2)):
        calls = [posting(100 + 10 * who.key[-1] + n) for n in range(most + 1)]
        calls = [replace(call, head=b"\6" + call.head[1:]) for call in calls]
        asyncio.run(office.post(who, calls[:most]))
        with pytest.raises(NoRoom):
            asyncio.run(office.post(who, calls[most:]))


def test_states_only_improve_and_each_change_has_a_higher_number(office):
    ana = office.admit(1)
    asyncio.run(office.post(ana, [posting(1)]))
    mid, seen = posting(1).mid, []
    for state in ("queued", "on_mesh", "on_mesh", "expired", "on_mesh", "delivered", "expired"):
        if state == "delivered":
            office.delivered(mid, b"t" * 16)
        elif state != "queued":
            office.improve(mid, state)
        ((_, row),) = office.news(ana, 0, 9)
        seen.append((row["seq"], row["state"], row["token"]))
    assert [state for _, state, _ in seen] == [
        "queued", "on_mesh", "on_mesh", "expired", "expired", "delivered", "delivered",
    ]  # fmt: skip
    numbers = list(dict.fromkeys(seq for seq, _, _ in seen))
    assert numbers == [1, 2, 3, 4]
    assert seen[-1][2] == b"t" * 16
    office.clock_s += outbox.KEPT_S + 1000
    office.work()
    assert office.news(ana, 0, 9) == []


# The disk.


def test_what_is_answered_is_on_the_disk_and_a_crowd_is_one_commit(office):
    senders = [office.admit(n) for n in range(40)]
    statements = []
    office.db.set_trace_callback(statements.append)

    async def crowd():
        async def one(number, sender):
            await office.post(sender, [posting(number)])
            mid = posting(number).mid.hex()
            assert office.others_see(f"SELECT count(*) FROM posted WHERE mid = x'{mid}'")

        await asyncio.gather(*(one(n, s) for n, s in enumerate(senders)))

    asyncio.run(crowd())
    assert statements.count("COMMIT") == 1


def test_one_refusal_in_a_crowd_takes_back_its_own_changes_alone(office):
    ana, bo = office.admit(1), office.admit(2)

    def half():
        office.keep(bo, bytes([2, 0x82]) + bytes(12), None, bytes(218), 0)
        raise UserError("thought better of it")

    async def crowd():
        return await asyncio.gather(
            office.post(ana, [posting(1)]), office.write(half), office.post(ana, [posting(2)]),
            return_exceptions=True,
        )  # fmt: skip

    first, refusal, second = asyncio.run(crowd())
    assert (first, second) == (["queued"], ["queued"])
    assert isinstance(refusal, UserError)
    assert tokens_here(office, bo) == []
    assert office.others_see("SELECT count(*) FROM posted") == 2


def test_a_fault_of_ours_in_a_crowd_is_told_to_who_met_it_and_stops_nobody(office):
    ana = office.admit(1)

    async def crowd():
        return await asyncio.gather(
            office.write(lambda: 1 // 0), office.post(ana, [posting(1)]), return_exceptions=True
        )

    fault, posted = asyncio.run(crowd())
    assert isinstance(fault, ZeroDivisionError)
    assert posted == ["queued"]


def test_a_full_disk_refuses_the_new_and_keeps_the_old(office):
    ana = office.admit(1)
    asyncio.run(office.post(ana, [posting(0)]))
    pages = office.db.execute("PRAGMA page_count").fetchone()[0]
    office.db.execute(f"PRAGMA max_page_count = {pages}")
    troubles = []
    office.on_trouble = troubles.append
    taken = 1
    with pytest.raises(NoRoom, match="disk is full"):  # noqa: PT012 - one of them fails
        for taken in range(1, 500):
            asyncio.run(office.post(ana, [posting(taken)]))
    assert len(troubles) == 1, "the node is started again: what it had put went with it"
    assert office.others_see("SELECT count(*) FROM posted") == taken
    assert posting(taken).mid not in office.outbox.open
    office.db.execute("PRAGMA max_page_count = 100000")
    assert asyncio.run(office.post(ana, [posting(taken)])) == ["queued"]


def test_a_nearly_full_disk_takes_no_messages(office, monkeypatch):
    monkeypatch.setattr("gateway.post_office.RESERVE_BYTES", 1 << 60)
    with pytest.raises(NoRoom, match="disk is full"):
        asyncio.run(office.post(office.admit(1), [posting(1)]))


def test_a_database_from_before_the_phones_goes_on(tmp_path):
    path = tmp_path / "heliograph.db"
    old = open_database(path, Schema(APPLICATION_ID, MIGRATIONS[:2]))
    old.execute("INSERT INTO meta VALUES ('name', 'Ana')")
    old.close()
    office = Office(tmp_path)
    office.admit(1)
    assert office.others_see("SELECT value FROM meta WHERE key = 'name'") == "Ana"
    assert office.others_see("SELECT count(*) FROM device") == 1
    assert office.db.execute("PRAGMA synchronous").fetchone()[0] == 2
    office.db.close()


# With a node.


def test_mail_for_a_full_box_waits_on_the_mesh_until_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr(boxes, "LETTERS_MAX", 2)

    async def scene():
        async with asyncio.timeout(60), House(tmp_path / "a") as a, House(tmp_path / "b") as b:
            join(a, b)
            ana, bo = await two_phones(a, b)
            texts = {str(n) for n in range(5)}
            await ana.post(*(ana.seal(bo.card, text) for text in sorted(texts)))
            await until(lambda: b.gateway.node.index.count_held() == 5, 15, "all to come")
            read = set()

            async def all_read():
                got = await bo.letters()
                assert len(got) <= 2
                read.update(await bo.read())
                return read == texts

            await until(all_read, 15, "all to be read")

            async def delivered():
                return {s["state"] for s in await ana.states()} == {"delivered"}

            await until(delivered, 15, "all receipts")

    asyncio.run(scene())


def test_a_gateway_whose_disk_was_full_goes_on_with_what_it_acknowledged(tmp_path):
    async def scene():
        async with asyncio.timeout(60), House(tmp_path / "a") as a, House(tmp_path / "b") as b:
            join(a, b)
            ana, bo = await two_phones(a, b)
            pages = a.desk.db.execute("PRAGMA page_count").fetchone()[0]
            a.desk.db.execute(f"PRAGMA max_page_count = {pages + 8}")
            taken, statuses = set(), set()
            for number in range(40):
                text = random.Random(number).randbytes(400).hex()
                message = ana.seal(bo.card, text)
                status, _ = await ana.ask("POST", "/api/post", {"messages": [message]})
                taken |= {text} if status == 201 else set()
                statuses.add(status)
            assert statuses == {201, 507}
            a.desk.db.execute("PRAGMA max_page_count = 100000")
            await until(lambda: not a.gateway._stopped, 15, "the node to start again")
            read = set()

            async def all_read():
                read.update(await bo.read())
                return read == taken

            await until(all_read, 15, "what was taken")

    asyncio.run(scene())


# What phones say.

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)
_SIZES = [0, 3, 4, 6, 12, 32, 210, 213, 218, 420, 840]
_BYTES = st.sampled_from(_SIZES).map(lambda n: b64(bytes(n)))
_SMALL = st.integers(0, 12) | st.integers(0, 255)
_MESSAGES = st.fixed_dictionaries(
    {
        "mid": _BYTES | _JSON, "b0": _SMALL | _JSON, "b1": _SMALL.map(lambda n: n << 1) | _JSON,
        "hint": _BYTES | _JSON, "bundle": _BYTES | _JSON, "tag_key": _BYTES | _JSON,
        "shape": st.none() | st.lists(_SMALL, min_size=3, max_size=3) | _JSON,
        "way": st.sampled_from(["", b64(b"way"), b64(b"waycel")]) | _JSON,
    }
)  # fmt: skip
_GOOD = {
    "mid": b64(bytes(12)), "b0": 2, "b1": 0x82, "hint": b64(bytes(4)), "bundle": b64(bytes(218)),
    "shape": None, "tag_key": None, "way": "",
}  # fmt: skip


@given(_JSON | _MESSAGES | st.dictionaries(st.sampled_from([*_GOOD]), _JSON).map(_GOOD.__or__))
def test_whatever_is_posted_is_refused_or_makes_parcels_that_nodes_take(said):
    try:
        taken = _posting(said)
        taken.check()
    except UserError:
        return
    made = [decode(record).immutable for record in taken.records()]
    assert len(made) == taken.count
    for immutable in made:
        check(immutable)
        p = parse_parcel(bytes(3) + immutable)
        assert (bytes(p.head[2:4]) + p.head[4], p.head[5]) == (taken.head, taken.hint)


def test_a_receipt_is_owed_though_the_power_goes_right_after_the_commit(tmp_path):
    office = Office(tmp_path)
    device = office.admit(1)
    token = (7).to_bytes(16, "big")
    letter(office, device, 7)

    def power_cut(mid, token, code):
        raise KeyboardInterrupt

    office.on_taken = power_cut
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(office.take(device, [token]))
    office.db.close()
    desk = Desk(tmp_path)
    gateway = Gateway(Config("g", bytes(32), delay_max_s=0), desk)
    assert token_in(gateway.node, message_id(token)) is None
    gateway.mailroom.catch_up()
    assert token_in(gateway.node, message_id(token)) == token, "it leaves after the start"
    assert gateway.office.letters.owed() == []
    desk.close()


# Signatures.


@given(st.text(), st.one_of(st.none(), st.text()))
def test_whatever_a_request_claims_is_read_or_refused(path, header):
    try:
        claim = claim_of(path, header)
    except NotSigned:
        return
    with pytest.raises(NotSigned):
        verify(claim, bytes(32), "02aa", "GET", b"", claim.unix_ms)


@given(st.sampled_from(["GET", "POST"]), st.text(), st.binary(), st.integers(0, 10**13))
def test_what_is_signed_is_verified_in_header_and_query(method, tail, body, now_ms):
    me = Identity.new("me")
    path = "/api/" + tail.replace("key=", "")
    signed = sign(me.signing, "02aa", method, path, now_ms, body)
    in_query = path + ("&" if "?" in path else "?") + "key=" + signed
    for claim in (claim_of(path, signed), claim_of(in_query, None)):
        assert (claim.path, claim.device) == (path, me.card.id)
        verify(claim, me.card.ed25519, "02aa", method, body, now_ms)
        with pytest.raises(NotSigned):
            verify(claim, me.card.ed25519, "02aa", method, body + b"x", now_ms)
        with pytest.raises(NotSigned):
            verify(claim, me.card.ed25519, "02ab", method, body, now_ms)


def test_a_batch_that_is_refused_leaves_nothing_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "POSTED_MAX", 15)
    office = Office(tmp_path)
    device = office.admit(1)

    async def scene():
        with pytest.raises(NoRoom):
            await office.post(device, [to_nobody(number) for number in range(16)])

    asyncio.run(scene())
    assert office.others_see("SELECT count(*) FROM posted") == 0
    assert list(office.outbox.open) == []


def test_who_listens_does_not_give_way(tmp_path, monkeypatch):
    monkeypatch.setattr(register, "DEVICES_MAX", 2)
    office = Office(tmp_path)
    listens, silent = office.admit(1), office.admit(2)
    office.devices.listens(listens, 1)
    office.clock_s += register.ONCE_SILENT_S + 1
    office.admit(3)
    assert office.devices.get(listens.id) == listens
    assert office.devices.get(silent.id) is None
    for number in range(4, 40):
        with pytest.raises(NoRoom):
            office.admit(number)
    assert len(office.devices._asked) <= 2


def test_what_the_mesh_has_brought_already_owes_it_a_receipt(tmp_path):
    """Its sender has come here from another gateway and hands it in once more."""
    office = Office(tmp_path)
    sender, reader = office.admit(1), office.admit(2)
    token = bytes(range(16))
    mid = message_id(token)
    again = to_nobody(0, mid=mid, hint=hint_for(reader.boxes[0], mid))
    taken = []
    office.on_taken = lambda *told: taken.append(told)
    office.write_now(lambda: office.keep(reader, again.head, None, again.bundle, 2))

    async def scene():
        await office.post(sender, [again])
        await office.take(reader, [token])

    asyncio.run(scene())
    assert taken == [(mid, token, again.head[1] >> 4)]


def test_an_emergency_call_leaves_a_gateway_that_is_full_of_others(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "ALL_PARCELS_MAX", 3)
    office = Office(tmp_path)
    device = office.admit(1)

    async def scene():
        await office.post(device, [to_nobody(0)])
        with pytest.raises(NoRoom):
            await office.post(device, [to_nobody(3)])
        call = to_nobody(4)
        assert await office.post(device, [replace(call, head=b"\6" + call.head[1:])]) == ["queued"]

    asyncio.run(scene())


def test_throwaway_keys_do_not_reset_what_others_may_do():
    rates = Rates()
    rates.spend("somebody", SOS, 32)
    for number in range(4000):
        rates.spend(f"throwaway {number}", REQUESTS)
    with pytest.raises(web.HTTPTooManyRequests):
        rates.spend("somebody", SOS)
    assert len(rates._left) <= 3000


def to_nobody(number, **changes):
    """A posting in one frame; for nobody here, unless its hint is changed."""
    mid = changes.get("mid", bytes([number + 1]) * 12)
    head = bytes([0, 0x82]) + mid
    return Posting(head, changes.get("hint", bytes(4)), bytes(FRAME_PAYLOAD), None, b"", b"")
