"""Commands that carry their own way, through lossy lines and crowds of relays."""

from checks import raises
from mesh_in_a_box import AIR, Box, address

from shared_protocol import capsule
from shared_protocol.command import (
    ANSWER,
    DONE,
    EVERYBODY,
    FIND,
    FOUND,
    REQUEST,
    Command,
    decode,
    encode,
)
from shared_protocol.errors import DecodeError
from shared_protocol.frame import COMMAND, FrameCipher
from shared_protocol.limits import COMMAND_PART_MAX, COMMANDS_KEPT_MAX, WAY_NODES_MAX
from shared_protocol.source_route import SourceRoutes

CAPACITY = 24  # of relays that keep nothing here


def relays(count, seed=1, loss_pct=0, crowd=False):
    """Relays 1.. in a line, or all in earshot of each other, that have got to know each other."""
    box = Box(seed, loss_pct)
    box.routes = {}
    for i in range(1, count + 1):
        node = box.add(i, gateway=False, capacity=CAPACITY)
        box.routes[i] = SourceRoutes(address(i), node.queues[AIR], box.dice.below, box.now_ms)
        node.handlers[COMMAND] = box.routes[i].on_frame
        box.also.append(polled(box.routes[i]))
        for j in range(1 if crowd else max(1, i - 1), i):
            box.join(j, i)
    box.run(60_000, lambda: all([box.fresh(i) == len(box.edges[i, 0]) for i in box.nodes]))
    return box


def polled(routes):
    """For Box.also."""
    return lambda now_ms: routes.poll(now_ms, 1000)


def arrived(box, number):
    """What has come for a node's shell; it takes it out."""
    routes = box.routes[number]
    came = [decode(body) for body in routes.arrived]
    routes.arrived.clear()
    return came


def find(box, sought, number=77, wait_ms=3000, want=1):
    """Node 1 looks for a node: the FOUNDs that came back, each once."""
    now_ms = box.now_ms
    way = address(1)[-2:]
    search = Command(FIND, 0, number, way, sought + b"\0")
    box.routes[1].send(encode(search), now_ms)
    came = {}

    def enough():
        for c in arrived(box, 1):
            if c.kind == FOUND and c.number == number:
                came[c.way] = c
        return len(came) >= want

    box.run(wait_ms, enough)
    return list(came.values())


