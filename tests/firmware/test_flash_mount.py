"""What a start finds: chips of all sizes, blank, foreign, newer, grown, wiped."""

import random
from types import SimpleNamespace

import pytest

from firmware import flash_recovery
from firmware.flash_recovery import StoreRefused, mark
from firmware.flash_store import FlashStore
from firmware.status import capacity
from tests.firmware.flash_chip import SECTOR
from tests.firmware.flash_lab import Bench, cut
from tools.virtual_board.nor import Partition
from tools.virtual_board.nor_lab import SHAPES, LabNor, PowerCut

MB = 1024 * 1024


def new_chip(size: int = 8 * SECTOR, encrypted: bool = False, image: bytes | None = None):
    chip = LabNor(size, None, encrypted)
    if image is not None:
        chip.restore(image)
    return chip, Partition(chip, (1, 0x40, 0, size, "store", encrypted))


def mounted(part, rows: int = 100) -> FlashStore:
    store = FlashStore(part, rows)
    store.mount()
    return store


def refused(chip, part) -> str:
    """The text of StoreRefused; the chip must be as it was."""
    before = chip.snapshot()
    with pytest.raises(StoreRefused) as error:
        mounted(part)
    assert chip.snapshot() == before
    return str(error.value)


# --- sizes


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("size_mb", [1, 2, 8])
def test_all_sizes_mount_hold_and_say_what_fits(size_mb: int, encrypted: bool):
    bench = Bench(size_mb * MB // SECTOR, 5000, encrypted)
    for _ in range(2500):
        bench.insist(bench.record())
    bench.again()
    fits, limit = capacity(bench.store)
    assert limit == ("index" if size_mb > 1 else "flash")
    assert 5000 >= fits > (3500 if encrypted else 3800)


@pytest.mark.parametrize("encrypted", [False, True])
def test_as_many_records_fit_as_capacity_says(encrypted: bool):
    _, part = new_chip(MB, encrypted)
    if encrypted:
        flash_recovery.wipe(part)
    store = mounted(part, 6000)
    fits, limit = capacity(store)
    assert limit == "flash"
    for i in range(fits - (256 if encrypted else 0)):  # there, room is kept to strike them
        store.put(i.to_bytes(2, "big") * 125)
    assert len(dict(mounted(part, 6000).records())) == store.live


def test_a_partition_that_grew_keeps_everything():
    for encrypted in (False, True):
        small = Bench(16, 2000, encrypted)
        small.run(1500)
        large = Bench(32, 2000, encrypted)
        large.chip.restore(small.chip.snapshot() + b"\xff" * 16 * SECTOR)
        large.model, large.serial = small.model, small.serial
        large.forgiving = True
        large.told = small.told
        large.again()
        for _ in range(2500):
            large.run(1)
        large.again()
        assert large.store.live > small.store.live * 3 // 2


# --- a table too small


@pytest.mark.parametrize("encrypted", [False, True])
def test_fewer_rows_than_handles_lose_nothing_that_fits(encrypted: bool):
    for seed in range(1, 15):
        bench = Bench(12, 400, encrypted, seed)
        bench.run(400 + 7 * seed)
        for handle in sorted(bench.model)[:: 1 + seed % 3]:  # leave handles that are high
            bench.delete(handle)
        want = sorted(bench.model.values())
        bench.rows = len(want) + 5
        bench.forgiving = True
        for _ in range(12):
            bench.mount()
            bench.model = dict(bench.store.records())
            assert sorted(bench.model.values()) == want
            assert bench.store.strays == 0
            bench.check()
            bench.run(20)
            want = sorted(bench.model.values())


def test_what_does_not_fit_is_counted_and_the_rest_goes_on():
    bench = Bench(12, 400)
    bench.run(400)
    before = len(bench.model)
    bench.rows = before - 10
    bench.mount()
    assert bench.store.strays == 10
    bench.model = dict(bench.store.records())
    bench.forgiving = True
    bench.check()
    for _ in range(200):
        bench.insist(bench.record())
    bench.again()


def test_a_larger_table_changes_nothing():
    bench = Bench(8, 100)
    bench.run(300)
    bench.rows = 900
    bench.again()


# --- what is not ours


def little_fs() -> bytes:
    """Two blocks as LittleFS begins, and files."""
    block = b"\x01\x00\x00\x00\xf0\x0f\xff\xf7littlefs/\xe0\x00\x10" + bytes(60)
    dice = random.Random(1)
    return b"".join((block + dice.randbytes(SECTOR))[:SECTOR] for _ in range(2)) + dice.randbytes(
        2 * SECTOR
    )


@pytest.mark.parametrize("place", [0, 3 * SECTOR, 5 * SECTOR + 2000, 8 * SECTOR - 1])
def test_a_single_stray_byte_is_refused(place: int):
    image = bytearray(b"\xff" * 8 * SECTOR)
    image[place] = 0xF7
    chip, part = new_chip(image=bytes(image))
    assert "something else" in refused(chip, part)


@pytest.mark.parametrize(
    "foreign",
    [little_fs(), bytes(8 * SECTOR), b"HF" * 9, b"\x00" + b"HF\x01\x7f" * 9, b"HF\x01\x00" * 9],
)
def test_foreign_content_is_refused_and_can_be_wiped(foreign: bytes):
    chip, part = new_chip(image=foreign + b"\xff" * (8 * SECTOR - len(foreign)))
    assert "something else" in refused(chip, part)
    flash_recovery.wipe(part)
    bench = taken_over(chip, part)
    bench.run(600)
    bench.again()


def taken_over(chip, part) -> Bench:
    """A bench on a chip that was something else, and is an empty store."""
    assert not dict(mounted(part).records())
    bench = Bench(chip.bytes_total // SECTOR, 100, chip.encrypted)
    bench.chip.restore(chip.snapshot())
    bench.again()
    return bench


@pytest.mark.parametrize("sector", [0, 5])
@pytest.mark.parametrize("version", [2, 3, 200])
def test_a_newer_version_is_refused_and_can_be_wiped(sector: int, version: int):
    bench = Bench(8, 100)
    bench.run(300)
    image = bytearray(bench.chip.snapshot())
    image[sector * SECTOR : sector * SECTOR + 4] = mark(version)
    chip, part = new_chip(image=bytes(image))
    assert "newer version" in refused(chip, part)
    flash_recovery.wipe(part)
    taken_over(chip, part).run(300)


def test_a_blank_partition_is_accepted():
    chip, part = new_chip()
    mounted(part)
    assert chip.programs == chip.erases == 0
    taken_over(chip, part).run(300)


def test_a_first_put_that_is_cut_anywhere_leaves_a_store():
    for operations in range(12):
        for shape in range(SHAPES):
            for at_byte in (None, 0, 1, 2, 3, 4, 7):
                bench = Bench(8, 100)
                cut(bench, operations, shape, lambda b=bench: b.run(1), at_byte)
                bench.again()
                bench.run(30)
                bench.again()


@pytest.mark.parametrize("encrypted", [False, True])
def test_wiping_that_is_cut_is_done_again(encrypted: bool):
    bench = Bench(8, 100, encrypted)
    bench.run(400)
    full = bench.chip.snapshot()
    for operations in range(12):
        for shape in range(SHAPES):
            bench.chip.restore(full)
            bench.chip.cut_after(operations, shape)
            try:
                flash_recovery.wipe(bench.part)
            except PowerCut:
                bench.chip.power_on()
                flash_recovery.wipe(bench.part)
            bench.chip.power_on()
            assert not dict(mounted(bench.part).records())


def test_a_first_put_that_is_cut_after_wiping_leaves_a_store():
    foreign = little_fs() + bytes(4 * SECTOR)
    for encrypted in (False, True):
        for operations in range(9):
            for shape in range(SHAPES):
                bench = Bench(8, 100, encrypted)
                bench.chip.restore(foreign)
                flash_recovery.wipe(bench.part)
                bench.mount()
                cut(bench, operations, shape, lambda b=bench: b.run(1))
                bench.again()
                bench.run(30)
                bench.again()


def test_wiping_takes_a_sector_whose_mark_has_a_flipped_bit():
    bench = Bench(8, 100)
    bench.run(400)
    full = bench.chip.snapshot()
    for bit in range(32):
        bench.chip.restore(full)
        bench.chip.flip((bench.store.ring.head * SECTOR + bit // 8) * 8 + bit % 8)
        flash_recovery.wipe(bench.part)
        assert not dict(mounted(bench.part).records())


# --- how much a start reads


def test_a_start_with_4000_records_reads_little_and_writes_nothing(capsys):
    bench = Bench(2 * MB // SECTOR, 4100)
    order = []
    while bench.store.live < 4000 or bench.store.ring.seq < 700:
        if bench.store.live == 4000:
            bench.delete(order.pop(0))
        assert bench.put(bench.record()[:250].ljust(250, b"."))
        order.append(next(reversed(bench.model)))
    bench.chip.reset_counters()
    bench.mount()
    chip = SimpleNamespace(**vars(bench.chip))  # before check() reads on
    with capsys.disabled():
        print(f"\n[flash: a start reads {chip.reads} times, {chip.read_bytes} bytes] ", end="")
    assert bench.store.live == 4000
    assert chip.reads <= 5000
    assert chip.read_bytes <= 64 * 1024
    assert chip.programs == chip.erases == 0
    bench.check()
