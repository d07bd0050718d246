"""One message to somebody with several devices: sealed for each, counted at each."""

import contextlib
from dataclasses import replace

import pytest

from gateway import cli
from gateway.desk import Desk
from gateway.directory_records import DeviceRecord, device_hash, sign_account, sign_device
from gateway.errors import UserError
from gateway.identity import Identity, Seeds
from gateway.own_records import own_records
from gateway.sealing import SealError, hint_for, open_bundle
from shared_protocol.parcel_fields import decode as parse_parcel
from shared_protocol.records import decode as decode_kept


def second_device(me, number=2):
    """Another device of the same account, with the same box root."""
    seeds = me.seeds()
    fresh = {"signing": bytes([number]) * 32, "prekey": bytes([number + 100]) * 32}
    return Identity.load(Seeds(**{**vars(seeds), **fresh, "prekey_seq": 4}))


def says(me, sequence, *devices, lifetime=9):
    """The account's record of these devices, and the records of each."""
    newest = says.first
    hashes = tuple(sorted(device_hash(d.card.ed25519) for d in devices))
    records = [sign_account(me.account, replace(newest, sequence=sequence, devices=hashes))]
    for d in devices:
        card = d.card
        record = DeviceRecord(card.account, card.ed25519, card.x25519, card.prekey_seq, lifetime)
        records.append(sign_device(d.signing, record))
    return records


@pytest.fixture
def scene(tmp_path):
    """Ana, who has Bo's card, and Bo with two devices, of which the directory tells."""
    with contextlib.closing(Desk(tmp_path / "ana")) as ana:
        ana.create_identity("Ana")
        with contextlib.closing(Desk(tmp_path / "bo")) as bo:
            bo.create_identity("Bo")
            one = bo.identity()
            bo.directory.take(own_records(bo, bo.directory)[0], 0, 0, 0)
            says.first = bo.directory.newest(one.card.account)
        ana.add_contact(one.card.text(), None)
        two = second_device(one)
        ana.directory.take_all(says(one, 2, one, two), 0, 0, 0)
        yield ana, one, two


def parcels(desk):
    kept = [decode_kept(bytes(row[0])) for row in desk.db.execute("SELECT bytes FROM record")]
    return [parse_parcel(bytes(3) + each.immutable) for each in kept]


def opened(who, ana, p):
    head = bytes([p.head[2], p.head[3]]) + p.head[4]
    return open_bundle(who, head, p.payload, None, [ana.identity().card])


def test_each_device_gets_its_own_and_cannot_open_the_others(scene):
    ana, one, two = scene
    ana.db.execute(
        "INSERT INTO message (seq, contact, direction, state, text, unix_s, mid, token,"
        " code) SELECT 1, id, 'in', 'received', 'hi', 1, x'00', x'00', 0 FROM contact"
    )
    message = ana.send("Bo", "to both")
    assert (message["devices"], message["delivered_to"], message["state"]) == (2, 0, "queued")
    assert len(ana.listing("out")) == 1, "one row for the reader's eyes"
    first, second = parcels(ana)
    for p, mine, other in ((first, one, two), (second, two, one)):
        assert p.head[5] == hint_for(mine.card.mailbox_key, p.head[4])
        assert opened(mine, ana, p).body == b"to both"
        with pytest.raises(SealError):
            opened(other, ana, p)


def mids(desk):
    return [bytes(row[0]) for row in desk.db.execute("SELECT mid FROM copy ORDER BY rowid")]


def state(desk):
    (message,) = desk.listing("out")
    states = [copy["state"] for copy in message["copies"]]
    return message["state"], message["delivered_to"], states


def test_delivered_is_said_of_those_that_answered_only(scene):
    ana, *_ = scene
    message = ana.send("Bo", "to both")
    first, second = mids(ana)
    assert ana.improve(first, "on_mesh")
    assert state(ana) == ("on_mesh", 0, ["on_mesh", "queued"])
    seen = ana.message(message["id"])["seq"]
    assert ana.improve(second, "delivered")
    assert state(ana) == ("delivered", 1, ["on_mesh", "delivered"])
    assert not ana.improve(second, "on_mesh")
    assert ana.improve(first, "expired")
    assert state(ana) == ("delivered", 1, ["expired", "delivered"])
    assert ana.improve(first, "delivered"), "its receipt was late"
    assert state(ana) == ("delivered", 2, ["delivered", "delivered"])
    assert not ana.improve(first, "delivered")
    assert [m["id"] for m in ana.messages(after=seen)] == [message["id"]], "that is news"


def test_it_has_expired_when_it_has_everywhere(scene):
    ana, *_ = scene
    ana.send("Bo", "to both")
    first, second = mids(ana)
    ana.improve(first, "expired")
    assert state(ana) == ("queued", 0, ["expired", "queued"])
    ana.improve(second, "expired")
    assert state(ana) == ("expired", 0, ["expired", "expired"])


def test_the_mesh_is_followed_for_each_copy(scene):
    ana, *_ = scene
    ana.send("Bo", "to both")
    first, second = mids(ana)
    ana.improve(first, "delivered")
    sent = {bytes(r["mid"]): r["state"] for r in ana.db.execute("SELECT mid, state FROM sent")}
    assert sent == {first: "delivered", second: "queued"}


def test_in_words(scene, tmp_path, capsys):
    ana, *_ = scene
    ana.send("Bo", "to both")
    ana.improve(mids(ana)[0], "delivered")
    assert cli.main(["outbox", "--data", str(tmp_path / "ana")]) == 0
    assert capsys.readouterr().out == "delivered to 1 of 2 devices, to Bo: to both\n"


def test_a_removed_device_gets_nothing_more(scene):
    ana, one, two = scene
    ana.directory.take_all(says(one, 3, two), 0, 0, 0)
    message = ana.send("Bo", "to the other one")
    assert message["devices"] == 1
    (p, *_) = parcels(ana)
    assert p.head[5] == hint_for(two.card.mailbox_key, p.head[4])
    third = second_device(one, 3)
    ana.directory.take(says(one, 4, third)[0], 0, 0, 0)
    with pytest.raises(UserError, match="removed the device"):
        ana.send("Bo", "to nobody")


def test_mail_of_either_device_is_from_the_same_contact(scene):
    ana, one, two = scene
    (contact,) = ana.contacts()
    assert {card.id for card in ana.cards()} == {one.card.id, two.card.id}
    assert {ana._contact_of(each.card) for each in (one, two)} == {contact["id"]}


def test_whose_card_came_with_a_message_has_no_more_devices_than_the_account_says(scene):
    """Somebody claims Bo's account: Bo's devices are not his."""
    ana, one, _ = scene
    ana.db.execute("DELETE FROM contact")
    thief = Identity.new("Bo")
    claims = replace(thief.card, account=one.card.account)
    assert ana.meet(claims)
    assert [card.id for card in ana.cards()] == [claims.id]


def test_no_mail_lives_longer_than_the_device_can_open_it(scene):
    ana, one, two = scene
    fresher = replace(two, card=replace(two.card, prekey_seq=5))
    ana.directory.take_all(says(one, 3, fresher, lifetime=6), 0, 0, 0)
    ana.send("Bo", "soon")
    assert {p.head[3] >> 4 for p in parcels(ana)} == {6}
