"""The air, with boards played by asyncio clients."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tools.virtual_board import air_model, air_wire
from tools.virtual_board.air import Air
from tools.virtual_board.air_client import AirError, ask

ANSWER_TIMEOUT_S = 5.0
A, B, C = (bytes([2, 0, 0, 0, 0, last]) for last in (0xA, 0xB, 0xC))


OPENED: list[asyncio.StreamWriter] = []  # closed at the end of with_air()


async def connect(air: Air) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", air.port)
    OPENED.append(writer)
    return reader, writer


class Client:
    """One board's pipe: sends, and sorts what comes back by kind."""

    @classmethod
    async def join(cls, air: Air, mac: bytes, x_m: int = 0, channel: int = 1) -> "Client":
        client = cls()
        client.reader, client.writer = await connect(air)
        client.splitter = air_wire.Splitter()
        client.statuses = []
        client.heard = []
        client.write(air_wire.encode_join(mac, channel, x_m, 0))
        await client.settle()
        return client

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    splitter: air_wire.Splitter
    statuses: list[int]
    heard: list[tuple[bytes, bytes, int, bytes]]

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def transmit(self, frame: bytes, dest: bytes = air_wire.BROADCAST) -> None:
        self.write(air_wire.encode(air_wire.TRANSMIT, dest + frame))

    async def send(self, frame: bytes, dest: bytes = air_wire.BROADCAST) -> int:
        """Transmit and wait for the end of the airtime; the status."""
        done = len(self.statuses)
        self.transmit(frame, dest)
        await self.read_until(lambda: len(self.statuses) > done)
        return self.statuses[done]

    async def settle(self) -> list[bytes]:
        """Read all that the air has written so far; the frames heard since the join."""
        echoes: list[bytes] = []
        self.write(air_wire.encode(air_wire.POKE))
        await self.read_until(lambda: bool(echoes), echoes)
        return [frame for _, _, _, frame in self.heard]

    async def read_until(
        self, is_enough: Callable[[], bool], echoes: list[bytes] | None = None
    ) -> None:
        while not is_enough():
            data = await asyncio.wait_for(self.reader.read(65536), ANSWER_TIMEOUT_S)
            assert data, "the air closed the pipe"
            for kind, payload in self.splitter.feed(data):
                if kind == air_wire.DONE:
                    self.statuses.append(payload[0])
                elif kind == air_wire.RECEIVED:
                    self.heard.append(air_wire.decode_received(payload))
                elif echoes is not None:
                    echoes.append(payload)

    async def is_closed(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(), ANSWER_TIMEOUT_S) == b""
        except ConnectionResetError:
            return True


def with_air(story: Callable[[Air], Awaitable[Any]], **settings: Any) -> Any:
    async def run() -> Any:
        air = Air(**settings)
        await air.start()
        try:
            return await story(air)
        finally:
            await air.stop()
            while OPENED:
                writer = OPENED.pop()
                writer.close()
                with contextlib.suppress(ConnectionError):  # some tests are about being cut off
                    await writer.wait_closed()

    return asyncio.run(run())


def test_a_frame_reaches_who_is_in_range_with_its_level():
    async def story(air: Air) -> None:
        a, b = await Client.join(air, A), await Client.join(air, B, x_m=10)
        c = await Client.join(air, C, x_m=121)
        assert await a.send(b"hello") == air_wire.STATUS_OK
        assert await b.settle() == [b"hello"]
        assert b.heard[0][:3] == (A, air_wire.BROADCAST, -70)
        assert await c.settle() == []
        assert await a.settle() == []

    with_air(story, range_m=120)


def test_channels_do_not_hear_each_other_until_one_retunes():
    async def story(air: Air) -> None:
        a, b = await Client.join(air, A), await Client.join(air, B, channel=6)
        await a.send(b"one")
        assert await b.settle() == []
        # The position in a second join is ignored, or this one would be out of range.
        b.write(air_wire.encode_join(B, 1, 9999, 0))
        await b.settle()
        await a.send(b"two")
        assert await b.settle() == [b"two"]

    with_air(story)


