"""Two gateways and their people: announced at one, listed at the other, and written to."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest

from gateway import announce, cli
from gateway.announce import parcel_of
from gateway.config import Config
from gateway.database import get_meta, set_meta
from gateway.desk import Desk
from gateway.directory_records import commitment, decode, device_hash, sign_account
from gateway.errors import UserError
from gateway.gateway import Gateway, _now_ms
from gateway.own_records import own_records
from shared_protocol.neighbours import TETHER
from tests.gateway.people_kit import Somebody
from tools.field import until

WAIT_S = 10


class Wire:
    """A gateway's port, as far as its node uses it: what one sends the other one hears."""

    answered, bad_lines = True, 0

    def __init__(self, other):
        self.other = other

    def room(self):
        return True

    def send(self, address, frame):
        asyncio.get_running_loop().call_soon(self.other._heard, address, frame)

    def pump(self):
        pass

    async def ask(self, request):
        raise TimeoutError


class Pair:
    """Ana's gateway and Bo's, joined by a wire."""

    def __init__(self, folder):
        self.folder = folder

    def helio(self, who, *words):
        """A command on one's folder, as another process would run it."""
        return cli.main([*words, "--json", "--data", str(self.folder / who)])

    def listed(self, who, capsys, name=""):
        capsys.readouterr()
        assert self.helio(who, "people", "list", name) == 0
        return json.loads(capsys.readouterr().out)

    async def start(self, who):
        desk = Desk(self.folder / who)
        desk.create_identity(who.title())
        gateway = Gateway(Config(who, bytes(32), delay_max_s=0), desk)
        gateway.task = asyncio.create_task(gateway.run())
        return desk, gateway

    async def stop(self, gateway):
        assert not gateway.task.done(), gateway.task
        gateway.task.cancel()
        await asyncio.gather(gateway.task, return_exceptions=True)
        gateway.desk.close()

    def join(self):
        for one, other in ((self.ga, self.gb), (self.gb, self.ga)):
            one._port = Wire(other)
            one.node.link_up(TETHER, _now_ms())


def play(tmp_path, story):
    async def scene():
        pair = Pair(tmp_path)
        pair.ana, pair.ga = await pair.start("ana")
        pair.bo, pair.gb = await pair.start("bo")
        pair.join()
        try:
            await story(pair)
        finally:
            await pair.stop(pair.ga)
            await pair.stop(pair.gb)

    asyncio.run(scene())


async def heard(desk, name="Ana", marks=None):
    await until(lambda: desk.directory.find(name), WAIT_S, f"{name} to be heard of")
    (entry,) = desk.directory.find(name)
    await until(lambda: desk.directory.devices(entry.record.account), WAIT_S, "the device")
    return entry


def held_records(gateway):
    """The directory's records that this gateway's node holds."""
    node = gateway.node
    rows = [row for row in node.index.rows() if node.index.held(row)]
    parts = [node.shelf.immutable(row) for row in rows]
    return [part[14:] for part in parts if part[0] >> 3 & 7 == 3]


def test_nobody_is_announced_who_did_not_ask_for_it(tmp_path):
    async def story(pair):
        pair.helio("ana", "people", "announce")
        await heard(pair.bo)
        assert pair.ana.directory.find("Bo") == []
        assert held_records(pair.gb)
        assert not announce.is_announced(pair.bo.db)

    play(tmp_path, story)


def test_who_is_announced_here_is_listed_there_and_can_be_written_to(tmp_path, capsys):
    async def story(pair):
        pair.helio("ana", "people", "announce")
        entry = await heard(pair.bo)
        (listed,) = pair.listed("bo", capsys)["people"]
        me = pair.ana.identity().card
        assert (listed["id"], listed["name"], listed["marks"]) == (me.account_id, "Ana", [])
        assert listed["devices"] == [me.id]
        assert entry.record.account == me.account
        assert pair.helio("bo", "people", "add", "ana") == 0
        pair.helio("bo", "send", "Ana", "we have not met")
        await until(lambda: pair.ana.listing("in"), WAIT_S, "the message")
        (message,) = pair.ana.listing("in")
        assert (message["text"], message["added"]) == ("we have not met", False)
        pair.helio("ana", "send", "Bo", "now we have")
        await until(lambda: pair.bo.listing("in"), WAIT_S, "the answer")
        state = lambda: pair.bo.listing("out")[0]["state"]  # noqa: E731
        await until(lambda: state() == "delivered", WAIT_S, "the receipt")

    play(tmp_path, story)


