"""tests/vectors/group.json, which the page's core made, opened and made again in Python."""

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from group_letters import Epoch, ack_token, group_id, pair_secret, read_state, shape_of

from gateway.parcels import tag_key
from shared_protocol.receipt import message_id

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "group.json").read_text())
RAW = {key: bytes.fromhex(VECTORS[key]) for key in ("salt", "secret", "gid", "box", "check")}
SEEDS = {row["device"]: bytes.fromhex(row["seed"]) for row in VECTORS["members"]}
DEVICES = [bytes.fromhex(row["device"]) for row in VECTORS["members"]]


@pytest.fixture
def epoch():
    return Epoch(RAW["gid"], VECTORS["number"], RAW["secret"], DEVICES)


def test_all_keys_follow_from_the_secret(epoch):
    assert group_id(DEVICES[0], RAW["salt"]) == RAW["gid"]
    assert (epoch.box, epoch.check) == (RAW["box"], RAW["check"])
    assert [epoch.sender(device).hex() for device in DEVICES] == VECTORS["senders"]
    body = b"\x05\x01" + RAW["salt"] + VECTORS["number"].to_bytes(4, "big") + RAW["secret"]
    assert body.hex() == VECTORS["key_body"]


def test_the_state_is_signed_by_its_first_member(epoch):
    state = read_state(bytes.fromhex(VECTORS["record"]))
    assert state == {
        "gid": epoch.gid, "number": 3, "check": epoch.check, "name": "البئر", "devices": DEVICES,
    }  # fmt: skip
    for at in (5, 19, 40, -70, -1):
        false = bytearray.fromhex(VECTORS["record"])
        false[at] ^= 1
        with pytest.raises((InvalidSignature, AssertionError, IndexError, UnicodeDecodeError)):
            read_state(bytes(false))


@pytest.mark.parametrize("v", VECTORS["messages"], ids=lambda v: v["name"])
def test_a_message_opens_and_is_made_again(epoch, v):
    head, bundle = bytes.fromhex(v["head"]), bytes.fromhex(v["bundle"])
    shape = shape_of(v["shape"])
    opened = epoch.open(head, shape, bundle)
    body = bytes.fromhex(v["body"])
    expected = (bytes.fromhex(v["from"]), v["counter"], v["typed"], VECTORS["unix_s"], body)
    token, mid = bytes.fromhex(v["token"]), head[2:]
    assert message_id(token) == mid
    if v["shape"] is not None:
        assert tag_key(epoch.box, mid).hex() == v["tag_key"]
    if v["ack_of_bo"]:
        pair = pair_secret(SEEDS[v["from"]], DEVICES[1], epoch.gid)
        assert ack_token(pair, mid).hex() == v["ack_of_bo"], "both sides have the same"
    assert opened == expected
    if v["name"] in ("pieces", "one frame, full"):  # not compressed
        salt = bytes.fromhex(v["salt"])
        again = epoch.seal(
            SEEDS[v["from"]], v["counter"], body, token, VECTORS["unix_s"], salt=salt
        )
        assert again == (head, shape, bundle, bytes.fromhex(v["hint"]))


@pytest.mark.parametrize("v", VECTORS["messages"], ids=lambda v: v["name"])
def test_nothing_of_it_can_be_changed(epoch, v):
    head, bundle, shape = (
        bytes.fromhex(v["head"]),
        bytes.fromhex(v["bundle"]),
        shape_of(v["shape"]),
    )
    for at in (0, 3, 8, 9, 30, len(bundle) - 1):
        false = bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :]
        with pytest.raises((ValueError, InvalidTag)):
            epoch.open(head, shape, false)
    with pytest.raises((ValueError, InvalidTag)):
        epoch.open(bytes([head[0] ^ 4]) + head[1:], shape, bundle)
    epoch.number += 1
    with pytest.raises(InvalidSignature):
        epoch.open(head, shape, bundle)
