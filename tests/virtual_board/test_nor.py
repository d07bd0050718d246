"""The NOR flash model: here in memory; test_nor_elsewhere.py runs this again on a file and under
MicroPython. So: no pytest, and every chip from new_chip().
"""

import errno
import os
from array import array

from tools.virtual_board.nor import SECTOR_BYTES, Nor, Partition
from tools.virtual_board.nor_lab import (
    END_ERASED,
    FIRST_BYTE,
    MIXED,
    NEARLY_ALL,
    SHAPES,
    START_ERASED,
    THIRD,
    LabNor,
    PowerCut,
)

# Set by who wants the chips in a file of this name.
FILE_VARIABLE = "HELIO_TEST_FLASH"
RECORD = bytes([(7 * i) & 0xFF for i in range(262)])
open_chips = []


def new_chip(sectors=4, kind=LabNor, **settings):
    """A blank chip; it closes the one before."""
    close_chips()
    path = os.getenv(FILE_VARIABLE) or None
    if path:
        with open(path, "wb") as file:
            for _ in range(sectors):
                file.write(b"\xff" * SECTOR_BYTES)
    open_chips.append(kind(sectors * SECTOR_BYTES, path, **settings))
    return open_chips[0]


def close_chips():
    while open_chips:
        open_chips.pop().file.close()


def stored(chip, address, length):
    buffer = bytearray(length)
    chip.read(address, buffer)
    return bytes(buffer)


def error_of(call, *arguments):
    """The errno of what it raises, the word "cut" for PowerCut, None if it does neither."""
    try:
        call(*arguments)
    except OSError as error:
        return error.args[0]
    except PowerCut:
        return "cut"
    return None


def is_some_of(part, whole):
    """Are these some bits of those, neither none nor all?"""
    return part & ~whole == 0 and part not in (0, whole)


# --- the rules of NOR


def test_programs_clear_bits_and_only_erasing_sets_them():
    for kind in (Nor, LabNor):
        chip = new_chip(kind=kind)
        chip.program(5000, b"\xf0\xff")
        chip.program(5000, b"\x80\x00")
        assert error_of(chip.program, 4999, b"\x7f\x81") == errno.EIO
        assert stored(chip, 4999, 4) == b"\xff\x80\x00\xff"
        chip.program(4095, b"\x01")
        chip.program(8192, b"\x02")
        chip.erase(4096)
        assert stored(chip, 4095, 4098) == b"\x01" + b"\xff" * 4096 + b"\x02"
        chip.program(5000, b"\x81")
        assert stored(chip, 5000, 1) == b"\x81"


def test_a_program_that_fails_late_writes_nothing():
    chip = new_chip(kind=Nor)
    chip.program(4000 + 261, b"\x00")
    assert error_of(chip.program, 4000, RECORD[:261] + b"\x01") == errno.EIO
    assert stored(chip, 4000, 261) == b"\xff" * 261
    chip.program(4000, RECORD[:261] + b"\x00")
    assert stored(chip, 4000, 263) == RECORD[:261] + b"\x00\xff"


def test_nothing_lies_beyond_the_end():
    for kind in (Nor, LabNor):
        chip = new_chip(sectors=2, kind=kind)
        for address in (-1, 8191):
            assert error_of(chip.program, address, b"\x00\x00") == errno.EINVAL
            assert error_of(chip.read, address, bytearray(2)) == errno.EINVAL
        chip.program(8190, b"\x00\x00")
        for address in (-4096, 1, 4095, 8192):
            assert error_of(chip.erase, address) == errno.EINVAL
        assert stored(chip, 0, 8192) == b"\xff" * 8190 + b"\x00\x00"