def test_a_newer_record_takes_the_older_one_out_of_the_mesh(tmp_path):
    async def story(pair):
        pair.helio("ana", "people", "announce")
        await heard(pair.bo)
        pair.helio("ana", "id", "--name", "Ana Maria")
        pair.ga.announcer._looked_s -= 60  # a minute later
        await until(lambda: pair.bo.directory.find("Ana Maria"), WAIT_S, "the new name")
        names = lambda: sorted(  # noqa: E731
            r.name for r in map(decode, held_records(pair.gb)) if hasattr(r, "name")
        )
        await until(lambda: names() == ["Ana Maria"], WAIT_S, "the old record to be purged")

    play(tmp_path, story)


def test_who_stops_is_taken_out_of_the_mesh(tmp_path):
    async def story(pair):
        pair.helio("ana", "people", "announce")
        await heard(pair.bo)
        assert len(held_records(pair.gb)) == 2
        pair.helio("ana", "people", "announce", "--stop")
        await until(lambda: not held_records(pair.gb), WAIT_S, "the mesh to forget")
        assert not held_records(pair.ga)
        assert pair.bo.directory.find("Ana"), "what was heard was heard"

    play(tmp_path, story)


async def meet(pair):
    """Both are contacts, and Bo has heard of Ana's records."""
    pair.bo.add_contact(pair.ana.me()["card"], None)
    pair.ana.add_contact(pair.bo.me()["card"], None)
    pair.helio("ana", "people", "announce")
    await heard(pair.bo)


def test_a_key_change_is_followed_and_mail_still_arrives(tmp_path, capsys):
    async def story(pair):
        await meet(pair)
        former = pair.ana.identity().card.account
        pair.helio("ana", "people", "announce", "--new-key")
        await until(lambda: pair.bo.directory.now(former) != former, WAIT_S, "the new key")
        now = pair.ana.identity().card.account
        assert pair.bo.directory.now(former) == now
        await until(lambda: pair.bo.directory.devices(now), WAIT_S, "its device")
        marks = {p["id"]: p["marks"] for p in pair.listed("bo", capsys)["people"]}
        assert sorted(marks.values()) == [["gone_on"], ["key_changed"]]
        pair.helio("bo", "send", "Ana", "still you")
        await until(lambda: pair.ana.listing("in"), WAIT_S, "the message")
        pair.helio("ana", "send", "Bo", "still me")
        await until(lambda: pair.bo.listing("in"), WAIT_S, "the answer")

    play(tmp_path, story)


def remove_device(desk):
    """A record of the account, made elsewhere, in which this device is not listed any more."""
    me = desk.identity()
    newest = desk.directory.newest(me.card.account)
    other = device_hash(b"another device of Ana's")
    changed = type(newest)(
        newest.account, newest.sequence + 1, newest.next_key, (other,), newest.name
    )
    return sign_account(me.account, changed)


def test_mail_of_a_removed_device_is_refused_and_said_in_plain_words(tmp_path, capsys):
    async def story(pair):
        await meet(pair)
        pair.gb.announcer.post([remove_device(pair.ana)])
        pair.helio("ana", "send", "Bo", "from the stolen phone")
        await until(lambda: pair.gb.mailroom.unopenable, WAIT_S, "it to be refused")
        assert pair.bo.listing("in") == []
        (refused,) = pair.listed("bo", capsys)["refused"]
        assert (refused["name"], refused["messages"]) == ("Ana", 1)
        cli.main(["people", "list", "--data", str(tmp_path / "bo")])
        assert "from a device that Ana has removed" in capsys.readouterr().out
        assert pair.helio("bo", "send", "Ana", "are you there?") == 2
        assert "Ana has removed the device" in capsys.readouterr().err
        problem = lambda: get_meta(pair.ana.db, announce.PROBLEM)  # noqa: E731
        pair.ga.announcer._looked_s -= 60  # a minute later, the removed one has heard it too
        await until(problem, WAIT_S, "the removed one to be told")
        assert b"another device of yours has removed this one" in problem()
        assert "another device of yours" in pair.listed("ana", capsys)["me"]["problem"]

    play(tmp_path, story)


