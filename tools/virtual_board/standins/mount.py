"""Importing this exchanges the host's file system for the board's own, as on an ESP32.

'/' becomes the LittleFS in the partition "vfs" of the chip HELIO_FLASH. Our own code (HELIO_ROM
on the host) is below /rom, read only, in the place of code frozen into a real board's firmware.
"""

import os
import sys

import vfs

sys.path.append("tools/virtual_board")  # where nor.py is
import esp32  # opens the chip's file: it must happen while '/' is the host's

_EXIT_CORRUPT = 74
_BLANK = b"\xff" * 32


def _littlefs() -> "vfs.VfsLfs2":
    """Return the file system of the partition, formatting it if it is blank.

    A partition that is neither blank nor mountable is somebody's data: it is left alone, the
    board stays down.
    """
    part = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0]
    # MicroPython's defaults, written out because every image the flash tool makes has them.
    sizes = {"readsize": 32, "progsize": 32, "lookahead": 32}
    start = bytearray(len(_BLANK))
    part.readblocks(0, start)
    if start == _BLANK:
        vfs.VfsLfs2.mkfs(part, **sizes)
    try:
        return vfs.VfsLfs2(part, **sizes)
    except OSError:
        sys.stderr.write("the file system is corrupt\n")
        sys.exit(_EXIT_CORRUPT)


_rom = vfs.VfsPosix(os.getenv("HELIO_ROM"))
_root = _littlefs()
os.chdir("/")
vfs.umount("/")
vfs.mount(_root, "/")
vfs.mount(_rom, "/rom", readonly=True)
sys.path[:] = ["/rom/tools/virtual_board/standins", "/rom", ".frozen"]
os.chdir("/")
