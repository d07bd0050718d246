"""Rubbish on the air around real traffic: counted, and nothing worse."""

import random

import pytest
from aes import ecb
from checks import mid, whole
from mesh_in_a_box import AIR, Box, address

from shared_protocol.frame import FrameCipher

FRAMES = 10_000


def rubbish(dice: random.Random, heard: list[bytes]) -> bytes:
    """Random bytes, or something recorded, cut or bent."""
    kind = dice.randrange(4)
    if kind == 0 or not heard:
        return dice.randbytes(dice.randrange(300))
    data = bytearray(dice.choice(heard))
    if kind == 1:
        return bytes(data[: dice.randrange(len(data))])
    for _ in range(dice.randrange(1, 4)):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data) + dice.randbytes(dice.randrange(20)) * (kind == 3)


def traffic(box: Box) -> None:
    """Three nodes in a line that have met."""
    for number in (1, 2, 3):
        box.add(number)
    box.join(1, 2)
    box.join(2, 3)
    assert box.run(20_000, lambda: box.fresh(2) == 2)


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_thousand_bad_frames(seed: int) -> None:
    box = Box(seed)
    box.log = []
    traffic(box)
    dice = random.Random(seed)
    for number in range(FRAMES):
        if number % 500 == 0:
            box.nodes[1].submit(whole(number), 0, 0, box.now_ms)
            box.run(50)
        data = rubbish(dice, [data for _, _, data in box.log[-20:]])
        src = address(dice.choice((1, 3, 77)))
        box.nodes[2].receive(AIR, src, data, -60, box.now_ms)
    node = box.nodes[2]
    assert node.stats["bad_frames"] > FRAMES * 9 // 10
    box.nodes[1].submit(whole(7), 0, 0, box.now_ms)
    assert box.run(5000, lambda: box.nodes[3].shelf.rows_of(mid(7)))
    assert box.run(70_000, lambda: box.nodes[3].index.known == FRAMES // 500 + 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_insider_who_sends_anything(seed: int) -> None:
    """Rubbish under the right key, from a neighbour that has proved to be live."""
    box = Box(seed)
    traffic(box)
    dice = random.Random(seed)
    cipher = FrameCipher(box.key, 0, ecb)
    node = box.nodes[2]
    liar = address(3)
    counter = 1_000_000
    box.log = []
    bodies: list[tuple[int, bytes]] = []
    for number in range(4000):
        if number % 200 == 0:
            box.nodes[1].submit(whole(number), 0, 0, box.now_ms)
            box.run(100)
            for sender, _, data in box.log:
                kind, _, body = cipher.open(address(sender), data)
                bodies.append((kind, body))
            box.log.clear()
        kind, body = dice.choice(bodies)
        how = dice.randrange(4)
        if how == 0:
            body = dice.randbytes(dice.randrange(239))
        elif how == 1:
            body = body[: dice.randrange(len(body) + 1)]
        elif body:
            bent = bytearray(body)
            bent[dice.randrange(len(bent))] = dice.randrange(256)
            body = bytes(bent)
        if kind == 1 and how == 3:
            kind = dice.randrange(16)
        counter += 1
        node.receive(AIR, liar, cipher.seal(kind, counter, liar, body), -60, box.now_ms)
        if number % 10 == 0:
            box.run(10)
    assert node.stats["bad_bodies"] > 500
    box.nodes[1].submit(whole(7, priority=3), 0, 0, box.now_ms)
    assert box.run(120_000, lambda: node.shelf.rows_of(mid(7)))
    assert node.index.size <= node.index.capacity
    for row in node.index.rows():
        if node.index.held(row):
            node.shelf.body(row, node.clock.now_s(box.now_ms))
    box.stop(2)
    again = box.add(2)
    assert again.shelf.bad_records == 0
