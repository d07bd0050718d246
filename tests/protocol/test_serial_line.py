"""The serial line, both ends back to back over a wire that loses, bends and repeats."""

from checks import raises
from mesh_dice import Dice

from shared_protocol.errors import LocalError
from shared_protocol.serial_line import (
    CHUNK_MAX,
    CONSOLE,
    CONSOLE_ROOM,
    DEAD_AFTER_MS,
    MESH,
    MESSAGE_MAX,
    QUEUE_MAX,
    SerialLine,
)


class Wire:
    """A host and a relay in virtual time; what each got."""

    def __init__(self, seed=1, loss_pct=0, bend_pct=0, twice_pct=0, logs=False):
        self.dice = Dice(seed)
        self.loss_pct, self.bend_pct, self.twice_pct = loss_pct, bend_pct, twice_pct
        self.logs = logs
        self.now_ms = 0
        self.ends = [SerialLine(True, self.dice.below(256)), SerialLine(False, 200)]
        self.got = [[], []]
        self.longest = 0

    def restart(self, end):
        """One side loses its memory."""
        self.ends[end] = SerialLine(end == 0, self.dice.below(256))

    def bent(self, data):
        """What arrives of these bytes."""
        self.longest = max(self.longest, max([len(line) for line in data.split(b"\n")]))
        if self.dice.below(100) < self.loss_pct:
            cut = self.dice.below(len(data))
            data = data[:cut] + data[cut + 1 + self.dice.below(20) :]
        if data and self.dice.below(100) < self.bend_pct:
            at = self.dice.below(len(data))
            data = data[:at] + bytes((data[at] ^ 1 << self.dice.below(8),)) + data[at + 1 :]
        if self.dice.below(100) < self.twice_pct:
            data += data
        return data

    def run(self, ms, until=None):
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            for end in (0, 1):
                data = self.ends[end].poll(self.now_ms)[0]
                if data:
                    data = self.bent(data)
                if self.logs and end and self.dice.below(3) == 0:
                    data = b"I (123) wifi: something\r\n" + data
                self.got[1 - end] += self.ends[1 - end].receive(data, self.now_ms)
            self.now_ms += 10
            if until is not None and until():
                return True
        return False


def message(i):
    """Messages of all sizes, none like another."""
    return bytes((i,)) * (1 + i * 53 % 700)


def test_the_relay_is_silent_until_the_host_speaks():
    relay = SerialLine(False, 3)
    assert not relay.send(MESH, b"frame")
    assert relay.room() == 0
    for now_ms in range(0, 20_000, 500):
        assert relay.poll(now_ms)[0] == b""
    wire = Wire()
    wire.run(100)
    assert wire.ends[1].attached
    assert wire.ends[1].send(MESH, b"frame")
    wire.run(100)
    assert wire.got == [[(MESH, b"frame")], []]


def test_channels_and_all_sizes():
    wire = Wire()
    wire.run(50)
    for size in (1, CHUNK_MAX - 1, CHUNK_MAX, CHUNK_MAX + 1, 1000, MESSAGE_MAX):
        for end, channel in ((0, CONSOLE), (1, MESH)):
            text = bytes(size)
            assert wire.ends[end].send(channel, text)
            assert wire.run(20_000, lambda got=wire.got[1 - end]: got)
            assert wire.got[1 - end] == [(channel, text)]
            wire.got[1 - end].clear()
    assert wire.longest <= 181
    assert wire.ends[0].repeats == 0
    assert raises(LocalError, wire.ends[0].send, MESH, bytes(MESSAGE_MAX + 1))


def there_and_back(wire, count=24, ms=200_000):
    """Messages both ways at once: all arrive, once, in order."""
    wire.run(3000)
    sent = [[], []]
    for i in range(count):
        assert wire.run(ms, lambda: wire.ends[0].room() and wire.ends[1].room())
        for end in (0, 1):
            assert wire.ends[end].send(MESH, message(i))
            sent[1 - end].append((MESH, message(i)))
    assert wire.run(ms, lambda: wire.got == sent), [len(x) for x in wire.got]
    assert len(sent[0]) == len(sent[1]) == count
    wire.run(10_000)
    assert wire.got == sent


def test_lost_bytes():
    for seed in range(3):
        there_and_back(Wire(seed, loss_pct=10))


def test_bent_bytes():
    for seed in range(3):
        wire = Wire(seed, bend_pct=10)
        there_and_back(wire)
        assert wire.ends[0].bad_lines + wire.ends[1].bad_lines > 0


def test_repeated_bytes():
    there_and_back(Wire(1, twice_pct=50))


def test_everything_at_once_with_log_lines_between():
    for seed in range(3):
        there_and_back(Wire(seed, 5, 5, 10, logs=True))


def test_an_idle_line_stays_attached():
    wire = Wire()
    wire.run(60_000)
    assert wire.ends[1].attached
    assert wire.ends[0].repeats == 0
    assert wire.got == [[], []]


def test_either_side_restarts_in_the_middle():
    """What was under way is lost or arrives whole; what is sent afterwards arrives."""
    for end in (0, 1):
        for at_ms in range(20, 400, 30):
            wire = Wire(at_ms)
            wire.run(100)
            for i in range(8):
                wire.ends[0].send(MESH, message(i))
                wire.ends[1].send(MESH, message(i))
            wire.run(at_ms)
            wire.restart(end)
            wire.run(9000)
            assert wire.ends[0].send(CONSOLE, b"after")
            assert wire.ends[1].send(CONSOLE, b"after")
            wire.run(3000)
            for got in wire.got:
                assert got[-1] == (CONSOLE, b"after")
                numbers = [m[0] for _, m in got[:-1]]
                assert got[:-1] == [(MESH, message(i)) for i in numbers]
                assert numbers == sorted(numbers)


def test_nobody_there_forgets_what_waits():
    wire = Wire()
    wire.run(100)
    wire.ends[1].send(MESH, b"stale")
    relay = wire.ends[1]
    for now_ms in range(100, 100 + 2 * DEAD_AFTER_MS, 100):
        relay.poll(now_ms)
    assert not relay.attached
    assert relay.room() == 0
    assert relay.poll(20_000)[0] == b""
    host = SerialLine(True, 1)
    assert relay.receive(host.poll(30_000)[0], 30_000) == []
    assert relay.room() == QUEUE_MAX - CONSOLE_ROOM


def test_the_queue_has_a_maximum():
    host = SerialLine(True, 1)
    taken = [host.send(MESH, b"x") for _ in range(QUEUE_MAX + 3)]
    assert taken == [True] * QUEUE_MAX + [False] * 3
    assert host.room() == 0


def test_noise_without_an_end_is_dropped():
    relay = SerialLine(False, 1)
    for _ in range(50):
        assert relay.receive(b"\x02" + b"A" * 99, 0) == []
    assert relay.bad_lines > 10
    assert len(relay._in) <= 300


def test_a_message_too_long_is_dropped_whole():
    """A chunk that never says it is the last: bounded, and the rest is not taken for a message."""
    from shared_protocol.serial_line import _FIRST, _LAST, _encode

    relay = SerialLine(False, 1)
    assert relay.receive(_encode(_FIRST, 0, bytes(128)), 0) == []
    for seq in range(1, 40):
        assert relay.receive(_encode(0, seq, bytes(128)), 0) == []
    assert relay.bad_lines == 1
    assert relay.receive(_encode(_LAST, 40, b"the end"), 0) == []
    assert relay.receive(_encode(_FIRST | _LAST, 41, b"next"), 0) == [(MESH, b"next")]
