"""tests/vectors/seal.json: people, cards and kits, and messages that the browser's core sealed."""

import json
from pathlib import Path

import pytest
from sealed_letters import open_letter

from gateway.errors import UserError
from gateway.identity import NO_BOX_ROOT, Identity, parse_card
from gateway.kit import kit_text, parse_kit
from gateway.parcels import tag_key
from gateway.sealing import hint_for
from shared_protocol.receipt import message_id

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "seal.json").read_text())
PEOPLE = {row["name"]: row for row in VECTORS["people"]}


@pytest.mark.parametrize("row", VECTORS["people"], ids=lambda row: row["name"])
def test_a_kit_gives_the_person_back(row):
    me = parse_kit(row["kit"])
    assert kit_text(me) == row["kit"]
    assert parse_card(row["card"]) == me.card
    said = (me.card.id, me.card.account_id, me.card.uuid, me.card.sender_id.hex(),
            me.card.mailbox_key.hex(), me.card.public_mailbox_key.hex())  # fmt: skip
    names = ("device_id", "account_id", "uuid", "sender_id", "box", "box_public")
    assert said == tuple(row[name] for name in names)
    assert row["uuid"][14] == "8"


@pytest.mark.parametrize("v", VECTORS["sealed"], ids=lambda v: f"{v['name']}, {v['by']}")
def test_a_vector_opens(v):
    sender, reader = parse_card(PEOPLE[v["from"]]["card"]), parse_kit(PEOPLE[v["to"]]["kit"])
    opened = open_letter(reader, v, [sender])
    assert (opened.sender, opened.body.hex(), opened.unix_s) == (sender, v["body"], v["unix_s"])
    assert (opened.typed, opened.way.hex()) == (v["typed"], v["my_way"])
    assert opened.card == (sender if v["with_card"] else None)
    mid = bytes.fromhex(v["head"])[2:]
    assert opened.token.hex() == v["token"]
    assert message_id(opened.token) == mid
    assert hint_for(reader.card.mailbox_key, mid).hex() == v["hint"]
    if v["shape"] is not None:
        assert tag_key(reader.card.mailbox_key, mid).hex() == v["tag_key"]


def test_both_sides_made_the_same_message():
    """But for what HPKE draws, and how much deflate finds, all of it follows from the text."""
    rows = VECTORS["sealed"]
    for one, two in zip(rows[::2], rows[1::2], strict=True):
        if one["name"] != "deflated":
            assert [one[k] for k in ("head", "shape", "hint", "token")] == [
                two[k] for k in ("head", "shape", "hint", "token")
            ]
        assert one["bundle"] != two["bundle"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("older", "older Heliograph: ask for a new card"),
        ("newer", "newer Heliograph"),
        ("short", "incomplete"),
        ("nameless", "name"),
    ],
)
def test_other_cards_are_refused(name, says):
    with pytest.raises(UserError, match=says):
        parse_card(VECTORS["other_versions"][name])


def test_a_kit_is_no_card_and_mistakes_in_it_are_found():
    kit = kit_text(Identity.new("Ana"))
    with pytest.raises(UserError, match="not a contact card"):
        parse_card(kit)
    with pytest.raises(UserError, match="mistyped"):
        parse_kit(kit[:-1])
    assert parse_kit(f" {kit.lower()[:50]}\n{kit[50:]}").card.name == "Ana"


def test_who_has_no_card_uses_the_public_mailbox():
    known = Identity.new("Bo").card
    from_directory = parse_card(known.text())
    assert known.mailbox_key != known.public_mailbox_key
    unknown = type(known)(
        known.account, known.ed25519, known.x25519, known.prekey_seq, NO_BOX_ROOT, known.name
    )
    assert unknown.mailbox_key == from_directory.public_mailbox_key