def test_a_stranger_who_claims_an_account_that_does_not_list_him_is_refused(tmp_path):
    async def story(pair):
        pair.helio("bo", "people", "announce")
        await heard(pair.ana, "Bo")
        bo = pair.bo.identity()
        claims = Somebody("Ana")
        pair.gb.announcer.post([claims.says(1, (1,))])
        set_meta(pair.ana.db, "account_key", claims.key.private_bytes_raw())
        pair.ana.add_card(bo.card, None)
        pair.ana.send("Bo", "it is me, Ana")
        await until(lambda: pair.gb.mailroom.unopenable, WAIT_S, "it to be refused")
        assert pair.bo.contacts() == pair.bo.listing("in") == []

    play(tmp_path, story)


def test_a_deleted_account_is_gone_everywhere_and_stays_so(tmp_path):
    async def story(pair):
        pair.helio("ana", "people", "announce")
        entry = await heard(pair.bo)
        assert pair.helio("ana", "people", "announce", "--delete") == 2, "it asks"
        assert pair.helio("ana", "people", "announce", "--delete", "--yes") == 0
        await until(lambda: not pair.bo.directory.find("Ana"), WAIT_S, "the deletion")
        assert pair.bo.directory.newest(entry.record.account).deleted
        pair.gb.announcer.arrived(parcel_of(entry.payload, bytes(16)))
        assert pair.bo.directory.find("Ana") == []

    play(tmp_path, story)


def test_a_restart_announces_again_what_had_not_left(tmp_path):
    async def story(pair):
        pair.ga._port = pair.gb._port = None
        announce.wish(pair.ana.db, announce.ANNOUNCE)
        pair.ga.announcer.look()
        before = held_records(pair.ga)
        assert len(before) == 2
        pair.ana.db.execute("DELETE FROM record")  # the power went before the node had them
        pair.ga._restart_node()
        assert sorted(held_records(pair.ga)) == sorted(before)
        pair.ga._restart_node()
        assert sorted(held_records(pair.ga)) == sorted(before), "and not twice"

    play(tmp_path, story)


def test_records_that_came_just_before_the_end_are_taken_at_the_start(tmp_path):
    async def story(pair):
        payload = Somebody("Cy").says(1)
        pair.ga.node.submit(parcel_of(payload, bytes(16)), 2, 0, _now_ms())
        pair.ga.node.shelf.sync()
        assert pair.ana.directory.find("Cy") == []
        pair.ga._restart_node()
        assert pair.ana.directory.find("Cy")

    play(tmp_path, story)


def test_garbage_of_that_kind_is_counted_and_harms_nobody(tmp_path):
    async def story(pair):
        for payload in (b"", b"\1", b"\7" * 30, Somebody("Ana").says(1)[:-1]):
            immutable = parcel_of(payload, payload.ljust(16, b"x")[:16])
            pair.ga.node.submit(immutable, 0, 0, _now_ms())
        counts = pair.gb.announcer.directory.counts
        await until(lambda: counts.get("refused") == 4, WAIT_S, "all four to be refused")

    play(tmp_path, story)


def test_records_take_a_tenth_of_the_gateways_node_at_most(tmp_path):
    async def story(pair):
        pair.ga.node.index.capacity = 50
        for n in range(9):
            immutable = parcel_of(Somebody(f"n{n}").says(1), bytes([n]) * 16)
            pair.ga.node.submit(immutable, 2, 0, _now_ms())
            pair.ga.announcer.arrived(immutable)
        assert len(held_records(pair.ga)) == 5
        assert len(pair.ana.directory.find("n")) == 9

    play(tmp_path, story)


def due(gateway, hours):
    """As if so many hours had gone by since the records went out."""
    gateway.desk.db.execute(
        "UPDATE announcement SET out_clock_s = out_clock_s - ?, here_clock_s = here_clock_s - ?",
        (hours * 3600, hours * 3600),
    )
    gateway.announcer._looked_s -= 60
    gateway.announcer.look()


def tokens(desk):
    rows = desk.db.execute("SELECT token FROM announcement")
    return {bytes(row[0]) for row in rows}


