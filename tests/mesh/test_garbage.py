"""Ten thousand frames of rubbish into a real relay and a real gateway: counted, dropped, alive."""

import asyncio
import json
import os
import pty
import random
import socket
import time
import tty

from gateway.crypto import ecb
from shared_protocol.frame import FrameCipher
from shared_protocol.serial_line import MESH, SerialLine
from tools.field import Field, FieldGateway, until
from tools.virtual_board import air_wire

COUNT = 10_000
BATCH = 200


def rubbish(rng, good):
    """Random bytes, or a genuine frame cut short, with flipped bits, or of another sender."""
    choice = rng.randrange(4)
    if choice == 0 or not good:
        return rng.randbytes(rng.randrange(251))
    frame = bytearray(rng.choice(good))
    if choice == 1:
        return bytes(frame[: rng.randrange(len(frame))])
    if choice == 2:
        for _ in range(rng.randrange(1, 4)):
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
    return bytes(frame)


class Rogue:
    """A radio within range of r1 that keeps to the air's rules and to no others."""

    def __init__(self, port):
        self._pipe = socket.create_connection(("127.0.0.1", port))
        self._pipe.settimeout(30)
        join = air_wire.encode_join(bytes([2, 9, 9, 9, 9, 9]), 1, 0, 10)
        self._pipe.sendall(join)
        self._splitter = air_wire.Splitter()

    def say(self, frames):
        """Send frames, at most as many in flight as the air's queue takes."""
        flying = 0
        for frame in frames:
            self._pipe.sendall(air_wire.encode(air_wire.TRANSMIT, air_wire.BROADCAST + frame))
            flying += 1
            while flying >= air_wire.MAX_TRANSMIT_QUEUE:
                flying -= self._done()
        while flying:
            flying -= self._done()

    def _done(self):
        got = self._splitter.feed(self._pipe.recv(65536))
        return sum(1 for kind, _ in got if kind == air_wire.DONE)

    def close(self):
        self._pipe.close()


def test_a_relay_drops_ten_thousand_and_still_delivers():
    async def scene():
        rng = random.Random(6)
        field = Field(2, 0, 6)
        try:
            field.a.start()
            field.b.start()
            await until(lambda: field.a.status()["relay"] == "connected", 30, "relay r1")
            good = [
                bytes.fromhex(json.loads(line)["frame"])
                for line in field.record.read_text().splitlines()
            ]
            rogue = Rogue(field.air_port)
            for _ in range(COUNT // BATCH):
                await asyncio.to_thread(rogue.say, [rubbish(rng, good) for _ in range(BATCH)])
            rogue.close()
            field.a.desk.send("Bo", "still here?")
            await until(lambda: field.b.desk.listing("in"), 60, "a message through the rubbish")
            await until(
                lambda: field.a.desk.listing("out")[0]["state"] == "delivered", 60, "its receipt"
            )
            await asyncio.sleep(2.5)  # the gateway asks its relay every two seconds
            return await field.relay_status()
        finally:
            field.close()

    statuses = asyncio.run(scene())
    for status in statuses[:1]:  # r1 hears all of it; a busy board may drop some in its radio
        assert status["stats"]["bad_frames"] > COUNT // 2
    assert all(status["faults"] == 0 for status in statuses)
    assert all(status["boots"] == 1 for status in statuses)


def test_a_gateway_drops_ten_thousand_and_still_answers(tmp_path):
    board_end, gateway_end = pty.openpty()
    tty.setraw(gateway_end)
    os.set_blocking(board_end, False)
    key = bytes(range(32))
    gateway = FieldGateway("G", "Gil", tmp_path, key, os.ttyname(gateway_end))
    gateway.start()
    rng = random.Random(7)
    cipher = FrameCipher(key, 0, ecb)
    source = bytes([2, 0, 0, 0, 0, 1])
    good = [cipher.seal(t, 5, source, rng.randbytes(40)) for t in range(16)]
    line = SerialLine(False, 3)
    start = time.monotonic()

    def turn():
        now_ms = int((time.monotonic() - start) * 1000)
        try:
            line.receive(os.read(board_end, 65536), now_ms)
        except BlockingIOError:
            time.sleep(0.0005)
        data, _ = line.poll(now_ms)
        return data

    def write(data):
        while data:
            try:
                data = data[os.write(board_end, data) :]
            except BlockingIOError:
                turn()

    try:
        while not line.attached:
            write(turn())
        sent = 0
        while sent < COUNT:
            if sent % 5 == 0:  # rubbish on the wire itself
                noise = rng.randbytes(rng.randrange(1, 60))
                write(noise + b"\n" if rng.random() < 0.5 else b"\x02" + noise + b"\n")
                sent += 1
            elif line.send(MESH, source + rubbish(rng, good)):  # a true line, rubbish inside
                sent += 1
            write(turn())
            assert time.monotonic() - start < 120
        while line.room() < 4:
            write(turn())
        status = gateway.status()
        assert status["stats"]["bad_frames"] > COUNT // 3
        assert status["problem"] == ""
        assert gateway.desk.me()["name"] == "Gil"
    finally:
        gateway.stop()
        gateway.desk.close()
        os.close(board_end)
        os.close(gateway_end)
