"""A virtual board's boot ROM; runs under MicroPython, started by board.py.

    micropython -X heapsize=160k boot.py                   run firmware.main
    micropython -X heapsize=160k boot.py --read PATH       print a file of the board's LittleFS

What stays alive here is heap the firmware does not have: the work is in modules that are
forgotten again.
"""

import os
import sys

sys.path[:] = ["tools/virtual_board/standins"]  # below HELIO_ROM, where board.py starts this
import mount  # noqa: E402 - from here on '/' is the board's own file system

del mount, sys.modules["mount"], os

if sys.argv[1:]:
    import boot_tools  # noqa: F401 - ends the process

import firmware.main  # noqa: E402

firmware.main.run()