def test_a_partition_lies_where_its_entry_says_and_stays_there():
    chip = new_chip(sectors=4, kind=Nor)
    chip.program(0, b"\x11")
    chip.program(3 * 4096, b"\x33")
    entry = (1, 0x40, 4096, 8192, "store", False)
    part = Partition(chip, entry)
    assert part.info() == entry
    assert [part.ioctl(request, 0) for request in range(1, 6)] == [0, 0, 0, 2, 4096]
    assert part.ioctl(7, 0) is None
    part.writeblocks(0, bytes(8192))
    part.writeblocks(0, b"\x55" * 8192)  # erases by itself
    part.writeblocks(0, b"\xaa" * 4096)
    assert stored(chip, 4095, 4098) == b"\xff" + b"\xaa" * 4096 + b"\x55"
    assert error_of(part.writeblocks, 0, b"\xff" * 4096, 0) == errno.EIO  # does not
    assert part.ioctl(6, 1) == 0
    part.writeblocks(1, b"\x0f", 7)
    nine = bytearray(9)
    part.readblocks(0, nine, 4095)
    assert nine == b"\xaa" + 7 * b"\xff" + b"\x0f"
    for call, arguments in (
        (part.readblocks, (1, bytearray(2), 4095)),
        (part.readblocks, (0, bytearray(1), -1)),
        (part.writeblocks, (2, b"\x00", 0)),
        (part.writeblocks, (2, bytes(4096))),
        (part.ioctl, (6, 2)),
        (part.ioctl, (6, -1)),
    ):
        assert error_of(call, *arguments) == errno.EINVAL
    assert stored(chip, 0, 1) + stored(chip, 3 * 4096, 1) == b"\x11\x33"


# --- counters


def test_counters_and_modelled_time():
    chip = new_chip()
    chip.program(0, RECORD)  # two pages
    chip.program(255, b"\x00\x00")  # two
    chip.program(512, bytes(256))  # one
    assert chip.time_us == 5 * 30 + 655 + 5 + 640
    chip.erase(4096)
    chip.erase(4096)
    chip.read(100, bytearray(300))
    assert error_of(chip.program, 0, b"\xff") == errno.EIO
    assert error_of(chip.read, -1, bytearray(1)) == errno.EINVAL
    assert (chip.programs, chip.program_bytes) == (3, 520)
    assert (chip.reads, chip.read_bytes) == (1, 300)
    assert (chip.erases, chip.erase_counts) == (2, array("I", [0, 2, 0, 0]))
    assert chip.time_us == 1450 + 2 * 45_000
    chip.reset_counters()
    assert (chip.programs, chip.program_bytes, chip.reads, chip.read_bytes) == (0, 0, 0, 0)
    assert (chip.erases, chip.time_us) == (0, 0)
    assert chip.erase_counts == array("I", [0, 0, 0, 0])


# --- power cuts


def test_a_cut_comes_when_it_is_due_and_nothing_works_until_power_returns():
    chip = new_chip()
    chip.cut_after(2, FIRST_BYTE)
    chip.program(0, b"\x01")
    assert stored(chip, 0, 1) == b"\x01"  # a read is no operation
    assert error_of(chip.erase, 1) == errno.EINVAL  # and neither is what fails
    assert error_of(chip.program, 0, b"\xff") == errno.EIO
    chip.erase(4096)
    assert error_of(chip.erase, 1) == errno.EINVAL
    assert error_of(chip.program, 0, b"\x00") == "cut"
    for call, arguments in (
        (chip.read, (0, bytearray(1))),
        (chip.program, (100, b"\x00")),
        (chip.erase, (0,)),
    ):
        assert error_of(call, *arguments) == "cut"
    chip.power_on()
    assert stored(chip, 100, 1) == b"\xff"
    chip.program(100, b"\x00")
    chip.erase(0)
    assert (chip.programs, chip.erases) == (2, 2)  # the cut one does not count
    chip.cut_after(0, FIRST_BYTE)
    chip.power_on()  # takes a cut to come back
    chip.program(1, b"\x00")


def test_a_power_cut_is_no_oserror():
    assert not issubclass(PowerCut, OSError)
    assert issubclass(PowerCut, Exception)