def test_a_record_goes_out_again_before_it_ends_while_the_person_is_here(tmp_path):
    async def story(pair):
        somebody = Somebody("Cy")
        pair.ga.announcer.post([somebody.says(1), somebody.device_says(1)])
        first = tokens(pair.ana)
        due(pair.ga, 31)
        assert tokens(pair.ana) == first, "too early"
        due(pair.ga, 6)
        second = tokens(pair.ana)
        assert len(second) == 2
        assert not second & first
        due(pair.ga, 40)
        assert tokens(pair.ana) == second, "gone for two days and more"
        due(pair.ga, 9)
        assert tokens(pair.ana) == set()
        pair.ga.announcer.post([somebody.says(1)])
        assert len(tokens(pair.ana)) == 1, "back again"

    play(tmp_path, story)


def test_the_person_of_the_gateway_is_always_here(tmp_path):
    async def story(pair):
        announce.wish(pair.ana.db, announce.ANNOUNCE)
        pair.ga.announcer.look()
        for _ in range(4):
            before = tokens(pair.ana)
            due(pair.ga, 37)
            assert len(tokens(pair.ana)) == 2
            assert not tokens(pair.ana) & before
        announce.wish(pair.ana.db, announce.STOP)
        pair.ga.announcer.look()
        assert tokens(pair.ana) == set()

    play(tmp_path, story)


def test_a_gateway_announces_only_so_much(tmp_path, monkeypatch):
    async def story(pair):
        monkeypatch.setattr(announce, "ANNOUNCED_MAX", 2)
        cy = Somebody("Cy")
        pair.ga.announcer.post([cy.says(1), cy.device_says(1)])
        with pytest.raises(UserError, match="already"):
            pair.ga.announcer.post([Somebody("Di").says(1)])
        pair.ga.announcer.post([cy.says(2), cy.device_says(1, 2)])

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (Somebody("Cy").says(1)[:-1], "damaged"),
        (b"", "damaged"),
        (Somebody("Di").says(4), "newer record"),
        (Somebody("Ed").says(9), "deleted"),
    ],
)
def test_who_may_not_be_announced_is_told_why(tmp_path, payload, says):
    async def story(pair):
        pair.ga.announcer.post([Somebody("Di").says(5), Somebody("Ed").says(5, ())])
        before = tokens(pair.ana)
        with pytest.raises(UserError, match=says):
            pair.ga.announcer.post([payload])
        assert tokens(pair.ana) == before

    play(tmp_path, story)


def test_own_records_count_on_and_keep_the_other_devices(tmp_path):
    with contextlib.closing(Desk(tmp_path)) as desk:
        desk.create_identity("Ana")
        me = desk.identity()
        first = decode(own_records(desk, desk.directory)[0])
        assert (first.sequence, first.devices) == (1, (device_hash(me.card.ed25519),))
        both = tuple(sorted((*first.devices, b"another1")))
        other = type(first)(me.card.account, 7, first.next_key, both, "Ana")
        desk.directory.take(sign_account(me.account, other), 0, 0, 0)
        assert decode(own_records(desk, desk.directory)[0]) == other, "nothing new to say"
        desk.create_identity("Ana B")
        renamed = decode(own_records(desk, desk.directory)[0])
        assert (renamed.sequence, renamed.devices, renamed.name) == (8, both, "Ana B")
        assert renamed.next_key == first.next_key != commitment(me.card.account)


def test_a_lost_device_is_removed_from_another_one(tmp_path, capsys):
    async def story(pair):
        me = pair.ana.identity()
        pair.helio("ana", "people", "announce")
        entry = await heard(pair.bo)
        lost = device_hash(b"a lost phone")
        both = replace(
            entry.record, sequence=2, devices=tuple(sorted((*entry.record.devices, lost)))
        )
        pair.gb.announcer.post([sign_account(me.account, both)])
        await until(lambda: pair.ana.directory.find("Ana")[0].record == both, WAIT_S, "both")
        devices = pair.listed("ana", capsys)["people"][0]["devices"]
        assert sorted(devices) == sorted([me.card.id, lost.hex()])
        for wrong in (me.card.id, "0123456789abcdef"):
            assert pair.helio("ana", "people", "announce", "--without", wrong) == 2
        assert pair.helio("ana", "people", "announce", "--without", lost.hex()) == 0
        await until(lambda: len(pair.bo.directory.find("Ana")[0].devices) == 1, WAIT_S, "it")
        assert pair.bo.directory.find("Ana")[0].devices == entry.devices

    play(tmp_path, story)
