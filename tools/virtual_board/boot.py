"""A virtual board's boot ROM; runs under MicroPython, started by board.py.

    micropython -X heapsize=160k boot.py               run /main.py, else firmware.main of /rom
    micropython -X heapsize=160k boot.py --read PATH   print a file of the board's LittleFS
    micropython -X heapsize=160k boot.py --write       put files into it, from stdin

What stays alive here is heap the firmware does not have: the work is in modules that are
forgotten again. HELIO_RAW_REPL leaves the firmware out: a soft reset in the raw REPL leads there.
"""

import os
import sys

os.putenv("MICROPYINSPECT", "1")  # the REPL comes when this ends, in whichever way
try:
    sys.path[:] = [os.getenv("HELIO_ROM") + "/tools/virtual_board/standins"]
    import mount  # from here on '/' is the board's own file system, and what is C there in /sys

    del mount, sys.modules["mount"]

    if sys.argv[1:]:
        import boot_tools  # noqa: F401 - ends the process
    if "main.py" in os.listdir("/"):  # code of its own, as a board that was flashed
        sys.path[:] = [sys.path[0], "", ".frozen", "/lib"]
        if not os.getenv("HELIO_RAW_REPL"):
            execfile("main.py")  # noqa: F821 - a builtin of MicroPython
    elif not os.getenv("HELIO_RAW_REPL"):
        import firmware.main

        firmware.main.run()
except (Exception, SystemExit):  # but not a Ctrl-C: see board.py
    os.unsetenv("MICROPYINSPECT")
    raise
