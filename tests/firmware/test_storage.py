"""The store of a whole relay: refused, formatted, brought over from firmware 0.1."""

import argparse
import contextlib
import json
import struct
from binascii import crc32

import pytest

from firmware import flash_recovery, migrate
from firmware.flash_recovery import mark
from firmware.flash_store import FlashStore
from gateway import relay_commands
from gateway.errors import UserError
from gateway.new_node import draw
from tools.virtual_board.board import VirtualBoard
from tools.virtual_board.nor import Partition
from tools.virtual_board.nor_lab import LabNor, PowerCut

STORE_AT, STORE_BYTES = 0x280000, 0x180000
RECORD = draw("r1", bytes(32), bytes(32), 1)


def ask(port, **options):
    return argparse.Namespace(port=port, json=True, node=None, data="/nowhere", **options)


@pytest.fixture
def board(tmp_path):
    with VirtualBoard("r1", bytes([0x24, 0x0A, 0xC4, 0, 0, 1]), tmp_path, None, 0, 0) as made:
        made.provision(RECORD)
        yield made


def store_of(board):
    return board.flash_path.read_bytes()[STORE_AT : STORE_AT + STORE_BYTES]


def write(board, offset, data):
    with board.flash_path.open("r+b") as flash:
        flash.seek(STORE_AT + offset)
        flash.write(data)


@pytest.mark.parametrize(
    ("offset", "content", "reason"),
    [
        (8, b"littlefs", "something else"),
        (5 * 4096, mark(2) + b"\0" * 28, "newer version"),
    ],
)
def test_what_is_not_ours_is_left_alone_until_somebody_says_format(
    board, capsys, offset, content, reason
):
    write(board, offset, content)
    before = store_of(board)
    board.start()
    with pytest.raises(UserError, match=reason):
        relay_commands.status(ask(board.port_path))
    with pytest.raises(UserError, match="--yes"):
        relay_commands.clear(ask(board.port_path, yes=False))
    board.kill()
    assert store_of(board) == before

    board.start()
    with pytest.MonkeyPatch.context() as patch:
        sleep = relay_commands.asyncio.sleep
        patch.setattr(relay_commands.asyncio, "sleep", restarting(board, sleep))
        assert relay_commands.clear(ask(board.port_path, yes=True)) == 0
    capsys.readouterr()
    assert relay_commands.status(ask(board.port_path)) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["boots"], status["parcels"], status["faults"]) == (1, 0, 0)
    assert (status["store"]["capacity"], status["store"]["limit"]) == (442, "index")


def restarting(board, sleep):
    """The board resets itself; somebody must switch it on again, as the demo's field does."""

    async def doze(delay_s):
        await sleep(delay_s)
        if board.poll_reset():
            board.restart()

    return doze


def old_log(entries):
    """The file of firmware 0.1: (kind, handle, payload) one behind the other."""
    text = b""
    for kind, handle, payload in entries:
        head = struct.pack("!BBHI", 0xA7, kind, len(payload), handle)
        text += head + struct.pack("!I", crc32(payload, crc32(head))) + payload
    return text


def blank_store(sectors=16, rows=100):
    nor = LabNor(sectors * 4096)
    entry = (1, 0x40, 0, sectors * 4096, "store", False)
    return nor, FlashStore(Partition(nor, entry), rows)


def test_the_log_of_firmware_0_1_is_brought_over(tmp_path, monkeypatch):
    path = tmp_path / "store.log"
    monkeypatch.setattr(migrate, "PATH", str(path))
    entries = [(1, i, bytes([i]) * (20 + i)) for i in range(60)]
    entries += [(2, i, b"") for i in range(0, 60, 3)]
    entries += [(1, 60, b"after")]
    path.write_bytes(old_log(entries)[:-2] + old_log([(1, 61, b"last")]) + b"\xa7\x01torn")
    expected = [b"last", *[bytes([i]) * (20 + i) for i in range(60) if i % 3]]
    _, store = blank_store()
    migrate.bring_over(store)
    assert sorted(record for _, record in store.records()) == sorted(expected)
    assert not path.exists()
    again = FlashStore(store.ring.part, 100)
    again.mount()
    assert sorted(record for _, record in again.records()) == sorted(expected)


def test_a_cut_while_it_is_brought_over_costs_nothing(tmp_path, monkeypatch):
    path = tmp_path / "store.log"
    monkeypatch.setattr(migrate, "PATH", str(path))
    log = old_log([(1, i, bytes([i]) * 30) for i in range(9)] + [(2, 4, b"")])
    for cut in range(24):
        path.write_bytes(log)
        nor, store = blank_store(8)
        nor.cut_after(cut, cut % 3)
        with contextlib.suppress(PowerCut):
            migrate.bring_over(store)
        nor.power_on()
        store = FlashStore(store.ring.part, 100)
        if path.exists():
            migrate.bring_over(store)
        else:
            store.mount()
        assert sorted(r[0] for _, r in store.records()) == [0, 1, 2, 3, 5, 6, 7, 8], cut
    flash_recovery.wipe(store.ring.part)
    store = FlashStore(store.ring.part, 100)
    store.mount()
    assert list(store.records()) == []