def test_unicast_reaches_one_board_or_is_not_acknowledged():
    async def story(air: Air) -> None:
        a, b, c = [await Client.join(air, mac) for mac in (A, B, C)]
        assert await a.send(b"for b", dest=B) == air_wire.STATUS_OK
        assert await b.settle() == [b"for b"]
        assert await c.settle() == []
        assert await a.send(b"nobody", dest=bytes(6)) == air_wire.STATUS_NO_ACK

    with_air(story)


def heard_by_b(seed: int, chatter: bool) -> list[bytes]:
    async def story(air: Air) -> list[bytes]:
        a, b, c = [await Client.join(air, mac) for mac in (A, B, C)]
        for number in range(100):
            await a.send(bytes([number]))
            if chatter and number % 3:
                await c.send(b"chatter", dest=A)
        return await b.settle()

    frames: list[bytes] = with_air(story, seed=seed, loss=0.3)
    return frames


def test_loss_depends_on_the_seed_and_the_link_only():
    quiet = heard_by_b(1, chatter=False)
    assert 55 <= len(quiet) <= 85
    assert heard_by_b(1, chatter=True) == quiet
    assert heard_by_b(2, chatter=False) != quiet


def test_airtime_is_accounted_and_spent():
    assert air_model.airtime_us(250) == 2536

    async def story(air: Air) -> None:
        a, b = await Client.join(air, A), await Client.join(air, B)
        start_s = asyncio.get_running_loop().time()
        for _ in range(5):
            a.transmit(bytes(250))
            b.transmit(bytes(250))
        for client in (a, b):
            await client.read_until(lambda client=client: len(client.statuses) == 5)
        took_s = asyncio.get_running_loop().time() - start_s
        stats = air.stats()
        # In range of each other, so one after the other, unless two started in the same slot.
        together = stats["lost_to"].get("half duplex", 0) // 2
        assert took_s >= (10 - together) * 0.002536
        assert together < 5
        assert stats["frames_sent"] == 10
        assert stats["frames_delivered"] == 10 - stats["frames_lost"] == 10 - 2 * together
        assert stats["bytes_on_air"] == 10 * (43 + 250)
        assert stats["airtime_ms"] == 25
        heard = 5 - together
        assert [(b["sent"], b["heard"]) for b in stats["boards"]] == [(5, heard), (5, heard)]

    with_air(story)


def test_the_ninth_frame_waiting_is_refused():
    async def story(air: Air) -> None:
        a = await Client.join(air, A)
        one = air_wire.encode(air_wire.TRANSMIT, air_wire.BROADCAST + bytes(250))
        a.write(one * 9)
        await a.read_until(lambda: len(a.statuses) == 9)
        assert a.statuses == [air_wire.STATUS_NO_MEM] + 8 * [air_wire.STATUS_OK]

    with_air(story)


@pytest.mark.parametrize(
    "rubbish",
    [
        pytest.param(b"\x01\x01T" + bytes(257), id="251-byte frame"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="not our wire"),
        pytest.param(b"\x00\x01D\x00", id="kind only the air may send"),
        pytest.param(b"\x00\x03J\x00\x00\x00", id="short join"),
    ],
)
def test_rubbish_closes_one_pipe_and_no_more(rubbish: bytes):
    async def story(air: Air) -> None:
        a, b, c = [await Client.join(air, mac) for mac in (A, B, C)]
        c.write(rubbish)
        assert await c.is_closed()
        assert air.connections_refused == 1
        await a.send(b"still here")
        assert await b.settle() == [b"still here"]
        assert len(air.radio.boards) == 2

    with_air(story)


def test_transmitting_before_joining_is_refused():
    async def story(air: Air) -> None:
        reader, writer = await connect(air)
        writer.write(air_wire.encode(air_wire.TRANSMIT, air_wire.BROADCAST + b"x"))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await reader.readexactly(1)
        assert air.connections_refused == 1

    with_air(story)


