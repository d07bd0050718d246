"""Updates in meshes that lose frames and power, with insiders among them (SPEC.md 12.3)."""

import struct

from memory_book import MemoryBook
from update_mesh import FORGED, ONE, SECOND, TWO, Updates, line

from shared_protocol import frame, statement
from shared_protocol.neighbours import AIR
from shared_protocol.spread import IDLE_MS, TRY_EVERY_MS


def test_through_loss_and_a_power_cut():
    """A fifth of the frames is lost, and whoever is in the middle loses its power twice."""
    mesh = Updates(line(5), 3, 20)
    mesh.run(10 * SECOND)
    mesh.give(1, TWO, 4000)
    for _ in range(2):
        had = mesh.books[3].pages
        assert mesh.run(60 * SECOND, lambda had=had: mesh.books[3].pages > had)
        mesh.box.stop(3)
        mesh.run(3 * SECOND)
        mesh.start(3)
    assert mesh.run(120 * SECOND, lambda: mesh.all_have(4000))


def test_who_restarted_is_asked_again_soon():
    """Its neighbour's first beacon after the restart is lost; the next may be a minute away."""
    mesh = Updates(line(5), 4, 20)
    mesh.run(10 * SECOND)
    mesh.give(1, TWO, 4000)
    assert mesh.run(60 * SECOND, lambda: mesh.books[4].pages >= 1)
    mesh.box.stop(3)
    mesh.run(SECOND)
    mesh.start(3)
    assert mesh.run(20 * SECOND, lambda: mesh.all_have(4000, (4,)))


def test_one_answer_serves_everybody_around():
    mesh = Updates(
        [(1, n) for n in range(2, 6)] + [(2, 3), (3, 4), (4, 5), (2, 4), (3, 5), (2, 5)]
    )
    mesh.run(5 * SECOND)
    mesh.box.log = []
    mesh.give(1, TWO, 4000)
    assert mesh.run(30 * SECOND, lambda: mesh.all_have(4000))
    served = [1 for _, _, data in mesh.box.log if len(data) > 232]
    chunks = 17  # whole ones
    assert chunks <= len(served) < 2 * chunks  # and not four times as many


def test_a_later_statement_leads_and_an_older_one_is_nothing():
    mesh = Updates(line(3))
    mesh.run(5 * SECOND)
    mesh.give(1, ONE, 2000)
    assert mesh.run(30 * SECOND, lambda: mesh.all_have(2000))
    mesh.give(3, TWO, 4000)
    assert mesh.run(30 * SECOND, lambda: mesh.all_have(4000))
    assert not mesh.spreads[2].offer(ONE, mesh.box.now_ms)
    assert not mesh.spreads[2].offer(TWO, mesh.box.now_ms)


def test_a_true_one_is_taken_after_a_forged_one():
    mesh = Updates(line(2))
    mesh.run(5 * SECOND)
    mesh.box.nodes[1].queues[AIR].control(frame.EXTENDED, bytes((1,)) + FORGED)
    mesh.run(3 * SECOND)
    assert mesh.forged == {2: 1}
    mesh.give(1, TWO, 4000)
    assert mesh.run(TRY_EVERY_MS + 60 * SECOND, lambda: mesh.all_have(4000))


def test_a_statement_of_another_network_is_refused():
    mesh = Updates(line(2))
    mesh.run(5 * SECOND)
    mesh.box.nodes[1].cipher.short_id_key = bytes(16)
    assert mesh.spreads[1].offer(TWO, mesh.box.now_ms)
    mesh.run(5 * SECOND)
    assert mesh.forged == {1: 1}


def test_a_polluted_page_is_dropped_and_comes_from_somebody_else():
    """An insider fills every page with rubbish, also when it is not asked."""
    mesh = Updates([(1, 2), (2, 3)])
    mesh.run(5 * SECOND)
    mesh.give(1, TWO, 4000)
    rogue = mesh.box.nodes[3]
    rogue.spread = None
    del mesh.spreads[3]
    load, mesh.load = mesh.load, lambda number: number == 3 or load(number)
    assert mesh.run(20 * SECOND, lambda: mesh.books[2].statement)
    for i in range(600):
        head = struct.pack(statement.CHUNK, frame.CHUNK, 2, mesh.books[2].pages, i % 8)
        body = head + bytes(232)
        rogue.queues[AIR].control(frame.EXTENDED, body)
        mesh.box.run(SECOND // 10)
        if mesh.all_have(4000, (2,)):
            break
    assert mesh.all_have(4000, (2,))
    assert i > 10  # it did hold it up


def test_it_is_forgotten_when_nothing_happens_and_loaded_again():
    mesh = Updates(line(3))
    mesh.run(IDLE_MS + 10 * SECOND)
    assert not mesh.spreads
    mesh.load(1)
    mesh.give(1, TWO, 4000)
    assert mesh.run(120 * SECOND, lambda: mesh.all_have(4000))
    mesh.run(IDLE_MS + 5 * SECOND)
    assert not mesh.spreads
    mesh.books[4] = MemoryBook()  # and who comes later is served too
    mesh.start(4)
    mesh.box.join(3, 4)
    assert mesh.run(150 * SECOND, lambda: mesh.all_have(4000))


def test_without_room_it_waits():
    mesh = Updates(line(2))
    mesh.books[2].room = 1
    mesh.run(5 * SECOND)
    mesh.give(1, TWO, 4000)
    assert not mesh.run(8 * SECOND, lambda: mesh.all_have(4000))
    assert mesh.spreads[2].full
    assert mesh.books[2].pages == 1


def test_a_node_that_knows_nothing_of_updates_lives_beside_them():
    """As version 0.2 did: it skips the extension and counts the frames."""
    mesh = Updates(line(3))
    mesh.run(5 * SECOND)
    old = mesh.box.nodes[2]
    old.spread = None
    del mesh.spreads[2]
    load, mesh.load = mesh.load, lambda number: number == 2 or load(number)
    mesh.give(1, TWO, 4000)
    mesh.run(5 * SECOND)
    assert old.told == (0, 0)
    assert old.stats["bad_bodies"] == old.stats["bad_frames"] == 0
    assert mesh.box.fresh(1) == 1
    assert mesh.box.fresh(2) == 2
