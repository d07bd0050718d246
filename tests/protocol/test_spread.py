"""Operator statements and updates from relay to relay (SPEC.md 12.3); tests/model has more."""

# The largest file first: on 160 KB it compiles only while nothing else is loaded.
from update_mesh import FORGED, SECOND, TWO, WIRE, Updates, line

# isort: split
from shared_protocol import beacon, frame
from shared_protocol.neighbours import AIR
from shared_protocol.spread import TRY_EVERY_MS


def test_an_update_comes_through_five_relays():
    mesh = Updates(line(5))
    mesh.run(5 * SECOND)
    mesh.give(1, TWO, 4000)
    assert mesh.run(60 * SECOND, lambda: mesh.all_have(4000))
    assert [mesh.box.nodes[n].told for n in range(1, 6)] == [(2, 3)] * 5


def test_a_forged_statement_is_refused_and_tried_once_a_minute():
    mesh = Updates(line(2))
    mesh.run(5 * SECOND)
    node = mesh.box.nodes[2]
    tries = []
    for _ in range(70):  # from an insider, who has the network key
        mesh.box.nodes[1].queues[AIR].control(frame.EXTENDED, bytes((1,)) + FORGED)
        mesh.run(SECOND)
        tries.append(mesh.forged.get(2, 0))
    assert tries[2] == 1
    assert tries[-1] <= 1 + 70 * SECOND // TRY_EVERY_MS
    assert mesh.books[2].statement == b""
    assert node.told == (0, 0)


def test_what_is_for_one_node_at_the_wire_is_not_spread():
    mesh = Updates(line(2))
    mesh.run(5 * SECOND)
    mesh.give(1, WIRE, 2000)
    assert not mesh.run(5 * SECOND, lambda: mesh.books[2].statement)
    body = mesh.box.nodes[1].greeting.beacon_body(AIR, mesh.box.now_ms)
    assert beacon.decode(body).told == beacon.NOTHING_TOLD