def ask(box, way, capsule, answer, number=5, wait_ms=3000):
    """Node 1 asks the last of the way: (what came there, what came back)."""
    now_ms = box.now_ms
    last = way[-1]
    there, back = [], []
    box.routes[1].send(encode(Command(REQUEST, 1, number, way, capsule)), now_ms)

    def enough():
        for c in arrived(box, last):
            there.append(c.rest)
            reply = Command(ANSWER, len(way) // 2 - 2, c.number, c.way, answer)
            box.routes[last].send(encode(reply), box.now_ms)
        back.extend([c.rest for c in arrived(box, 1) if c.kind == ANSWER])
        return bool(back)

    box.run(wait_ms, enough)
    return there, back


def test_a_node_is_found_and_the_way_to_it_with_how_each_heard_the_other():
    box = relays(5)
    (found,) = find(box, address(5))
    assert found.way == b"".join([address(i)[-2:] for i in (1, 2, 3, 4, 5)])
    assert found.rest[:6] == address(5)
    there, back = found.rest[6:11], found.rest[11:]
    assert (there, back) == (b"\0" + bytes((60,)) * 4, bytes((60,)) * 4)
    assert not find(box, address(9), 78)


def test_everybody_is_found():
    box = relays(6, crowd=True)
    found = find(box, EVERYBODY, want=5, wait_ms=6000)
    assert sorted([c.rest[:6] for c in found]) == [address(i) for i in range(2, 7)]


def test_through_four_hops_and_back_at_20_percent_loss():
    done = 0
    for seed in range(1, 6):
        box = relays(5, seed, 20)
        found = find(box, address(5)) or find(box, address(5), 79)
        if not found:
            continue
        there, back = ask(box, found[0].way, b"how are you", b"x" * 150)
        done += there[:1] == [b"how are you"] and back[:1] == [b"x" * 150]
    assert done >= 4, done


def test_what_went_on_is_not_sent_again():
    box = relays(5)
    found = find(box, address(5))
    box.run(2000)
    box.log = []
    there, back = ask(box, found[0].way, b"q", b"a")
    box.run(2000)
    cipher = FrameCipher(box.key, 0, lambda key: None)
    head = COMMAND | cipher.epoch << 4
    sent = [n for n, _, data in box.log if data[0] & 0x3F == head]
    assert (there, back) == ([b"q"], [b"a"])
    assert len(sent) == 9, sent  # four steps there, four back, and "it is here"


def test_a_broken_way_is_given_up():
    box = relays(4)
    found = find(box, address(4))
    box.stop(3)
    there, back = ask(box, found[0].way, b"q", b"a", wait_ms=4000)
    assert (there, back) == ([], [])
    assert box.routes[2].poll(box.now_ms, 99) == 99, "nothing waits any more"
    assert not box.routes[2].idle(box.now_ms)
    assert box.routes[2].idle(box.now_ms + 120_000), "a relay gives the code back then"


def test_a_flood_of_searches_is_not_passed_on():
    box = relays(3)
    box.run(3000)
    box.log = []
    for number in range(40):
        find(box, address(99), number, wait_ms=25)
    box.run(2000)
    passed = [n for n, _, data in box.log if n == 2 and data[0] & 15 == COMMAND]
    assert 0 < len(passed) <= 5 * 3, "one in a quarter of a second, three times each"


def test_garbage_is_refused():
    box = relays(2)
    way = address(1)[-2:] + address(2)[-2:]
    for body in (
        b"",
        b"\x00\x00\x00",
        encode(Command(FIND, 0, 1, way, EVERYBODY)),  # without strengths
        encode(Command(FOUND, 1, 1, way, bytes(6 + 5))),
        encode(Command(REQUEST, 2, 1, way, b"")),  # nobody's turn
        encode(Command(REQUEST, 1, 1, way, b""))[:-1],
        encode(Command(REQUEST, 0, 1, bytes(2 * WAY_NODES_MAX + 2), b"")),
    ):
        neighbour = box.nodes[1].neighbours.all[0]
        assert raises(DecodeError, box.routes[1].on_frame, neighbour, body, box.now_ms), body
    for body in (b"", b"\x00\x00\x00", bytes(3) + b"\x02abc"):
        assert raises(DecodeError, decode, body)
    done = Command(ANSWER, DONE, 1, way[-2:], b"")
    assert decode(encode(done)) == done


def test_a_relay_keeps_only_so_many():
    box = relays(2)
    routes = box.routes[2]
    for number in range(50):
        c = Command(REQUEST, 1, number, address(1)[-2:] + address(2)[-2:], b"q")
        routes.on_frame(box.nodes[2].neighbours.all[0], encode(c), box.now_ms)
    assert len(routes.arrived) == COMMANDS_KEPT_MAX


def test_answers_are_cut_into_parts_and_joined():
    for size in (0, 1, COMMAND_PART_MAX, COMMAND_PART_MAX + 1, 2000):
        whole = bytes([i & 0xFF for i in range(size)])
        answer = [whole[at : at + 77] for at in range(0, size, 77)]
        joined = b""
        for part in range(capsule.parts_of(answer)):
            text = capsule.encode_answered(9, part, answer)
            mark, at, parts, piece = capsule.decode_answered(text)
            assert (mark, at, parts) == (9, part, capsule.parts_of(answer))
            joined += piece
        assert joined == whole
    assert capsule.decode_asked(capsule.encode_asked(1 << 31, 3, b"{}")) == (1 << 31, 3, b"{}")
    assert raises(DecodeError, capsule.decode_asked, bytes(4))
    assert raises(DecodeError, capsule.decode_answered, bytes((0, 0, 0, 1, 2, 2)))
