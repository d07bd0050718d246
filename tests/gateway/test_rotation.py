"""Prekeys that come and go: nothing under way is lost, and what is over nobody opens."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import cli
from gateway.errors import UserError
from gateway.identity import parse_card
from gateway.own_records import own_records
from gateway.person import renew
from gateway.quiet import DEVICES, HERE, _cut, hear, prekey_body
from gateway.rotation import EVERY_S, Rotation, tell
from gateway.sealing import SealError, seal
from shared_protocol import records
from shared_protocol.lifetime import LIFETIMES_S, lifetime_code
from tests.gateway.sealed_letters import letter_of, open_letter
from tests.gateway.test_mailroom import Post, heard_from, written


@pytest.fixture
def pair(tmp_path):
    ana, bo = Post(tmp_path / "a", "Ana", 1), Post(tmp_path / "b", "Bo", 2)
    ana.desk.add_contact(bo.desk.me()["card"], None)
    bo.desk.add_contact(ana.desk.me()["card"], None)
    ana.desk.receive(heard_from(bo), "hi", mid=bytes(12), token=bytes(16), code=0)
    ana.mailroom.reload()
    bo.mailroom.reload()
    return ana, bo


def card_of(desk, name):
    row = desk.db.execute("SELECT card FROM contact WHERE name = ?", (name,)).fetchone()
    return parse_card(row["card"])


def put_out(desk):
    rows = desk.db.execute("SELECT bytes FROM record ORDER BY handle").fetchall()
    kept = [records.decode(bytes(row[0])) for row in rows]
    return [k.immutable for k in kept if isinstance(k, records.Kept) and not k.is_receipt]


@pytest.mark.parametrize("body", [b"one frame", bytes(range(256)) * 4])
def test_what_is_under_way_opens_for_one_prekey_longer(pair, body):
    ana, bo = (post.desk.identity() for post in pair)
    letter = letter_of(seal(ana, bo.card, body, 1, 1, 10), bo.card)
    once = renew(pair[1].desk.db)
    assert open_letter(once, letter, [ana.card]).body == body
    twice = renew(pair[1].desk.db)
    assert twice.card.prekey_seq == bo.card.prekey_seq + 2
    with pytest.raises(SealError):
        open_letter(twice, letter, [ana.card])


def test_mail_for_the_former_prekey_is_recognised(pair):
    ana, bo = pair
    parts = written(ana, "sealed before")
    renew(bo.desk.db)
    bo.mailroom.reload()
    for part in parts:
        bo.hand_in(part)
    assert bo.inbox() == ["sealed before"]


def test_the_former_prekey_lives_as_long_as_a_message():
    assert LIFETIMES_S[lifetime_code(EVERY_S)] <= EVERY_S


def test_a_gateway_renews_when_it_is_time_by_its_own_clock(pair):
    ana = pair[0].desk
    rotation = Rotation(ana)
    first = ana.identity().card.prekey_seq
    rotation.look(1000)
    rotation.look(1000 + EVERY_S - 1)
    assert ana.identity().card.prekey_seq == first
    again = Rotation(ana)  # the gateway was started anew
    again.look(1000 + EVERY_S)
    assert ana.identity().card.prekey_seq == first + 1
    again.look(1000 + EVERY_S + 3600)
    again.look(1000 + 2 * EVERY_S - 60)
    assert ana.identity().card.prekey_seq == first + 1
    again.look(1000 + 2 * EVERY_S)
    assert ana.identity().card.prekey_seq == first + 2


def test_contacts_learn_the_new_prekey_by_one_frame_and_once(pair):
    ana, bo = pair
    eve = Post(ana.folder.parent / "e", "Eve", 3)
    ana.desk.add_contact(eve.desk.me()["card"], None)  # has never written: does not know Ana
    renew(ana.desk.db)
    rotation = Rotation(ana.desk)
    rotation.look(1000)
    (notice,) = put_out(ana.desk)
    rotation.look(2000)
    assert put_out(ana.desk) == [notice]
    bo.hand_in(notice)
    assert card_of(bo.desk, "Ana") == ana.desk.identity().card
    assert bo.inbox() == [], "nobody is to read it"
    assert bo.node.shelf.tombstone(notice[2:14]) >= 0, "its receipt is out"
    bo.desk.send("Ana", "for the new one")
    renew(ana.desk.db)
    ana.mailroom.reload()
    for part in put_out(bo.desk):
        ana.hand_in(part)
    assert "for the new one" in ana.inbox()


def test_an_old_notice_takes_nothing_back(pair):
    ana, bo = pair
    old = ana.desk.identity()
    renew(ana.desk.db)
    tell(ana.desk, ana.desk.identity())
    for notice in put_out(ana.desk):
        bo.hand_in(notice)
    opened = replace(heard_from(ana), typed=True, body=prekey_body(old.card))
    assert hear(bo.desk, replace(opened, sender=card_of(bo.desk, "Ana")), 0)
    assert card_of(bo.desk, "Ana").prekey_seq == old.card.prekey_seq + 1


@pytest.mark.parametrize(
    "body", [b"", b"\x63", b"\x01\x01a\x00", bytes([10]), bytes([DEVICES]), bytes([HERE, 7])]
)
def test_what_is_shown_and_what_is_only_heard(pair, body):
    ana, bo = pair
    opened = replace(heard_from(ana), typed=True, body=body)
    before = card_of(bo.desk, "Ana")
    assert hear(bo.desk, opened, 0) == (bool(body) and body[0] in (2, 3, 6, 9, 10))
    assert card_of(bo.desk, "Ana") == before
    assert not hear(bo.desk, replace(opened, typed=False), 0)


def test_the_vectors_that_the_page_reads():
    told = json.loads((Path(__file__).parents[1] / "vectors" / "quiet.json").read_text())
    for vector in told["prekeys"]:
        assert prekey_body(parse_card(vector["card"])).hex() == vector["body"]
    body = bytes.fromhex(told["devices"]["body"])
    assert [r.hex() for r in _cut(body[17:])] == told["devices"]["records"]


def test_the_new_prekey_is_announced(pair):
    ana = pair[0].desk
    before = own_records(ana, ana.directory)[1]
    renew(ana.db)
    after = own_records(ana, ana.directory)[1]
    assert before != after
    assert ana.identity().card.x25519 in after


def test_by_the_command_line_too(pair, capsys):
    ana = pair[0].desk
    data = ["--json", "--data", str(ana.path.parent)]
    assert cli.main(["id", "renew", *data]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"prekey": 2, "card": ana.identity().card.text()}
    assert cli.main(["id", "renew", *data]) == 2, "the first prekey would be lost"
    assert "--yes" in json.loads(capsys.readouterr().err)["error"]
    assert cli.main(["id", "renew", "--yes", *data]) == 0
    assert ana.identity().card.prekey_seq == 3
    assert ana.identity().former.card.prekey_seq == 2
    assert cli.main(["id", *data]) == 0


def test_who_is_nobody_yet_has_nothing_to_renew(tmp_path):
    desk = Post(tmp_path / "x", "X", 4).desk
    desk.db.execute("DELETE FROM meta WHERE key = 'name'")
    Rotation(desk).look(1000)
    with pytest.raises(UserError):
        renew(desk.db)


ROOT = bytes(range(16))


def telling(ana, *records, root=ROOT, sender=None):
    """What a phone of Ana's tells of her devices."""
    body = bytes([DEVICES]) + root + b"".join(bytes([len(r)]) + r for r in records)
    opened = replace(heard_from(ana), typed=True, body=body)
    return opened if sender is None else replace(opened, sender=sender)