def test_what_a_cut_leaves_of_a_program():
    record = bytes([0x96 ^ (i & 0x0F) for i in range(262)])
    before = bytes([0xFF if i % 2 else record[i] | 0x60 for i in range(262)])
    cuts = [(FIRST_BYTE, None, 0), (THIRD, None, 96), (NEARLY_ALL, None, 235)]
    cuts += [(FIRST_BYTE, n, n) for n in (0, 1, 255, 256, 257, 261, 262, 300)]
    for shape, at_byte, at in cuts:
        chip = new_chip()
        chip.program(4000, before)
        chip.cut_after(0, shape, at_byte)
        assert error_of(chip.program, 4000, record) == "cut"
        chip.power_on()
        left = stored(chip, 3999, 264)
        assert left[0] == left[263] == 0xFF
        left = left[1:263]
        assert left[:at] == record[:at]
        assert left[at + 1 :] == before[at + 1 :]
        if at < 262:
            assert is_some_of(before[at] & ~left[at], before[at] & ~record[at])


def test_a_cut_program_of_one_byte_stays_between_old_and_new():
    for old, new in ((0xFF, 0xFE), (0xFF, 0x00), (0x7F, 0x3F), (0x81, 0x01), (0x01, 0x00)):
        for shape in range(SHAPES):
            chip = new_chip()
            chip.program(10, bytes([old]))
            chip.cut_after(0, shape)
            assert error_of(chip.program, 10, bytes([new])) == "cut"
            chip.power_on()
            left = stored(chip, 10, 1)[0]
            assert left & ~old == 0
            assert new & ~left == 0
            assert left != old


def test_what_a_cut_leaves_of_an_erase():
    old = bytes([0x0F if i % 5 else 0x30 for i in range(4096)])
    kept = 4096 - 1500
    for shape, erased, raised in (
        (START_ERASED, range(1500), [1500]),
        (END_ERASED, range(kept, 4096), [kept - 1]),
        (MIXED, range(0, 4096, 3), range(1, 4096, 3)),
    ):
        chip = new_chip()
        chip.program(4095, b"\x00")
        chip.program(4096, old)
        chip.program(8192, b"\x00")
        chip.cut_after(0, shape)
        assert error_of(chip.erase, 4096) == "cut"
        assert error_of(chip.read, 0, bytearray(1)) == "cut"
        chip.power_on()
        left = stored(chip, 4095, 4098)
        assert left[0] == left[4097] == 0
        left = left[1:4097]
        for i in range(4096):
            if i in erased:
                assert left[i] == 0xFF
            elif i in raised:
                assert is_some_of(left[i] & ~old[i], 0xFF & ~old[i])
                assert left[i] & old[i] == old[i]
            else:
                assert left[i] == old[i]
        chip.erase(4096)
        assert stored(chip, 4096, 4096) == b"\xff" * 4096


def test_what_is_cut_leaves_something_of_every_shape_for_both_operations():
    assert SHAPES == 3
    for shape in range(SHAPES):
        chip = new_chip()
        chip.program(0, bytes(4096))
        chip.cut_after(1, shape)
        chip.program(4096, RECORD)
        assert error_of(chip.erase, 0) == "cut"
        chip.power_on()
        assert stored(chip, 0, 4096) not in (bytes(4096), b"\xff" * 4096)
        assert stored(chip, 4096, 262) == RECORD


# --- decay and faults


def test_flip_turns_one_bit_and_back():
    chip = new_chip()
    chip.program(4096, b"\x0f\x0f")
    chip.flip(4096 * 8 + 8)
    assert stored(chip, 4095, 4) == b"\xff\x0f\x0e\xff"
    chip.flip(4096 * 8 + 15)
    assert stored(chip, 4095, 4) == b"\xff\x0f\x8e\xff"
    chip.flip(4096 * 8 + 8)
    chip.flip(4096 * 8 + 15)
    assert stored(chip, 4095, 4) == b"\xff\x0f\x0f\xff"
    chip.flip(4 * 4096 * 8 - 1)
    assert stored(chip, 4 * 4096 - 1, 1) == b"\x7f"
    for bit in (-1, 4 * 4096 * 8):
        assert error_of(chip.flip, bit) == errno.EINVAL
    assert (chip.programs, chip.erases) == (1, 0)