def test_a_board_that_joins_again_replaces_its_old_pipe():
    async def story(air: Air) -> None:
        old, b = await Client.join(air, A), await Client.join(air, B)
        old.transmit(bytes(250))  # cut off by the new join, or heard before it
        new = await Client.join(air, A)
        assert await old.is_closed()
        assert await new.send(b"new") == air_wire.STATUS_OK
        assert (await b.settle())[-1] == b"new"

    with_air(story)


def test_the_control_connection_moves_mutes_and_counts():
    async def story(air: Air) -> None:
        a, b = await Client.join(air, A), await Client.join(air, B)

        async def control(cmd: str, **fields: Any) -> dict[str, Any]:
            return await asyncio.to_thread(ask, air.port, cmd, **fields)

        await control("move", mac=B.hex(":"), x_m=500, y_m=0)
        await a.send(b"too far")
        await control("move", mac=B.hex(), x_m=5, y_m=0)
        await control("mute", mac=A.hex(), muted=True)
        await a.send(b"no antenna")
        await control("mute", mac=A.hex(), muted=False)
        await control("set", loss=1.0)
        await a.send(b"lost")
        await control("set", loss=0.0)
        await a.send(b"at last")
        assert await b.settle() == [b"at last"]
        stats = await control("stats")
        assert (stats["frames_delivered"], stats["frames_lost"]) == (1, 1)
        assert stats["boards"][1]["x_m"] == 5
        for wrong in ({"loss": 2}, {"loss": "much"}, {}):
            with pytest.raises(AirError):
                await control("set", **wrong)
        with pytest.raises(AirError):
            await control("sing")
        # A moved board that is started again is still where it was put.
        b.writer.close()
        b = await Client.join(air, B, x_m=500)
        await a.send(b"again")
        assert await b.settle() == [b"again"]

    with_air(story)


def test_the_record_holds_one_line_per_frame(tmp_path: Path):
    path = tmp_path / "air.jsonl"

    async def story(air: Air) -> dict[str, Any]:
        a = await Client.join(air, A)
        await Client.join(air, B, channel=1)
        await Client.join(air, C, channel=2)
        await a.send(b"\x01\x02")
        # Read while the air still runs: the line is flushed.
        line: dict[str, Any] = json.loads(path.read_text())
        return line

    line = with_air(story, record=path)
    assert line.pop("t_ms") >= 0
    assert line == {
        "src": A.hex(),
        "dest": "ffffffffffff",
        "channel": 1,
        "frame": "0102",
        "heard": [B.hex()],
        "lost": [],
        "why": [],
    }


def test_hidden_terminals_collide_and_the_record_says_so(tmp_path: Path):
    path = tmp_path / "air.jsonl"

    async def story(air: Air) -> dict[str, Any]:
        a = await Client.join(air, A)
        b = await Client.join(air, B, x_m=100)
        c = await Client.join(air, C, x_m=200)
        for client in (a, c):
            for _ in range(8):
                client.transmit(bytes(250))
        for client in (a, c):
            await client.read_until(lambda client=client: len(client.statuses) == 8)
        assert len(await b.settle()) < 8
        return air.stats()

    stats = with_air(story, record=path)
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    collided = [entry["src"] for entry in lines if entry["why"] == ["collision"]]
    assert len(collided) == stats["lost_to"]["collision"] == stats["frames_lost"] > 8
    assert all((entry["lost"] == [B.hex()]) == bool(entry["why"]) for entry in lines)
    assert set(collided) == {A.hex(), C.hex()}


def test_what_waits_to_be_sent_goes_out_on_the_new_channel():
    async def story(air: Air) -> None:
        a, b = await Client.join(air, A), await Client.join(air, B, channel=6)
        for number in range(3):
            a.transmit(bytes([number]))
        a.write(air_wire.encode_join(A, 6, 0, 0))
        await a.read_until(lambda: len(a.statuses) == 3)
        assert a.statuses == 3 * [air_wire.STATUS_OK]
        assert await b.settle() == [b"\0", b"\1", b"\2"]

    with_air(story)