def test_a_contacts_list_of_devices_counts_as_in_the_directory(pair):
    ana, bo = pair
    mine = own_records(ana.desk, ana.desk.directory)
    assert hear(bo.desk, telling(ana, *mine), 0)
    known = card_of(bo.desk, "Ana")
    assert bo.desk.directory.newest(known.account).sequence == 1
    assert known.box_root == ROOT


def test_a_list_that_is_none_or_old_changes_no_box_root(pair):
    ana, bo = pair
    first = own_records(ana.desk, ana.desk.directory)
    ana.desk.create_identity("Anna")
    second = own_records(ana.desk, ana.desk.directory)
    before = card_of(bo.desk, "Ana").box_root
    for records_ in ([], [b"x"], [first[0][:-1] + b"x"], [first[1]], [first[0]] * 10):
        hear(bo.desk, telling(ana, *records_), 0)
        assert card_of(bo.desk, "Ana").box_root == before
    hear(bo.desk, telling(ana, *second, root=bytes(16)), 0)
    assert card_of(bo.desk, "Ana").box_root == before, "zeros: it does not say"
    hear(bo.desk, telling(ana, *first), 0)
    assert card_of(bo.desk, "Ana").box_root == before, "an older list"
    eve = Post(ana.folder.parent / "e", "Eve", 3).desk.identity().card
    liar = replace(eve, account=card_of(bo.desk, "Ana").account)
    bo.desk.add_card(liar, "Eve")
    hear(bo.desk, telling(ana, *second, sender=liar), 0)
    assert card_of(bo.desk, "Eve").box_root == eve.box_root, "not on the list"


def test_who_comes_back_by_an_old_kit_is_heard_all_the_same(pair, tmp_path):
    ana, bo = pair
    kit = ana.desk.identity()
    for _ in range(3):  # weeks pass
        renew(ana.desk.db)
    for_former = letter_of(seal(bo.desk.identity(), kit.card, b"late", 1, 1, 10), kit.card)
    back = Post(tmp_path / "back", "x", 5)
    back.desk.db.execute("DELETE FROM meta")
    back.desk.restore_identity(kit)
    me = back.desk.identity()
    assert me.card.prekey_seq > ana.desk.identity().card.prekey_seq
    assert open_letter(me, for_former, [bo.desk.identity().card]).body == b"late"
    assert me.former.card.mailbox_key == kit.card.mailbox_key