def test_a_bad_program_leaves_one_bit_set():
    chip = new_chip()
    chip.bad_program(1)
    start = 4096 - 100
    chip.program(start, RECORD)
    left = stored(chip, start, 263)
    assert left[:100] == RECORD[:100]  # the sector before is good
    wrong = [left[i] ^ RECORD[i] for i in range(262) if left[i] != RECORD[i]]
    assert len(wrong) == 1
    assert wrong[0] & (wrong[0] - 1) == 0  # one bit,
    assert [left[i] & ~RECORD[i] for i in range(262) if left[i] != RECORD[i]] == wrong  # set
    assert left[262] == 0xFF
    chip.program(0, b"\x00")
    chip.program(5000, b"\xff")  # nothing to clear, nothing to leave
    assert stored(chip, 0, 1) + stored(chip, 5000, 1) == b"\x00\xff"
    chip.program(5000, b"\xfb")
    assert stored(chip, 5000, 1) == b"\xff"
    assert error_of(chip.program, start, b"\xff") == errno.EIO  # the rules still hold
    chip.program(8192, b"\xf0")
    chip.bad_program(2)
    chip.program(8192, b"\x70")  # what was cleared before stays cleared
    assert stored(chip, 8192, 1) == b"\xf0"


def test_a_bad_erase_leaves_zeros():
    chip = new_chip()
    chip.bad_erase(2)
    for address in (4096, 8192):
        chip.program(address, bytes(4096))
        chip.erase(address)
    assert stored(chip, 4096, 4096) == b"\xff" * 4096
    left = stored(chip, 8192, 4096)
    zeros = [i for i in range(4096) if left[i] != 0xFF]
    assert zeros == [1234, 4090]
    assert error_of(chip.program, 8192 + zeros[0], b"\xff") == errno.EIO


def test_a_dead_sector_refuses_and_can_be_read():
    chip = new_chip()
    chip.program(4096, b"\x12")
    chip.dead(1)
    chip.cut_after(1, FIRST_BYTE)
    assert error_of(chip.program, 5000, b"\x00") == errno.EIO
    assert error_of(chip.program, 4095, b"\x00\x00") == errno.EIO
    assert error_of(chip.erase, 4096) == errno.EIO
    assert stored(chip, 4095, 2) == b"\xff\x12"
    assert stored(chip, 5000, 1) == b"\xff"
    chip.program(4095, b"\x00")  # what was refused was no operation
    assert error_of(chip.program, 8192, b"\x00") == "cut"


def test_a_snapshot_brings_everything_back():
    for encrypted in (False, True):
        chip = new_chip(encrypted=encrypted)
        chip.program(4096, RECORD[:256])
        image = chip.snapshot()
        chip.erase(4096)
        chip.cut_after(0, THIRD)
        assert error_of(chip.program, 8192, RECORD[:256]) == "cut"
        blank = chip.snapshot()[4096 : 4096 + 256]
        assert blank == b"\xff" * 256
        chip.restore(image)
        assert error_of(chip.read, 0, bytearray(1)) == "cut"  # power is another matter
        chip.power_on()
        assert chip.snapshot() == image
        assert stored(chip, 4096, 256) == RECORD[:256]
        chip.program(8192, RECORD[:256])
        assert len(image) == 4 * 4096
        assert image[8192:] == b"\xff" * 8192


# --- flash encryption


def test_an_encrypted_chip_reads_back_what_was_programmed():
    chip = new_chip(encrypted=True)
    text = RECORD[:256] + bytes(1024) + b"\xff" * 16
    chip.program(4064, text)
    assert stored(chip, 4064, len(text)) == text
    assert stored(chip, 4064 + 3, 700) == text[3:703]  # reading has no alignment
    assert chip.snapshot()[4064 : 4064 + len(text)] != text


def test_an_encrypted_program_is_whole_blocks_and_once():
    chip = new_chip(encrypted=True)
    for address, length in ((8, 16), (0, 8), (0, 24), (1, 15)):
        assert error_of(chip.program, address, bytes(length)) == errno.EINVAL
    assert error_of(chip.program, 4 * 4096, bytes(16)) == errno.EINVAL
    chip.program(32, b"\xff" * 16)
    assert error_of(chip.program, 32, b"\xff" * 16) == errno.EIO
    erased = stored(chip, 0, 80)
    assert error_of(chip.program, 0, bytes(64)) == errno.EIO
    assert error_of(chip.program, 16, erased[16:32] + b"\xff" * 16) == errno.EIO
    assert stored(chip, 0, 32) == erased[:32]  # nothing was written
    chip.program(48, bytes(16))
    chip.erase(0)
    chip.program(32, bytes(32))
    assert stored(chip, 32, 32) == bytes(32)


