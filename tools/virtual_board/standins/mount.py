"""Importing this exchanges the host's file system for the board's own, as on an ESP32.

'/' becomes the LittleFS in the partition "vfs" of the chip HELIO_FLASH. Our own code (HELIO_ROM
on the host) is below /rom, read only, in the place of code frozen into a real board's firmware.
The stand-ins are in /sys, a ROMFS outside the heap, from which MicroPython runs them in place:
what they stand for is C, which takes no heap either.

What a module or a function is called here is a word of MicroPython's ROM: other names stay in the
board's heap for good, and no real board has these.
"""

import os
import struct
import sys

import uctypes
import vfs
from micropython import const

_EXIT_CORRUPT = const(74)
_TABLE_AT = const(0x8000)
_START_OF_STACK = const(27)  # proc_pid_stat(5), counted from 0
_BELOW_IT = const(2 * 1024 * 1024)  # of the 8 MB of a stack, of which MicroPython uses 80 KB
_ROM_MAX = const(65536)


def load() -> None:
    """The stand-ins to where nobody else's memory is, on Linux; elsewhere, and in a ROM
    of sources, they stay in files."""
    rom = os.getenv("HELIO_ROM")
    try:
        with open("/proc/self/stat") as stat, open(rom + "/standins.romfs", "rb") as image:
            at = int(stat.read().split()[_START_OF_STACK]) - _BELOW_IT & -16
            memory = uctypes.bytearray_at(at, _ROM_MAX)
            image.readinto(memory)
    except OSError:
        sys.path.append(rom + "/tools/virtual_board")  # where nor.py is
        return
    vfs.mount(vfs.VfsRom(memory), "/sys")
    sys.path[0] = "/sys"


load()
import esp32  # noqa: E402 - opens the chip's file: it must happen while '/' is the host's


def read() -> None:
    """What a bootloader does: if the chip has a partition table, that is the flash map."""
    found = []
    line = bytearray(32)
    while True:
        esp32._chip.read(_TABLE_AT + 32 * len(found), line)
        magic, kind, subtype, address, size, label = struct.unpack_from("<2sBBII16s", line)
        if magic != b"\xaaP":
            break
        found.append((kind, subtype, address, size, label.rstrip(b"\0").decode(), False))
    esp32.Partition.map = tuple(found) or esp32.Partition.map


def file() -> "vfs.VfsLfs2":
    """Return the file system of the partition, formatting it if it is blank.

    A partition that is neither blank nor mountable is somebody's data: it is left alone, the
    board stays down.
    """
    part = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0]
    # MicroPython's defaults, written out because every image the flash tool makes has them.
    sizes = {"readsize": 32, "progsize": 32, "lookahead": 32}
    start = bytearray(32)
    part.readblocks(0, start)
    if start == b"\xff" * 32:
        vfs.VfsLfs2.mkfs(part, **sizes)
    try:
        return vfs.VfsLfs2(part, **sizes)
    except OSError:
        sys.stderr.write("the file system is corrupt\n")
        sys.exit(_EXIT_CORRUPT)


def mount() -> None:
    """The exchange."""
    read()
    rom = vfs.VfsPosix(os.getenv("HELIO_ROM"))
    root = file()
    os.chdir("/")
    vfs.umount("/")
    vfs.mount(root, "/")
    vfs.mount(rom, "/rom", readonly=True)
    if sys.path[0] != "/sys":
        sys.path[0] = "/rom/tools/virtual_board/standins"
    sys.path[1:] = ["/rom", ".frozen"]
    os.chdir("/")


mount()
