"""A virtual board's boot ROM; runs under MicroPython, started by board.py.

    micropython -X heapsize=160k boot.py                   run /main.py, else firmware.main of /rom
    micropython -X heapsize=160k boot.py --read PATH       print a file of the board's LittleFS
    micropython -X heapsize=160k boot.py --write           put files into it, from stdin

What stays alive here is heap the firmware does not have: the work is in modules that are
forgotten again.
"""

import os
import sys

sys.path[:] = [os.getenv("HELIO_ROM") + "/tools/virtual_board/standins"]
import mount  # noqa: E402 - from here on '/' is the board's own file system

del mount, sys.modules["mount"]

if sys.argv[1:]:
    import boot_tools  # noqa: F401 - ends the process

if "main.py" in os.listdir("/"):  # code of its own, as a board that was flashed
    sys.path[:] = [sys.path[0], "", ".frozen", "/lib"]
    del os
    execfile("main.py")  # noqa: F821 - a builtin of MicroPython
else:
    del os
    import firmware.main

    firmware.main.run()
