"""A shelf on a flash much smaller than its index: what gives way, and what a start finds."""

from firmware.flash_store import FlashStore
from shared_protocol import restart
from shared_protocol.parcel_index import ParcelIndex
from shared_protocol.records import Clock
from shared_protocol.shelf import NEW, NO_ROOM, Shelf
from tests.protocol.checks import NODE_ID, whole
from tools.virtual_board.nor import Partition
from tools.virtual_board.nor_lab import LabNor

SECTORS, CAPACITY = 16, 440
KEY = bytes(range(16))


def start(part):
    store = FlashStore(part, CAPACITY + 2)
    store.mount()
    shelf = Shelf(NODE_ID, bytes(16), KEY, ParcelIndex(CAPACITY), store, lambda immutable: False)
    restart.load(shelf)
    return shelf


def new_part():
    chip = LabNor(SECTORS * 4096)
    return chip, Partition(chip, (1, 0x40, 0, SECTORS * 4096, "store", False))


def text(number, priority=1):
    return whole(number, b"x" * 200, priority)


def held(shelf, numbers):
    """Which of these messages are held."""
    rows = {n: shelf.index.find(shelf.short_of(text(n, 1 + (n % 10 == 0)))) for n in numbers}
    return [n for n, row in rows.items() if row >= 0 and shelf.index.held(row)]


def test_the_oldest_of_the_lowest_priority_give_way_and_a_start_finds_the_rest():
    """Every tenth message is urgent and outlives the others, so there is much to move."""
    _, part = new_part()
    shelf = start(part)
    shelf.save_clock(Clock(1, 5, 4096, 0, 0, 0))
    for number in range(1000):
        immutable = text(number, 1 + (number % 10 == 0))
        assert shelf.accept(1, 0, immutable, 100 + number)[0] == NEW, number
    urgent = [n for n in range(1000) if n % 10 == 0]
    there = held(shelf, range(1000))
    assert [n for n in there if n % 10 == 0] == urgent
    rest = [n for n in there if n % 10]
    assert rest == [n for n in range(1000) if n % 10][-len(rest) :], "the newest"
    assert len(there) > 190, "three quarters of the flash are used"
    assert shelf.store.moved > 100

    again = start(part)
    assert again.clock.clock_s == 5
    assert held(again, range(1000)) == there


def test_a_flash_that_takes_no_more_costs_nothing_that_is_there():
    chip, part = new_part()
    shelf = start(part)
    for number in range(40):
        assert shelf.accept(1, 0, text(number), 100)[0] == NEW
    for sector in range(SECTORS):
        chip.dead(sector)
    for number in range(40, 60):
        assert shelf.accept(1, 0, text(number), 100)[0] == NO_ROOM
    assert shelf.evicted == 0
    assert [shelf.index.held(row) for row in shelf.index.rows()] == [True] * 40


def test_short_messages_on_the_smallest_flash_and_always_a_clock():
    _, part = new_part()
    shelf = start(part)
    for number in range(4000):
        assert shelf.accept(1, 0, whole(number, b"hi"), 100 + number)[0] == NEW, number
        if number % 50 == 0:
            shelf.save_clock(Clock(1 + number, number, 4096 + number, 0, 0, 0))
            shelf = start(part)
            assert shelf.clock.clock_s == number
