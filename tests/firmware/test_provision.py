"""Who a board is: a record given over the wire, checked, and kept through power cuts."""

import asyncio
import json

import pytest

from firmware import config, provision
from gateway.links.serial_port import SerialPort
from gateway.new_node import draw, partition, payload
from shared_protocol.node_record import pack
from tools.field import until
from tools.virtual_board.board import NODE_AT, VirtualBoard, create_flash
from tools.virtual_board.nor import Partition
from tools.virtual_board.nor_lab import SHAPES, LabNor, PowerCut

MAC = bytes([0x24, 0x0A, 0xC4, 0, 0, 1])
OLD, NEW = b'{"name":"old"}', b'{"name":"the new one"}'


def node_partition(encrypted=False):
    chip = LabNor(2 * 4096, encrypted=encrypted)
    return chip, Partition(chip, (1, 0x41, 0, 2 * 4096, "node", encrypted))


def record(**changes):
    return draw("north", bytes(range(32)), bytes(32), 6) | changes


@pytest.mark.parametrize("encrypted", [False, True])
def test_each_record_follows_the_one_before(encrypted):
    chip, part = node_partition(encrypted)
    assert config.read(part) is None
    for sequence in range(1, 6):
        provision.write(part, b"%d" % sequence)
        assert config.read(part) == ((sequence - 1) % 2, sequence, b"%d" % sequence)
    assert chip.snapshot()[4096:] == b"\xff" * 4096, "the former record stays on the board"


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_power_cut_leaves_the_old_record_or_the_new(encrypted):
    chip, part = node_partition(encrypted)
    provision.write(part, OLD)
    before = chip.snapshot()
    length = len(pack(2, NEW))
    cuts = [(operation, shape, None) for operation in range(3) for shape in range(SHAPES)]
    cuts += [(1, 0, at) for at in range(length + 1)]
    left = []
    for cut in cuts:
        chip.restore(before)
        chip.cut_after(*cut)
        with pytest.raises(PowerCut):
            provision.write(part, NEW)
        chip.power_on()
        left.append(config.read(part)[2])
        provision.write(part, NEW)
        assert config.read(part)[2] == NEW, cut
        provision.write(part, OLD)
        assert config.read(part)[2] == OLD, cut
    assert set(left[SHAPES:]) == {OLD, NEW}
    assert left[:SHAPES] == [OLD] * SHAPES, "the other sector was being erased"
    assert left[2 * SHAPES : 3 * SHAPES] == [NEW] * SHAPES, "the former one was being erased"


@pytest.mark.parametrize("fault", ["bad_program", "bad_erase", "dead"])
def test_a_flash_that_does_not_keep_it_says_so_and_keeps_the_old(fault):
    chip, part = node_partition()
    provision.write(part, OLD)
    getattr(chip, fault)(1)
    with pytest.raises(OSError):  # noqa: PT011 - one of the chip's, or none in particular
        provision.write(part, b"\xff" * 2000)
    assert config.read(part)[2] == OLD


WRONG = [
    ("v", 2), ("v", True), ("name", ""), ("name", "ü" * 13), ("name", 7), ("node", "26"),
    ("node", "240ac4000001"), ("node", "27" * 6), ("network_key", "ab"), ("network_key", None),
    ("secret", "zz" * 16), ("command_key", "11" * 31), ("operator", "11" * 33), ("epoch", 4),
    ("channel", 0), ("channel", 14), ("channel", "6"), ("cell", 1 << 24), ("cell", None),
    ("role", "gateway"), ("power", "often"), ("board", ""),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_each_field_is_checked(field, value):
    config.Config(record())
    with pytest.raises(ValueError, match=field):
        config.Config(record(**{field: value}))
    whole = record()
    if field in whole:
        del whole[field]
        with pytest.raises(ValueError, match=field):
            config.Config(whole)


def test_fields_of_later_versions_are_no_mistake():
    assert config.Config(record(colour="red", cell=5)).cell == 5


@pytest.fixture
def board(tmp_path):
    with VirtualBoard("r1", MAC, tmp_path, None, 0, 0) as made:
        create_flash(made.flash_path)
        yield made


async def ask(board, request):
    port = SerialPort(board.port_path, lambda address, frame: None)
    try:
        return json.loads(await port.ask(json.dumps(request).encode(), 10))
    finally:
        port.close()


async def provisioned(board, **request):
    """The board's answer, and what it says of itself when it has started again."""
    answer = await ask(board, {"ask": "provision", **request})
    await until(board.poll_reset, 10, "the board to restart")
    board.restart()
    return answer, await ask(board, {"ask": "who"})


def test_a_board_without_a_record_takes_no_part_until_it_gets_one(board):
    async def scene():
        board.start()
        refused = await ask(board, {"ask": "status"})
        assert "helio provision" in refused["error"]
        who = await ask(board, {"ask": "who"})
        assert (who["mac"], who["node"]) == (MAC.hex(), None)
        for wrong, why in (
            ({"record": record(name="")}, "name must be"),
            ({"record": 7}, "no object"),
            ({}, "no object"),
        ):
            answer, who = await provisioned(board, **wrong)
            assert why in answer["error"]
            assert who["node"] is None

        first = record(name="Tal-Hütte 3")
        answer, who = await provisioned(board, record=first)
        assert answer == {"provisioned": first["node"]}
        assert (who["node"], who["name"], who["board"]) == (
            first["node"],
            "Tal-Hütte 3",
            "unknown",
        )
        assert who["mac"] == MAC.hex()
        assert not [
            key for key in ("network_key", "secret", "command_key") if first[key] in str(who)
        ]

    asyncio.run(scene())


def test_a_relay_that_runs_takes_another_record_and_a_wrong_one_leaves_its_own(board):
    """Whoever has the wire has the board."""
    first, second = record(), record(name="south", cell=0x123456)

    async def scene():
        board.provision(first)
        board.start()
        status = await ask(board, {"ask": "status"})
        assert (status["node"], status["faults"]) == (first["node"], 0)
        answer, who = await provisioned(board, record=record(channel=14))
        assert "channel must be 1 to 13" in answer["error"]
        assert who["node"] == first["node"]
        answer, who = await provisioned(board, record=second)
        assert answer == {"provisioned": second["node"]}
        assert (who["node"], who["name"]) == (second["node"], "south")
        assert (await ask(board, {"ask": "status"}))["node"] == second["node"]

    asyncio.run(scene())
    flash = board.flash_path.read_bytes()
    assert second["command_key"].encode() in flash
    assert first["command_key"].encode() not in flash


def write_node(board, content):
    with board.flash_path.open("r+b") as flash:
        flash.seek(NODE_AT)
        flash.write(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (partition({"v": 1}), "name must be"),
        (partition(record(node="010203040506")), "node must be"),
        (partition({"v": 1}).replace(b'{"v":1}', b'{"v":2}'), "never provisioned"),
        (pack(1, b"[]"), "no JSON"),
        (pack(1, payload(record())[:-1]), "no JSON"),
    ],
)
def test_a_record_that_is_not_whole_is_refused_with_a_reason(board, content, reason):
    async def scene():
        write_node(board, content)
        board.start()
        assert reason in (await ask(board, {"ask": "status"}))["error"]

    asyncio.run(scene())