def test_erased_blocks_of_an_encrypted_chip_read_as_garbage():
    chip = new_chip(sectors=2, encrypted=True)
    blank = stored(chip, 0, 8192)
    blocks = [blank[i : i + 16] for i in range(0, 8192, 64)]
    assert len(set(blocks)) == len(blocks)
    assert 1900 < sum([bin(byte).count("1") for byte in blank[:512]]) < 2200
    assert len(set(blank)) > 240
    for address in (16, 4096, 6000):  # wherever a read starts
        assert stored(chip, address, 16) == blank[address : address + 16]
    chip.program(4096, bytes(4096))
    chip.erase(4096)
    assert stored(chip, 0, 8192) == blank
    assert stored(new_chip(sectors=2, encrypted=True), 0, 8192) == blank


def is_garbage(block, *known):
    """Most bytes are different from all known blocks, and from zeros and ones."""
    known += (bytes(16), b"\xff" * 16)
    return all([sum([block[i] != k[i] for i in range(16)]) > 12 for k in known])


def test_what_a_cut_leaves_of_an_encrypted_program():
    text = RECORD[:256]
    cuts = [(FIRST_BYTE, None, 0), (THIRD, None, 80), (NEARLY_ALL, None, 224)]
    cuts += [(FIRST_BYTE, n, n // 16 * 16) for n in (1, 15, 16, 255, 256)]
    for shape, at_byte, at in cuts:
        chip = new_chip(encrypted=True)
        erased = stored(chip, 4000, 288)
        chip.cut_after(0, shape, at_byte)
        assert error_of(chip.program, 4000, text) == "cut"
        chip.power_on()
        left = stored(chip, 4000, 288)
        assert left[:at] == text[:at]
        if at < 256:
            assert is_garbage(left[at : at + 16], text[at : at + 16], erased[at : at + 16])
            assert error_of(chip.program, 4000 + at, bytes(16)) == errno.EIO
        assert left[at + 16 :] == erased[at + 16 :]
        chip.program(4000 + 256, bytes(16))


def test_what_a_cut_leaves_of_an_encrypted_erase():
    for shape in range(SHAPES):
        chip = new_chip(encrypted=True)
        erased = stored(chip, 4096, 4096)
        chip.program(4096, bytes(4096))
        chip.cut_after(0, shape)
        assert error_of(chip.erase, 4096) == "cut"
        chip.power_on()
        left = stored(chip, 4096, 4096)
        kinds = ""
        for i in range(0, 4096, 16):
            block, blank = left[i : i + 16], erased[i : i + 16]
            if block in (bytes(16), blank):
                kinds += "e" if block == blank else "o"
            else:
                assert is_garbage(block, bytes(16), blank)
                kinds += "x"
        assert kinds == ("e" * 93 + "x" + "o" * 162, "o" * 162 + "x" + "e" * 93, "x" * 256)[shape]


def test_faults_of_an_encrypted_chip_spoil_whole_blocks():
    chip = new_chip(encrypted=True)
    text = bytes(range(64))
    chip.program(0, text)
    chip.flip(20 * 8)
    left = stored(chip, 0, 64)
    assert left[:16] + left[32:] == text[:16] + text[32:]
    assert is_garbage(left[16:32], text[16:32])
    chip.flip(20 * 8)
    assert stored(chip, 0, 64) == text
    chip.bad_program(1)
    chip.program(4080, text)
    left = stored(chip, 4080, 64)
    assert left[:16] + left[32:] == text[:16] + text[32:]
    assert is_garbage(left[16:32], text[16:32])
    chip.bad_erase(2)
    chip.erase(8192)
    assert error_of(chip.program, 8192 + 1232, bytes(16)) == errno.EIO
    chip.program(8192, bytes(1232))
