"""A relay's queue, read a page at a time while parcels come and go."""

import random
from pathlib import Path

import pytest
from aes import ecb
from checks import piece, receipt_of, whole

from firmware.queue_page import page
from gateway.errors import UserError
from gateway.queue_rows import ROWS_MOST, decode_page
from shared_protocol import receipt
from shared_protocol.cells import NO_CELL
from shared_protocol.ending import accept_receipt
from shared_protocol.frame import FrameCipher
from shared_protocol.node import Node, Settings
from shared_protocol.parcel_index import DEAD, RECEIPT, SEEN, SLOT, WHOLE, ParcelIndex
from shared_protocol.store import MemoryStore
from tests.on_micropython import run_module

NOW_S = 500


def relay(parcels: int) -> Node:
    node = Node(
        bytes([2, 0, 0, 0, 0, 1]), FrameCipher(bytes(32), 0, ecb), ParcelIndex(2100),
        MemoryStore(10_000_000), Settings(False, bytes(16), NO_CELL), lambda immutable: False,
        random.Random(1).randrange, 0,
    )  # fmt: skip
    for number in range(parcels):
        node.shelf.accept(3, 0, whole(number), 100)
    return node


def read_all(node: Node, between=lambda: None, **asked) -> list:
    rows, more, after = [], True, -1
    while more:
        more, _, got = decode_page(page(node, asked | {"after": after}, NOW_S))
        assert len(got) <= ROWS_MOST
        assert got or not more
        rows += got
        after = got[-1].short if got else after
        between()
    return rows


def test_every_parcel_once_and_all_of_it_true():
    node = relay(500)
    rows = read_all(node)
    assert len(rows) == 500
    assert [r.short for r in rows] == sorted(node.index.short[row] for row in node.index.rows())
    by_message = {r.message: r for r in rows}
    for number in range(500):
        row = by_message[bytes(whole(number)[2:14]).hex()]
        assert (row.state, row.hops, row.kind, row.here_s) == (WHOLE, 3, "message", 400)
        assert row.age_s == 400
        assert row.piece is None
        assert row.of == 0


def test_what_comes_and_goes_meanwhile_disturbs_nothing():
    node = relay(300)
    stays = {node.index.short[row] for row in node.index.rows()}
    numbers = iter(range(1000, 1100))
    dice = random.Random(2)

    def between():
        node.shelf.accept(1, 0, whole(next(numbers)), 200)
        gone = dice.choice(sorted(stays))
        node.shelf.drop(node.index.find(gone))
        stays.discard(gone)

    shorts = [r.short for r in read_all(node, between)]
    assert len(shorts) == len(set(shorts))
    assert stays <= set(shorts)


def test_pieces_and_receipts():
    node = relay(0)
    node.shelf.accept(1, 0, piece(7, 0), 100)
    accept_receipt(node.shelf, 1, 0, receipt_of(5), 100)
    rows = {r.state: r for r in read_all(node)}
    assert rows[RECEIPT].message == receipt.message_id(receipt.decode(receipt_of(5))).hex()
    (kept,) = [r for r in rows.values() if r.state != RECEIPT]
    assert kept.of > 1
    assert kept.piece == 0
    assert kept.state >= SLOT


def test_of_one_message_also_what_is_not_held_any_more():
    node = relay(40)
    row = next(iter(node.index.rows()))
    mid = node.shelf.immutable(row)[2:14].hex()
    node.shelf.drop(row)
    assert mid not in [r.message for r in read_all(node)]
    (seen,) = read_all(node, of=mid)
    assert seen.state == SEEN
    assert seen.message[:7] == mid[:7]
    node.shelf.bury(row, 10_000)
    assert [r.state for r in read_all(node, of=mid[:8])] == [DEAD]


def test_a_record_that_has_gone_bad_is_left_out():
    node = relay(60)
    bad = [row for row in node.index.rows()][20:23]
    for row in bad:
        node.shelf.store.delete(node.index.handle[row])
    assert len(read_all(node)) == 57


def test_nonsense_is_refused():
    node = relay(3)
    for asked in ({"of": "xyz"}, {"of": 7}, {"after": "a"}, {"most": "b"}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            page(node, asked, NOW_S)
    assert decode_page(page(node, {"most": -1}, NOW_S)) == (True, {}, [])
    for answer in (b"", b'{"error":"unknown request"}', page(node, {}, NOW_S)[:-1], b"Q\0\x05"):
        with pytest.raises(UserError):
            decode_page(answer)


def test_no_page_delays_other_tasks():
    run_module(Path(__file__).with_name("queue_speed.py"), "6M")
